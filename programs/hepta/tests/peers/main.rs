//! The whole program against real peers: the acceptance test of `hepta serve` and `hepta get`.
//!
//! One module for each subject. `tests/peers/README.md` lists which test proves which sentence.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod connection;
mod head;
mod smuggling;

use peers::{Program, Server, Site};

/// The program, about to serve this site.
fn program(site: &Site) -> Program {
    Program::serve(env!("CARGO_BIN_EXE_hepta"), site.root())
}

/// The program, serving this site on one thread.
fn serve(site: &Site) -> Server {
    program(site).arg("--workers").arg("1").start()
}

/// A site of two small files, and the program serving it.
fn small() -> (Site, Server) {
    let site = Site::new().with("hello.txt", "hello\n").with("index.html", "<h1>index</h1>\n");
    let server = serve(&site);
    (site, server)
}
