//! What a worker tells of its connections to who asks.

use std::cell::RefCell;

use base::xray::Watching;

use super::Worker;
use crate::connection::Connection;
use crate::handler::Handler;
use crate::observer::{Connections, FilmWanted};
use crate::registry::Key;

/// How many connections of a worker are filmed at a time, each up to 256 KiB.
const FILMS_MAX: usize = 8;

/// The films that somebody waits for: of single connections, or of all.
#[derive(Debug, Default)]
pub(crate) struct Films {
    wanted: RefCell<Vec<(FilmWanted, Watching)>>,
    /// Connections whose films are to be printed when what they sent has left.
    later: RefCell<Vec<Key>>,
}

impl Films {
    /// Has the film of this connection printed when what it sent has left.
    #[cold]
    pub(crate) fn print_later(&self, key: Key) {
        self.later.borrow_mut().push(key);
    }

    /// Whose films are to be printed now.
    pub(super) fn take_later(&self) -> Vec<Key> {
        self.later.take()
    }

    /// Gives the film to who waits for it, if anybody does.
    #[cold]
    pub(crate) fn hand_over(&self, connection: u64, film: Option<String>) {
        let mut films = self.wanted.borrow_mut();
        let Some(at) = films.iter().position(|(film, _)| film.connection == connection) else {
            return;
        };
        let (wanted, _) = films.swap_remove(at);
        if let Some(film) = film {
            // Who asked may be gone.
            let _ = wanted.reply.send(film);
        }
    }

    /// The connection that this film is of.
    fn connection(&self, number: u64) -> Option<u64> {
        let films = self.wanted.borrow();
        let (film, _) = films.iter().find(|(film, _)| film.number == number)?;
        Some(film.connection)
    }
}

impl<H: Handler> Worker<H> {
    /// Up to `most` connections, those first on which something is under way.
    pub(super) fn list(&self, most: usize) -> Connections {
        let now = self.clock.now();
        let connections = self.connections.borrow();
        let (idle, busy): (Vec<_>, Vec<_>) =
            connections.iter(now).partition(|(connection, _)| connection.is_idle());
        let chosen = busy.into_iter().chain(idle).take(most);
        let shown: Vec<_> = chosen.map(|(connection, age)| connection.facts(now, age)).collect();
        let more = connections.len() - shown.len();
        Connections { shown, more, silent_workers: 0 }
    }

    /// Records the film of a connection; if that cannot be, nobody gets one.
    pub(super) fn begin_film(&self, wanted: FilmWanted) {
        let mut films = self.films.wanted.borrow_mut();
        if films.len() >= FILMS_MAX {
            return;
        }
        let mut connections = self.connections.borrow_mut();
        let found = connections.find_mut(|connection| connection.number() == wanted.connection);
        if found.is_some_and(|connection| connection.begin_film(wanted.form)) {
            films.push((wanted, Watching::begin()));
        }
    }

    /// Hands over the film of this number, unless its connection has ended and it was done then.
    pub(super) fn end_film(&self, number: u64) {
        let Some(number) = self.films.connection(number) else { return };
        let mut connections = self.connections.borrow_mut();
        let found = connections.find_mut(|connection| connection.number() == number);
        self.films.hand_over(number, found.and_then(Connection::take_film));
    }
}
