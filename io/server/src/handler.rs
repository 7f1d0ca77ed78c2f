use std::any::Any;
use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use base::{Chunk, Cx, FileRange, Wall};
use bytes::Bytes;
use message::{ExchangeId, Fields, Method, Name, Pace, Request, Response, Status};

use crate::transport::TcpFacts;

/// What answers requests; a worker has one of its own.
pub trait Handler: 'static {
    /// Answers a request, at once or later. Of the request's body, if it has one, only the length can be
    /// asked for.
    fn handle(&self, cx: &mut Cx<'_>, request: &Arc<Request>, peer: &Peer<'_>) -> Reply;

    /// What pace somebody must keep who comes under this name of TLS, if it has one of its own, until
    /// a request says more.
    fn pace(&self, _server_name: Option<&str>) -> Option<Arc<Pace>> {
        None
    }

    /// Does to an answer that was promised what [`handle`](Self::handle) does to others before it
    /// returns them.
    fn promised(
        &self,
        _cx: &mut Cx<'_>,
        _request: &Request,
        _peer: &Peer<'_>,
        answer: Answer,
    ) -> Reply {
        answer.into()
    }

    /// An exchange is over: the place for access logs. Called on the hot path.
    fn finished(&self, _record: &Record<'_>) {}

    /// What else this handler wants to hear of; asked for once, when the worker begins.
    fn listens(&self) -> Vec<Listening> {
        Vec::new()
    }

    /// Called a few times a second, and once at the end: the place for what need not be done
    /// for each request.
    fn tick(&self) {}
}

/// Something that a handler hears of beside requests, such as changes of files.
pub struct Listening {
    /// What can be read from when there is something to hear.
    pub source: Rc<OwnedFd>,
    /// Reads it up to its end. Called before any connection whose news came with it has its turn:
    /// what happened before a request was sent is heard before the request is answered.
    pub hear: Box<dyn Fn()>,
}

/// Who asks, and over what.
#[derive(Clone, Copy, Debug)]
pub struct Peer<'a> {
    /// The other end of the connection; nothing for a client of a socket in the file system.
    pub address: Option<SocketAddr>,
    /// The connection's number, which no other of this server has; the x-ray uses the same.
    pub connection: u64,
    /// The exchange's number on the connection.
    pub exchange: ExchangeId,
    /// Whether the connection is a session of TLS.
    pub is_secure: bool,
    /// What was agreed in its handshake, once it is done.
    pub tls: Option<&'a tls::Facts>,
    /// The handler's own notes on the exchange: what it writes here when it answers stands here when
    /// the exchange is over, in its [`Record`].
    pub notes: &'a Notes,
    /// What is known only to who asks for it.
    pub vitals: Option<&'a dyn Vitals>,
}

/// What a handler notes of an exchange.
#[derive(Default)]
pub struct Notes {
    /// A number, zero at first.
    pub mark: Cell<u32>,
    /// What pace the client must keep with the request's body, and with the next head on its
    /// connection, if it is not the same for all.
    pub pace: Cell<Option<Arc<Pace>>>,
    is_again: Cell<bool>,
    body_len: Cell<Option<u64>>,
    // Nearly always nothing, and so small.
    kept: Cell<Option<Box<Kept>>>,
}

/// What is kept, and what was kept before it.
struct Kept {
    _thing: Box<dyn Any>,
    _before: Option<Box<Self>>,
}

impl Notes {
    /// Keeps `thing` until the exchange is over, or the handler is asked again: what counts
    /// something that is under way is dropped then.
    pub fn keep(&self, thing: impl Any) {
        let kept = Kept { _thing: Box::new(thing), _before: self.kept.take() };
        self.kept.set(Some(Box::new(kept)));
    }

    /// Whether the handler is asked again ([`Reply::Again`]).
    pub fn is_again(&self) -> bool {
        self.is_again.get()
    }

    /// How long the request's body is, if it was taken ([`Reply::TakeBody`]). Of one that is longer
    /// than was asked for, how much had come when that was known.
    pub fn body_len(&self) -> Option<u64> {
        self.body_len.get()
    }

    /// More of the body has come.
    pub(crate) fn add_to_body(&self, len: u64) {
        self.body_len.set(Some(self.body_len.get().unwrap_or_default() + len));
    }

    /// The handler is asked again, and keeps what it wants to keep again.
    pub(crate) fn begin_again(&self) {
        self.is_again.set(true);
        self.kept.set(None);
    }
}

impl fmt::Debug for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notes").field("mark", &self.mark).finish_non_exhaustive()
    }
}

/// How an exchange and its connection are, at the price of a system call for each question.
pub trait Vitals {
    /// How long ago the request's head was complete.
    fn age(&self) -> Duration;
    /// What TCP knows of the connection, if it is TCP.
    fn tcp(&self) -> Option<TcpFacts>;
}

impl fmt::Debug for dyn Vitals + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vitals").finish_non_exhaustive()
    }
}

impl<'a> Peer<'a> {
    /// Somebody of whom nothing is known, in clear text.
    pub const fn new(connection: u64, exchange: ExchangeId, notes: &'a Notes) -> Self {
        let (address, is_secure, tls, vitals) = (None, false, None, None);
        Self { address, connection, exchange, is_secure, tls, notes, vitals }
    }

    /// The address without its port, of IPv4 where it is one of IPv4 within IPv6.
    pub fn ip(&self) -> Option<IpAddr> {
        self.address.map(|address| address.ip().to_canonical())
    }
}

/// An answer, or the promise of one.
pub enum Reply {
    /// The answer.
    Now(Answer),
    /// It takes time; dropped when the client goes away.
    Later(Pin<Box<dyn Future<Output = Answer>>>),
    /// Something must be found out first; then [`Handler::handle`] is asked again. Dropped when the
    /// client goes away.
    Again(Pin<Box<dyn Future<Output = ()>>>),
    /// The request's body is to be taken and forgotten first, as far as it is no longer than this; then
    /// [`Handler::handle`] is asked again, and [`Notes::body_len`] says how long it was.
    TakeBody(u64),
    /// One of the others, and what goes ahead of it.
    Hinted(Box<Hinted>),
    /// There is none: the connection ends without a word.
    Close,
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Self::Now(answer)
    }
}

/// A reply, and what its client will need besides.
pub struct Hinted {
    /// The reply; not another one of these.
    pub reply: Reply,
    /// The fields of a 103 (Early Hints), which goes at once to who may get one (RFC 8297); none
    /// where there are none.
    pub early: Fields,
    /// The requests that the client will make next. They are promised and answered where it speaks
    /// HTTP/2, wants that, and was not sent the same before (RFC 9113 §8.4); the answers are the
    /// handler's, as if they had been asked for.
    pub pushes: Vec<Request>,
}

/// A response with its body.
pub struct Answer {
    /// The head. With a Content-Length where the length is known; chunked otherwise.
    pub response: Response,
    /// The body; left out by the connection where the request was HEAD.
    pub body: Body,
}

impl Answer {
    /// An answer whose whole body is in memory; its length is added to the fields.
    pub fn whole(status: Status, mut fields: Fields, body: Bytes) -> Self {
        fields.set(Name::ContentLength, body.len().to_string());
        Self { response: Response::new(status, fields), body: Body::Memory(body) }
    }
}

/// What a response carries.
pub enum Body {
    /// Nothing.
    Empty,
    /// Bytes in memory.
    Memory(Bytes),
    /// Bytes in memory and ranges of files, one behind the other.
    Parts(VecDeque<Chunk>),
    /// Pieces that come when they are asked for; never ranges of files.
    Stream(Box<dyn Source>),
}

impl From<FileRange> for Body {
    fn from(range: FileRange) -> Self {
        Self::Parts(VecDeque::from([range.into()]))
    }
}

/// The pieces of a body, one after the other.
pub trait Source {
    /// The next piece; nothing at the end.
    ///
    /// # Errors
    ///
    /// The rest cannot be had: the connection ends, so that nobody takes the body for whole.
    fn poll_next(
        &mut self,
        cx: &mut Cx<'_>,
        task: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Chunk>>>;
}

/// An exchange that is over, as an access log sees it.
#[derive(Debug)]
pub struct Record<'a> {
    /// When it was over.
    pub wall: Wall,
    /// Who asked.
    pub peer: Peer<'a>,
    /// What was asked, if it could be read.
    pub request: Option<&'a Request>,
    /// What was answered, if anything was.
    pub status: Option<Status>,
    /// How many bytes of the body were handed on.
    pub body_len: u64,
    /// How long it took, from the head's last byte to the answer's last byte handed on.
    pub took: Duration,
    /// Why it ended early, if it did.
    pub cut_short: Option<&'static str>,
}

impl Record<'_> {
    /// The request's method, if it could be read.
    pub fn method(&self) -> Option<&Method> {
        self.request.map(|request| &request.method)
    }
}
