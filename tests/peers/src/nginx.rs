//! nginx, as a second opinion.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};

use crate::conn::{Conn, Response};
use crate::site::Site;
use crate::tool::tool;
use crate::wait::until;

/// nginx, running; it ends with the test.
#[derive(Debug)]
pub struct Nginx {
    child: Child,
    addresses: [SocketAddr; 2],
    is_secure: bool,
    _folder: Site,
}

impl Nginx {
    /// nginx with what it does by itself, and these lines in its `server` block.
    ///
    /// # Panics
    ///
    /// It is not installed or does not start.
    #[track_caller]
    pub fn serve(root: &Path, lines: &str) -> Self {
        Self::start(false, |[address, _]| configuration(address, "", root, lines))
    }

    /// The same over TLS; the lines say with which certificate.
    ///
    /// # Panics
    ///
    /// It is not installed or does not start.
    #[track_caller]
    pub fn serve_tls(root: &Path, lines: &str) -> Self {
        Self::start(true, |[address, _]| configuration(address, " ssl", root, lines))
    }

    /// nginx with a whole configuration, which listens at both addresses that it is made for.
    ///
    /// # Panics
    ///
    /// It is not installed or does not start.
    #[track_caller]
    pub fn configured(text: impl Fn([SocketAddr; 2]) -> String) -> Self {
        Self::start(false, |addresses| in_front(&text(addresses)))
    }

    #[track_caller]
    fn start(is_secure: bool, text: impl Fn([SocketAddr; 2]) -> String) -> Self {
        let folder = Site::new();
        // Between asking for a free port and using it somebody else may take it; try another then.
        for _ in 0..5 {
            let addresses = free_addresses();
            folder.write("nginx.conf", text(addresses));
            let mut command = tool("nginx");
            command.arg("-p").arg(folder.root()).arg("-c").arg(folder.path("nginx.conf"));
            command.args(["-e", "stderr"]).stdin(Stdio::null()).stdout(Stdio::null());
            let child = command.spawn().expect("nginx starts");
            let mut this = Self { child, addresses, is_secure, _folder: Site::new() };
            let is_up = until("nginx serves or gives up", || match this.child.try_wait() {
                Ok(None) => TcpStream::connect(addresses[0]).ok().map(|_| true),
                _ => Some(false),
            });
            if is_up {
                this._folder = folder;
                return this;
            }
        }
        panic!("nginx does not start; its reasons are above");
    }

    /// Where it listens: both addresses that its configuration was made for.
    pub fn addresses(&self) -> [SocketAddr; 2] {
        self.addresses
    }

    /// The URL of a path, with its slash.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.is_secure { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.addresses[0])
    }

    /// The answer to a request on a connection of its own.
    #[track_caller]
    pub fn ask(&self, method: &str, target: &str, fields: &[(&str, &str)]) -> Response {
        let mut conn = Conn::to(self.addresses[0]);
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n");
        for (name, value) in fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        conn.send(head + "Connection: close\r\n\r\n");
        conn.response(method)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Two addresses that nobody listens at.
fn free_addresses() -> [SocketAddr; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("there are ports"));
    listeners.map(|listener| listener.local_addr().expect("it listens somewhere"))
}

/// What stands outside of `server` blocks: one process, which writes to its own directory only.
const ALONE: &str = "daemon off; master_process off; worker_processes 1; pid nginx.pid;";
const TEMPORARY: &str = "client_body_temp_path body; proxy_temp_path proxy;
    fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;";

/// A whole configuration, so that it runs as one process that writes to its own directory only.
fn in_front(text: &str) -> String {
    let outside = ["user ", "worker_processes ", "pid "];
    let lines = text.lines().filter(|line| !outside.iter().any(|name| line.starts_with(name)));
    let text = lines.collect::<Vec<_>>().join("\n");
    // What is refused on purpose is no news.
    format!(
        "{ALONE} error_log stderr crit;\n{}",
        text.replace("http {\n", &format!("http {{\n    {TEMPORARY}\n"))
    )
}

fn configuration(address: SocketAddr, mode: &str, root: &Path, lines: &str) -> String {
    let root = root.display();
    format!(
        "{ALONE}
events {{ worker_connections 64; }}
http {{
    access_log off;
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    {TEMPORARY}
    server {{ listen {address}{mode}; root {root}; {lines} }}
}}
"
    )
}
