//! The files that both servers have: what websites are made of, and what they should not be made of.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use peers::{Site, numbered_text, random_bytes, run, tool};

/// A name in every kind of writing, each below `example.org/odd`.
const ODD_NAMES: [&[u8]; 24] = [
    b"a b.html",
    b" blank in front.txt",
    b"blank behind.txt ",
    b"per%cent.html",
    b"per%20cent.html",
    b"question?.html",
    b"number#.html",
    b"and&plus+.html",
    b"semi;colon=.html",
    b"colon:at@.html",
    b"back\\slash.html",
    b"quotes\"'`.html",
    b"<b>bold.html",
    b"{braces}[brackets].html",
    b"star*tilde~.html",
    b"-dash.html",
    b"two..dots.html",
    b"dots...",
    b"UPPER.HTML",
    b"noextension",
    "Stra\u{df}e \u{4e16}\u{754c} \u{1f980}.html".as_bytes(),
    b"no utf-8 \xff\xfe.html",
    b"line\nbreak.html",
    b"archive.tar.gz",
];

/// What lies in `assets`, with how long it is.
const KINDS: [(&str, usize); 17] = [
    ("html", 4_000),
    ("css", 6_000),
    ("js", 9_000),
    ("json", 3_000),
    ("svg", 2_000),
    ("xml", 2_500),
    ("txt", 1_500),
    ("png", 8_000),
    ("jpg", 20_000),
    ("gif", 900),
    ("webp", 5_000),
    ("ico", 1_200),
    ("woff2", 12_000),
    ("pdf", 15_000),
    ("zip", 7_000),
    ("mp4", 30_000),
    ("bin", 3_000),
];

/// Two sites and a manual, some 4,000 files.
pub(super) fn grow() -> Site {
    let mut site = Site::new();
    pages(&mut site);
    assets(&mut site);
    downloads(&mut site);
    put(&mut site, "app/index.html", numbered_text(3_000));
    for number in 0..60 {
        put(&mut site, &format!("app/assets/part-{number}.js"), numbered_text(number * 100));
        put(&mut site, &format!("manual/{}/{number}.html", number / 10), numbered_text(700));
    }
    put(&mut site, "manual/index.html", "<h1>Manual</h1>\n");
    put(&mut site, "intern/index.html", "<h1>For us</h1>\n");
    // It lies where no question for every file comes by.
    put(&mut site, "example.org/search/index.html", "<p>found\n");
    odd(&mut site);
    compress(&site);
    // One that somebody forgot to make again when the original changed.
    put(&mut site, "example.org/assets/forgotten.css", numbered_text(5_000));
    put(&mut site, "example.org/assets/forgotten.css.gz", "what it was long ago");
    site.age("srv/example.org/assets/forgotten.css.gz", std::time::Duration::from_secs(7200));
    site
}

fn put(site: &mut Site, path: &str, content: impl AsRef<[u8]>) {
    *site = std::mem::take(site).with(&format!("srv/{path}"), content);
}

fn pages(site: &mut Site) {
    put(site, "example.org/index.html", numbered_text(5_000));
    put(site, "example.org/new.html", "<p>new\n");
    for (status, text) in [(401, "Who are you?"), (403, "Not here."), (404, "Nothing here.")] {
        put(site, &format!("example.org/errors/{status}.html"), format!("<p>{text}\n"));
    }
    for number in 0..2_400 {
        let (year, month) = (2000 + number / 100, number % 12 + 1);
        let path = format!("example.org/articles/{year}/{month:02}/article-{number}.html");
        put(site, &path, numbered_text(number % 40 * 97));
    }
    for number in 0..50 {
        put(site, &format!("example.org/members/letter-{number}.html"), numbered_text(200));
        put(site, &format!("example.org/office/file-{number}.html"), numbered_text(200));
    }
    put(site, "example.org/old-style/index.htm", "<p>an index of another name\n");
    put(site, "example.org/both/index.html", "<p>the first\n");
    put(site, "example.org/both/index.htm", "<p>the second\n");
    put(site, "example.org/large.bin", random_bytes(11, 3_000_000));
    put(site, "example.org/large.txt", numbered_text(1_000_000));
}

fn assets(site: &mut Site) {
    for number in 0..50 {
        for (kind, len) in KINDS {
            let path = format!("example.org/assets/{}/file-{number}.{kind}", number % 7);
            let is_text = matches!(kind, "html" | "css" | "js" | "json" | "svg" | "xml" | "txt");
            let content = if is_text {
                numbered_text(len + number).into_bytes()
            } else {
                random_bytes(number as u64, len + number)
            };
            put(site, &path, content);
        }
    }
}

fn downloads(site: &mut Site) {
    for number in 0..300 {
        let path = format!("example.org/downloads/{}/release-{number}.zip", number / 30);
        put(site, &path, random_bytes(number, 2_000));
    }
    put(site, "example.org/downloads/index/index.html", "<p>this one has an index\n");
    put(site, "example.org/downloads/9/.hidden", "hidden\n");
    for name in ["a b & c.txt", "ü.txt", "q\"<>'.txt"] {
        put(site, &format!("example.org/downloads/names/{name}"), "named\n");
    }
}

fn odd(site: &mut Site) {
    let root = "example.org/odd";
    put(site, &format!("{root}/plain.html"), "<p>plain\n");
    for (number, name) in ODD_NAMES.into_iter().enumerate() {
        let path = site.path(&format!("srv/{root}")).join(OsStr::from_bytes(name));
        fs::write(&path, format!("number {number}\n")).unwrap();
        fs::File::options().append(true).open(path).unwrap().set_modified(an_hour_ago()).unwrap();
    }
    put(site, &format!("{root}/{}.html", "long".repeat(60)), "a long name\n");
    for name in ["empty.html", "empty.css", "empty.bin"] {
        put(site, &format!("{root}/{name}"), "");
    }
    for name in [".env", ".git/config", ".htaccess", "folder/.hidden.html"] {
        put(site, &format!("{root}/{name}"), "a secret\n");
    }
    put(site, "example.org/.well-known/security.txt", "Contact: mailto:a@example.org\n");
    put(site, "example.org/.secret.html", "a secret\n");
    put(site, "outside.html", "<p>outside of every site\n");
    put(site, "elsewhere/index.html", "<p>outside of every site\n");
    let link =
        |to: &str, from: &str| symlink(to, site.path(&format!("srv/{root}/{from}"))).unwrap();
    link("plain.html", "link.html");
    link("link.html", "link-to-link.html");
    link("../articles/2001", "link-to-folder");
    link("../../outside.html", "link-outside.html");
    link("../../elsewhere", "link-to-folder-outside");
    link("/etc/passwd", "link-absolute");
    link("nothing.html", "link-to-nothing.html");
    link("link-to-itself.html", "link-to-itself.html");
    fs::create_dir_all(site.path(&format!("srv/{root}/empty"))).unwrap();
}

fn an_hour_ago() -> std::time::SystemTime {
    std::time::SystemTime::now() - std::time::Duration::from_secs(3600)
}

/// Lays compressed files beside some, as the tools make them: with the time of the original.
fn compress(site: &Site) {
    let of = |number: usize, kinds: &[&str]| -> Vec<PathBuf> {
        let all = walk(&site.path("srv/example.org/assets"));
        let wanted = all.into_iter().filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let (stem, kind) = name.split_once('.').unwrap();
            let has_number = stem.rsplit('-').next().and_then(|n| n.parse::<usize>().ok());
            kinds.contains(&kind) && has_number.is_some_and(|n| n % number == 0)
        });
        wanted.collect()
    };
    let texts = ["html", "css", "js", "json", "svg", "xml", "txt"];
    let _ = run(tool("gzip").arg("-kn").args(of(2, &texts))).ok();
    let _ = run(tool("brotli").arg("-k").args(of(3, &texts))).ok();
    let _ = run(tool("zstd").arg("-qk").args(of(5, &texts))).ok();
    // Beside what is compressed already it is of no use, but it happens.
    let _ = run(tool("gzip").arg("-kn").args(of(10, &["pdf", "woff2"]))).ok();
}

/// Every file below a directory, and every link, in the order of their names.
pub(super) fn walk(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut entries: Vec<_> = fs::read_dir(directory).unwrap().map(Result::unwrap).collect();
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(walk(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found
}

/// Every directory below a directory, and itself.
pub(super) fn folders(directory: &Path) -> Vec<PathBuf> {
    let mut found = vec![directory.to_owned()];
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(folders(&entry.path()));
        }
    }
    found.sort();
    found
}
