//! The kernel, behind a TUN device, in real time. Conversations go on beside one another: each has a port
//! of its own.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io::{Read, Write};
use std::net::{Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use base::TxBuf;
use net::{Mode, Port, PortConfig, Tap};
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

use crate::conversation::{Action, Conversation, Role, Verb};
use crate::segment::{Peer, Said, parse, peer, target};

/// How long is listened to after the last step.
pub(crate) const AFTER: Duration = Duration::from_millis(260);

/// How far apart conversations begin, so that the machine is not late for any.
const APART: Duration = Duration::from_millis(4);

/// Where the kernel listens.
const LISTENS: u16 = 80;

/// The kernel and the device.
pub(crate) struct Kernel {
    tap: Tap,
    listener: TcpListener,
    /// The next of the peer's ports.
    port: u16,
    out: TxBuf,
}

/// What was seen of a conversation.
pub(crate) struct Film {
    /// When each step happened, and at last when nobody listened any more.
    pub(crate) instants: Vec<Duration>,
    /// What was said after each step.
    pub(crate) said: Vec<Vec<Said>>,
}

/// A conversation under way.
struct Stage {
    conversation: Conversation,
    film: Film,
    began: Instant,
    peer: Peer,
    stream: Option<TcpStream>,
}

impl Kernel {
    pub(crate) fn new() -> Self {
        // Each segment is seen by itself, with its checksum.
        let config = PortConfig { has_offloads: false, ..PortConfig::default() };
        let tap = Tap::open("differences", Mode::Tun, config).unwrap();
        let run = |program: &str, args: &[&str]| {
            let output = Command::new(program).args(args).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        for (is_v6, len) in [(false, 24), (true, 64)] {
            let address = format!("{}/{len}", target(is_v6));
            run("ip", &["addr", "add", &address, "dev", tap.name()]);
        }
        run("ip", &["link", "set", tap.name(), "up"]);
        // Probes come after a few milliseconds on such a path: too soon to be told from what was said
        // at once. What one conversation teaches of the path shall not help the next. And how far buffers
        // may grow, which the scale of windows shows, is another in newer kernels.
        let buffers = "4096 131072 6291456";
        let settings = [
            ("tcp_early_retrans", "0"),
            ("tcp_no_metrics_save", "1"),
            ("tcp_rmem", buffers),
            // It is there everywhere, and permitted in a namespace.
            ("tcp_congestion_control", "reno"),
        ];
        for (name, value) in settings {
            std::fs::write(format!("/proc/sys/net/ipv4/{name}"), value).unwrap();
        }
        // Over both versions: whom it accepts over IPv4 has an address that is mapped.
        let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, LISTENS)).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self { tap, listener, port: 10_000, out: TxBuf::new() }
    }

    /// Plays conversations, each wait longer by so many sixteenths, and returns each with what was seen
    /// of it.
    pub(crate) fn play(
        &mut self,
        all: Vec<Conversation>,
        slower: u32,
    ) -> Vec<(Conversation, Film)> {
        let began = Instant::now();
        let mut ports = HashMap::new();
        let mut due = BinaryHeap::new();
        let mut stages = Vec::new();
        for (n, conversation) in all.into_iter().enumerate() {
            self.port += 1;
            ports.insert(self.port, n);
            let began = began + APART * n as u32;
            due.push(Reverse((began, n)));
            let film = Film { instants: Vec::new(), said: Vec::new() };
            let peer = Peer::new(conversation.is_v6, (LISTENS, self.port));
            stages.push(Stage { conversation, film, began, peer, stream: None });
        }
        while let Some(&Reverse((at, n))) = due.peek() {
            self.listen(&ports, &mut stages);
            let now = Instant::now();
            if now < at {
                thread::sleep((at - now).min(Duration::from_micros(200)));
                continue;
            }
            due.pop();
            if let Some(wait) = self.step(&mut stages[n]) {
                due.push(Reverse((Instant::now() + wait * (16 + slower) / 16, n)));
            }
        }
        stages.into_iter().map(|stage| (stage.conversation, stage.film)).collect()
    }

    /// Does the next step of a conversation; how long until the one after, if there is one.
    fn step(&mut self, stage: &mut Stage) -> Option<Duration> {
        let n = stage.film.said.len();
        let elapsed = stage.began.elapsed();
        stage.film.instants.push(elapsed);
        let step = stage.conversation.steps.get(n)?;
        stage.film.said.push(Vec::new());
        match &step.action {
            Action::Peer(piece) => {
                stage.peer.write(piece, elapsed, &mut self.out);
                self.tap.send(&self.out).unwrap();
            }
            Action::Program(Verb::Connect) => {
                let is_v6 = stage.conversation.is_v6;
                let family = if is_v6 { AddressFamily::INET6 } else { AddressFamily::INET };
                let kind = SocketType::STREAM;
                let fd = socket_with(family, kind, SocketFlags::NONBLOCK, None).unwrap();
                let _ = connect(&fd, &SocketAddr::new(peer(is_v6), stage.peer.ports.1));
                stage.stream = Some(TcpStream::from(fd));
            }
            Action::Program(Verb::Close) => stage.stream = None,
            Action::Program(verb) => {
                if let Some(stream) = &mut stage.stream {
                    act(stream, *verb);
                }
            }
        }
        let next = stage.conversation.steps.get(n + 1);
        Some(next.map_or(AFTER, |next| next.wait))
    }

    /// Takes what the kernel has said, and whom it has accepted.
    fn listen(&mut self, ports: &HashMap<u16, usize>, stages: &mut [Stage]) {
        let mut buffer = [0; 2048];
        while let Some(received) = self.tap.receive(&mut buffer).unwrap() {
            let Some((header, len, ecn)) = parse(&buffer[..received.len]) else { continue };
            let Some(stage) = ports.get(&header.destination).map(|&n| &mut stages[n]) else {
                continue;
            };
            if stage.film.instants.len() > stage.conversation.steps.len() {
                continue;
            }
            if stage.conversation.role == Role::Client {
                stage.peer.ports.0 = header.source;
            }
            let said = stage.peer.read(&header, len, ecn);
            if let Some(last) = stage.film.said.last_mut() {
                last.push(said);
            }
        }
        while let Ok((stream, from)) = self.listener.accept() {
            stream.set_nonblocking(true).unwrap();
            if let Some(&n) = ports.get(&from.port()) {
                stages[n].stream = Some(stream);
            }
        }
    }
}

fn act(stream: &mut TcpStream, verb: Verb) {
    match verb {
        Verb::Write(n) => drop(stream.write(&vec![0; n])),
        Verb::Read => while matches!(stream.read(&mut [0; 65_536]), Ok(1..)) {},
        Verb::ShutDown => drop(stream.shutdown(Shutdown::Write)),
        Verb::Connect | Verb::Close => {}
    }
}
