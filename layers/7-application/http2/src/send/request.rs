//! Requests and promises that go out. (RFC 9113 §8.3.1, §8.4, §8.5, RFC 8441 §4)

use base::Cx;
use base::xray::Text;
use message::target::Form;
use message::{Closing, Method, Name, Request};

use crate::end::STREAM_MAX;
use crate::head::{RequestLine, emit_request};
use crate::machine::Connection;
use crate::priority::URGENCY_LEAST;
use crate::recv::{asked, note_fields};
use crate::stream::{InPhase, OutPhase, State};
use crate::wire::{Flags, Kind, begin_frame};
use crate::{Priority, Seen, Why};

/// The control data of a request, as text of its own where it has to be put together.
struct Line {
    scheme: Option<Vec<u8>>,
    authority: Option<Vec<u8>>,
    path: Option<Vec<u8>>,
    protocol: Option<Vec<u8>>,
}

impl Connection {
    /// Whether a client may open a stream.
    pub(crate) fn may_open(&self) -> Result<(), Why> {
        if self.closing != Closing::Open || self.going.has_begun() || self.recv.is_finished() {
            Err(Why::GoingAway)
        } else if self.streams.next_own > STREAM_MAX {
            // RFC 9113 §5.1.1: the next request needs another connection.
            Err(Why::StreamsUsedUp)
        } else if self.streams.active_own >= self.peer.streams_max {
            Err(Why::PeerIsFull)
        } else {
            Ok(())
        }
    }

    /// Whether a server may promise something that belongs to `parent`.
    pub(crate) fn may_push(&self, parent: u32, request: &Request) -> Result<(), Why> {
        self.may_open()?;
        let sent = self.send.sent.as_ref().filter(|_| self.peer.push);
        // RFC 9113 §6.6: only to who has not said no.
        let sent = sent.ok_or(Why::PushNotAllowed)?;
        if sent.may_have(request) {
            return Err(Why::SentBefore);
        }
        if self.streams.active_own >= self.config.streams_max {
            // A client that has set no bound, as most have, has ours.
            return Err(Why::TooManyStreams);
        }
        // RFC 9113 §6.6: on a stream of the client's that is open in our direction.
        match self.stream(parent) {
            Some(stream) if stream.state.may_send() && !self.streams.is_own(parent) => Ok(()),
            _ => Err(Why::StreamClosed),
        }
    }

    pub(crate) fn send_request(&mut self, cx: &mut Cx<'_>, request: Request) -> Result<(), Why> {
        let id = self.streams.next_own;
        let line = self.line(&request)?;
        self.streams.next_own += 2;
        let slot = self.streams.insert(id, self.stream_window(), self.peer.window);
        if let Some(stream) = self.streams.at_mut(slot) {
            stream.asked = asked(&request.method);
            stream.outbound.phase = OutPhase::Body;
            stream.outbound.left = request.fields.length();
            stream.inbound.is_read = true;
        }
        self.change(cx, slot, Kind::Headers, State::send_head);
        cx.note(|| Seen::RequestOut {
            id,
            method: &request.method,
            target: Text(request.target.as_bytes()),
        });
        note_fields(cx, &request.fields);
        let at = begin_frame(Kind::Headers, Flags::END_HEADERS, id, self.send.replies(cx));
        self.emit_line(cx, &request, &line);
        self.end_head(id, at);
        Ok(())
    }

    pub(crate) fn send_promise(
        &mut self,
        cx: &mut Cx<'_>,
        parent: u32,
        request: Request,
    ) -> Result<(), Why> {
        // RFC 9113 §8.4: what nobody asked for changes nothing and has no body.
        if !matches!(request.method, Method::Get | Method::Head) {
            return Err(Why::PromiseNotSafe);
        }
        let promised = self.streams.next_own;
        let line = self.line(&request)?;
        self.streams.next_own += 2;
        let priority = self.stream(parent).map(|parent| parent.priority).unwrap_or_default();
        // What nobody asked for waits for what somebody did.
        let priority = Priority { urgency: (priority.urgency + 1).min(URGENCY_LEAST), ..priority };
        let slot = self.streams.insert(promised, self.stream_window(), self.peer.window);
        if let Some(stream) = self.streams.at_mut(slot) {
            stream.asked = asked(&request.method);
            stream.inbound.phase = InPhase::Complete;
            stream.priority = priority;
        }
        self.change(cx, slot, Kind::PushPromise, State::send_promise);
        cx.note(|| Seen::PromiseOut { id: promised, parent });
        note_fields(cx, &request.fields);
        if let Some(sent) = &mut self.send.sent {
            sent.add(&request);
        }
        let replies = self.send.replies(cx);
        let at = begin_frame(Kind::PushPromise, Flags::END_HEADERS, parent, replies);
        replies.extend_from_slice(&promised.to_be_bytes());
        self.emit_line(cx, &request, &line);
        self.end_head(parent, at);
        self.send.last_head = None;
        Ok(())
    }

    fn emit_line(&mut self, cx: &mut Cx<'_>, request: &Request, line: &Line) {
        let line = RequestLine {
            scheme: line.scheme.as_deref(),
            authority: line.authority.as_deref(),
            path: line.path.as_deref(),
            protocol: line.protocol.as_deref(),
        };
        let send = &mut self.send;
        emit_request(cx, &mut send.encoder, request, &line, &mut send.replies);
    }

    /// Which pseudo-fields a request has (RFC 9113 §8.3.1, §8.5).
    fn line(&self, request: &Request) -> Result<Line, Why> {
        let target = &request.target;
        let host = || request.fields.get(Name::Host).map(<[u8]>::to_vec);
        let authority = target.authority().map(|authority| authority.to_string().into_bytes());
        let default = if self.is_secure { "https" } else { "http" };
        let scheme = target.scheme().unwrap_or(default).as_bytes().to_ascii_lowercase();
        let protocol = match (&request.method, target.form()) {
            (Method::Connect, Form::Authority) => {
                return Ok(Line { scheme: None, authority, path: None, protocol: None });
            }
            (Method::Connect, _) => {
                // RFC 8441 §4: which protocol is what Upgrade says.
                let protocol = request.fields.get_only(Name::Upgrade).ok_or(Why::TargetUnfit)?;
                if !self.peer.extended_connect {
                    return Err(Why::NoExtendedConnect);
                }
                Some(protocol.to_vec())
            }
            _ => None,
        };
        let path = match target.form() {
            // RFC 9113 §8.3.1: an OPTIONS of the whole server.
            Form::Absolute if target.has_no_path() && request.method == Method::Options => {
                b"*".to_vec()
            }
            _ => target.path_and_query().as_bytes().to_vec(),
        };
        Ok(Line {
            scheme: Some(scheme),
            authority: authority.or_else(host),
            path: Some(path),
            protocol,
        })
    }
}
