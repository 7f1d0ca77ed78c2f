//! What is found, and what is refused.

use std::os::unix::net::UnixListener;
use std::thread;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;
use crate::Hidden;

#[test]
fn a_small_file_is_in_memory_and_a_large_one_is_open() {
    let site = Site::with(Config { content_len_max: 4, ..Config::default() });
    site.dir.write("a/small", "1234");
    site.dir.write("a/large", "12345");
    site.dir.write("empty", "");

    let small = site.file("a/small");
    assert!(matches!(&small.content, Content::Memory(bytes) if &bytes[..] == b"1234"));
    assert_eq!((small.len, small.derived.as_str()), (4, "a/small of 4 bytes"));
    let large = site.file("a/large");
    assert!(matches!(large.content, Content::Open(_)));
    assert_eq!((large.len, text(&large).as_str()), (5, "12345"));
    assert_eq!(text(&site.file("empty")), "");
    assert!(matches!(site.lookup("a"), Ok(Entry::Directory)));
    assert!(matches!(site.lookup(""), Ok(Entry::Directory)));
    assert_ne!(small.inode, large.inode);
}

#[test]
fn facts_are_those_of_the_file_system() {
    use std::os::unix::fs::MetadataExt;
    let site = Site::new();
    site.dir.write("f", "x");
    let (file, meta) = (site.file("f"), std::fs::metadata(site.dir.at("f")).unwrap());
    assert_eq!((file.device, file.inode), (meta.dev(), meta.ino()));
    assert_eq!(file.modified.secs, meta.mtime());
    assert_eq!(i64::from(file.modified.nanos), meta.mtime_nsec());
    assert!(!file.is_settled, "it was written a moment ago");
}

#[test]
fn no_path_leaves_the_root() {
    for site in [Site::new(), Site::without_openat2()] {
        site.dir.write("dir/file", "inside");
        for path in ["..", "../etc/passwd", "dir/../../etc/passwd", "dir/..", "dir/../dir/file"] {
            assert_eq!(site.text(path), "OutsideRoot", "{path}");
        }
        for path in
            ["/etc/passwd", "dir/", "dir//file", "./dir/file", "dir/./file", "/", "dir/file/"]
        {
            assert_eq!(site.text(path), "NotFound", "{path}");
        }
        assert_eq!(site.text("dir/file\0.html"), "NotFound");
        assert_eq!(site.text("dir/file/below"), "NotFound");
    }
}

#[test]
fn dots_stay_inside_even_if_dots_are_served() {
    let site = Site::with(Config { hidden: Hidden::Served, ..Config::default() });
    site.dir.write(".git/config", "a secret");
    assert_eq!(site.text(".git/config"), "a secret");
    assert_eq!(site.text(".git/../../etc/passwd"), "OutsideRoot");
    assert_eq!(site.text(".git/./config"), "NotFound");
}

#[test]
fn links_are_followed_inside_and_refused_outside() {
    for site in [Site::new(), Site::without_openat2()] {
        let outside = Dir::new();
        outside.write("secret", "a secret");
        site.dir.write("real/file", "inside");
        site.dir.link("real/file", "to-file");
        site.dir.link("real", "to-dir");
        site.dir.link("to-dir/file", "to-link");
        site.dir.link(outside.at("secret"), "absolute");
        site.dir.link(outside.path(), "out");
        site.dir.link(site.dir.at("real/file"), "absolute-inside");
        site.dir.link("../../../../../../../../etc/passwd", "real/climbs");
        site.dir.link("../real/file", "real/stays");
        site.dir.link("./..//real/.", "real/back");
        site.dir.link("..", "real/up");
        site.dir.link("loop-b", "loop-a");
        site.dir.link("loop-a", "loop-b");
        site.dir.link("nothing", "dangling");
        site.dir.link("/proc/self/exe", "magic");

        for path in [
            "to-file",
            "to-dir/file",
            "to-link",
            "real/stays",
            "real/back/file",
            "real/up/real/up/to-file",
        ] {
            assert_eq!(site.text(path), "inside", "{path}");
        }
        // An absolute link starts at the system's root, which is outside, wherever it ends.
        for path in ["absolute", "out/secret", "out", "absolute-inside", "real/climbs", "magic"] {
            assert_eq!(site.text(path), "OutsideRoot", "{path}");
        }
        for path in ["loop-a", "loop-a/x", "dangling", "to-file/below"] {
            assert_eq!(site.text(path), "NotFound", "{path}");
        }
        for directory in ["to-dir", "real/up/to-dir", "real/back"] {
            let names = site.root.list(directory.as_bytes()).unwrap().entries;
            assert_eq!(names.len(), 4, "{directory}");
        }
        assert_eq!(site.root.list(b"real/up").unwrap().entries.len(), 4);
    }
}

//= test RFC 8615 §3: `.well-known` at the top is a name like any other.
#[test]
fn hidden_names_are_refused() {
    let site = Site::new();
    for path in
        [".htpasswd", ".git/config", "a/.env", ".well-known/x", ".well-known/.y", "a/.well-known/z"]
    {
        site.dir.write(path, path);
    }
    assert_eq!(site.text(".well-known/x"), ".well-known/x");
    for path in [
        ".htpasswd",
        ".git/config",
        ".git",
        "a/.env",
        ".well-known/.y",
        "a/.well-known/z",
        "...",
        ".none",
    ] {
        assert_eq!(site.text(path), "Hidden", "{path}");
    }
    let site = Site::with(Config { hidden: Hidden::Refused, ..Config::default() });
    site.dir.write(".well-known/x", "");
    assert_eq!(site.text(".well-known/x"), "Hidden");
}

#[test]
fn what_is_no_file_is_refused_and_left_alone() {
    let site = Site::new();
    mknodat(CWD, site.dir.at("fifo"), FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
    let _listener = UnixListener::bind(site.dir.at("socket")).unwrap();
    // A writer waits for somebody who reads; we are not the one, and do not wait either.
    let (fifo, (told, heard)) = (site.dir.at("fifo"), std::sync::mpsc::channel());
    let writer = thread::spawn({
        let fifo = fifo.clone();
        move || {
            let file = std::fs::OpenOptions::new().write(true).open(fifo);
            told.send(()).unwrap();
            drop(file);
        }
    });
    assert_eq!(site.text("fifo"), "NotAFile");
    assert_eq!(site.text("socket"), "NotAFile");
    assert_eq!(heard.try_recv(), Err(std::sync::mpsc::TryRecvError::Empty), "nobody was woken");
    drop(std::fs::File::open(fifo).unwrap());
    writer.join().unwrap();
}

#[test]
fn devices_are_refused() {
    let site = Site {
        root: Root::open("/dev".as_ref(), Config::default(), derive).unwrap(),
        ..Site::new()
    };
    assert_eq!(site.text("null"), "NotAFile");
}

#[test]
fn names_may_be_any_bytes_and_too_long_ones_are_not_there() {
    use std::os::unix::ffi::OsStrExt;
    let site = Site::new();
    let name = b"caf\xe9 \x01\xff%2F";
    std::fs::write(site.dir.path().join(std::ffi::OsStr::from_bytes(name)), "latin").unwrap();
    assert_eq!(text(&site.file(name)), "latin");
    assert_eq!(site.text(&"x".repeat(256)), "NotFound");
    assert_eq!(site.text(&"x/".repeat(3000)), "NotFound");
    assert_eq!(site.text(&["x"; 3000].join("/")), "NotFound");
}

/// The superuser may read everything, so the test gives that up for its thread, or says that it
/// could not.
#[test]
fn what_we_may_not_read_is_denied() {
    let site = Site::new();
    site.dir.write("locked", "x");
    site.dir.write("closed/file", "x");
    site.dir.write("passable/file", "readable");
    set_mode(&site.dir.at("locked"), 0);
    set_mode(&site.dir.at("closed"), 0);
    set_mode(&site.dir.at("passable"), 0o711);
    // Capabilities belong to a thread, so the others keep theirs.
    use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
    let mut ours = capabilities(None).unwrap();
    let powers = CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
    ours.effective.remove(powers);
    set_capabilities(None, ours).unwrap();
    // Who owns the files keeps the owner's rights, so mode 0 denies it to them as well.
    assert_eq!(site.text("locked"), "Denied");
    assert_eq!(site.text("closed/file"), "Denied");
    assert_eq!(site.text("closed"), "a directory");
    assert_eq!(site.root.list(b"closed"), Err(Refused::Denied));
    assert_eq!(site.text("passable/file"), "readable");

    set_mode(&site.dir.at("locked"), 0o644);
    set_mode(&site.dir.at("closed"), 0o755);
    assert_eq!(site.text("locked"), "x", "the change of mode was heard");
    assert_eq!(site.text("closed/file"), "x", "the change of mode was heard");
    set_mode(&site.dir.at("closed"), 0);
    assert_eq!(site.text("closed/file"), "Denied", "the change of mode was heard");
    set_mode(&site.dir.at("closed"), 0o755);
}

#[test]
fn a_root_that_is_no_directory_is_an_error() {
    let site = Site::new();
    site.dir.write("file", "x");
    let open = |path: &str| {
        let kind = Root::open(&site.dir.at(path), Config::default(), derive).err().unwrap().kind();
        assert_eq!(crate::check(&site.dir.at(path)).unwrap_err().kind(), kind);
        kind
    };
    assert_eq!(open("none"), std::io::ErrorKind::NotFound);
    assert_eq!(open("file"), std::io::ErrorKind::NotADirectory);
    assert!(crate::check(&site.dir.at("")).is_ok());
}

#[test]
fn descriptors_run_out_and_come_back() {
    // Limits belong to a process, so this is one of its own: the same test, started again.
    const CHILD: &str = "HEPTA_FILES_DESCRIPTORS";
    if std::env::var_os(CHILD).is_none() {
        let name = "tests::opened::descriptors_run_out_and_come_back";
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        let out = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && out.contains("1 passed"), "{out}");
        return;
    }
    let site = Site::with(Config { content_len_max: 0, ..Config::default() });
    for n in 0..20 {
        site.dir.write(&format!("{n}"), "x");
    }
    use rustix::process::{Resource, Rlimit, setrlimit};
    setrlimit(Resource::Nofile, Rlimit { current: Some(20), maximum: Some(20) }).unwrap();
    let mut taken = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        taken.push(file);
    }
    assert_eq!(site.text("1"), "Exhausted");
    assert_eq!(site.text("none"), "Exhausted");
    taken.truncate(taken.len() - 3);
    // More files than descriptors: those nobody sends are given up for the next.
    for n in 0..20 {
        assert_eq!(site.text(&format!("{n}")), "x", "{n}");
    }
    assert_eq!(site.text("none"), "NotFound", "exhaustion was not remembered");
}
