//! The program itself, running.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::conn::{Conn, Response};
use crate::site::Site;
use crate::tool;
use crate::wait::{PATIENCE, until};

/// `hepta serve`, about to be started.
#[derive(Debug)]
pub struct Program {
    command: Command,
    home: Site,
    places: usize,
}

/// `hepta serve`, running; it ends with the test.
#[derive(Debug)]
pub struct Server {
    child: Child,
    home: Site,
    urls: Vec<String>,
    stdout: Text,
    stderr: Text,
}

/// What a program has said so far.
type Text = Arc<Mutex<String>>;

impl Program {
    /// The program at `exe`, to serve this directory on a free port of this machine.
    pub fn serve(exe: impl AsRef<OsStr>, directory: &Path) -> Self {
        Self::serve_under(Command::new(exe), directory)
    }

    /// The same, started by another program that is given its command line.
    pub fn serve_under(command: Command, directory: &Path) -> Self {
        Self::new(command).arg(directory)
    }

    /// The program at `exe`, to serve its own small site on a free port of this machine.
    pub fn serve_default_site(exe: impl AsRef<OsStr>) -> Self {
        Self::new(Command::new(exe))
    }

    /// The program at `exe`, to serve what this configuration file describes.
    pub fn configured(exe: impl AsRef<OsStr>, file: &Path) -> Self {
        Self::configured_under(Command::new(exe), file)
    }

    /// The same, started by another program that is given its command line.
    pub fn configured_under(command: Command, file: &Path) -> Self {
        // The file says where to listen.
        Self::new(command).arg("--config").arg(file).as_it_is()
    }

    fn new(mut command: Command) -> Self {
        let home = Site::new();
        command.arg("serve");
        // What it keeps for its user (the local CA) goes where nobody else looks.
        command.env("HOME", home.root()).env("NO_COLOR", "1");
        for name in ["XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"] {
            command.env_remove(name);
        }
        Self { command, home, places: 0 }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: &[&str]) -> Self {
        self.command.args(args);
        self
    }

    /// Uses a home directory that stays when the program ends.
    #[must_use]
    pub fn home(mut self, home: &Path) -> Self {
        self.command.env("HOME", home);
        self
    }

    /// Adds an address to listen at; without any it is a free port of 127.0.0.1.
    #[must_use]
    pub fn listen(mut self, address: &str) -> Self {
        self.places += 1;
        self.command.args(["--listen", address]);
        self
    }

    /// Adds no address: who starts it says where to listen.
    #[must_use]
    pub fn as_it_is(self) -> Self {
        Self { places: 1, ..self }
    }

    /// Starts it and waits until it says where it serves.
    ///
    /// # Panics
    ///
    /// It ends, or does not say.
    #[track_caller]
    pub fn start(self) -> Server {
        let mut this = if self.places == 0 { self.listen("127.0.0.1:0") } else { self };
        this.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = this.command.spawn().expect("the program starts");
        let (stdout, stderr) = (collect(child.stdout.take()), collect(child.stderr.take()));
        let mut server = Server { child, home: this.home, urls: Vec::new(), stdout, stderr };
        server.urls = until("the program says where it serves", || {
            let said = server.stdout();
            let ended = server.child.try_wait().expect("we may ask about our children");
            assert!(ended.is_none(), "{}\n{}", ended.unwrap_or_default(), server.stderr());
            // Its lines come one by one; behind the last address it says how it is stopped.
            let urls = urls(&said);
            (urls.len() >= this.places && said.contains("Press Ctrl-C")).then_some(urls)
        });
        server
    }
}

impl Server {
    /// The address of the first place where it serves.
    ///
    /// # Panics
    ///
    /// What it printed is no address.
    #[track_caller]
    pub fn address(&self) -> SocketAddr {
        let url = self.url("");
        let authority = url.split('/').nth(2).unwrap_or_default().replace("localhost", "127.0.0.1");
        authority.parse().expect("a URL that can be clicked names an address and a port")
    }

    /// The port of the first place where it serves.
    #[track_caller]
    pub fn port(&self) -> u16 {
        self.address().port()
    }

    /// The URL of a path, with its slash, at the first place where it serves.
    pub fn url(&self, path: &str) -> String {
        let base = self.urls.first().map_or("", |url| url.trim_end_matches('/'));
        format!("{base}{path}")
    }

    /// Every URL that it printed.
    pub fn urls(&self) -> &[String] {
        &self.urls
    }

    /// A new connection.
    #[track_caller]
    pub fn connect(&self) -> Conn {
        Conn::to(self.address())
    }

    /// The answer to a request on a connection of its own.
    ///
    /// # Panics
    ///
    /// There is none, or the connection does not end behind it.
    #[track_caller]
    pub fn ask(&self, method: &str, target: &str, fields: &[(&str, &str)]) -> Response {
        self.ask_host("localhost", method, target, fields)
    }

    /// The same, of a site of this name.
    ///
    /// # Panics
    ///
    /// There is none, or the connection does not end behind it.
    #[track_caller]
    pub fn ask_host(
        &self,
        host: &str,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
    ) -> Response {
        let mut conn = self.connect();
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n");
        for (name, value) in fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        conn.send(head + "Connection: close\r\n\r\n");
        let response = conn.response(method);
        conn.expect_end();
        response
    }

    /// The answer to a GET on a connection of its own.
    #[track_caller]
    pub fn get(&self, target: &str) -> Response {
        self.ask("GET", target, &[])
    }

    /// Everything it wrote to its standard output.
    pub fn stdout(&self) -> String {
        self.stdout.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Everything it wrote to its standard error.
    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The home directory that it believes to have.
    pub fn home(&self) -> &Path {
        self.home.root()
    }

    /// Reads a file of its own, in which `what` is about to stand.
    ///
    /// # Panics
    ///
    /// It does not come to stand there.
    #[track_caller]
    pub fn until_file_has(&self, path: &Path, what: &str) -> String {
        until(&format!("{what:?} stands in {}", path.display()), || {
            std::fs::read_to_string(path).ok().filter(|text| text.contains(what))
        })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    ///
    /// It is gone.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the program still runs");
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// It does not end.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        match tool::wait(&mut self.child, PATIENCE) {
            Some(status) => status,
            None => panic!("the program does not end\n{}", self.stderr()),
        }
    }

    /// The memory it occupies, in KiB.
    ///
    /// # Panics
    ///
    /// It is gone.
    #[track_caller]
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.expect("the program still runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_ascii_whitespace().next());
        number.and_then(|number| number.parse().ok()).expect("proc(5) says so")
    }

    /// How many sockets it has open: a few of its own, and one for each connection.
    ///
    /// # Panics
    ///
    /// It is gone.
    #[track_caller]
    pub fn open_sockets(&self) -> usize {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.pid()));
        let open = open.expect("the program still runs").flatten();
        let links = open.filter_map(|fd| std::fs::read_link(fd.path()).ok());
        links.filter(|link| link.to_string_lossy().starts_with("socket:")).count()
    }

    /// The processor time it has used, in user space and in the kernel.
    ///
    /// # Panics
    ///
    /// It is gone.
    #[track_caller]
    pub fn cpu_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid()));
        let stat = stat.expect("the program still runs");
        // proc(5): utime and stime are the 14th and 15th; the 2nd may hold blanks, in parentheses.
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks = fields.split_ascii_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.filter_map(|field| field.parse::<u64>().ok()).sum();
        Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() && !self.stderr().is_empty() {
            // What a failed test shows; `eprint` is kept by the test harness for that.
            eprintln!("the server said:\n{}", self.stderr());
        }
    }
}

/// Collects what a program says, line by line, as long as it speaks.
fn collect(from: Option<impl Read + Send + 'static>) -> Text {
    let text = Text::default();
    let shared = Arc::clone(&text);
    std::thread::spawn(move || {
        let mut lines = BufReader::new(from?);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).ok()? > 0 {
            let said = String::from_utf8_lossy(&line);
            shared.lock().unwrap_or_else(PoisonError::into_inner).push_str(&said);
            line.clear();
        }
        Some(())
    });
    text
}

/// The URLs in a text: each is a word of its own, so that terminals make it a link.
fn urls(text: &str) -> Vec<String> {
    text.split_ascii_whitespace()
        .filter(|word| word.starts_with("http://") || word.starts_with("https://"))
        .map(str::to_owned)
        .collect()
}
