//! What comes in.

mod block;
mod body;
mod control;
mod head;
mod promise;
mod settings;

pub(crate) use head::{asked, leave_out_forbidden, note_fields};

use base::Cx;
use hpack::Decoder;

use message::Closing;

use crate::flow::{Bandwidth, RecvWindow, WINDOW_INITIAL};
use crate::machine::{Connection, Role};
use crate::memory::Requests;
use crate::priority::Priority;
use crate::settings::FRAME_LEN_MAX;
use crate::streams::Known;
use crate::wire::{Flags, FrameHeader, HEADER_LEN, Kind, PREFACE};
use crate::{Config, Fault, Seen, Timer, Why};

use block::Assembly;

/// How many bytes a lingering close takes before it stops being polite: what a client may have on its
/// way, and send on, before it reads our last word. To forget as many costs a few milliseconds.
const LINGERED_LEN_MAX: u64 = 16 * 1024 * 1024;

/// What is known of the bytes that come in.
#[derive(Debug)]
pub(crate) struct Recv {
    phase: Phase,
    /// A block of fields that is not complete.
    assembly: Option<Box<Assembly>>,
    decoder: Decoder,
    requests: Requests,
    /// The connection's window. It is given back as soon as bytes arrive: what limits what is held
    /// are the windows of streams, so that one that nobody reads stops no other.
    window: RecvWindow,
    bandwidth: Bandwidth,
    /// By how much windows of streams may still grow.
    growth_left: u32,
    /// What was said about streams that are still to come (RFC 9218 §7.1).
    priorities: Vec<(u32, Priority)>,
    /// The window of new streams, as the peer knows it.
    stream_window: u32,
    /// Our settings are on their way.
    awaits_ack: bool,
    /// The peer's first SETTINGS are here.
    has_settings: bool,
}

/// What the next byte is.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Of the client's preface, of which so much has come.
    Preface(usize),
    /// The head of a frame.
    Frame,
    /// Of DATA: so much of the body, then so much padding.
    Data { stream: u32, left: u32, padding: u32, ends: bool },
    /// Of a frame that nobody wants: so much is left.
    Skip(u32),
    /// The connection is ending; so much is taken at most.
    Lingering(u64),
    /// The peer has finished.
    Finished,
}

impl Recv {
    pub(crate) fn new(role: Role, config: &Config) -> Self {
        let is_server = role == Role::Server;
        Self {
            phase: if is_server { Phase::Preface(0) } else { Phase::Frame },
            assembly: None,
            // Until the peer knows that it may use less, it may use what everybody may.
            decoder: Decoder::new(table_len(config).max(hpack::TABLE_LEN_DEFAULT)),
            requests: Requests::default(),
            window: RecvWindow::new(WINDOW_INITIAL),
            bandwidth: Bandwidth::new(config.window, config.window_max),
            growth_left: config.window_growth_max,
            priorities: Vec::new(),
            stream_window: WINDOW_INITIAL,
            awaits_ack: true,
            has_settings: false,
        }
    }

    pub(crate) fn is_in_block(&self) -> bool {
        self.assembly.is_some()
    }

    pub(crate) const fn is_finished(&self) -> bool {
        matches!(self.phase, Phase::Finished)
    }

    pub(crate) fn finish(&mut self) {
        self.phase = Phase::Finished;
    }

    pub(crate) fn linger(&mut self) {
        self.assembly = None;
        if !self.is_finished() {
            self.phase = Phase::Lingering(LINGERED_LEN_MAX);
        }
    }

    /// A stream is over: what its window had grown by may be another's.
    pub(crate) fn give_back_growth(&mut self, window: &RecvWindow) {
        self.growth_left += window.size().saturating_sub(self.stream_window);
    }
}

/// The size of table that we announce; HPACK has a bound of its own.
fn table_len(config: &Config) -> u32 {
    config.table_len_max.min(hpack::TABLE_LEN_MAX)
}

/// From bytes to frames.
impl Connection {
    /// Takes some of the bytes; nothing when more must follow first, or answers must go first.
    pub(crate) fn take_bytes(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) -> usize {
        if self.has_ended() {
            cx.note(|| Seen::Lingering { len: bytes.len() });
            return bytes.len();
        }
        match self.recv.phase {
            Phase::Lingering(left) => self.take_in_vain(cx, left, bytes.len()),
            Phase::Finished => bytes.len(),
            _ if self.send.is_full() => 0,
            Phase::Frame => self.take_frame(cx, bytes),
            Phase::Data { .. } => self.take_data(cx, bytes),
            Phase::Skip(left) => self.skip(left, bytes),
            Phase::Preface(so_far) => self.take_preface(cx, so_far, bytes),
        }
    }

    /// RFC 9113 §3.4: who does not begin like this does not speak HTTP/2.
    fn take_preface(&mut self, cx: &mut Cx<'_>, so_far: usize, bytes: &[u8]) -> usize {
        let wanted = PREFACE.get(so_far..).unwrap_or_default();
        let len = wanted.len().min(bytes.len());
        if bytes.get(..len) != wanted.get(..len) {
            self.fail(cx, Fault::connection(Why::PrefaceMalformed));
            return bytes.len();
        }
        self.recv.phase = Phase::Preface(so_far + len);
        if so_far + len == PREFACE.len() {
            cx.note(|| Seen::Preface);
            self.recv.phase = Phase::Frame;
        }
        len
    }

    fn take_frame(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) -> usize {
        let Some(header) = FrameHeader::parse(bytes) else { return 0 };
        if let Err(fault) = self.check_frame(&header) {
            note_frame(cx, &header);
            self.skip_next(header.len);
            self.fail(cx, fault);
            return HEADER_LEN;
        }
        let payload = bytes.get(HEADER_LEN..).unwrap_or_default();
        match header.kind {
            Kind::Data => return self.begin_data(cx, header, payload),
            Kind::AltSvc | Kind::Origin | Kind::Unknown(_) => {
                note_frame(cx, &header);
                self.skip_next(header.len);
                // RFC 9113 §5.5, §4.1: what we do not know is ignored.
                let ignored = self.ignore(cx, header.stream, Why::NoUse);
                self.settle_frame(cx, ignored);
                return HEADER_LEN;
            }
            _ => {}
        }
        // Everything else is short, or needed as a whole: it waits with the caller.
        let Some(payload) = payload.get(..header.len as usize) else { return 0 };
        note_frame(cx, &header);
        let handled = self.handle_frame(cx, &header, payload);
        self.settle_frame(cx, handled);
        HEADER_LEN + payload.len()
    }

    /// What must be right of any frame before it is looked into.
    #[inline]
    fn check_frame(&self, header: &FrameHeader) -> Result<(), Fault> {
        if !self.recv.has_settings
            && (header.kind != Kind::Settings || header.flags.has(Flags::ACK))
        {
            // RFC 9113 §3.4: SETTINGS are part of the preface.
            return Err(Fault::connection(Why::SettingsMissing));
        }
        if let Some(assembly) = &self.recv.assembly
            && (header.kind != Kind::Continuation || header.stream != assembly.stream())
        {
            // RFC 9113 §6.10, §4.3: nothing comes between the frames of a block.
            return Err(Fault::connection(Why::BlockInterrupted));
        }
        if header.len > FRAME_LEN_MAX {
            // RFC 9113 §4.2: an error of one stream, where nothing else can depend on the frame.
            let is_about_stream = matches!(header.kind, Kind::Data | Kind::Priority);
            return Err(match self.streams.known(header.stream) {
                Known::Slot(_) if is_about_stream => {
                    Fault::stream(header.stream, Why::FrameTooLong)
                }
                _ => Fault::connection(Why::FrameTooLong),
            });
        }
        Ok(())
    }

    #[inline]
    fn handle_frame(
        &mut self,
        cx: &mut Cx<'_>,
        header: &FrameHeader,
        payload: &[u8],
    ) -> Result<(), Fault> {
        match header.kind {
            Kind::Headers => self.take_headers(cx, header, payload),
            Kind::Continuation => self.take_continuation(cx, header, payload),
            Kind::WindowUpdate => self.take_window_update(cx, header, payload),
            Kind::RstStream => self.take_reset(cx, header, payload),
            Kind::Settings => self.take_settings(cx, header, payload),
            Kind::Ping => self.take_ping(cx, header, payload),
            Kind::GoAway => self.take_go_away(cx, header, payload),
            Kind::Priority => self.take_priority(cx, header, payload),
            Kind::PriorityUpdate => self.take_priority_update(cx, header, payload),
            Kind::PushPromise => self.take_promise(cx, header, payload),
            // These are taken as they come.
            Kind::Data | Kind::AltSvc | Kind::Origin | Kind::Unknown(_) => Ok(()),
        }
    }

    /// A frame is done with; what was wrong with it has its consequences.
    #[inline]
    fn settle_frame(&mut self, cx: &mut Cx<'_>, handled: Result<(), Fault>) {
        if let Err(fault) = handled {
            self.fail(cx, fault);
        }
    }

    /// A frame, or a part of one, is of no use; that costs the peer something.
    fn ignore(&mut self, cx: &mut Cx<'_>, stream: u32, why: Why) -> Result<(), Fault> {
        cx.note(|| Seen::Ignored { stream, why });
        self.abuse.count_control(cx)
    }

    /// What is left of a frame that nobody wants is not looked at.
    fn skip(&mut self, left: u32, bytes: &[u8]) -> usize {
        let len = bytes.len().min(left as usize);
        self.skip_next(left - len as u32);
        len
    }

    fn skip_next(&mut self, left: u32) {
        // The phase may be another by now: the connection is ending.
        if matches!(self.recv.phase, Phase::Frame | Phase::Data { .. } | Phase::Skip(_)) {
            self.recv.phase = if left == 0 { Phase::Frame } else { Phase::Skip(left) };
        }
    }

    fn take_in_vain(&mut self, cx: &mut Cx<'_>, left: u64, len: usize) -> usize {
        cx.note(|| Seen::Lingering { len });
        let left = left.saturating_sub(len as u64);
        self.recv.phase = Phase::Lingering(left);
        if left == 0 {
            self.end_with(Closing::Now);
        }
        len
    }

    /// The window of a stream that begins now, as the peer knows it.
    pub(crate) fn stream_window(&self) -> u32 {
        self.recv.stream_window
    }

    /// From its first frame on, a block has so long.
    fn limit_block(&mut self, cx: &mut Cx<'_>) {
        self.timers.set(Timer::Head, cx.now().after(self.timeout_head()));
    }
}

fn note_frame(cx: &mut Cx<'_>, header: &FrameHeader) {
    let FrameHeader { kind, flags, stream, len } = *header;
    cx.note(|| Seen::FrameIn { kind, flags, stream, len });
}
