//! Bytes from the keyboard to the server, and from the server to the screen.

use std::io::{self, Write as _};

use super::protocol::Telnet;
use super::terminal::{ESCAPE, Mode, Terminal, keyboard};
use crate::stream::Stream;

/// How much is read from the connection at once.
const READ_LEN: usize = 64 * 1024;

/// How much may wait to be sent before nothing more is read from the server: so answers to one that asks
/// and does not read stay within it. The keyboard has as much again, and one piece above.
const OUT_MAX: usize = 64 * 1024;

/// A conversation.
pub(super) struct Conversation {
    stream: Stream,
    /// Nothing, where bytes are sent as they are.
    telnet: Option<Telnet>,
    terminal: Option<Terminal>,
    out: Vec<u8>,
    /// Whether the next key is for us.
    asks_user: bool,
    /// What the user still has to say.
    user: User,
}

/// What the user still has to say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum User {
    Talks,
    /// Nothing more, when what waits has been sent.
    Ends,
    HasEnded,
    /// Nothing more, and wants to hear nothing more.
    Leaves,
}

impl Conversation {
    pub(super) fn new(stream: Stream, is_raw: bool) -> Self {
        let telnet = (!is_raw).then(Telnet::default);
        let (terminal, user) = (Terminal::open(), User::Talks);
        Self { stream, telnet, terminal, out: Vec::new(), asks_user: false, user }
    }

    /// Talks until the server has said all, or the user leaves.
    pub(super) async fn run(&mut self) -> io::Result<()> {
        if self.terminal.is_some() {
            let peer = self.stream.peer_addr()?;
            say(&format!("connected to {peer}; Ctrl-] is for us, and Ctrl-] q ends it\n"));
        }
        self.set_mode()?;
        let (mut keys, mut has_keys) = (keyboard(), true);
        let interrupted = tokio::signal::ctrl_c();
        tokio::pin!(interrupted);
        let mut from_server = vec![0; READ_LEN];
        while self.user != User::Leaves {
            let (may_read, may_write) = (self.out.len() < OUT_MAX, !self.out.is_empty());
            // Keys have room of their own: who wants to leave must be heard.
            let hears_user = self.out.len() < 2 * OUT_MAX && has_keys;
            tokio::select! {
                // The terminal is put back by who drops this, so it must not be the signal that ends us.
                _ = &mut interrupted => return Ok(()),
                read = self.stream.read(&mut from_server), if may_read => {
                    let len = read?;
                    if len == 0 {
                        return self.say_goodbye();
                    }
                    if !self.show(from_server.get(..len).unwrap_or_default())? {
                        return Ok(());
                    }
                }
                written = self.stream.write(&self.out), if may_write => {
                    self.handle_written(written);
                }
                piece = keys.recv(), if hears_user => {
                    has_keys = piece.is_some();
                    self.handle_keys(piece)?;
                }
            }
            if self.user == User::Ends && self.out.is_empty() {
                self.user = User::HasEnded;
                self.stream.shut_down().await?;
            }
        }
        Ok(())
    }

    /// Takes what a write came to. Who does not hear any more may still have said something.
    fn handle_written(&mut self, written: io::Result<usize>) {
        match written {
            Ok(len) => drop(self.out.drain(..len)),
            Err(_) => {
                self.out.clear();
                self.user = User::HasEnded;
            }
        }
    }

    /// Prints what came; whether anybody looks.
    fn show(&mut self, bytes: &[u8]) -> io::Result<bool> {
        let mut screen = Vec::with_capacity(bytes.len());
        match &mut self.telnet {
            Some(telnet) => telnet.handle_bytes(bytes, &mut screen, &mut self.out),
            None => screen.extend_from_slice(bytes),
        }
        if self.user == User::HasEnded {
            // What was asked for cannot be answered any more.
            self.out.clear();
        }
        self.set_mode()?;
        let mut stdout = io::stdout().lock();
        match stdout.write_all(&screen).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            shown => shown.map(|()| true),
        }
    }

    /// Takes a piece from the keyboard; nothing is its end.
    fn handle_keys(&mut self, piece: Option<Vec<u8>>) -> io::Result<()> {
        let Some(piece) = piece else {
            self.end();
            return Ok(());
        };
        if self.terminal.is_none() {
            self.send(&piece);
            return Ok(());
        }
        let mut rest = &piece[..];
        while let Some((first, others)) = rest.split_first() {
            if std::mem::take(&mut self.asks_user) {
                self.obey(*first);
                rest = others;
                continue;
            }
            let len = rest.iter().position(|byte| *byte == ESCAPE).unwrap_or(rest.len());
            let (before, after) = rest.split_at(len);
            self.send(before);
            rest = after.get(1..).unwrap_or_default();
            if !after.is_empty() {
                self.asks_user = true;
                say("\n[q: end, s: describe the connection, d: send nothing more, else: go on] ");
            }
        }
        self.set_mode()
    }

    /// Does what the key after the escape means.
    fn obey(&mut self, key: u8) {
        say("\n");
        match key {
            b'q' | b'Q' | ESCAPE => self.user = User::Leaves,
            b's' | b'S' => {
                let described = self.stream.describe();
                say(&format!("{}\n", described.unwrap_or_else(|error| error.to_string())));
            }
            b'd' | b'D' => self.end(),
            _ => {}
        }
    }

    /// The user has said all.
    fn end(&mut self) {
        if self.user == User::Talks {
            self.user = User::Ends;
            if let Some(telnet) = &mut self.telnet {
                telnet.send_end(&mut self.out);
            }
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        if self.user != User::Talks {
            return;
        }
        match &mut self.telnet {
            Some(telnet) => telnet.send(bytes, &mut self.out),
            None => self.out.extend_from_slice(bytes),
        }
    }

    /// Keys come one by one where the server shows them, or where one is for us.
    fn set_mode(&mut self) -> io::Result<()> {
        let server_echoes = self.telnet.as_ref().is_some_and(Telnet::server_echoes);
        let mode = if server_echoes || self.asks_user { Mode::Keys } else { Mode::Lines };
        self.terminal.as_mut().map_or(Ok(()), |terminal| terminal.set(mode))
    }

    fn say_goodbye(&self) -> io::Result<()> {
        if self.terminal.is_some() {
            say("\nthe other side has ended the conversation\n");
        }
        Ok(())
    }
}

/// Says something that is not of the server.
fn say(text: &str) {
    let dim = anstyle::Style::new().dimmed();
    anstream::eprint!("{dim}{text}{dim:#}");
}
