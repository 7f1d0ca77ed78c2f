//! What can be told of a connection while it is there.

use std::time::Duration;

use base::Instant;
use base::xray::{Film, Form};

use super::{Connection, FILM_LEN_MAX};
use crate::Clock;
use crate::handler::Vitals;
use crate::observer::ConnectionFacts;
use crate::transport::{TcpFacts, Transport};

/// Where the answers are to what a handler may ask of an exchange.
pub(super) struct Live<'a, T> {
    pub(super) stream: &'a T,
    pub(super) clock: &'a Clock,
    pub(super) began: Instant,
}

impl<T: Transport> Vitals for Live<'_, T> {
    fn age(&self) -> Duration {
        self.clock.now().since(self.began)
    }

    fn tcp(&self) -> Option<TcpFacts> {
        self.stream.tcp_facts()
    }
}

impl<T: Transport> Connection<T> {
    /// Its number.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    /// All that is known of it, which has been there for `age`.
    pub(crate) fn facts(&self, now: Instant, age: Duration) -> ConnectionFacts {
        let exchanges = self.busy.iter().flat_map(|busy| busy.exchanges.iter());
        ConnectionFacts {
            number: self.number,
            client: self.address,
            server: self.stream.local_address(),
            age,
            is_secure: self.endpoint.is_secure(),
            tls: self.endpoint.facts().tls.cloned(),
            is_filmed: self.is_filmed(),
            requests: exchanges.map(|exchange| exchange.facts(now)).collect(),
            unsent_len: self.unsent().map_or(0, |unsent| unsent.queue.len()),
            tcp: self.stream.tcp_facts(),
        }
    }

    fn is_filmed(&self) -> bool {
        self.aside.as_ref().is_some_and(|aside| aside.film.is_some())
    }

    /// Records a film from now on, unless there is one already.
    pub(crate) fn begin_film(&mut self, form: Form) -> bool {
        if self.is_filmed() {
            return false;
        }
        self.aside().film = Some(Box::new(Film::bounded(FILM_LEN_MAX).in_form(form)));
        self.stream.begin_film(form);
        true
    }

    /// What was recorded; the film is over.
    pub(crate) fn take_film(&mut self) -> Option<String> {
        let mut film = self.aside.as_mut()?.film.take()?;
        film.append(&self.stream.take_film());
        self.stream.end_film();
        Some(film.take())
    }
}
