//! The programs of others.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a program may run.
const RUNS_AT_MOST: Duration = Duration::from_secs(90);

/// What the tests know to use: a name, where it may be found, and its package on Debian.
const TOOLS: [(&str, &[&str], &str); 22] = [
    ("curl", &["curl"], "curl"),
    ("nginx", &["nginx"], "nginx-light"),
    ("openssl", &["openssl"], "openssl"),
    ("prlimit", &["prlimit"], "util-linux"),
    ("gzip", &["gzip"], "gzip"),
    ("brotli", &["brotli"], "brotli"),
    ("zstd", &["zstd"], "zstd"),
    // Debian's own, which sees Debian's packages, whatever else is in the path.
    ("python", &["/usr/bin/python3"], "python3 python3-httpx python3-h2"),
    ("nghttp", &["nghttp"], "nghttp2-client"),
    ("nghttpd", &["nghttpd"], "nghttp2-server"),
    ("h2load", &["h2load"], "nghttp2-client"),
    ("wrk", &["wrk"], "wrk"),
    ("ss", &["ss"], "iproute2"),
    ("nft", &["nft"], "nftables"),
    ("nmap", &["nmap"], "nmap"),
    ("dnsmasq", &["dnsmasq", "/usr/sbin/dnsmasq"], "dnsmasq-base"),
    ("radvd", &["radvd", "/usr/sbin/radvd"], "radvd"),
    ("hping3", &["hping3"], "hping3"),
    ("ping", &["ping"], "iputils-ping"),
    ("systemd-nspawn", &["systemd-nspawn"], "systemd systemd-container"),
    ("node", &["node", "nodejs"], "nodejs"),
    ("chromium", &["chromium", "chromium-browser"], "chromium"),
];

/// What a program said, and how it ended.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error, as text.
    pub stderr: String,
}

impl Finished {
    /// Its standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Itself, if it ended well.
    ///
    /// # Panics
    ///
    /// It did not.
    #[track_caller]
    #[must_use]
    pub fn ok(self) -> Self {
        let Self { status, stderr, .. } = &self;
        assert!(status.success(), "{status}\n{}\n{stderr}", self.text());
        self
    }
}

/// A command that runs one of the programs the tests know.
///
/// # Panics
///
/// It is not installed; the message says how to install it. Nothing is left out in silence.
#[track_caller]
pub fn tool(name: &str) -> Command {
    let known = TOOLS.iter().find(|(known, ..)| *known == name);
    let (_, places, package) = known.expect("the tests name tools that they know");
    match places.iter().find_map(|place| find(place)) {
        Some(path) => Command::new(path),
        None => panic!(
            "{name} is not here, and this test needs it: `sudo apt-get install {package}`, or let \
             `cargo xtask test` install what is missing"
        ),
    }
}

/// Runs a program to its end.
///
/// # Panics
///
/// It does not start or does not end.
#[track_caller]
pub fn run(command: &mut Command) -> Finished {
    run_with_input(command, &[])
}

/// Runs a program to its end, with these bytes as its standard input.
///
/// # Panics
///
/// It does not start or does not end.
#[track_caller]
pub fn run_with_input(command: &mut Command, input: &[u8]) -> Finished {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("a program that is installed starts");
    let (stdout, stderr) = (read_all(child.stdout.take()), read_all(child.stderr.take()));
    let (mut stdin, input) = (child.stdin.take(), input.to_vec());
    let writer = std::thread::spawn(move || {
        // A program that ends before it has read everything had enough.
        stdin.as_mut().map(|stdin| stdin.write_all(&input))
    });
    let status = wait(&mut child, RUNS_AT_MOST);
    let _ = writer.join();
    let [stdout, stderr] = [stdout, stderr].map(|reader| reader.join().unwrap_or_default());
    let stderr = String::from_utf8_lossy(&stderr).into_owned();
    match status {
        Some(status) => Finished { status, stdout, stderr },
        None => panic!(
            "{command:?} did not end in {RUNS_AT_MOST:?}\n{}\n{stderr}",
            String::from_utf8_lossy(&stdout)
        ),
    }
}

/// Waits for a process; kills it, and says nothing, when it takes too long.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + limit;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(2));
            }
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    }
}

fn read_all(from: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut from) = from {
            let _ = from.read_to_end(&mut bytes);
        }
        bytes
    })
}

fn find(place: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        // Servers are installed where only root looks.
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(place))
        .find(|program| program.is_file())
}
