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
    address: SocketAddr,
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
        Self::start(root, lines, "")
    }

    /// The same over TLS; the lines say with which certificate.
    ///
    /// # Panics
    ///
    /// It is not installed or does not start.
    #[track_caller]
    pub fn serve_tls(root: &Path, lines: &str) -> Self {
        Self::start(root, lines, " ssl")
    }

    #[track_caller]
    fn start(root: &Path, lines: &str, mode: &'static str) -> Self {
        let folder = Site::new();
        // Between asking for a free port and using it somebody else may take it; try another then.
        for _ in 0..5 {
            let address = TcpListener::bind("127.0.0.1:0")
                .and_then(|listener| listener.local_addr())
                .expect("there are free ports");
            folder.write("nginx.conf", configuration(address, mode, root, lines));
            let mut command = tool("nginx");
            command.arg("-p").arg(folder.root()).arg("-c").arg(folder.path("nginx.conf"));
            command.args(["-e", "stderr"]).stdin(Stdio::null()).stdout(Stdio::null());
            let child = command.spawn().expect("nginx starts");
            let is_secure = !mode.is_empty();
            let mut this = Self { child, address, is_secure, _folder: Site::new() };
            let is_up = until("nginx serves or gives up", || match this.child.try_wait() {
                Ok(None) => TcpStream::connect(address).ok().map(|_| true),
                _ => Some(false),
            });
            if is_up {
                this._folder = folder;
                return this;
            }
        }
        panic!("nginx does not start; its reasons are above");
    }

    /// The URL of a path, with its slash.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.is_secure { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.address)
    }

    /// The answer to a request on a connection of its own.
    #[track_caller]
    pub fn ask(&self, method: &str, target: &str, fields: &[(&str, &str)]) -> Response {
        let mut conn = Conn::to(self.address);
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

fn configuration(address: SocketAddr, mode: &str, root: &Path, lines: &str) -> String {
    let root = root.display();
    format!(
        "daemon off; master_process off; worker_processes 1; pid nginx.pid;
events {{ worker_connections 64; }}
http {{
    access_log off;
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    server {{ listen {address}{mode}; root {root}; {lines} }}
}}
"
    )
}
