//! The simulator: hosts, cables and routers in one thread, in virtual time, from one seed.
//!
//! ```text
//!   Scenario (from a seed) ─▶ Net: Hosts ═ Cables with Weather ═ Hosts
//!                               ▲ programs: streams, datagrams, pings
//!                               └ checks from outside: Broken, with the seed
//! ```
//!
//! Start reading at [`Net`], the loop in which time passes. A [`Cable`] loses, delays, doubles,
//! reorders and damages frames as its [`Weather`] says; a router is a host that passes packets on.
//! [`programs`] run on the hosts and know what they have to hear; [`Scenario`] makes all of it from
//! a seed, and [`run`] plays it. What is wrong comes back as [`Broken`]. The same seed gives the
//! same film, every time.
//!
//! [`Pair`] is two hosts and nothing between them, for measuring what they cost.
//!
//! Not here: the kernel, wall clocks, threads.

pub mod programs;

mod cable;
mod capture;
mod net;
mod pair;
mod scenario;

pub use cable::{Cable, Weather};
pub use capture::Capture;
pub use net::{Broken, Net};
pub use pair::{INTERFACE, Pair, Side, address_of, end_of, mac_of};
pub use scenario::{Outcome, Scenario, run};

#[cfg(test)]
mod tests;
