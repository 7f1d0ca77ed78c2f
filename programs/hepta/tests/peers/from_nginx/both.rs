//! Both servers with the same files, and how they are asked.

use std::net::SocketAddr;
use std::path::Path;

use peers::{Broken, Conn, Nginx, Program, Response, Server, Site};

use super::{APP, STATIC, tree};
use crate::HEPTA;
use crate::tls::certificate;

/// As `htpasswd -B` makes it, of "pass".
const USERS: &str = "anna:$2y$05$Dg5TNX4PlF2MzdvdCOOdgOHUM1b4ZbyWeO4j3LOlkBfyCPxbXmw4W\n";

/// Where the files of a site are found: host, path, directory.
const PLACES: [(&str, &str, &str); 3] =
    [(STATIC, "/", "srv/example.org"), (STATIC, "/manual/", "srv/manual"), (APP, "/", "srv/app")];

/// One question for both.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) method: &'static str,
    pub(super) host: &'static str,
    pub(super) target: String,
    pub(super) fields: Vec<(&'static str, String)>,
}

/// Both servers, with one site.
pub(super) struct Both {
    pub(super) site: Site,
    pub(super) ours: Server,
    pub(super) theirs: Nginx,
}

/// A client that keeps its connection as long as it can.
pub(super) struct Client {
    pub(super) address: SocketAddr,
    pub(super) conn: Option<Conn>,
    /// Whether a connection may end without having said so: nginx says `keep-alive` in its 412 and
    /// closes.
    pub(super) may_lie: bool,
}

impl Both {
    pub(super) fn start() -> Self {
        let site = tree::grow();
        certificate(&site, "example.org", STATIC);
        site.write("srv/users", USERS);
        std::fs::create_dir(site.path("log")).unwrap();
        let theirs = Nginx::configured(|[clear, secure]| {
            let text = in_site(&document("from-nginx/nginx.conf"), &site, "/var/log/nginx");
            let text = text.replace("listen 80", &format!("listen {clear}"));
            text.replace("listen 443", &format!("listen {secure}"))
        });
        let text = in_site(&document("from-nginx/hepta.kdl"), &site, "/var/log/hepta");
        // Who runs tests stays who he is.
        let text = text.replace("user \"www-data\"\n", "");
        let text = text.replace("0.0.0.0:80", "127.0.0.1:0").replace("0.0.0.0:443", "127.0.0.1:0");
        site.write("hepta.kdl", text.replace("/run/", &format!("{}/", site.root().display())));
        let ours = Program::configured(HEPTA, &site.path("hepta.kdl")).start();
        Self { site, ours, theirs }
    }

    pub(super) fn clients(&self) -> [Client; 2] {
        let client = |address, may_lie| Client { address, conn: None, may_lie };
        [client(self.ours.address(), false), client(self.theirs.addresses()[0], true)]
    }

    /// The target of every file, with its host and what is in it.
    pub(super) fn files(&self) -> Vec<(&'static str, String, Vec<u8>)> {
        let mut files = Vec::new();
        for (host, prefix, directory) in PLACES {
            let directory = self.site.path(directory);
            for path in tree::walk(&directory) {
                let target = prefix.to_owned() + &escaped(path.strip_prefix(&directory).unwrap());
                files.push((host, target, std::fs::read(&path).unwrap_or_default()));
            }
        }
        files
    }

    /// The target of every directory, with a slash behind it.
    pub(super) fn folders(&self) -> Vec<(&'static str, String)> {
        let mut folders = Vec::new();
        for (host, prefix, directory) in PLACES {
            let directory = self.site.path(directory);
            for path in tree::folders(&directory) {
                let rest = escaped(path.strip_prefix(&directory).unwrap());
                let slash = if rest.is_empty() { "" } else { "/" };
                folders.push((host, format!("{prefix}{rest}{slash}")));
            }
        }
        folders
    }
}

/// One of the two configurations as it is in docs/.
pub(super) fn document(name: &str) -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    std::fs::read_to_string(docs.join(name)).unwrap()
}

/// The configuration with the directories of a test in place of those of a machine.
fn in_site(text: &str, site: &Site, log: &str) -> String {
    let root = site.root().display().to_string();
    let keys = "/etc/letsencrypt/live/example.org";
    let text = text.replace("/srv/", &format!("{root}/srv/")).replace(log, &format!("{root}/log"));
    let text = text.replace(&format!("{keys}/fullchain.pem"), &format!("{root}/example.org.pem"));
    text.replace(&format!("{keys}/privkey.pem"), &format!("{root}/example.org.key"))
}

/// A path as a URL has it.
fn escaped(path: &Path) -> String {
    let mut text = String::new();
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

impl Client {
    /// The answer; none if the connection ends without a word.
    pub(super) fn ask(&mut self, question: &Question) -> Option<Response> {
        let was_used = self.conn.is_some();
        let answer = self.try_to_ask(question);
        if answer.is_none() && was_used && self.may_lie {
            return self.try_to_ask(question);
        }
        answer
    }

    fn try_to_ask(&mut self, question: &Question) -> Option<Response> {
        let Question { method, host, target, fields } = question;
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n");
        for (name, value) in fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut conn = self.conn.take().unwrap_or_else(|| Conn::to(self.address));
        conn.try_send(head + "\r\n").ok()?;
        match conn.try_response(method) {
            Ok(response) => {
                if !response.lists("connection", "close") {
                    self.conn = Some(conn);
                }
                Some(response)
            }
            Err(Broken::Closed | Broken::CutShort(None)) => None,
            Err(broken) => panic!("{question:?}: {broken:?}"),
        }
    }
}

impl Question {
    pub(super) fn get(host: &'static str, target: impl Into<String>) -> Self {
        Self { method: "GET", host, target: target.into(), fields: Vec::new() }
    }

    pub(super) fn with(&self, name: &'static str, value: impl Into<String>) -> Self {
        let mut this = self.clone();
        this.fields.push((name, value.into()));
        this
    }

    pub(super) fn asks(&self, name: &str) -> bool {
        self.fields.iter().any(|(known, _)| *known == name)
    }

    /// The target without its query.
    pub(super) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}
