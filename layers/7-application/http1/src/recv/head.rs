use std::sync::Arc;

use base::Cx;
use base::xray::Text;
use message::{Event, ExchangeId, Fields, Head, Name, Request, Response, Status, Version};

use super::{Mode, Phase, note_fields};
use crate::framing::{self, Framing};
use crate::machine::{Connection, Role, Timer};
use crate::memory::{Known, Memory};
use crate::persistence::{self, Wish};
use crate::wire::{ChunkDecoder, Expected, HeadParser, Parsed, StartLine};
use crate::{Seen, Why};

/// How many interim responses may come before the final one: with one every 20 seconds, which is
/// what servers at work on something long have been told to send (RFC 2518 §10.1), more than half
/// an hour.
const INTERIMS_MAX: u8 = 100;

/// How a message begins.
impl Connection {
    pub(super) fn take_head(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) -> usize {
        if self.role == Role::Client && self.send.is_idle() {
            // RFC 9112 §9.2: a response to no request; nothing good can follow.
            self.refuse(cx, Why::Unsolicited);
            return bytes.len();
        }
        if let (Phase::Head(None), Role::Server) = (&self.recv.phase, self.role)
            && let Some((known, len)) = cx.memory::<Memory>().find(bytes, &self.config)
        {
            self.take_known(cx, known);
            return len;
        }
        let Phase::Head(waiting) = &mut self.recv.phase else { return 0 };
        let advanced = match waiting {
            Some(parser) => parser.advance(bytes, &self.config),
            // RFC 9112 §2.2: empty lines before a request line are skipped. What they may take is
            // bounded by the time that a request has for its beginning.
            None if bytes.starts_with(b"\r\n") && self.role == Role::Server => return 2,
            None if bytes == b"\r" && self.role == Role::Server => return 0,
            None => {
                let mut parser = HeadParser::new(match self.role {
                    Role::Server => Expected::Request,
                    Role::Client => Expected::Response,
                });
                let advanced = parser.advance(bytes, &self.config);
                if !matches!(advanced, Ok(Some(_))) {
                    *waiting = Some(Box::new(parser));
                }
                advanced
            }
        };
        match advanced {
            Ok(None) => {
                self.limit_head(cx);
                0
            }
            Ok(Some(parsed)) => {
                let len = parsed.len;
                self.recv.phase = Phase::Head(None);
                let head = bytes.get(..len).unwrap_or_default();
                if let Err(why) = self.take_parsed(cx, head, parsed) {
                    self.refuse(cx, why);
                }
                len
            }
            Err(why) => {
                self.refuse_head(cx, why);
                bytes.len()
            }
        }
    }

    /// From its first byte on, a head has so long.
    fn limit_head(&mut self, cx: &mut Cx<'_>) {
        let is_running = matches!(self.deadline, Some((_, Timer::Head)));
        if self.role == Role::Server && !is_running {
            self.deadline = Some((cx.now().after(self.timeout_head()), Timer::Head));
        }
    }

    #[cold]
    fn refuse_head(&mut self, cx: &mut Cx<'_>, why: Why) {
        if let (Phase::Head(Some(parser)), Role::Server) = (&self.recv.phase, self.role)
            && let Some(method) = parser.method()
        {
            // RFC 9110 §9.3.2: no body answers HEAD, nor does a refusal's.
            self.exchange.method = method.clone();
        }
        self.recv.phase = Phase::Head(None);
        self.refuse(cx, why);
    }

    fn take_parsed(&mut self, cx: &mut Cx<'_>, head: &[u8], parsed: Parsed) -> Result<(), Why> {
        let fields = Fields::from_parsed(head.to_vec(), parsed.lines);
        match parsed.start {
            Some(StartLine::Request { method, target, version }) => {
                let request = Request { method, target, version, fields };
                self.take_request(cx, Arc::new(request))
            }
            Some(StartLine::Status { status, version }) => {
                self.take_response(cx, Response { status, version, fields })
            }
            None => Err(Why::StartLineMalformed),
        }
    }

    fn take_request(&mut self, cx: &mut Cx<'_>, request: Arc<Request>) -> Result<(), Why> {
        let id = ExchangeId(self.exchange.id.0 + 1);
        // A refusal, too, must know what it answers.
        self.exchange.method = request.method.clone();
        self.exchange.version = request.version;
        let checked = check_request(&request);
        note_request(cx, id, &request, checked.unwrap_or(Framing::None));
        let body = checked?;
        let fields = &request.fields;
        // RFC 9110 §10.1.1: an expectation of an HTTP/1.0 client is ignored.
        let expects = request.version >= Version::HTTP_11
            && fields.contains(Name::Expect)
            && fields.has_element(Name::Expect, "100-continue");
        let wish = persistence::wish(request.version, fields);
        let wishes_upgrade = persistence::wishes_upgrade(request.version, fields);
        if body == Framing::None && !expects && !wishes_upgrade {
            cx.memory::<Memory>().remember(&self.config, &request, wish);
        }
        self.exchange.awaits_continue =
            expects && !matches!(body, Framing::None | Framing::Length(0));
        self.exchange.wishes_upgrade = wishes_upgrade;
        self.accept(cx, id, request, wish);
        self.begin_body(cx, body);
        Ok(())
    }

    /// Takes a request that came before: what its head means is known.
    fn take_known(&mut self, cx: &mut Cx<'_>, known: Known) {
        let Known { request, wish } = known;
        let id = ExchangeId(self.exchange.id.0 + 1);
        note_request(cx, id, &request, Framing::None);
        self.exchange.method = request.method.clone();
        self.exchange.version = request.version;
        self.exchange.awaits_continue = false;
        self.exchange.wishes_upgrade = false;
        self.accept(cx, id, request, wish);
        self.complete(cx);
    }

    /// Begins the exchange and shows the request to the user.
    fn accept(&mut self, cx: &mut Cx<'_>, id: ExchangeId, request: Arc<Request>, wish: Wish) {
        self.exchange.id = id;
        self.exchange.persists = wish == Wish::Persist;
        self.exchange.becomes_tunnel = false;
        if self.exchange.persists && id.0 >= u64::from(self.config.requests_max) {
            cx.note(|| Seen::Closing { why: Why::RequestsUsedUp });
            self.exchange.persists = false;
        }
        self.send.expect_response();
        self.deadline = None;
        self.events.push(id, Event::Head(Head::Request(request)));
    }

    fn take_response(&mut self, cx: &mut Cx<'_>, response: Response) -> Result<(), Why> {
        let (id, status) = (self.exchange.id, response.status);
        let body = framing::of_response(&self.exchange.method, &response)?;
        note_response(cx, id, &response, body);
        self.exchange.version = response.version;
        if status == Status::SWITCHING_PROTOCOLS {
            // RFC 9110 §7.8: nobody is made to switch.
            if !self.exchange.wishes_upgrade {
                return Err(Why::UpgradeNotWished);
            }
            self.begin_tunnel(cx, response);
            return Ok(());
        }
        if status.is_informational() {
            self.recv.interims += 1;
            if self.recv.interims > INTERIMS_MAX {
                return Err(Why::TooManyInterims);
            }
            self.events.push(id, Event::Informational(response));
            return Ok(());
        }
        if framing::is_tunnel(&self.exchange.method, status) {
            self.begin_tunnel(cx, response);
            return Ok(());
        }
        let wish = persistence::wish(response.version, &response.fields);
        if wish == Wish::Close || body == Framing::UntilClose {
            self.exchange.persists = false;
        }
        self.events.push(id, Event::Head(Head::Response(response)));
        self.begin_body(cx, body);
        Ok(())
    }

    /// The server has agreed to speak another protocol, from the end of this head on.
    fn begin_tunnel(&mut self, cx: &mut Cx<'_>, response: Response) {
        let id = self.exchange.id;
        cx.note(|| Seen::Upgraded { id: id.0 });
        self.exchange.persists = false;
        self.exchange.becomes_tunnel = true;
        self.recv.become_tunnel();
        if self.send.is_complete() {
            self.send.become_tunnel();
        }
        self.events.push(id, Event::Head(Head::Response(response)));
    }

    fn begin_body(&mut self, cx: &mut Cx<'_>, body: Framing) {
        if self.role == Role::Client {
            // Who asked for something wants to have it.
            self.recv.mode = Mode::Read;
        }
        self.recv.phase = match body {
            Framing::None | Framing::Length(0) => return self.complete(cx),
            Framing::Length(len) => Phase::Length(len),
            Framing::Chunked => Phase::Chunked(Box::new(ChunkDecoder::new())),
            Framing::UntilClose => Phase::UntilClose,
        };
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
