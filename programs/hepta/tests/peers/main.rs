//! The whole program against real peers: the acceptance test of `hepta serve` and `hepta get`.
//!
//! One module for each subject. `tests/peers/README.md` lists which test proves which sentence.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod abuse;
mod addresses;
mod admin;
mod browsers;
mod chromium;
mod coding;
mod commands;
mod conditional;
mod connection;
mod curl;
mod dhcp;
mod files;
mod from_nginx;
mod get;
mod head;
mod hints;
mod http2;
mod http2_attacks;
mod languages;
mod listening;
mod listing;
mod logs;
mod negotiation;
mod net;
mod nginx;
mod node;
mod odd_packets;
mod own_network;
mod python;
mod range;
mod routers;
mod sites;
mod slow;
mod smuggling;
mod staying_up;
mod steps;
mod systemd;
mod table;
mod tls;

use std::path::Path;

use peers::{Program, Response, Server, Site, until};

/// The program.
const HEPTA: &str = env!("CARGO_BIN_EXE_hepta");

/// The program, about to serve this site.
fn program(site: &Site) -> Program {
    program_in(site.root())
}

/// The program, about to serve this directory.
fn program_in(directory: &Path) -> Program {
    Program::serve(HEPTA, directory)
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

/// A site that stays from run to run, so that its files are old enough for strong validators: a
/// file that changed a moment ago may change again and look the same (RFC 9110 §8.8.1). Tests share
/// it, and none changes what another has put there.
fn lasting(files: &[(&str, &[u8])]) -> Server {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lasting");
    for (name, content) in files {
        let path = root.join(name);
        if std::fs::read(&path).is_ok_and(|there| there == *content) {
            continue;
        }
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let beside = root.join(format!(".{}.{}", name.replace('/', "-"), std::process::id()));
        std::fs::write(&beside, content).unwrap();
        std::fs::rename(beside, path).unwrap();
    }
    let server = program_in(&root).arg("--workers").arg("1").start();
    for (name, _) in files {
        strong_etag(&server, &format!("/{name}"), &[]);
    }
    server
}

/// The entity tag of a representation, as soon as it is a strong one.
fn strong_etag(server: &Server, target: &str, fields: &[(&str, &str)]) -> String {
    until("the file is old enough for a strong validator", || {
        let etag = field(&server.ask("HEAD", target, fields), "etag");
        (!etag.starts_with("W/")).then_some(etag)
    })
}

/// A field that must be there.
#[track_caller]
fn field(response: &Response, name: &str) -> String {
    match response.field(name) {
        Some(value) => value.to_owned(),
        None => panic!("no {name}: {response}"),
    }
}
