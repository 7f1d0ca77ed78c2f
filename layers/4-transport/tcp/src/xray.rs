use std::time::Duration;

use crate::Seq;
use crate::fast_open::FastOpenStep;
use crate::machine::{Failure, Timer};
use crate::send::Phase;
use crate::state::State;
use crate::wire::{Flags, Segment};

base::notes! {
    /// What TCP tells the x-ray.
    pub enum Seen in Transport {
        /// A segment came in.
        SegmentIn { flags: Flags, seq: Seq, len: usize, ack: Seq, window: u16 },
        /// A segment goes out; a super-segment is one.
        SegmentOut { flags: Flags, seq: Seq, len: usize, ack: Seq, window: u16 },
        /// The connection is in another state.
        StateChanged { from: State, to: State, cause: Cause },
        /// Both sides have agreed: on the largest segment we send, on how windows are shifted (ours, the peer's), and on options.
        Agreed { mss: u16, scale: (u8, u8), sack: bool, timestamps: bool, ecn: bool },
        /// A SYN waits for the third step of the handshake.
        HalfOpen { waiting: usize },
        /// The queue is full: the answer carries everything that must be remembered.
        CookieSent { mss: u16 },
        /// A connection is opened with data, or could have been (RFC 7413).
        FastOpen { step: FastOpenStep },
        /// A cookie came back: the handshake is complete.
        CookieAccepted { mss: u16 },
        /// A round trip was measured.
        RoundTrip { rtt: Duration, smoothed: Duration, timeout: Duration },
        /// The congestion window or the threshold is another, in segments.
        CongestionWindow { cwnd: u32, ssthresh: u32, cause: CwndCause },
        /// While the window is brought down: what is on its way, and what may be added now.
        RateReduced { in_flight: u32, allowed: u32 },
        /// Loss recovery is in another phase.
        RecoveryPhase { from: Phase, to: Phase },
        /// The peer closed its window, or opened it again.
        SendWindow { window: u32 },
        /// The peer has something behind a gap.
        SackedByPeer { seq: Seq, len: u32 },
        /// The peer had something twice.
        DuplicateReported { start: Seq, end: Seq },
        /// Segments overtook each other, by so many; so many are waited for from now on.
        Reordered { distance: u32, degree: u32 },
        /// Something is thought to be lost.
        Lost { seq: Seq, len: u32, cause: LossCause },
        /// Something goes out once more.
        Retransmitted { seq: Seq, len: u32, phase: Phase },
        /// The end of a flight is probed.
        TailProbed { seq: Seq, is_new: bool },
        /// A closed window is probed.
        WindowProbed { probes: u8 },
        /// A silent peer is asked whether it is there.
        KeepAliveProbed { probes: u8 },
        /// Segments have another size from here on.
        SegmentSize { mss: u16, cause: MssCause },
        /// A larger segment leaves, to see whether it arrives; between these sizes the largest is looked for.
        SizeProbed { seq: Seq, mss: u16, between: (u16, u16) },
        /// It was lost, and only it: it was too large, and that is no congestion (RFC 4821 §7.6.2).
        SizeProbeLost { seq: Seq, mss: u16 },
        /// Something came out of order and is kept.
        OutOfOrder { seq: Seq, len: usize, expected: Seq },
        /// The peer has urgent data, up to here.
        UrgentIn { end: Seq },
        /// A timer went off.
        TimedOut { timer: Timer },
        /// A segment that is out of place is answered with what we expect (RFC 5961).
        Challenged { why: Why },
        /// A segment was dropped.
        Dropped { flags: Flags, seq: Seq, len: usize, why: Why },
        /// A part of a segment, or something in it, was ignored.
        Ignored { why: Why },
        /// The connection has failed.
        Failed { failure: Failure },
    }
}

impl Seen {
    pub(crate) fn dropped(segment: &Segment<'_>, why: Why) -> Self {
        let header = &segment.header;
        Self::Dropped { flags: header.flags, seq: header.seq, len: segment.payload.len(), why }
    }
}

/// Why a state changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause {
    /// The user connects.
    UserOpened,
    /// The peer's SYN came.
    Syn,
    /// The peer's SYN came and acknowledged ours.
    SynAck,
    /// Our SYN was acknowledged.
    AckOfSyn,
    /// The user has finished.
    UserClosed,
    /// Our FIN was acknowledged.
    AckOfFin,
    /// The peer's FIN came.
    Fin,
    /// The peer's RST came.
    Reset,
    /// The user broke off.
    UserAborted,
    /// Our address is ours no longer.
    AddressGone,
    /// Nobody answers any more.
    GaveUp,
    /// What is left of it waits elsewhere, or nothing is left.
    Over,
}

/// Why the congestion window moved.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CwndCause {
    /// Slow start (RFC 5681 §3.1).
    SlowStart,
    /// Congestion avoidance (RFC 5681 §3.1, RFC 9438 §4).
    Avoidance,
    /// A loss (RFC 5681 §3.2).
    Loss,
    /// A timeout (RFC 5681 §3.1).
    Timeout,
    /// A router's mark (RFC 3168 §6.1.2).
    Marked,
    /// A tail loss probe mended a loss (RFC 8985 §7.4).
    Probe,
    /// Recovery is over (RFC 9937 §6).
    Recovered,
    /// The reduction was for nothing (RFC 4015).
    Undone,
    /// The timeout was spurious (RFC 5682).
    SpuriousTimeout,
    /// A pause (RFC 5681 §4.1).
    Idle,
    /// The user does not fill it (RFC 7661).
    Unused,
    /// Segments have another size, or not the one that was tried (RFC 4821 §7.6).
    SegmentSize,
}

/// How a loss was told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LossCause {
    /// What was sent later has arrived (RFC 8985 §6.2).
    Rack,
    /// Enough was acknowledged selectively above it (RFC 6675 §4).
    Sack,
    /// Duplicate acknowledgements (RFC 5681 §3.2), or a partial one (RFC 6582 §3.2).
    DuplicateAcks,
    /// A timeout (RFC 6298 §5.4).
    Timeout,
    /// It was too large: a router said so (RFC 1191 §6), or a probe showed it (RFC 4821 §7.6.2).
    TooLarge,
}

/// Why segments have another size.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MssCause {
    /// A router said so (RFC 1191, RFC 8201).
    Router,
    /// Large segments vanish without a word (RFC 4821).
    BlackHole,
    /// Time has passed since it was lowered (RFC 8201 §4).
    TriedAgain,
    /// One of this size has arrived (RFC 4821 §7.6.1).
    ProbeArrived,
}

/// Why something was dropped, ignored or answered with a challenge.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// There is no such connection (RFC 9293 §3.10.7.1).
    NoConnection,
    /// None of it lies in the window (RFC 9293 §3.10.7.4, first).
    OutOfWindow,
    /// The window is closed (RFC 9293 §3.10.7.4, first).
    WindowClosed,
    /// A part of it lies beyond the window (RFC 9293 §3.10.7.4, seventh).
    BeyondWindow,
    /// All of it came before (RFC 9293 §3.10.7.4, first).
    Duplicate,
    /// Its timestamp is older than one that came before (RFC 7323 §5.3).
    OldTimestamp,
    /// It has no timestamp, though that was agreed on (RFC 7323 §3.2).
    NoTimestamp,
    /// It is signed, and we have no key (RFC 2385 §2.0).
    SignedWithoutKey,
    /// It has no ACK (RFC 9293 §3.10.7.4, fifth).
    NoAck,
    /// It acknowledges what was never sent (RFC 9293 §3.10.7.4, fifth; RFC 5961 §5).
    AckOfUnsent,
    /// It acknowledges what was acknowledged long ago (RFC 5961 §5).
    AckTooOld,
    /// An RST that does not stand where it must (RFC 5961 §3).
    ResetOutOfPlace,
    /// An RST without the acknowledgement that it needs here (RFC 9293 §3.10.7.3).
    ResetUnproven,
    /// A SYN within a connection (RFC 5961 §4).
    SynInConnection,
    /// A SYN that ends what it begins.
    SynWithFin,
    /// Neither SYN nor RST, and no connection yet (RFC 9293 §3.10.7.3, fifth).
    NoSyn,
    /// An RST to nobody (RFC 9293 §3.10.7.1), or to a listener (§3.10.7.2).
    ResetForNobody,
    /// The peer sends although its FIN came (RFC 9293 §3.10.7.4, seventh).
    DataAfterFin,
    /// The user has left, and nobody will read it (RFC 9293 §3.6, RFC 1122 §4.2.2.13).
    NobodyReads,
    /// A block of a selective acknowledgement lies where nothing is outstanding (RFC 2018 §5).
    SackOutOfPlace,
    /// More gaps than we keep.
    TooManyGaps,
    /// The stack's memory is used up.
    OutOfMemory,
    /// Such an answer was given just now (RFC 5961 §7).
    AnsweredJustNow,
    /// More half-open connections than we keep, and cookies are off (RFC 4987 §3.1).
    SynQueueFull,
    /// More connections wait to be accepted than the user wishes.
    AcceptQueueFull,
    /// It would begin a connection, and the user wants only those on which data has come.
    AcceptDeferred,
    /// The cookie that it acknowledges is not ours, or too old (RFC 4987 §3.6).
    CookieWrong,
    /// A cookie of ours, on a segment that overtook the one which begins the connection.
    CookieEarly,
    /// The ICMP message does not quote what is outstanding (RFC 5927 §4).
    IcmpOutOfPlace,
    /// The ICMP message speaks of a size that is no less (RFC 5927 §7.2).
    IcmpSizeAbsurd,
    /// The ICMP error may pass: the connection goes on (RFC 5927 §5, RFC 9293 §3.9.2.2).
    IcmpSoft,
    /// An RST in TIME-WAIT (RFC 1337 §3).
    TimeWaitAssassin,
    /// A segment to a broadcast or multicast address, or from one (RFC 9293 §3.9.2.3).
    NotUnicast,
}
