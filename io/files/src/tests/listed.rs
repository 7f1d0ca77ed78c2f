//! What a directory shows.

use expect_test::expect;

use super::*;
use crate::{Hidden, Kind, LISTED_MAX};

fn shown(site: &Site, path: &str) -> String {
    let mut listing = match site.root.list(path.as_bytes()) {
        Ok(listing) => listing,
        Err(refused) => return format!("{refused:?}\n"),
    };
    listing.entries.sort_by(|a, b| a.name.cmp(&b.name));
    let line = |entry: &crate::Listed| {
        let slash = if entry.kind == Kind::Directory { "/" } else { "" };
        format!("{}{slash} {}\n", entry.name.escape_ascii(), entry.len)
    };
    listing.entries.iter().map(line).collect()
}

#[test]
fn shows_what_a_lookup_would_give() {
    let site = Site::new();
    site.dir.write("d/file", "123");
    site.dir.write("d/sub/x", "");
    site.dir.write("d/.hidden", "");
    site.dir.link("file", "d/to-file");
    site.dir.link("sub", "d/to-dir");
    site.dir.link("/etc/passwd", "d/out");
    site.dir.link("nothing", "d/dangling");
    site.dir.link("loop", "d/loop");
    let _listener = std::os::unix::net::UnixListener::bind(site.dir.at("d/socket")).unwrap();
    expect![[r#"
        file 3
        sub/ 0
        to-dir/ 0
        to-file 3
    "#]]
    .assert_eq(&shown(&site, "d"));
    assert_eq!(shown(&site, "d/to-dir"), "x 0\n");
}

#[test]
fn refuses_what_is_no_directory() {
    let site = Site::new();
    site.dir.write("file", "123");
    site.dir.write(".git/x", "");
    site.dir.link("/etc", "out");
    for (path, want) in [
        ("file", "NotFound\n"),
        ("none", "NotFound\n"),
        ("..", "OutsideRoot\n"),
        ("out", "OutsideRoot\n"),
        (".git", "Hidden\n"),
        ("a//b", "NotFound\n"),
    ] {
        assert_eq!(shown(&site, path), want, "{path}");
    }
}

#[test]
fn shows_hidden_names_where_they_are_served() {
    let site = Site::with(Config { hidden: Hidden::Served, ..Config::default() });
    site.dir.write(".git/x", "");
    assert_eq!(shown(&site, ""), ".git/ 0\n");
}

#[test]
fn a_listing_has_a_bound() {
    let site = Site::in_memory();
    site.dir.mkdir("d");
    for n in 0..LISTED_MAX {
        site.dir.link("../x", &format!("d/{n}"));
    }
    site.dir.write("x", "");
    let listing = site.root.list(b"d").unwrap();
    assert_eq!((listing.entries.len(), listing.truncated), (LISTED_MAX, false));
    site.dir.write("d/one-more", "");
    let listing = site.root.list(b"d").unwrap();
    assert_eq!((listing.entries.len(), listing.truncated), (LISTED_MAX, true));
}
