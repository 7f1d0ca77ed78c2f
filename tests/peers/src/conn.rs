//! A connection that sends what the test wrote, to the byte, and reads answers strictly.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use crate::wait::PATIENCE;

/// A connection in clear text.
#[derive(Debug)]
pub struct Conn {
    stream: TcpStream,
    inbox: Vec<u8>,
    has_eof: bool,
}

/// Why there is no response.
#[derive(Debug)]
pub enum Broken {
    /// The connection ended before a byte of it came.
    Closed,
    /// The connection ended, or broke, in its middle; what came of the body, if the head did.
    CutShort(Option<Response>),
    /// What came is no response: what is wrong, and the bytes.
    Malformed(&'static str, String),
    /// Nothing came for too long.
    Silent,
}

/// A response as it came.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The reason phrase.
    pub reason: String,
    /// The version, such as `HTTP/1.1`.
    pub version: String,
    /// The field lines, in order.
    pub fields: Vec<(String, String)>,
    /// The body, without its framing.
    pub body: Vec<u8>,
}

impl Conn {
    /// Connects.
    ///
    /// # Panics
    ///
    /// Nobody listens there.
    #[track_caller]
    pub fn to(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).expect("the server accepts connections"))
    }

    /// Uses a connection that is there already.
    ///
    /// # Panics
    ///
    /// The socket takes no options.
    pub fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("sockets have this option");
        stream.set_read_timeout(Some(PATIENCE)).expect("sockets have this option");
        stream.set_write_timeout(Some(PATIENCE)).expect("sockets have this option");
        Self { stream, inbox: Vec::new(), has_eof: false }
    }

    /// The socket.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends all of these bytes.
    ///
    /// # Panics
    ///
    /// The connection broke.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).expect("the server takes what is sent");
    }

    /// Sends all of these bytes, if the server takes them.
    ///
    /// # Errors
    ///
    /// The connection broke.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Says that nothing more will be sent.
    ///
    /// # Panics
    ///
    /// The connection broke.
    #[track_caller]
    pub fn finish(&self) {
        self.stream.shutdown(Shutdown::Write).expect("the connection is open");
    }

    /// The next response, to a request with this method.
    ///
    /// # Panics
    ///
    /// There is none, or it is malformed or cut short.
    #[track_caller]
    pub fn response(&mut self, method: &str) -> Response {
        match self.try_response(method) {
            Ok(response) => response,
            Err(broken) => panic!("no response to {method}: {broken:?}"),
        }
    }

    /// The next response, to a request with this method, if there is one.
    ///
    /// # Errors
    ///
    /// There is none, or it is malformed or cut short.
    pub fn try_response(&mut self, method: &str) -> Result<Response, Broken> {
        let mut response = self.head()?;
        let has_body = method != "HEAD" && response.status >= 200;
        if has_body && !matches!(response.status, 204 | 304) {
            self.read_body(&mut response)?;
        }
        Ok(response)
    }

    /// The head of the next response; its body, if any, is still to be read.
    ///
    /// # Errors
    ///
    /// There is none, or it is malformed or cut short.
    pub fn head(&mut self) -> Result<Response, Broken> {
        let end = loop {
            if let Some(at) = find(&self.inbox, b"\r\n\r\n") {
                break at + 4;
            }
            if self.inbox.len() > 1024 * 1024 {
                return Err(self.malformed("a head without end"));
            }
            if self.read_more()? == 0 {
                return Err(match self.inbox.is_empty() {
                    true => Broken::Closed,
                    false => Broken::CutShort(None),
                });
            }
        };
        let head: Vec<u8> = self.inbox.drain(..end).collect();
        parse_head(&head).map_err(|what| Broken::Malformed(what, show(&head)))
    }

    /// Reads the next `len` bytes of whatever comes.
    ///
    /// # Errors
    ///
    /// The connection ended or broke before.
    pub fn take(&mut self, len: usize) -> Result<Vec<u8>, Broken> {
        while self.inbox.len() < len {
            if self.read_more()? == 0 {
                return Err(Broken::CutShort(None));
            }
        }
        Ok(self.inbox.drain(..len).collect())
    }

    /// Everything until the connection ends, however it does.
    ///
    /// # Panics
    ///
    /// It does not end.
    #[track_caller]
    pub fn rest(&mut self) -> Vec<u8> {
        loop {
            match self.read_more() {
                Ok(0) | Err(Broken::CutShort(_)) => return std::mem::take(&mut self.inbox),
                Ok(_) => {}
                Err(broken) => panic!("the connection does not end: {broken:?}"),
            }
        }
    }

    /// Fails the test unless the connection ends here, properly.
    ///
    /// # Panics
    ///
    /// More comes, nothing happens, or the connection breaks.
    #[track_caller]
    pub fn expect_end(&mut self) {
        match self.read_more() {
            Ok(0) if self.inbox.is_empty() => {}
            outcome => panic!("no end, but {outcome:?} and {:?}", show(&self.inbox)),
        }
    }

    /// Whether something has come that was not taken yet; does not wait.
    ///
    /// # Panics
    ///
    /// The socket takes no options.
    pub fn has_something(&mut self) -> bool {
        self.stream.set_nonblocking(true).expect("sockets have this option");
        let mut byte = [0; 1];
        let seen = self.stream.peek(&mut byte);
        self.stream.set_nonblocking(false).expect("sockets have this option");
        !self.inbox.is_empty() || !matches!(seen, Err(e) if e.kind() == io::ErrorKind::WouldBlock)
    }

    fn read_body(&mut self, response: &mut Response) -> Result<(), Broken> {
        let is_chunked =
            response.field("transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked"));
        let len = response.field("content-length").map(str::to_owned);
        if is_chunked && len.is_some() {
            return Err(self.malformed("Content-Length together with Transfer-Encoding"));
        }
        if is_chunked {
            return self.read_chunks(response);
        }
        let Some(len) = len else {
            while self.read_more()? > 0 {}
            response.body = std::mem::take(&mut self.inbox);
            return Ok(());
        };
        let Ok(len) = len.parse::<usize>() else {
            return Err(self.malformed("a Content-Length that is no number"));
        };
        self.read_exactly(response, len)
    }

    fn read_chunks(&mut self, response: &mut Response) -> Result<(), Broken> {
        loop {
            let line = self.line(response)?;
            let Ok(len) = usize::from_str_radix(&line, 16) else {
                return Err(self.malformed("a chunk size that is no number"));
            };
            if len == 0 {
                break;
            }
            let whole = response.body.len() + len;
            self.read_exactly(response, whole)?;
            if !self.line(response)?.is_empty() {
                return Err(self.malformed("no CRLF behind a chunk"));
            }
        }
        while !self.line(response)?.is_empty() {}
        Ok(())
    }

    /// Reads on until the body has `len` bytes.
    fn read_exactly(&mut self, response: &mut Response, len: usize) -> Result<(), Broken> {
        loop {
            let missing = len - response.body.len();
            let here = missing.min(self.inbox.len());
            response.body.extend(self.inbox.drain(..here));
            if here == missing {
                return Ok(());
            }
            self.read_into(response)?;
        }
    }

    fn line(&mut self, response: &mut Response) -> Result<String, Broken> {
        loop {
            if let Some(at) = find(&self.inbox, b"\r\n") {
                let line: Vec<u8> = self.inbox.drain(..at + 2).collect();
                return Ok(show(line.strip_suffix(b"\r\n").unwrap_or_default()));
            }
            self.read_into(response)?;
        }
    }

    /// Reads more of a body, or says how much of it there was.
    fn read_into(&mut self, response: &mut Response) -> Result<(), Broken> {
        match self.read_more() {
            Ok(0) | Err(Broken::CutShort(_)) => {
                response.body.append(&mut self.inbox);
                Err(Broken::CutShort(Some(std::mem::take(response))))
            }
            Ok(_) => Ok(()),
            Err(other) => Err(other),
        }
    }

    fn read_more(&mut self) -> Result<usize, Broken> {
        if self.has_eof {
            return Ok(0);
        }
        let mut buffer = [0; 64 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(len) => {
                self.has_eof = len == 0;
                self.inbox.extend_from_slice(buffer.get(..len).unwrap_or_default());
                Ok(len)
            }
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                Err(Broken::Silent)
            }
            Err(_) => Err(Broken::CutShort(None)),
        }
    }

    fn malformed(&self, what: &'static str) -> Broken {
        Broken::Malformed(what, show(&self.inbox))
    }
}

impl Response {
    /// The first value of a field; the name in lower case.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a field; the name in lower case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Whether a list field has this element, in whatever case; the name in lower case.
    pub fn lists(&self, name: &str, element: &str) -> bool {
        self.all(name).flat_map(|v| v.split(',')).any(|e| e.trim().eq_ignore_ascii_case(element))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {} {}", self.version, self.status, self.reason)?;
        self.fields.iter().try_for_each(|(name, value)| writeln!(f, "{name}: {value}"))?;
        write!(f, "({} bytes)", self.body.len())
    }
}

/// Connects with so small a buffer for what comes in that a large answer must wait for the reader.
///
/// # Panics
///
/// Nobody listens there.
pub fn connect_with_small_window(address: SocketAddr) -> Conn {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with, sockopt};

    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    // What the tests start beside this must not inherit it.
    let flags = SocketFlags::CLOEXEC;
    let fd = socket_with(family, SocketType::STREAM, flags, None).expect("there are sockets");
    sockopt::set_socket_recv_buffer_size(&fd, 8 * 1024).expect("sockets have this option");
    connect(&fd, &address).expect("the server accepts connections");
    Conn::over(fd.into())
}

/// A connection from an address of this machine.
///
/// # Panics
///
/// The server does not accept it.
#[track_caller]
pub fn connect_from(local: SocketAddr, address: SocketAddr) -> Conn {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};

    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC;
    let fd = socket_with(family, SocketType::STREAM, flags, None).expect("there are sockets");
    bind(&fd, &local).expect("the address is of this machine");
    connect(&fd, &address).expect("the server accepts connections");
    Conn::over(fd.into())
}

fn parse_head(head: &[u8]) -> Result<Response, &'static str> {
    let text = head.strip_suffix(b"\r\n\r\n").ok_or("no empty line")?;
    let text = String::from_utf8_lossy(text);
    let mut lines = text.split("\r\n");
    let first = lines.next().ok_or("no status line")?;
    let mut words = first.splitn(3, ' ');
    let version = words.next().ok_or("no version")?;
    if !matches!(version, "HTTP/1.0" | "HTTP/1.1") {
        return Err("no version of HTTP/1");
    }
    let status = words.next().filter(|s| s.len() == 3).and_then(|s| s.parse().ok());
    let mut response = Response {
        status: status.ok_or("no status code")?,
        reason: words.next().ok_or("no blank behind the status code")?.to_owned(),
        version: version.to_owned(),
        ..Response::default()
    };
    for line in lines {
        if line.contains(['\r', '\n', '\0']) {
            return Err("a control byte in a field line");
        }
        let (name, value) = line.split_once(':').ok_or("a field line without a colon")?;
        let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err("a field name that is no token");
        }
        response.fields.push((name.to_ascii_lowercase(), value.trim_matches([' ', '\t']).into()));
    }
    Ok(response)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn show(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
