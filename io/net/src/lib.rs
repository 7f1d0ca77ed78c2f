//! The shell around `host`: our own network stack over real devices, and sockets on top of it.
//!
//! ```text
//!   TcpStream, TcpListener, UdpSocket ──▶ ┌───────┐
//!         (any tokio runtime)             │ Stack │── a thread that waits ──▶ Port: Tap, …
//!                                         └───────┘
//! ```
//!
//! A [`Stack`] is a `host::Host` behind a lock. Who uses a socket takes the lock, does what it wants
//! and writes the frames that come of it at once; a thread waits for devices and deadlines and does
//! the same. [`Port`] is what a device is to it: a [`Tap`] of the kernel, a [`PacketSocket`] on
//! one of its interfaces, or one end of a [`cable`] between two stacks of this process. Start reading at [`Stack`]; the sockets have the names and the
//! methods of tokio's. [`EchoSocket`] asks the same of the kernel's network as [`Stack::ping`] does of ours.
//!
//! [`Resolver`] finds the addresses of names over these sockets.
//!
//! Not here: what a protocol is (`layers/`), the kernel's own streams (`io/server`).

mod cable;
mod captured;
mod clock;
mod config;
mod echo_socket;
mod error;
mod letterbox;
mod link;
mod napi;
mod packet;
mod queues;
mod resolver;
mod stack;
mod tap;
mod tcp_listener;
mod tcp_stream;
mod udp_socket;

pub use cable::{Cable, cable};
pub use captured::Captured;
pub use config::PortConfig;
pub use echo_socket::EchoSocket;
pub use link::is_bridged;
pub use packet::PacketSocket;
pub use phys::{Counts, Port, Received};
pub use queues::{Inlet, Queue, join};
pub use resolver::Resolver;
pub use stack::{Builder, Loss, Stack};
pub use tap::{Mode, Tap};
pub use tcp_listener::TcpListener;
pub use tcp_stream::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, TcpStream, WriteHalf};
pub use udp_socket::UdpSocket;
