//! What a configuration names outside itself: whether it is there, and can be used.
//!
//! Whoever serves finds out by opening it. To find out before, with the line that names it, is what
//! `hepta check` is for.

use std::io::ErrorKind;
use std::path::Path;

use nix::unistd::{Group, User};
use server::Address;

use super::access_log::LogPlace;
use super::problem::{At, Problem, Problems};
use super::tree::{Node, one};
use crate::certificates::Pair;
use crate::serve::Place;

/// How closely it is looked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Look {
    /// As who is going to start the server: everything is opened that it would open.
    Whole,
    /// As who may be somebody else than who opened it, or may have opened it before giving up the right
    /// to: only what is certainly not there is said.
    Missing,
}

/// Looks for everything that the nodes name.
pub(super) fn look(nodes: &[Node], look: Look, problems: &mut Problems) {
    if let Some(node) = one(nodes, "user") {
        identity(node, problems);
    }
    if let Some((path, at)) = one(nodes, "pid-file").and_then(|node| path_of(node, "file")) {
        parent(path, at, problems);
    }
    each(nodes, &mut |node| match node.key.name {
        "files" => {
            if let Some((path, at)) = path_of(node, "directory") {
                directory(path, at, look, problems);
            }
        }
        "certificate" => certificate(node, look, problems),
        "access-log" => {
            if let Some(LogPlace::File(path)) = node.log_place("file") {
                log(path, &node.at, problems);
            }
        }
        "listen" | "admin" => {
            if let Some(Place::Address(Address::Unix(path))) = node.address("address") {
                parent(&path, &node.at, problems);
            }
        }
        _ => {}
    });
}

/// Calls `visit` with each node, in the order of the text.
fn each<'n>(nodes: &'n [Node], visit: &mut impl FnMut(&'n Node)) {
    for node in nodes {
        visit(node);
        each(&node.block, visit);
    }
}

fn path_of<'n>(node: &'n Node, name: &str) -> Option<(&'n Path, &'n At)> {
    let (_, _, at) = node.values.iter().find(|(n, ..)| *n == name)?;
    Some((node.path(name)?, at))
}

fn identity(node: &Node, problems: &mut Problems) {
    if let Some((name, at)) = node.texts("name").next()
        && matches!(User::from_name(name), Ok(None))
    {
        problems.push(Problem::at(at, "this machine has no such user"));
    }
    if let Some((name, at)) = node.texts("group").next()
        && matches!(Group::from_name(name), Ok(None))
    {
        problems.push(Problem::at(at, "this machine has no such group"));
    }
}

fn directory(path: &Path, at: &At, look: Look, problems: &mut Problems) {
    let found = match look {
        Look::Whole => std::fs::read_dir(path).map(|_| true),
        Look::Missing => std::fs::metadata(path).map(|found| found.is_dir()),
    };
    match found {
        Ok(true) => {}
        Ok(false) => problems.push(Problem::at(at, "this is no directory")),
        Err(error) if look == Look::Missing && error.kind() != ErrorKind::NotFound => {}
        Err(error) => problems.push(unreadable(path, at, &error.to_string())),
    }
}

fn certificate(node: &Node, look: Look, problems: &mut Problems) {
    let (Some((certificate, at)), Some((key, key_at))) =
        (path_of(node, "file"), path_of(node, "key"))
    else {
        return;
    };
    if look == Look::Missing {
        for (path, at) in [(certificate, at), (key, key_at)] {
            if let Err(error) = std::fs::metadata(path)
                && error.kind() == ErrorKind::NotFound
            {
                problems.push(unreadable(path, at, &error.to_string()));
            }
        }
        return;
    }
    if let Err(error) = (Pair { certificate: certificate.into(), key: key.into() }).load() {
        problems.push(Problem::at(&node.at, format!("{error:#}")));
    }
}

/// A log is made where it is not there yet, its directory is not.
fn log(path: &Path, at: &At, problems: &mut Problems) {
    if path.is_dir() {
        problems.push(Problem::at(at, format!("{} is a directory", path.display())));
    } else {
        parent(path, at, problems);
    }
}

fn parent(path: &Path, at: &At, problems: &mut Problems) {
    let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) else {
        return;
    };
    match std::fs::metadata(parent) {
        Ok(found) if !found.is_dir() => {
            problems.push(Problem::at(at, format!("{} is no directory", parent.display())));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let problem = Problem::at(at, format!("there is no directory {}", parent.display()));
            problems.push(problem.with_hint("make it first"));
        }
        // Who may not look there may be let in when it matters.
        Ok(_) | Err(_) => {}
    }
}

fn unreadable(path: &Path, at: &At, error: &str) -> Problem {
    let problem = Problem::at(at, format!("cannot read {}: {error}", path.display()));
    let is_as_written = at
        .source
        .text
        .get(at.bytes.clone())
        .is_some_and(|text| path.to_str().is_some_and(|path| text.trim_matches('"') == path));
    match is_as_written {
        true => problem,
        false => problem.with_hint("paths are relative to the file that they stand in"),
    }
}
