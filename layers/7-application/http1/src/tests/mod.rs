//! Most of these play a script and compare the film; see [`script`] for the language.

mod script;

mod arrivals;
mod bodies;
mod chunks;
mod client;
mod continues;
mod framing;
mod halves;
mod heads;
mod limits;
mod page;
mod persistence;
mod pipelining;
mod properties;
mod sending;
mod time;
mod trailers;
mod tunnels;
