use std::net::SocketAddr;
use std::sync::Arc;

use base::{Cx, Instant};
use bytes::Bytes;

use crate::config::Config;
use crate::listen::isn;
use crate::recv::Recv;
use crate::send::Send;
use crate::state::State;
use crate::timers::Life;
use crate::transmit::Pending;
use crate::xray::{Cause, Seen};
use crate::{Seq, TimeWait};

/// One connection of TCP, from either end.
///
/// | from          | call                                                                         |
/// |---------------|------------------------------------------------------------------------------|
/// | the wire      | [`handle_segment`](Self::handle_segment), [`handle_icmp`](Self::handle_icmp) |
/// | the clock     | [`handle_timeout`](Self::handle_timeout)                                     |
/// | the user      | [`write`](Self::write), [`peek`](Self::peek) and [`release`](Self::release), |
/// |               | [`shut_down`](Self::shut_down), [`close`](Self::close), [`abort`](Self::abort) |
///
/// After any of them, drain [`poll_transmit`](Self::poll_transmit), then
/// [`poll_event`](Self::poll_event), and read [`poll_timeout`](Self::poll_timeout). When
/// [`Event::TimeWait`] comes, [`take_time_wait`](Self::take_time_wait) gives what is to stand for
/// this flow; when [`Event::Closed`] comes, nothing is left of it on the wire. The value itself
/// lives on as long as its user wishes to read.
#[derive(Debug)]
pub struct Connection {
    pub(crate) flow: Flow,
    pub(crate) config: Arc<Config>,
    pub(crate) state: State,
    pub(crate) send: Send,
    pub(crate) recv: Recv,
    pub(crate) pending: Pending,
    pub(crate) events: Events,
    pub(crate) life: Life,
    pub(crate) failure: Option<Failure>,
    /// What TIME-WAIT needs, until it is taken.
    pub(crate) time_wait: Option<Box<TimeWait>>,
    /// An ICMP error that may pass; it is the reason if nothing comes any more (RFC 5927 §5).
    pub(crate) soft_error: Option<Failure>,
    /// When a segment out of place was last answered, if ever.
    pub(crate) answered_at: Instant,
}

/// Both ends of a connection.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Flow {
    /// Our end.
    pub local: SocketAddr,
    /// The peer's.
    pub remote: SocketAddr,
}

/// What the way to the peer takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// The largest segment: the route's MTU without the headers of IP and TCP, in bytes of payload
    /// and options (RFC 9293 §3.7.1). 1460 for IPv4 over Ethernet, 1440 for IPv6.
    pub mss: u16,
    /// The most payload in one [`Outgoing`](crate::Outgoing), in bytes: `mss` or less when the
    /// device takes single segments, about 64,000 when somebody below cuts them.
    pub gso_len_max: u32,
}

impl Limits {
    /// A device that takes one segment at a time.
    pub const fn of_mss(mss: u16) -> Self {
        Self { mss, gso_len_max: mss as u32 }
    }
}

/// What the user learns.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event {
    /// The handshake is complete.
    Connected,
    /// There is more to read.
    Readable,
    /// There is room to write again, after there was none.
    Writable,
    /// The peer will send nothing more; what came before can still be read.
    PeerFinished,
    /// The peer has urgent data (RFC 6093).
    Urgent,
    /// Somebody on the way says so, and it may pass: the connection goes on (RFC 9293 §3.9.1.8). Only who
    /// asked for it hears of it ([`Connection::set_error_reports`]).
    SoftError(Failure),
    /// The connection is over before its time; [`Connection::failure`] says why.
    Failed(Failure),
    /// The flow is now [`TimeWait`]'s: take it.
    TimeWait,
    /// Nothing is left on the wire.
    Closed,
}

/// Why a connection failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Failure {
    /// Nobody listens there: an RST answered our SYN.
    Refused,
    /// The peer broke off.
    Reset,
    /// The peer broke off after it had finished: nobody reads what we write.
    Broken,
    /// Nobody answered in time.
    TimedOut,
    /// A router says that the host cannot be reached.
    HostUnreachable,
    /// A router says that the network cannot be reached.
    NetworkUnreachable,
    /// The host does not speak TCP.
    ProtocolUnreachable,
    /// Somebody on the way forbids it.
    Prohibited,
    /// The user broke off.
    Aborted,
    /// Our address is ours no longer.
    AddressGone,
}

/// What a time limit is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Timer {
    /// An acknowledgement (RFC 6298).
    Retransmit,
    /// The end of a flight (RFC 8985 §7).
    TailProbe,
    /// What may be reordered (RFC 8985 §6.3).
    Reordering,
    /// A closed window, or a small segment (RFC 9293 §3.8.6).
    Persist,
    /// Our acknowledgement (RFC 9293 §3.8.6.3).
    DelayedAck,
    /// A silent peer (RFC 9293 §3.8.4).
    KeepAlive,
    /// The FIN of a peer whose user has left (RFC 9293 §3.6.1).
    FinWait,
    /// The next segment's turn.
    Pacing,
}

/// The events that wait, a bit each.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Events(u8);

impl Events {
    pub(crate) const CONNECTED: u8 = 1;
    pub(crate) const READABLE: u8 = 1 << 1;
    pub(crate) const WRITABLE: u8 = 1 << 2;
    pub(crate) const PEER_FINISHED: u8 = 1 << 3;
    pub(crate) const URGENT: u8 = 1 << 4;
    pub(crate) const FAILED: u8 = 1 << 5;
    pub(crate) const TIME_WAIT: u8 = 1 << 6;
    pub(crate) const CLOSED: u8 = 1 << 7;

    pub(crate) fn push(&mut self, event: u8) {
        self.0 |= event;
    }

    fn pop(&mut self) -> Option<u8> {
        let first = self.0 & self.0.wrapping_neg();
        self.0 &= !first;
        (first != 0).then_some(first)
    }
}

impl Connection {
    /// Connects: the first segment, our SYN, comes out of [`poll_transmit`](Self::poll_transmit).
    pub fn client(cx: &mut Cx<'_>, config: Arc<Config>, flow: Flow, limits: &Limits) -> Self {
        let iss = isn::initial(&config, cx.now(), &flow);
        let mut connection = Self::new(config, flow, iss, limits, State::Closed);
        connection.recv.timestamps.offset = isn::timestamp_offset(&connection.config, &flow);
        connection.change(cx, Cause::UserOpened, State::open);
        connection.send.start_handshake();
        connection
    }

    pub(crate) fn new(
        config: Arc<Config>,
        flow: Flow,
        iss: Seq,
        limits: &Limits,
        state: State,
    ) -> Self {
        let mss = limits.mss.min(config.mss_max.unwrap_or(u16::MAX)).max(config.mss_min);
        let scale = if config.handshake.window_scaling { config.window_scale() } else { 0 };
        Self {
            flow,
            state,
            send: Send::new(&config, iss, mss),
            recv: Recv::new(&config, scale, mss),
            pending: Pending::default(),
            events: Events::default(),
            life: Life::new(),
            failure: None,
            time_wait: None,
            soft_error: None,
            answered_at: Instant::NEVER,
            config,
        }
    }

    // From below: `handle_segment` stands in `arrive.rs`, `handle_icmp` in `icmp.rs`,
    // `handle_timeout` and `poll_timeout` in `timers.rs`.

    // From above.

    /// Changes what an operator may choose for this connection alone. What was agreed on in the
    /// handshake stays as it is, and so does what began with the value that was.
    pub fn reconfigure(&mut self, change: impl FnOnce(&mut Config)) {
        change(Arc::make_mut(&mut self.config));
    }

    /// Takes bytes to send; says how many. The rest is to be offered again after
    /// [`Event::Writable`]. Nothing is taken after [`shut_down`](Self::shut_down).
    ///
    /// More than half a KiB is not copied: the bytes are shared until they are acknowledged.
    pub fn write(&mut self, cx: &mut Cx<'_>, mut bytes: Bytes) -> usize {
        let n = self.take_room(bytes.len());
        if n > 0 {
            bytes.truncate(n);
            self.send.queue.push(cx, bytes);
            self.charge_send();
        }
        n
    }

    /// The same for bytes that the caller keeps: they are copied.
    pub fn write_slice(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) -> usize {
        let n = self.take_room(bytes.len());
        self.send.queue.push_copy(cx, bytes.get(..n).unwrap_or_default());
        self.charge_send();
        n
    }

    /// The same, and the last byte is urgent (RFC 6093 §3: one that nobody should still use).
    pub fn write_urgent(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) -> usize {
        let n = self.write_slice(cx, bytes);
        if n == bytes.len() && n > 0 {
            self.send.urgent = Some(self.send.write_end());
        }
        n
    }

    /// What was written so far and what comes next do not share a segment (Linux' `MSG_EOR`).
    pub fn end_record(&mut self, cx: &mut Cx<'_>) {
        self.send.nagle.has_records = true;
        self.send.queue.end_record(cx);
    }

    /// How many bytes [`write`](Self::write) takes now.
    pub fn room(&self) -> usize {
        if !self.state.may_send() || self.send.has_finished {
            return 0;
        }
        self.life.send_space(&self.config, &self.send).saturating_sub(self.send.queue_len())
            as usize
    }

    /// The user waits for room without having met its end: room that was offered may be gone again, since
    /// the buffer shrinks with the congestion window. [`Event::Writable`] tells when there is some.
    pub const fn want_room(&mut self) {
        self.life.wants_room = true;
    }

    fn take_room(&mut self, wanted: usize) -> usize {
        let n = wanted.min(self.room());
        self.life.wants_room |= n < wanted;
        n
    }

    /// The first bytes that can be read and lie one behind the other; empty when there are none.
    /// [`release`](Self::release) says that they were read.
    pub fn peek(&self) -> &[u8] {
        self.recv.buffer.peek()
    }

    /// Everything that can be read, in slices.
    pub fn slices(&self) -> impl Iterator<Item = &[u8]> {
        self.recv.buffer.slices()
    }

    /// How many bytes can be read.
    pub fn readable(&self) -> usize {
        self.recv.buffer.len()
    }

    /// The first `n` bytes were read.
    pub fn release(&mut self, cx: &mut Cx<'_>, n: usize) {
        let config = Arc::clone(&self.config);
        self.recv.release(cx, &config, n);
    }

    /// Reads into `out`; says how much. Zero means that there is nothing now; with
    /// [`is_read_out`](Self::is_read_out), that there will be nothing any more.
    pub fn read(&mut self, cx: &mut Cx<'_>, out: &mut [u8]) -> usize {
        let mut n = 0;
        for slice in self.recv.buffer.slices() {
            let Some(to) = out.get_mut(n..).filter(|to| !to.is_empty()) else { break };
            let len = slice.len().min(to.len());
            if let (Some(to), Some(from)) = (to.get_mut(..len), slice.get(..len)) {
                to.copy_from_slice(from);
            }
            n += len;
        }
        if n > 0 {
            self.release(cx, n);
        }
        n
    }

    /// Whether everything was read, and nothing more will come.
    pub fn is_read_out(&self) -> bool {
        self.recv.buffer.len() == 0
            && (self.recv.is_finished || !self.state.may_receive() || self.failure.is_some())
    }

    /// The user has finished: behind what was written comes a FIN (RFC 9293 §3.10.4). Reading goes
    /// on.
    pub fn shut_down(&mut self, cx: &mut Cx<'_>) {
        if self.send.has_finished {
            return;
        }
        if self.state == State::SynSent {
            // Nothing was agreed on, so nothing needs to be ended.
            return self.end(cx, Cause::UserClosed, None);
        }
        if self.state.may_send() {
            self.send.has_finished = true;
            self.change(cx, Cause::UserClosed, State::close);
        }
    }

    /// The user will read no more than what has come. What the peer still sends is taken and
    /// acknowledged; after [`shut_down`](Self::shut_down) it is answered with a reset, for then
    /// nothing is left that it could be about (RFC 9293 §3.6.1).
    pub fn shut_reading(&mut self) {
        self.recv.is_shut = true;
    }

    /// The user leaves: as [`shut_down`](Self::shut_down), and what the peer still sends is
    /// answered with a reset. So is what came and was not read (RFC 9293 §3.6.1, RFC 2525 §2.17).
    pub fn close(&mut self, cx: &mut Cx<'_>) {
        let breaks_off = self.life.linger().is_some_and(|linger| linger.is_zero());
        let is_unread = self.recv.buffer.len() > 0 && self.is_open();
        if breaks_off || (is_unread && self.config.idle.resets_unread) {
            if is_unread && matches!(self.state, State::Closing | State::LastAck) {
                // Both have finished, and still the peer is wrong to think that all was read.
                self.pending.owe_reset(self.send.nxt);
            }
            return self.abort(cx);
        }
        self.recv.is_abandoned = true;
        self.recv.buffer.clear(cx);
        self.life.is_orphan = true;
        self.shut_down(cx);
        self.watch_orphan(cx);
    }

    /// The user breaks off: the peer gets a reset, and what was not sent is lost (RFC 9293
    /// §3.10.5).
    pub fn abort(&mut self, cx: &mut Cx<'_>) {
        if matches!(
            self.state,
            State::SynReceived
                | State::Established
                | State::FinWait1
                | State::FinWait2
                | State::CloseWait
        ) {
            self.pending.owe_reset(self.send.nxt);
        }
        self.recv.is_abandoned = true;
        self.recv.buffer.clear(cx);
        self.end(cx, Cause::UserAborted, None);
    }

    // How the connection ends.

    /// Our address is ours no longer: nothing more is said from it, not even a goodbye. What has come
    /// can still be read.
    pub fn handle_address_gone(&mut self, cx: &mut Cx<'_>) {
        self.end(cx, Cause::AddressGone, Some(Failure::AddressGone));
    }

    /// Moves to another state by `input`, as the table allows; says so.
    pub(crate) fn change(
        &mut self,
        cx: &mut Cx<'_>,
        cause: Cause,
        input: impl FnOnce(&mut State) -> bool,
    ) -> bool {
        let from = self.state;
        let changed = input(&mut self.state);
        if changed {
            let to = self.state;
            cx.note(|| Seen::StateChanged { from, to, cause });
        }
        changed
    }

    /// Nothing is left on the wire; `failure` says why, if it was before its time.
    pub(crate) fn end(&mut self, cx: &mut Cx<'_>, cause: Cause, failure: Option<Failure>) {
        let from = std::mem::replace(&mut self.state, State::Closed);
        if from == State::Closed {
            return;
        }
        cx.note(|| Seen::StateChanged { from, to: State::Closed, cause });
        if let Some(failure) = failure {
            cx.note(|| Seen::Failed { failure });
            self.failure = Some(failure);
            self.events.push(Events::FAILED);
        }
        self.discharge_send();
        self.send.clear(cx);
        self.recv.ranges.clear();
        self.recv.delay.stop();
        self.life.stop();
        self.pending.forget_all_but_reset();
        self.events.push(Events::CLOSED);
    }

    // Out: `poll_transmit` stands in `transmit.rs`.

    /// The next thing the user must learn, if any.
    pub fn poll_event(&mut self) -> Option<Event> {
        let Some(event) = self.events.pop() else {
            return self.life.take_report().map(Event::SoftError);
        };
        Some(match event {
            Events::CONNECTED => Event::Connected,
            Events::READABLE => Event::Readable,
            Events::WRITABLE => Event::Writable,
            Events::PEER_FINISHED => Event::PeerFinished,
            Events::URGENT => Event::Urgent,
            Events::FAILED => Event::Failed(self.failure?),
            Events::TIME_WAIT => Event::TimeWait,
            _ => Event::Closed,
        })
    }

    /// What is to stand for this flow from now on, after [`Event::TimeWait`]; the connection keeps
    /// what was not read, and nothing else.
    pub fn take_time_wait(&mut self) -> Option<TimeWait> {
        self.time_wait.take().map(|waiting| *waiting)
    }

    // Look.

    /// Both ends.
    pub fn flow(&self) -> &Flow {
        &self.flow
    }

    /// The state (RFC 9293 §3.3.2).
    pub fn state(&self) -> State {
        self.state
    }

    /// Why the connection failed, if it did.
    pub fn failure(&self) -> Option<Failure> {
        self.failure
    }

    /// What everybody on the way said of errors that may pass, the last of it.
    pub fn soft_error(&self) -> Option<Failure> {
        self.soft_error
    }

    /// How many bytes of the user's the peer has not acknowledged.
    pub fn unacknowledged(&self) -> usize {
        self.send.queue_len() as usize
    }

    /// How many bytes of the user's were never sent.
    pub fn unsent(&self) -> usize {
        self.send.unsent_len() as usize
    }

    /// Where urgent data of the peer's ends, counted from the first byte that can be read: the
    /// urgent byte stands before it (RFC 6093 §2).
    pub fn urgent_mark(&self) -> Option<usize> {
        let read_to =
            self.recv.nxt - self.recv.buffer.len() as u32 - u32::from(self.recv.is_finished);
        self.recv.urgent.filter(|end| end.is_after(read_to)).map(|end| (end - read_to) as usize)
    }

    /// Whether nobody needs this value any more: nothing is left to send and nothing to learn.
    pub fn is_over(&self) -> bool {
        self.state == State::Closed
            && self.events.0 == 0
            && self.pending.is_empty()
            && self.time_wait.is_none()
    }
}
