//! The whole program against real peers: what the tests in `programs/hepta/tests/peers` stand on.
//!
//! ```text
//!   Site ──▶ Program ──▶ Server ◀── Conn        bytes, exactly as the test wrote them
//!  (files)              (running)◀── tool("…")   curl, Python, Node, Chromium, nginx, openssl
//! ```
//!
//! Nothing here uses the crates of the server: what reads its answers must not share its mistakes.
//! The tests live in the program's own package because only there Cargo builds the program first
//! and says where it is. `README.md` lists which test proves which sentence.
//!
//! Not here: a test.

mod conn;
mod crowd;
mod nginx;
mod program;
mod site;
mod tool;
mod wait;

pub use conn::{Broken, Conn, Response, connect_from, connect_with_small_window};
pub use crowd::{Crowd, raise_descriptor_limit};
pub use nginx::Nginx;
pub use program::{Program, Server};
pub use site::{Site, numbered_text, random_bytes};
pub use tool::{Finished, run, run_with_input, tool};
pub use wait::{PATIENCE, until};
