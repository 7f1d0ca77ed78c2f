//! What the connections of one worker remember together, to save work and nothing else.

use std::sync::Arc;

use base::Wall;
use message::{Request, Status, date};

use crate::Config;
use crate::persistence::Wish;
use crate::wire::emit_status_line;

/// How many heads are remembered.
const HEADS: usize = 64;

/// The longest head that is remembered; with its index, which is at most twice as long, 64 of them
/// take less than 256 KiB.
const HEAD_LEN_MAX: usize = 1024;

/// How many bytes of a head choose its place: the method and the beginning of the target, or more.
const KEY_LEN: usize = 24;

/// The memory of a worker.
#[derive(Debug)]
pub(crate) struct Memory {
    opening: Option<Opening>,
    heads: [Option<Box<Checked>>; HEADS],
}

/// A request, and the limits under which it passed.
type Checked = (Arc<Config>, Known);

impl Default for Memory {
    fn default() -> Self {
        Self { opening: None, heads: [const { None }; HEADS] }
    }
}

/// How a 200 begins on a connection that persists, up to the number of requests that may follow.
#[derive(Debug)]
pub(crate) struct Opening {
    wall: Wall,
    idle_secs: u64,
    text: Vec<u8>,
    status_len: usize,
    date_len: usize,
}

impl Opening {
    fn new(wall: Wall, idle_secs: u64) -> Self {
        let mut text = Vec::new();
        emit_status_line(Status::OK, &mut text);
        let status_len = text.len();
        text.extend_from_slice(b"Date: ");
        text.extend_from_slice(&date::emit(wall));
        text.extend_from_slice(b"\r\n");
        let date_len = text.len() - status_len;
        text.extend_from_slice(b"Connection: keep-alive\r\nKeep-Alive: timeout=");
        text.extend_from_slice(idle_secs.to_string().as_bytes());
        text.extend_from_slice(b", max=");
        Self { wall, idle_secs, text, status_len, date_len }
    }

    /// Status line, date and all that is said about the connection.
    #[inline]
    pub(crate) fn whole(&self) -> &[u8] {
        &self.text
    }

    /// The line that says what date it is.
    pub(crate) fn date_line(&self) -> &[u8] {
        self.text.get(self.status_len..self.status_len + self.date_len).unwrap_or_default()
    }

    /// What is said about the connection.
    pub(crate) fn persistence(&self) -> &[u8] {
        self.text.get(self.status_len + self.date_len..).unwrap_or_default()
    }
}

/// A request that came before, and passed every check: one without a body, without an expectation
/// and without a wish for another protocol. The same bytes, under the same limits, are the same
/// request.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) request: Arc<Request>,
    pub(crate) wish: Wish,
}

impl Memory {
    /// How responses begin now; made once a second.
    #[inline]
    pub(crate) fn opening(&mut self, wall: Wall, idle_secs: u64) -> &Opening {
        let is_fresh = |made: &&Opening| made.wall == wall && made.idle_secs == idle_secs;
        if self.opening.as_ref().filter(is_fresh).is_none() {
            self.opening = Some(Opening::new(wall, idle_secs));
        }
        self.opening.as_ref().expect("it was there or made just now")
    }

    /// The request that `bytes` begin with, if it came before; and how long its head is.
    #[inline]
    pub(crate) fn find(&self, bytes: &[u8], config: &Arc<Config>) -> Option<(Known, usize)> {
        let (checked_by, known) = self.heads.get(place(bytes)?)?.as_deref()?;
        let head = known.request.fields.as_parsed();
        let is_same = bytes.starts_with(head) && Arc::ptr_eq(checked_by, config);
        is_same.then(|| (known.clone(), head.len()))
    }

    /// Remembers a request. Secrets are not kept longer than they are needed.
    pub(crate) fn remember(&mut self, config: &Arc<Config>, request: &Arc<Request>, wish: Wish) {
        let fields = &request.fields;
        let head = fields.as_parsed();
        let has_secret = fields.iter().any(|(name, _)| name.is_private());
        if head.len() > HEAD_LEN_MAX || has_secret {
            return;
        }
        if let Some(slot) = place(head).and_then(|at| self.heads.get_mut(at)) {
            let known = Known { request: Arc::clone(request), wish };
            *slot = Some(Box::new((Arc::clone(config), known)));
        }
    }
}

/// The place of a head; it may lose it to any other.
#[inline]
fn place(bytes: &[u8]) -> Option<usize> {
    let (words, _) = bytes.first_chunk::<KEY_LEN>()?.as_chunks::<8>();
    let mixed = words.iter().fold(0u64, |mixed, word| {
        (mixed ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
    });
    Some((mixed >> 32) as usize % HEADS)
}
