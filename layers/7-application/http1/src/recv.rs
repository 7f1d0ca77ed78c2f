use base::Cx;
use base::xray::{Private, Text};
use bytes::Bytes;
use message::fields::FieldName;
use message::{Event, ExchangeId, Fields, Head, Method, Name, Request, Response, Status, Version};

use crate::framing::{self, Framing};
use crate::machine::{Closing, Connection, Exchange, Role, Timer};
use crate::persistence::{self, Wish};
use crate::wire::{ChunkDecoder, Decoded, Expected, HeadParser, Parsed, StartLine};
use crate::{Config, Seen, Why};

/// How many bytes a lingering close takes before it stops being polite.
const LINGERED_LEN_MAX: u64 = 1024 * 1024;

/// The half of an exchange that comes in.
#[derive(Debug)]
pub(crate) struct Recv {
    phase: Phase,
    mode: Mode,
    /// Bytes of the body that are with the user.
    unreleased: usize,
    /// Bytes of the body that came in this interval.
    in_interval: u64,
    /// Bytes of a body nobody reads.
    discarded: u64,
}

#[derive(Debug)]
enum Phase {
    /// Before a head, or in it, when there is a parser.
    Head(Option<Box<HeadParser>>),
    /// In a body of which this many bytes are to come.
    Length(u64),
    Chunked(Box<ChunkDecoder>),
    Trailers(Box<HeadParser>),
    UntilClose,
    /// Another protocol.
    Tunnel,
    /// The message is complete.
    Complete,
    /// The connection is ending; bytes are taken and forgotten, this many at most.
    Lingering(u64),
    /// The peer has finished.
    Finished,
}

/// What becomes of a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mode {
    /// Nobody has asked for it yet: it stays on the wire.
    Undecided,
    Read,
    Discard,
}

impl Recv {
    pub(crate) const fn new() -> Self {
        Self {
            phase: Phase::Head(None),
            mode: Mode::Undecided,
            unreleased: 0,
            in_interval: 0,
            discarded: 0,
        }
    }

    pub(crate) fn is_at_start(&self) -> bool {
        matches!(self.phase, Phase::Head(_) | Phase::Finished)
    }

    pub(crate) fn is_mid_message(&self) -> bool {
        !matches!(
            self.phase,
            Phase::Head(None) | Phase::Complete | Phase::Lingering(_) | Phase::Finished
        )
    }

    pub(crate) fn is_complete(&self) -> bool {
        matches!(self.phase, Phase::Complete)
    }

    pub(crate) fn is_finished(&self) -> bool {
        matches!(self.phase, Phase::Finished)
    }

    pub(crate) fn has_unread_body(&self) -> bool {
        self.is_mid_message() && self.mode == Mode::Undecided
    }

    /// How much of the body is known to be left.
    pub(crate) fn body_left(&self) -> u64 {
        if let Phase::Length(left) = self.phase { left } else { 0 }
    }

    pub(crate) fn wants_bytes(&self, may_begin: bool) -> bool {
        match self.phase {
            Phase::Head(_) => may_begin,
            Phase::Complete | Phase::Finished => false,
            Phase::Lingering(_) => true,
            _ => self.mode != Mode::Undecided,
        }
    }

    pub(crate) fn is_reading(&self, config: &Config) -> bool {
        self.is_mid_message()
            && !matches!(self.phase, Phase::Tunnel)
            && match self.mode {
                Mode::Undecided => false,
                Mode::Read => self.unreleased < config.body_window,
                Mode::Discard => true,
            }
    }

    /// Whether this is news.
    pub(crate) fn read_body(&mut self) -> bool {
        let news = self.mode == Mode::Undecided;
        if news {
            self.mode = Mode::Read;
        }
        news
    }

    /// Whether bytes are wanted again.
    pub(crate) fn release(&mut self, n: usize, config: &Config) -> bool {
        let was_full = self.unreleased >= config.body_window;
        self.unreleased = self.unreleased.saturating_sub(n);
        was_full && self.unreleased < config.body_window
    }

    /// Takes the rest of the body without showing it; says how much that is, as far as it is known.
    pub(crate) fn discard(&mut self) -> u64 {
        self.mode = Mode::Discard;
        self.body_left()
    }

    pub(crate) fn linger(&mut self) {
        if !self.is_finished() {
            self.phase = Phase::Lingering(LINGERED_LEN_MAX);
        }
    }

    pub(crate) fn become_tunnel(&mut self) {
        self.phase = Phase::Tunnel;
        self.mode = Mode::Read;
        self.unreleased = 0;
    }

    pub(crate) fn begin_interval(&mut self) {
        self.in_interval = 0;
    }

    pub(crate) fn keeps_rate(&self, config: &Config) -> bool {
        self.in_interval >= config.body_rate_min || matches!(self.phase, Phase::Tunnel)
    }
}

/// What comes in.
impl Connection {
    pub(crate) fn take_bytes(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) -> usize {
        match &mut self.recv.phase {
            Phase::Head(_) if self.send.is_idle() || self.role == Role::Client => {
                self.take_head(cx, bytes)
            }
            Phase::Head(_) | Phase::Complete | Phase::Finished => {
                cx.note(|| Seen::Pipelined { bytes: bytes.len() });
                0
            }
            Phase::Length(_) | Phase::UntilClose | Phase::Tunnel => self.take_plain(cx, bytes),
            Phase::Chunked(_) => self.take_chunks(cx, bytes),
            Phase::Trailers(_) => self.take_trailers(cx, bytes),
            Phase::Lingering(left) => {
                let len = bytes.len();
                cx.note(|| Seen::Lingering { len });
                *left = left.saturating_sub(len as u64);
                if *left == 0 {
                    self.closing = Closing::Now;
                }
                len
            }
        }
    }

    pub(crate) fn take_eof(&mut self, cx: &mut Cx<'_>) {
        let phase = std::mem::replace(&mut self.recv.phase, Phase::Finished);
        match phase {
            Phase::Head(None) if self.send.is_idle() => {
                self.close(cx, Why::SaidClose, Closing::Now);
            }
            Phase::Complete => {
                // RFC 9112 §9.6: who closes its side early still gets its answer.
                self.recv.phase = Phase::Complete;
                self.exchange.persists = false;
            }
            Phase::Lingering(_) | Phase::Finished => self.closing = Closing::Now,
            Phase::UntilClose => {
                self.exchange.persists = false;
                self.complete(cx);
            }
            Phase::Tunnel => {
                self.events.push_back((self.exchange.id, Event::End));
                if self.send.is_complete() {
                    self.close(cx, Why::SaidClose, Closing::Now);
                }
            }
            Phase::Head(_) | Phase::Length(_) | Phase::Chunked(_) | Phase::Trailers(_) => {
                // RFC 9112 §8: an incomplete request is answered with an error or not at all, an
                // incomplete response is never taken for a complete one.
                self.recv.phase = phase;
                self.refuse(cx, Why::CutShort);
                self.recv.phase = Phase::Finished;
                if self.closing == Closing::Fin {
                    self.close(cx, Why::CutShort, Closing::Now);
                }
            }
        }
    }

    fn take_head(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) -> usize {
        if self.role == Role::Client && self.send.is_idle() {
            // RFC 9112 §9.2: a response to no request; nothing good can follow.
            self.refuse(cx, Why::Unsolicited);
            return bytes.len();
        }
        let Phase::Head(waiting) = &mut self.recv.phase else { return 0 };
        let mut parser = match waiting.take() {
            Some(parser) => *parser,
            // RFC 9112 §2.2: empty lines before a request line are skipped.
            None if bytes.starts_with(b"\r\n") && self.role == Role::Server => return 2,
            None if bytes == b"\r" => return 0,
            None => HeadParser::new(match self.role {
                Role::Server => Expected::Request,
                Role::Client => Expected::Response,
            }),
        };
        match parser.advance(bytes, &self.config) {
            Ok(None) => {
                self.recv.phase = Phase::Head(Some(Box::new(parser)));
                self.limit_head(cx);
                0
            }
            Ok(Some(parsed)) => {
                let len = parsed.len;
                let head = bytes.get(..len).unwrap_or_default();
                if let Err(why) = self.take_parsed(cx, head, parsed) {
                    self.refuse(cx, why);
                }
                len
            }
            Err(why) => {
                self.refuse(cx, why);
                bytes.len()
            }
        }
    }

    /// From its first byte on, a head has so long.
    fn limit_head(&mut self, cx: &mut Cx<'_>) {
        let is_running = matches!(self.deadline, Some((_, Timer::Head)));
        if self.role == Role::Server && !is_running {
            self.deadline = Some((cx.now().after(self.config.timeout_head), Timer::Head));
        }
    }

    fn take_parsed(&mut self, cx: &mut Cx<'_>, head: &[u8], parsed: Parsed) -> Result<(), Why> {
        let fields = Fields::from_parsed(head.to_vec(), parsed.lines);
        match parsed.start {
            Some(StartLine::Request { method, target, version }) => {
                self.take_request(cx, Request { method, target, version, fields })
            }
            Some(StartLine::Status { status, version }) => {
                self.take_response(cx, Response { status, version, fields })
            }
            None => Err(Why::StartLineMalformed),
        }
    }

    fn take_request(&mut self, cx: &mut Cx<'_>, request: Request) -> Result<(), Why> {
        let id = ExchangeId(self.exchange.id.0 + 1);
        // A refusal, too, must know what it answers.
        self.exchange.method = request.method.clone();
        self.exchange.version = request.version;
        let checked = check_request(&request);
        note_request(cx, id, &request, checked.unwrap_or(Framing::None));
        let body = checked?;
        // RFC 9110 §10.1.1: an expectation of an HTTP/1.0 client is ignored.
        let expects = request.version >= Version::HTTP_11 && request.fields.contains(Name::Expect);
        self.exchange = Exchange {
            id,
            method: request.method.clone(),
            version: request.version,
            persists: persistence::wish(request.version, &request.fields) == Wish::Persist,
            awaits_continue: expects && body != Framing::None,
        };
        if id.0 >= u64::from(self.config.requests_max) {
            self.exchange.persists = false;
        }
        self.send.expect_response();
        self.deadline = None;
        self.events.push_back((id, Event::Head(Head::Request(request))));
        self.begin_body(cx, body);
        Ok(())
    }

    fn take_response(&mut self, cx: &mut Cx<'_>, response: Response) -> Result<(), Why> {
        let id = self.exchange.id;
        let body = framing::of_response(&self.exchange.method, &response)?;
        note_response(cx, id, &response, body);
        self.exchange.version = response.version;
        if response.status == Status::SWITCHING_PROTOCOLS {
            self.begin_tunnel(cx, Head::Response(response));
            return Ok(());
        }
        if response.status.is_informational() {
            self.events.push_back((id, Event::Informational(response)));
            return Ok(());
        }
        if self.exchange.method == Method::Connect && response.status.is_successful() {
            self.begin_tunnel(cx, Head::Response(response));
            return Ok(());
        }
        let wish = persistence::wish(response.version, &response.fields);
        if wish == Wish::Close || body == Framing::UntilClose {
            self.exchange.persists = false;
        }
        self.events.push_back((id, Event::Head(Head::Response(response))));
        self.begin_body(cx, body);
        Ok(())
    }

    fn begin_tunnel(&mut self, cx: &mut Cx<'_>, head: Head) {
        let id = self.exchange.id;
        cx.note(|| Seen::Upgraded { id: id.0 });
        self.exchange.persists = false;
        self.recv.become_tunnel();
        self.send.become_tunnel();
        self.events.push_back((id, Event::Head(head)));
    }

    fn begin_body(&mut self, cx: &mut Cx<'_>, body: Framing) {
        if self.role == Role::Client {
            // Who asked for something wants to have it.
            self.recv.mode = Mode::Read;
        }
        self.recv.phase = match body {
            Framing::None => return self.complete(cx),
            Framing::Length(len) => Phase::Length(len),
            Framing::Chunked => Phase::Chunked(Box::new(ChunkDecoder::new())),
            Framing::UntilClose => Phase::UntilClose,
        };
    }

    fn take_plain(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) -> usize {
        let mut len = bytes.len().min(self.body_room());
        if let Phase::Length(left) = &mut self.recv.phase {
            len = len.min(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= len as u64;
        }
        self.deliver(cx, bytes.get(..len).unwrap_or_default().to_vec());
        if matches!(self.recv.phase, Phase::Length(0)) {
            self.complete(cx);
        }
        len
    }

    fn take_chunks(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) -> usize {
        let room = self.body_room();
        let (mut taken, mut data) = (0, Vec::new());
        let shown = bytes.get(..bytes.len().min(room)).unwrap_or_default();
        while let (Phase::Chunked(decoder), Some(rest)) =
            (&mut self.recv.phase, shown.get(taken..).filter(|rest| !rest.is_empty()))
        {
            match decoder.step(rest, &self.config) {
                Ok((len, found)) => {
                    taken += len;
                    match found {
                        Decoded::Data(part) => data.extend_from_slice(part),
                        Decoded::Incomplete => break,
                        Decoded::Last => {
                            let parser = HeadParser::new(Expected::Trailers);
                            self.recv.phase = Phase::Trailers(Box::new(parser));
                        }
                    }
                }
                Err(why) => {
                    self.refuse(cx, why);
                    return bytes.len();
                }
            }
        }
        self.deliver(cx, data);
        taken
    }

    fn take_trailers(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) -> usize {
        let Phase::Trailers(parser) = &mut self.recv.phase else { return 0 };
        match parser.advance(bytes, &self.config) {
            Ok(None) => 0,
            Ok(Some(parsed)) => {
                let len = parsed.len;
                if !parsed.lines.is_empty() {
                    let block = bytes.get(..len).unwrap_or_default().to_vec();
                    let fields = Fields::from_parsed(block, parsed.lines);
                    let id = self.exchange.id;
                    cx.note(|| Seen::TrailersIn { id: id.0, fields: fields.len() });
                    note_fields(cx, &fields);
                    if self.recv.mode == Mode::Read {
                        self.events.push_back((id, Event::Trailers(fields)));
                    }
                }
                self.complete(cx);
                len
            }
            Err(why) => {
                self.refuse(cx, why);
                bytes.len()
            }
        }
    }

    /// How many bytes of the body may be taken now.
    fn body_room(&self) -> usize {
        match self.recv.mode {
            Mode::Undecided => 0,
            Mode::Read => self.config.body_window.saturating_sub(self.recv.unreleased),
            Mode::Discard => usize::MAX,
        }
    }

    fn deliver(&mut self, cx: &mut Cx<'_>, data: Vec<u8>) {
        if data.is_empty() {
            return;
        }
        let (id, len) = (self.exchange.id, data.len());
        cx.note(|| Seen::BodyIn { id: id.0, bytes: Private(&data) });
        self.recv.in_interval += len as u64;
        // Whoever sends its body has stopped waiting for leave to (RFC 9110 §10.1.1).
        self.exchange.awaits_continue = false;
        if self.recv.mode == Mode::Discard {
            self.recv.discarded += len as u64;
            if self.recv.discarded > self.config.body_unread_max {
                self.close(cx, Why::BodyUnread, Closing::Fin);
            }
            return;
        }
        self.recv.unreleased += len;
        self.events.push_back((id, Event::Data(Bytes::from(data).into())));
        if self.recv.unreleased >= self.config.body_window {
            // The user is slow, not the peer.
            self.deadline.take_if(|(_, timer)| *timer == Timer::BodyRate);
        }
    }

    /// The message that comes in is complete.
    fn complete(&mut self, cx: &mut Cx<'_>) {
        if self.closing != Closing::Open {
            return;
        }
        let id = self.exchange.id;
        cx.note(|| Seen::CompleteIn { id: id.0 });
        if self.recv.mode != Mode::Discard {
            self.events.push_back((id, Event::End));
        }
        self.recv.phase = Phase::Complete;
        self.deadline = None;
        self.exchange.awaits_continue = false;
        self.settle(cx);
    }
}

/// What makes a request unfit to be shown to anybody.
fn check_request(request: &Request) -> Result<Framing, Why> {
    request.check_host().map_err(|bad| Why::HostMalformed(bad.what))?;
    let body = framing::of_request(request)?;
    if request.version >= Version::HTTP_11 && request.fields.contains(Name::Expect) {
        // RFC 9110 §10.1.1: 100-continue is the only expectation there is.
        let known = |e: &[u8]| e.eq_ignore_ascii_case(b"100-continue");
        if !request.fields.elements(Name::Expect).all(known) {
            return Err(Why::ExpectationUnknown);
        }
    }
    Ok(body)
}

fn note_request(cx: &mut Cx<'_>, id: ExchangeId, request: &Request, body: Framing) {
    cx.note(|| Seen::RequestIn {
        id: id.0,
        method: &request.method,
        target: Text(request.target.as_str().as_bytes()),
        version: request.version,
        body,
    });
    note_fields(cx, &request.fields);
}

fn note_response(cx: &mut Cx<'_>, id: ExchangeId, response: &Response, body: Framing) {
    let (status, version) = (response.status, response.version);
    cx.note(|| Seen::ResponseIn { id: id.0, status, version, body });
    note_fields(cx, &response.fields);
}

/// One line for each field; what is private shows its length only.
pub(crate) fn note_fields(cx: &mut Cx<'_>, fields: &Fields) {
    if !base::xray::is_watched(base::xray::Layer::Application) {
        return;
    }
    for (name, value) in fields.iter() {
        cx.note(|| match name {
            FieldName::Known(known) if known.is_private() => {
                Seen::SecretField { name: name.as_str(), value: Private(value) }
            }
            _ => Seen::Field { name: name.as_str(), value: Text(value) },
        });
    }
}
