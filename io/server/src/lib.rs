//! The shell around `endpoint`: workers, listeners and connections, on the kernel's sockets or on a
//! network stack of the worker's own.
//!
//! ```text
//!   Server ── one thread per core ──▶ Worker ── accept ──▶ Connection ── Event ──▶ Handler
//!                                       │                      │
//!                                       └ wheel, buffers,      └ read, Endpoint, write
//!                                         clock, film
//! ```
//!
//! Every worker has its own listeners (`SO_REUSEPORT`), poller, memory and handler; nothing is
//! shared on the way of a request. Start reading at [`Server`], then `connection.rs`: one request
//! is one read and one write there.
//!
//! Not here: what HTTP means (`endpoint` and below), and what is served ([`Handler`]).

mod budget;
mod clients;
mod clock;
mod congestion;
mod connection;
mod film;
mod handler;
mod inbox;
mod listen;
mod network;
mod observer;
mod per_client;
mod poller;
mod registry;
mod server;
mod tally;
mod transport;
mod worker;
mod xray;

pub use clients::{Clients, Presence};
pub use clock::Clock;
pub use congestion::{check_congestion_control, known_congestion_controls};
pub use film::FilmPrinter;
pub use handler::{
    Answer, Body, Handler, Hinted, Listening, Notes, Peer, Record, Reply, Source, Vitals,
};
pub use listen::{Address, GIVEN, Inherited, Listener, bind};
pub use network::{Network, NetworkSettings, wait_for_lease};
pub use observer::{ConnectionFacts, Connections, NoFilm, Observer, RequestFacts};
pub use per_client::{Client, PerClient};
pub use server::{Announcers, Config, Limits, Place, Server, Stop};
pub use tally::{Counter, Counts, HandshakeCounts};
pub use transport::TcpFacts;
pub use xray::{Answering, Awaited, Or, Seen, Why};

#[cfg(test)]
mod tests;
