//! One end that is played with, and what can be seen of it from outside.
//!
//! A script is a line a step; numbers of either side begin at 0 with its SYN:
//!
//! ```text
//!   connect            listen        accept        the user opens; waits; takes what has come
//!   < S 0:0(0) win 65535 <mss 1460,sackOK,TS val 5 ecr 0,nop,wscale 7>
//!   < P. 1:11(10) ack 1 win 500 <sack 20:30>       a segment comes; `ce` at the end marks it
//!   < . 1:2921(2920) ack 1 win 500 gso 1460        … that a device has merged of two
//!   +10ms   +2s                                    time passes, and with it deadlines
//!   write 1000   urgent 1                          the user writes
//!   read   read 10   deaf   shut   close   abort   … reads, will not, finishes, leaves, breaks off
//!   nodelay on   cork on   quickack on             … sets something
//!   keepalive 10s 1s 3   timeout 5s   linger 0s   pace 1000
//!   icmp toobig 1400 1   icmp unreachable 1        an ICMP error that quotes a number of ours
//!   info cwnd ssthresh …                           shows some of what `info` says
//!   mtu 1500                                       the route takes another size
//! ```
//!
//! The film shows what leaves (`>`), events (`=>`), and of the x-ray what gives a reason (`~`).

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base::xray::{self, AnyNote, Layer, Sink, Stamp};
use base::{Cx, Instant, Wall, World};
use bytes::Bytes;
use expect_test::Expect;

use crate::wire::{Cookie, Ecn, Flags, Header, Options, SackBlocks, Segment};
use crate::{
    Config, Connection, Event, Failure, Flow, IcmpError, IcmpKind, Known, Limits, Listener,
    Profile, Returned, Seq, TimeWait, answer,
};

/// Plays `script` with Linux' values and compares the film with `want`.
#[track_caller]
pub(super) fn check(script: &str, want: Expect) {
    check_with(linux(), script, want);
}

/// The same with another configuration.
#[track_caller]
pub(super) fn check_with(config: Config, script: &str, want: Expect) {
    let mut stage = Stage::new(config);
    stage.play(script);
    want.assert_eq(&stage.film);
}

/// Linux' values with clocks that begin at zero, and each segment decided on by itself.
pub(super) fn linux() -> Config {
    let mut config = Config::profile(Profile::Linux);
    config.handshake.timestamp_offset_keyed = false;
    config.congestion.burst_min = 0;
    config
}

/// Linux' values without options, so that films are short.
pub(super) fn plain() -> Config {
    let mut config = linux();
    config.handshake.timestamps = false;
    config.handshake.sack = false;
    config.handshake.window_scaling = false;
    config
}

/// The same with selective acknowledgements.
pub(super) fn sack() -> Config {
    let mut config = plain();
    config.handshake.sack = true;
    config
}

pub(super) struct Stage {
    pub(super) film: String,
    config: Arc<Config>,
    world: World,
    now: Instant,
    flow: Flow,
    limits: Limits,
    pub(super) connection: Option<Connection>,
    listener: Option<Listener>,
    waiting: Option<TimeWait>,
    /// Our initial sequence number, once it was seen.
    iss: Option<Seq>,
    /// The next byte that the user writes.
    written: u32,
    /// Which notes are shown.
    shows: &'static [&'static str],
}

/// Notes that give a reason.
const REASONS: &[&str] = &["StateChanged", "Dropped", "Challenged", "Ignored", "FastOpen"];

impl Stage {
    pub(super) fn new(config: Config) -> Self {
        xray::watch(&[Layer::Transport]);
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        Self {
            film: String::new(),
            config: Arc::new(config),
            world: World::seeded(1),
            now: Instant::from_millis(1000),
            flow: Flow { local: address("10.0.0.1:80"), remote: address("10.0.0.2:4000") },
            limits: Limits::of_mss(1460),
            connection: None,
            listener: None,
            waiting: None,
            iss: None,
            written: 0,
            shows: REASONS,
        }
    }

    pub(super) fn showing(self, shows: &'static [&'static str]) -> Self {
        Self { shows, ..self }
    }

    pub(super) fn play(&mut self, script: &str) {
        for step in script.lines().map(str::trim).filter(|step| !step.is_empty()) {
            self.step(step);
        }
    }

    fn step(&mut self, step: &str) {
        if let Some(delay) = step.strip_prefix('+') {
            return self.pass(duration(delay));
        }
        let _ = writeln!(self.film, "{step}");
        let (verb, rest) = step.split_once(' ').unwrap_or((step, ""));
        match verb {
            "<" => self.arrive(rest),
            "listen" => {
                let backlog = rest.parse().unwrap_or(8);
                self.listener = Some(Listener::new(Arc::clone(&self.config), backlog));
            }
            "accept" => {
                let accepted = self.listener.as_mut().unwrap().accept();
                let _ = writeln!(self.film, "=> accepted {accepted:?}");
            }
            "fast" => self.connect_fast(rest),
            "mtu" => self.limits = Limits::of_mss(rest.parse::<u16>().unwrap() - 40),
            "gso" => self.limits.gso_len_max = rest.parse().unwrap(),
            "show" => self.shows = &["CongestionWindow", "RecoveryPhase", "Lost"],
            _ => self.command(verb, rest),
        }
        self.drain();
    }

    /// Lets `f` do something with the connection.
    pub(super) fn with<R>(&mut self, f: impl FnOnce(&mut Connection, &mut Cx<'_>) -> R) -> R {
        let mut notes = Notes { film: &mut self.film, iss: self.iss, shows: self.shows };
        let mut cx = Cx::new(self.now, Wall(0), &mut self.world).watched_by(&mut notes);
        f(self.connection.as_mut().expect("there is a connection"), &mut cx)
    }

    fn command(&mut self, verb: &str, rest: &str) {
        if verb == "connect" {
            let mut notes = Notes { film: &mut self.film, iss: self.iss, shows: self.shows };
            let mut cx = Cx::new(self.now, Wall(0), &mut self.world).watched_by(&mut notes);
            let config = Arc::clone(&self.config);
            self.connection = Some(Connection::client(&mut cx, config, self.flow, &self.limits));
            return;
        }
        let words: Vec<&str> = rest.split_whitespace().collect();
        let n = words.first().and_then(|word| word.parse::<usize>().ok());
        let is_on = words.first() == Some(&"on");
        let iss = self.iss.unwrap_or_default();
        let written = self.written;
        let said = self.with(|c, cx| {
            match verb {
                "write" => {
                    let bytes = pattern(written, n.unwrap());
                    return Some(format!("wrote {}", c.write(cx, Bytes::from(bytes))));
                }
                "urgent" => {
                    let bytes = pattern(written, n.unwrap());
                    return Some(format!("wrote {}", c.write_urgent(cx, &bytes)));
                }
                "read" => {
                    let mut out = vec![0; n.unwrap_or(1 << 20)];
                    let n = c.read(cx, &mut out);
                    return Some(format!("read {n}"));
                }
                "shut" => c.shut_down(cx),
                "deaf" => c.shut_reading(),
                "close" => c.close(cx),
                "abort" => c.abort(cx),
                "nodelay" => c.set_nodelay(is_on),
                "cork" => c.set_cork(is_on),
                "quickack" => c.set_quick_ack(is_on),
                "keepalive" => {
                    let probes = words[2].parse().unwrap();
                    c.set_keepalive_times(cx, duration(words[0]), duration(words[1]), probes);
                }
                "timeout" => c.set_user_timeout(Some(duration(words[0]))),
                "linger" => c.set_linger(Some(duration(words[0]))),
                "pace" => c.set_pacing_rate_max(n.map(|n| n as u64)),
                "icmp" => {
                    let seq = iss + words.last().unwrap().parse::<u32>().unwrap();
                    let kind = match words[0] {
                        "toobig" => IcmpKind::PacketTooBig { mtu: words[1].parse().unwrap() },
                        "expired" => IcmpKind::TimeExceeded,
                        _ => IcmpKind::Unreachable(Failure::HostUnreachable),
                    };
                    c.handle_icmp(cx, &IcmpError { kind, seq });
                }
                "info" => {
                    let all = format!("{:?}", c.info(cx.now()));
                    let inner = all.trim_start_matches("Info { ").trim_end_matches(" }");
                    let shown = inner.split(", ").filter(|field| {
                        words.contains(&field.split(':').next().unwrap_or_default())
                    });
                    return Some(shown.collect::<Vec<_>>().join(" "));
                }
                _ => panic!("no such step: {verb} {rest}"),
            }
            None
        });
        if let Some(said) = said {
            if matches!(verb, "write" | "urgent") {
                self.written += said.rsplit(' ').next().unwrap().parse::<u32>().unwrap();
            }
            let _ = writeln!(self.film, "=> {said}");
        }
    }

    /// Connects with a cookie, `1020304050607080`, or without, and writes as much as goes with the SYN.
    fn connect_fast(&mut self, rest: &str) {
        self.command("connect", "");
        let cookie = (rest != "ask").then(|| Cookie::new(&[16, 32, 48, 64, 80, 96, 112, 128]));
        let known = Known { cookie: cookie.flatten(), mss: Some(1040) };
        let written = self.with(|c, cx| {
            c.open_fast(cx, &known);
            let len = rest.parse().unwrap_or(0).min(c.syn_room());
            c.write(cx, Bytes::from(pattern(0, len)))
        });
        self.written = written as u32;
        let _ = writeln!(self.film, "=> wrote {written}");
    }

    fn pass(&mut self, delay: Duration) {
        let until = self.now.after(delay);
        while let Some(at) = self.next_deadline()
            && at <= until
        {
            self.now = self.now.max(at);
            self.expire();
            self.drain();
        }
        self.now = until;
    }

    fn next_deadline(&self) -> Option<Instant> {
        let connection = self.connection.as_ref().and_then(|c| c.poll_timeout()).map(|(at, _)| at);
        let listener = self.listener.as_ref().and_then(Listener::poll_timeout);
        connection.into_iter().chain(listener).min()
    }

    fn expire(&mut self) {
        let mut notes = Notes { film: &mut self.film, iss: self.iss, shows: self.shows };
        let mut cx = Cx::new(self.now, Wall(0), &mut self.world).watched_by(&mut notes);
        if let Some(connection) = &mut self.connection {
            connection.handle_timeout(&mut cx);
        }
        if let Some(listener) = &mut self.listener {
            listener.handle_timeout(&mut cx);
        }
    }

    fn arrive(&mut self, text: &str) {
        let (header, len, segment_len, ecn) = self.parse(text);
        let payload = pattern(header.seq.0.wrapping_sub(1), len);
        let segment = Segment { header, payload: &payload, segment_len };
        let mut notes = Notes { film: &mut self.film, iss: self.iss, shows: self.shows };
        let mut cx = Cx::new(self.now, Wall(0), &mut self.world).watched_by(&mut notes);
        let mut isn = None;
        if let Some(waiting) = &mut self.waiting {
            match waiting.handle_segment(&mut cx, &self.config, &segment, true) {
                Returned::Nothing => return,
                Returned::Reply(header) => return self.show(&header, &[], ""),
                Returned::Reuse { isn: new } => isn = Some(new),
            }
            self.waiting = None;
            self.connection = None;
            self.iss = None;
        }
        match (&mut self.connection, &mut self.listener) {
            (Some(connection), _) if connection.state() != crate::State::Closed => {
                connection.handle_segment(&mut cx, &segment, ecn);
            }
            (_, Some(listener)) => {
                let (flow, limits) = (self.flow, self.limits);
                let came = listener.handle_segment(&mut cx, &flow, &limits, &segment, ecn, isn);
                if let Some(connection) = came {
                    listener.enqueue(1);
                    self.connection = Some(connection);
                }
            }
            _ => {
                if let Some(header) = answer::to_nobody(&segment) {
                    self.show(&header, &[], "nobody ");
                }
            }
        }
    }

    fn drain(&mut self) {
        while let Some(listener) = &mut self.listener {
            let mut notes = Notes { film: &mut self.film, iss: self.iss, shows: self.shows };
            let mut cx = Cx::new(self.now, Wall(0), &mut self.world).watched_by(&mut notes);
            let Some((_, header)) = listener.poll_transmit(&mut cx) else { break };
            self.show(&header, &[], "");
        }
        while let Some(mut connection) = self.connection.take() {
            let mut notes = Notes { film: &mut self.film, iss: self.iss, shows: self.shows };
            let mut cx = Cx::new(self.now, Wall(0), &mut self.world).watched_by(&mut notes);
            let limits = self.limits;
            let out = connection.poll_transmit(&mut cx, &limits).map(|out| {
                let bytes = out.payload.to_vec();
                assert_eq!(bytes.len(), out.payload.len());
                (out.header, bytes, out.ecn)
            });
            self.connection = Some(connection);
            let Some((header, bytes, ecn)) = out else { break };
            self.show(&header, &bytes, if ecn == Ecn::Ect0 { "ect0 " } else { "" });
        }
        while let Some(event) = self.connection.as_mut().and_then(Connection::poll_event) {
            let _ = writeln!(self.film, "=> {event:?}");
            if event == Event::TimeWait {
                self.waiting = self.connection.as_mut().unwrap().take_time_wait();
            }
        }
    }

    /// Writes a segment of ours into the film, after it was written and read back.
    fn show(&mut self, header: &Header, payload: &[u8], note: &str) {
        let mut bytes = [0; crate::wire::HEADER_LEN_MAX];
        let len = header.emit(&mut bytes);
        let (read, _) = Header::parse(&bytes[..len]).unwrap();
        let mut again = header.clone();
        again.options.layout = read.options.layout;
        assert_eq!(read, again, "what is written is read back");
        if header.flags.has(Flags::SYN) || self.iss.is_none() {
            self.iss.get_or_insert(header.seq);
        }
        let iss = self.iss.unwrap_or_default();
        let seq = header.seq - iss;
        let at = self.now.since(Instant::from_millis(1000));
        let _ = write!(
            self.film,
            "{:.3} > {note}{:?} {}:{}({})",
            at.as_secs_f64(),
            header.flags,
            seq as i32,
            seq.wrapping_add(payload.len() as u32) as i32,
            payload.len()
        );
        if header.flags.has(Flags::ACK) {
            let _ = write!(self.film, " ack {}", header.ack.0);
        }
        let _ = write!(self.film, " win {}", header.window);
        if header.flags.has(Flags::URG) {
            let _ = write!(self.film, " urg {}", header.urgent);
        }
        let _ = writeln!(self.film, "{}", options_text(&header.options));
        let first = seq.wrapping_sub(u32::from(!header.flags.has(Flags::SYN)));
        assert_eq!(payload, pattern(first, payload.len()), "the stream is what was written");
    }

    fn parse(&self, text: &str) -> (Header, usize, u16, Ecn) {
        let iss = self.iss.unwrap_or_default();
        let (text, options) = match text.split_once('<') {
            Some((text, options)) => {
                let (options, tail) = options.split_once('>').unwrap();
                (format!("{text}{tail}"), options.to_owned())
            }
            None => (text.to_owned(), String::new()),
        };
        let mut words = text.split_whitespace();
        let mut header =
            Header { source: 4000, destination: 80, window: 65535, ..Header::default() };
        header.flags = flags(words.next().unwrap());
        let range = words.next().unwrap();
        let (seq, rest) = range.split_once(':').unwrap();
        header.seq = Seq(seq.parse::<i64>().unwrap() as u32);
        let len = rest.split_once('(').unwrap().1.trim_end_matches(')').parse().unwrap();
        let (mut segment_len, mut ecn) = (0, Ecn::NotEct);
        while let Some(word) = words.next() {
            let mut n = || words.next().unwrap().parse::<i64>().unwrap();
            match word {
                "ack" => header.ack = iss + n() as u32,
                "win" => header.window = n() as u16,
                "urg" => header.urgent = n() as u16,
                "gso" => segment_len = n() as u16,
                "ce" => ecn = Ecn::Ce,
                "ect0" => ecn = Ecn::Ect0,
                _ => panic!("{word} in {text}"),
            }
        }
        header.options = parse_options(&options, iss);
        (header, len, segment_len, ecn)
    }
}

/// The bytes of a stream from the `from`th on; each place has its own.
pub(super) fn pattern(from: u32, len: usize) -> Vec<u8> {
    (0..len as u32).map(|n| (from.wrapping_add(n) % 251) as u8).collect()
}

fn duration(text: &str) -> Duration {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_alphabetic()).unwrap());
    let number: f64 = number.parse().unwrap();
    Duration::from_secs_f64(match unit {
        "us" => number / 1e6,
        "ms" => number / 1e3,
        "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => panic!("no such unit: {unit}"),
    })
}

fn flags(text: &str) -> Flags {
    text.chars().fold(Flags::NONE, |all, c| {
        all | match c {
            'S' => Flags::SYN,
            'F' => Flags::FIN,
            'R' => Flags::RST,
            'P' => Flags::PSH,
            'U' => Flags::URG,
            'E' => Flags::ECE,
            'W' => Flags::CWR,
            '.' => Flags::ACK,
            _ => Flags::NONE,
        }
    })
}

fn parse_options(text: &str, iss: Seq) -> Options {
    let mut options = Options::default();
    for option in text.split(',').filter(|option| !option.is_empty()) {
        let words: Vec<&str> = option.split_whitespace().collect();
        match words[0] {
            "mss" => options.mss = words[1].parse().ok(),
            "nop" | "eol" => {}
            "sackOK" => options.sack_permitted = true,
            "wscale" => options.window_scale = words[1].parse().ok(),
            "TS" => {
                let ecr = words[4].parse().unwrap();
                options.timestamps = Some((words[2].parse().unwrap(), ecr));
            }
            "sack" => {
                options.sack = words[1..]
                    .iter()
                    .map(|block| {
                        let (start, end) = block.split_once(':').unwrap();
                        (iss + start.parse::<u32>().unwrap(), iss + end.parse::<u32>().unwrap())
                    })
                    .collect::<SackBlocks>();
            }
            "FO" => {
                let hex = words.get(1).copied().unwrap_or_default();
                let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
                let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
                options.fast_open = Cookie::new(&bytes);
            }
            _ => panic!("no such option: {option}"),
        }
    }
    options
}

fn options_text(options: &Options) -> String {
    let mut words = Vec::new();
    words.extend(options.mss.map(|mss| format!("mss {mss}")));
    words.extend(options.sack_permitted.then(|| "sackOK".to_owned()));
    words.extend(options.timestamps.map(|(val, ecr)| format!("TS val {val} ecr {ecr}")));
    words.extend(options.window_scale.map(|scale| format!("wscale {scale}")));
    if !options.sack.is_empty() {
        let blocks = options.sack.as_slice().iter().map(|(s, e)| format!(" {s:?}:{e:?}"));
        words.push(format!("sack{}", blocks.collect::<String>()));
    }
    words.extend(options.fast_open.map(|cookie| {
        let bytes = cookie.as_slice().iter().map(|byte| format!("{byte:02x}"));
        format!("FO {}", bytes.collect::<String>()).trim_end().to_owned()
    }));
    if words.is_empty() { String::new() } else { format!(" <{}>", words.join(",")) }
}

/// The notes that give a reason, with numbers of ours counted from the SYN.
struct Notes<'a> {
    film: &'a mut String,
    iss: Option<Seq>,
    shows: &'static [&'static str],
}

impl Sink for Notes<'_> {
    fn record(&mut self, _stamp: &Stamp, note: &dyn AnyNote) {
        let name = note.entry().name;
        if !self.shows.contains(&name) {
            return;
        }
        let _ = write!(self.film, "~ {name}");
        let is_ours = matches!(name, "Lost" | "Retransmitted" | "TailProbed");
        note.each_field(&mut |field, value| {
            let mut text = format!("{value:?}");
            if field == "seq" && is_ours {
                let seq: u32 = text.parse().unwrap();
                text = (Seq(seq) - self.iss.unwrap_or_default()).to_string();
            }
            if !(name == "Dropped" && field != "why") {
                let _ = write!(self.film, " {field}={text}");
            }
        });
        self.film.push('\n');
    }
}
