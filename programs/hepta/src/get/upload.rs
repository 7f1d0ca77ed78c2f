//! The body of a request.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use base::{Chunk, Cx};
use bytes::Bytes;
use endpoint::Endpoint;
use message::{Event, ExchangeId};
use tokio::time::{Duration, Instant};

use super::problem::{Code, Problem};

/// How much of a file is read at once.
const READ_LEN: u64 = 64 * 1024;

/// A body from which leave is asked before it is sent; smaller ones are sent at once, since asking
/// may cost more than sending in vain.
pub(super) const EXPECT_LEN_MIN: u64 = 1024 * 1024;

/// How long a server has to give leave. RFC 9110 §10.1.1: a client must not wait for ever, since
/// servers of old do not answer.
const CONTINUE_WAIT: Duration = Duration::from_secs(1);

/// What is to be sent. It can be sent again: after a redirect, or when a connection broke.
#[derive(Clone, Debug)]
pub(super) enum Body {
    Memory(Bytes),
    File { file: Arc<File>, len: u64 },
}

/// A body on its way.
#[derive(Debug)]
pub(super) struct Upload {
    body: Option<Body>,
    sent: u64,
    /// Until when to wait for leave.
    pub(super) waits_until: Option<Instant>,
    is_complete: bool,
}

impl Body {
    /// `DATA`, `@FILE` or `@-`, as `--data` has it.
    pub(super) fn from_argument(data: &str) -> Result<Self, Problem> {
        let Some(name) = data.strip_prefix('@') else {
            return Ok(Self::Memory(data.as_bytes().to_vec().into()));
        };
        let bad = |error: io::Error| {
            Problem::new(
                Code::Read,
                format!("{name} cannot be sent: {}", super::connect::plain(&error)),
            )
            .hint("--data @FILE sends what is in FILE; --data DATA sends the text itself")
        };
        if name == "-" {
            let mut all = Vec::new();
            io::stdin().read_to_end(&mut all).map_err(bad)?;
            return Ok(Self::Memory(all.into()));
        }
        let file = File::open(name).map_err(bad)?;
        let metadata = file.metadata().map_err(bad)?;
        if metadata.is_file() {
            return Ok(Self::File { file: Arc::new(file), len: metadata.len() });
        }
        // A pipe has no length, and cannot be sent twice.
        let mut all = Vec::new();
        let _ = (&file).read_to_end(&mut all).map_err(bad)?;
        Ok(Self::Memory(all.into()))
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { len, .. } => *len,
        }
    }

    /// The next part behind `offset`, at most `room` bytes.
    fn part(&self, cx: &mut Cx<'_>, offset: u64, room: u64) -> io::Result<Chunk> {
        let len = (self.len() - offset).min(room).min(READ_LEN) as usize;
        match self {
            Self::Memory(bytes) => {
                let start = offset as usize;
                Ok(bytes.slice(start..start + len).into())
            }
            Self::File { file, .. } => {
                let mut buffer = cx.buffer();
                buffer.resize(len, 0);
                file.read_exact_at(&mut buffer, offset)?;
                Ok(buffer.into())
            }
        }
    }
}

impl Upload {
    pub(super) fn new(body: Option<&Body>, expects_continue: bool) -> Self {
        let waits_until = expects_continue.then(|| Instant::now() + CONTINUE_WAIT);
        Self { body: body.cloned(), sent: 0, waits_until, is_complete: false }
    }

    /// Sends what there is room for.
    pub(super) fn go_on(
        &mut self,
        cx: &mut Cx<'_>,
        endpoint: &mut Endpoint,
        id: ExchangeId,
    ) -> Result<(), Problem> {
        if self.waits_until.is_some_and(|until| Instant::now() >= until) {
            self.waits_until = None;
        }
        if self.waits_until.is_some() {
            return Ok(());
        }
        while !self.is_complete {
            let Some(body) = self.body.as_ref().filter(|body| body.len() > self.sent) else {
                endpoint.send(cx, id, Event::End);
                self.is_complete = true;
                break;
            };
            let room = endpoint.room(cx, id);
            if room == 0 {
                break;
            }
            let part = body.part(cx, self.sent, room).map_err(|error| {
                Problem::new(Code::Read, format!("what is sent changed on the way: {error}"))
            })?;
            self.sent += part.len();
            endpoint.send(cx, id, Event::Data(part));
        }
        Ok(())
    }

    /// Nobody wants the rest. The connection is of no use for another request then, for nobody could
    /// tell where that begins.
    pub(super) fn give_up(&mut self) {
        self.is_complete = true;
    }

    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }
}
