//! What a worker does about a network stack of its own: one round of it is from frames to frames.
//!
//! The poller tells that a port has frames or that a deadline has come. Frames are read at the end of
//! a round, and what came of them (requests, room to write, new clients) leads to turns in the next one.
//! Between the two the poller is asked once more, without waiting: so what tells of changes of files is
//! heard before any request is answered that was sent after the change. Answers leave when everybody
//! has had a turn, many to a batch, and acknowledgements leave with them.

use std::io;

use host::Leased;
use ip::InterfaceId;

use super::{Occasion, Worker};
use crate::handler::Handler;
use crate::inbox::{Letter, Look};
use crate::listen::ListeningSocket;
use crate::network::Stack;
use crate::poller::Source;
use crate::registry::Key;
use crate::server::Socket;
use crate::transport::Stream;

impl<H: Handler> Worker<H> {
    /// Whether the stack has something for somebody, so that the poller need not wait.
    #[inline]
    pub(super) fn has_own_news(&self) -> bool {
        self.stack.as_ref().is_some_and(|stack| stack.has_news())
    }

    /// Remembers what the poller tells of the stack.
    pub(super) fn hear_of_stack(&self, source: Source) {
        match (&self.stack, source) {
            (Some(stack), Source::Port(number)) => stack.hear_of_port(number),
            (Some(stack), Source::Deadline) => stack.hear_of_deadline(),
            _ => {}
        }
    }

    /// Gives those their turns for whom there is news, sends what came of all turns, and takes the
    /// next frames.
    #[inline]
    pub(super) fn give_own_turns(&self) {
        if self.stack.is_some() {
            self.round_of_stack();
        }
    }

    fn round_of_stack(&self) {
        let Some(stack) = &self.stack else { return };
        let mut news = self.own_news.take();
        stack.take_news(&mut news);
        for (key, ready) in news.drain(..) {
            self.give_turn(key, Occasion::News(ready));
        }
        self.own_news.replace(news);
        for listener in stack.take_acceptable() {
            let listeners = self.listeners.borrow();
            while let Some((socket, at, peer)) = stack.accept(listener) {
                let is_it =
                    |of: &&Socket| matches!(of.socket, ListeningSocket::Own(own) if own == at);
                if let Some(listener) = listeners.iter().find(is_it) {
                    self.begin(Stream::Own(Box::new(socket)), Some(peer), listener);
                }
            }
        }
        stack.send();
        if self.serving.borrow().config.film.is_some() {
            self.print_films(stack);
        }
        stack.receive();
        for (interface, leased) in stack.take_leases() {
            for other in &self.others {
                other.put(Letter::Lease(interface, leased.clone()));
            }
        }
    }

    /// Has what the worker who leads has leased.
    pub(super) fn follow_lease(&self, interface: InterfaceId, leased: Option<&Leased>) {
        if let Some(stack) = &self.stack {
            stack.follow_lease(interface, leased);
        }
    }

    /// Prints what was filmed in this round, in the order in which it happened: who has no connection
    /// yet, who has one, who has none any more.
    #[cold]
    fn print_films(&self, stack: &Stack) {
        let config = self.serving.borrow().config.clone();
        let Some(printer) = &config.film else { return };
        let (of_connections, of_network): (Vec<_>, Vec<_>) =
            stack.take_films().into_iter().partition(|(title, _)| title.is_some());
        for (_, film) in of_network {
            printer.print(Some("network"), &film);
        }
        for key in self.films.take_later() {
            let Some(mut connection) = self.connections.borrow_mut().take(key) else { continue };
            if connection.is_idle() {
                connection.print_film(&config);
            }
            self.connections.borrow_mut().put_back(key, connection);
        }
        for (title, film) in of_connections {
            printer.print(title.as_deref(), &film);
        }
    }

    /// Has the poller, or the stack, tell of a new connection; why its first turn is.
    pub(super) fn watch(&self, stream: &Stream, key: Key) -> io::Result<Occasion> {
        match stream {
            Stream::Kernel(socket) => self.poller.add(socket, key).map(|()| Occasion::Due),
            Stream::Own(socket) => Ok(Occasion::News(socket.adopt(key))),
        }
    }

    /// Has it told also when there is room to write; of its own stack a worker hears it anyway.
    pub(super) fn watch_for_room(&self, stream: &Stream, key: Key) -> io::Result<()> {
        match stream {
            Stream::Kernel(socket) => self.poller.tell_room(socket, key),
            Stream::Own(_) => Ok(()),
        }
    }

    /// Listens by the stack where these want it, and nowhere else.
    pub(super) fn listen_own(&self, listeners: &[Socket]) -> io::Result<()> {
        let Some(stack) = &self.stack else { return Ok(()) };
        stack.film_all(self.serving.borrow().config.film.is_some());
        let own = listeners.iter().filter_map(|listener| match listener.socket {
            ListeningSocket::Own(address) => Some(address),
            ListeningSocket::Kernel(_) => None,
        });
        stack.listen_at(&own.collect::<Vec<_>>())
    }

    /// Shows the network to who asked; without one, whoever asked is told nothing.
    pub(super) fn look_at_network(&self, look: Box<Look>) {
        if let Some(stack) = &self.stack {
            stack.look(look);
        }
    }

    /// Whether nothing can come any more over the network that is the worker's own.
    #[inline]
    pub(super) fn has_lost_network(&self) -> bool {
        self.stack.as_ref().is_some_and(|stack| stack.has_failed())
    }

    /// Whether everything that was sent over the stack has arrived, and nobody needs it any more.
    pub(super) fn is_own_finished(&self) -> bool {
        let Some(stack) = &self.stack else { return true };
        let is_needed = || stack.leads() && self.others_left.get() < self.others.len();
        stack.has_failed() || (stack.is_finished() && !is_needed())
    }

    /// The stack ends with the worker.
    pub(super) fn end_own(&self) -> io::Result<()> {
        let Some(stack) = &self.stack else { return Ok(()) };
        stack.end();
        if self.serving.borrow().config.film.is_some() {
            self.print_films(stack);
        }
        stack.take_failure().map_or(Ok(()), Err)
    }
}
