use std::sync::Arc;
use std::time::Duration;

use base::SipKey;

use crate::Budget;
use crate::fast_open::FastOpen;
use crate::wire::Layout;

/// What an operator may choose; shared by all connections of a stack.
///
/// Start from a [`Profile`](crate::Profile): `Config { mss_max: Some(1000), ..Config::profile(Profile::Linux) }`.
#[derive(Clone, Debug)]
pub struct Config {
    /// The key of everything that strangers must not guess: initial sequence numbers, timestamps'
    /// offsets, cookies (RFC 6528 §3). Draw it at random when the stack begins.
    pub secret: SipKey,
    /// How much memory the buffers of all connections may use.
    pub budget: Arc<Budget>,
    /// Connecting and being connected to.
    pub handshake: Handshake,
    /// Data with SYNs (RFC 7413).
    pub fast_open: FastOpen,
    /// What is retransmitted when, and when we give up.
    pub retransmit: Retransmit,
    /// How fast we send.
    pub congestion: CongestionConfig,
    /// When what has arrived is acknowledged.
    pub acknowledge: Acknowledge,
    /// How much is kept for the user and for the network.
    pub buffers: BuffersConfig,
    /// What is asked of silent peers, and how long ends last.
    pub idle: Idle,
    /// The largest segment we send or offer to take, where it is below what the route allows;
    /// bytes of payload and options.
    pub mss_max: Option<u16>,
    /// The smallest segment that a peer or a router may bring us down to (CVE-2019-11479);
    /// bytes of payload and options.
    pub mss_min: u16,
    /// How large segments may be is found out where routers say nothing.
    pub mtu_probing: MtuProbing,
    /// Whether a write that is cut by the window or by Nagle's rule is held back as RFC 1122
    /// §4.2.3.4 says; off is as `TCP_NODELAY` on every connection.
    pub nagle: bool,
    /// Who may be told "your segment was out of place": the shortest time between two such
    /// answers on one connection (against loops between two confused ends).
    pub out_of_window_interval: Duration,
    /// Challenge acknowledgements a second, for the whole stack (RFC 5961 §7).
    pub challenges_per_second: u32,
}

/// Connecting and being connected to.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// How often a SYN is sent again, with the time between them doubling.
    pub syn_retries: u8,
    /// How often before that, at equal distances.
    pub syn_linear_timeouts: u8,
    /// How long a SYN is sent again and again, if that is not counted.
    pub syn_timeout: Option<Duration>,
    /// Whether the answer to a SYN and what comes back measure a round trip where no timestamps do.
    pub measures_answer: bool,
    /// Whether the SYN is sent again at once when its answer shows that the peer remembers an earlier
    /// connection: the reset that it gets makes it forget.
    pub hastens_syn: bool,
    /// How often the answer to a SYN is sent again.
    pub syn_ack_retries: u8,
    /// In which order options stand.
    pub layout: Layout,
    /// Whether SYNs say how large segments may be (RFC 9293 §3.7.1).
    pub mss_option: bool,
    /// Whether windows are scaled (RFC 7323 §2).
    pub window_scaling: bool,
    /// Whether timestamps are sent (RFC 7323 §3).
    pub timestamps: bool,
    /// Whether segments without a timestamp are dropped where timestamps were agreed on (RFC 7323
    /// §3.2).
    pub requires_timestamps: bool,
    /// Whether what carries a signature (RFC 2385) is dropped: we have no key that could show whose it
    /// is, and who signs takes nothing from us either.
    pub drops_signed: bool,
    /// Whether a SYN that comes with a FIN is nothing, or a SYN.
    pub drops_syn_fin: bool,
    /// Whether what comes for a half-open connection is answered as FreeBSD's SYN cache does: every
    /// further SYN with the same answer, a bad acknowledgement with a reset before its number is
    /// looked at, a number out of place not at all, and SYN with ACK with the end of it.
    pub answers_as_syn_cache: bool,
    /// Whether what arrives out of order is acknowledged (RFC 2018).
    pub sack: bool,
    /// Explicit congestion notification (RFC 3168).
    pub ecn: EcnPolicy,
    /// One step of the clock in timestamps (RFC 7323 §5.4: 1 ms to 1 s).
    pub timestamp_tick: Duration,
    /// Whether that clock begins somewhere else for each pair of hosts (RFC 7323 §5.4, §7.1), or
    /// at zero.
    pub timestamp_offset_keyed: bool,
    /// One step of the clock in initial sequence numbers (RFC 9293 §3.4.1: about 4 µs).
    pub isn_tick: Duration,
    /// How many half-open connections a listener keeps; beyond that it answers with cookies.
    pub syn_queue_max: usize,
    /// Whether that is no more than may wait to be accepted.
    pub syn_queue_follows_backlog: bool,
    /// Whether it may (RFC 4987 §3.6); otherwise SYNs beyond the bound are dropped.
    pub syn_cookies: bool,
    /// Whether the headers of SYNs are kept for who accepts the connections
    /// ([`Connection::take_saved_syn`](crate::Connection::take_saved_syn)).
    pub saves_syn: bool,
    /// After how many timeouts of our answer a third step without data makes a connection; until then
    /// only data does (`TCP_DEFER_ACCEPT`). Zero is at once.
    pub defer_accept: u8,
}

/// Who begins with congestion marks (RFC 3168 §6.1.1).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum EcnPolicy {
    /// Nobody.
    Off,
    /// We answer a peer who does.
    #[default]
    WhenAsked,
    /// We do.
    Ask,
}

/// What is retransmitted when, and when we give up.
#[derive(Clone, Debug)]
pub struct Retransmit {
    /// The first timeout, before a round trip was measured (RFC 6298 §2.1).
    pub rto_initial: Duration,
    /// The first timeout of data, when the SYN or its answer had to be sent again (RFC 6298 §5.7).
    pub rto_fallback: Duration,
    /// The shortest timeout (RFC 6298 §2.4).
    pub rto_min: Duration,
    /// The longest (RFC 6298 §2.5).
    pub rto_max: Duration,
    /// How the variation becomes a timeout.
    pub estimator: Estimator,
    /// How often data is retransmitted before the connection is given up (R2 in RFC 9293 §3.8.3),
    /// when no user timeout says otherwise.
    pub retries_max: u8,
    /// Whether these are counted, and not the time that so many doubling timeouts take at least.
    pub counts_retries: bool,
    /// After how many retransmissions the route is doubted: an ICMP error that came meanwhile
    /// counts, and the path may be a black hole (R1 in RFC 9293 §3.8.3).
    pub retries_doubt: u8,
    /// Whether losses are told by time as RFC 8985 says, where the peer sends SACK.
    pub rack: bool,
    /// Whether the end of a flight is probed (RFC 8985 §7).
    pub tail_loss_probe: bool,
    /// What is added to a probe's timeout when only one segment is outstanding, for the peer's
    /// delayed acknowledgement (RFC 8985 §7.2).
    pub probe_delack_allowance: Duration,
    /// Whether timeouts are looked at for being spurious (RFC 5682).
    pub frto: bool,
    /// Duplicate acknowledgements that mean a loss (RFC 5681 §3.2).
    pub dup_threshold: u8,
    /// The shortest time between two probes of a closed window (RFC 9293 §3.8.6.1).
    pub persist_min: Duration,
    /// Whether such a probe carries the first byte beyond the window, or nothing below it: a number
    /// that was acknowledged.
    pub persist_sends_byte: bool,
}

/// How a measured round trip becomes a timeout.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Estimator {
    /// As RFC 6298 §2 writes it, with `slop` added.
    Rfc6298 {
        /// What is added to each timeout.
        slop: Duration,
    },
    /// The variation is the largest of one round trip, falls by a quarter in each, and is at least
    /// the shortest timeout: then the timeout never undercuts the round trip plus that.
    WindowedMax,
}

/// How fast we send.
#[derive(Clone, Debug)]
pub struct CongestionConfig {
    /// Which policy new connections have.
    pub algorithm: Algorithm,
    /// The first window, in segments (RFC 6928 §2).
    pub initial_window: u32,
    /// Whether the window falls again in a pause (RFC 5681 §4.1).
    pub restart_after_idle: bool,
    /// Whether CUBIC's slow start ends when the round trip grows (RFC 9406).
    pub hystart: bool,
    /// The window never grows beyond this, in segments.
    pub window_max: u32,
    /// At least so many segments are decided on as one and end with PSH, if there is as much to send;
    /// more on fast paths. Zero decides about each by itself.
    pub burst_min: u32,
}

/// A policy of congestion control.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Algorithm {
    /// RFC 5681 with RFC 6582.
    NewReno,
    /// RFC 9438.
    #[default]
    Cubic,
}

/// When what has arrived is acknowledged.
#[derive(Clone, Debug)]
pub struct Acknowledge {
    /// The shortest delay.
    pub delay_min: Duration,
    /// The longest (RFC 9293 §3.8.6.3: below 500 ms).
    pub delay_max: Duration,
    /// How many are sent at once at the beginning, so that the peer's slow start is not held up.
    pub quick_max: u8,
    /// Whether the delay follows the times between segments.
    pub adaptive: bool,
    /// Whether every second segment is acknowledged at once, however short it is.
    pub counts_segments: bool,
    /// How many answers in time make a conversation, in which acknowledgements ride on data.
    pub interactive_after: u8,
    /// Whether an acknowledgement of what was never sent is answered (RFC 9293 §3.10.7.4, fifth),
    /// and not only dropped.
    pub answers_ack_of_unsent: bool,
    /// Whether an acknowledgement that is older than the largest window, or than our first byte, is
    /// answered and dropped (RFC 5961 §5); as RFC 793 had it, it is only old.
    pub refuses_old_acks: bool,
    /// Whether the peer's first FIN is acknowledged with a delay: the user often answers with its
    /// own.
    pub delays_ack_of_fin: bool,
    /// Whether the peer hears what it sent twice, where SACK was agreed on (RFC 2883).
    pub reports_duplicates: bool,
    /// How many acknowledgements of data out of order may be saved up, once three were sent.
    pub compressed_max: u8,
    /// For how long at most.
    pub compressed_delay: Duration,
}

/// How much is kept for the user and for the network.
#[derive(Clone, Debug)]
pub struct BuffersConfig {
    /// How many bytes a connection keeps for its user at first: the first window.
    pub receive_initial: u32,
    /// How many it may keep when the path is long and the user reads fast.
    pub receive_max: u32,
    /// Whether the former grows to the latter by itself.
    pub receive_autotune: bool,
    /// Whether the first window is a whole number of segments.
    pub receive_initial_whole_segments: bool,
    /// Whether all that the buffer has room for is offered, to the byte, and the buffer itself is a
    /// whole number of segments; otherwise what is offered grows as whole segments come.
    pub receive_offers_all: bool,
    /// The first window in segments, if it shall be smaller than the buffer.
    pub receive_initial_segments: Option<u32>,
    /// By how many bits our windows are shifted; otherwise what `receive_max` needs.
    pub window_scale: Option<u8>,
    /// How many bytes a connection keeps for the network at first.
    pub send_initial: u32,
    /// How many it may keep when the congestion window has grown.
    pub send_max: u32,
    /// Whether the former grows to the latter by itself.
    pub send_autotune: bool,
}

/// How large segments may be is found out by sending larger ones (RFC 4821): one at a time, when there
/// is much to send and all goes well. One that is lost is no sign of congestion.
#[derive(Clone, Copy, Debug)]
pub struct MtuProbing {
    /// When sizes are searched for.
    pub when: ProbeWhen,
    /// From where on: what is believed to pass everywhere (RFC 4821 §7.2), in bytes of payload.
    pub base_mss: u16,
    /// Where even that does not arrive: the least that is tried, in bytes of payload.
    pub floor: u16,
    /// A search is over when what may still be gained is less, in bytes.
    pub range_min: u16,
    /// After so long it begins anew: the path may be another (RFC 8201 §4: not before ten minutes).
    pub interval: Duration,
    /// Whether connections that were accepted begin with segments as large as the route allows, until a
    /// probe has arrived.
    pub accepted_begin_whole: bool,
}

/// When sizes of segments are searched for (RFC 4821 §7.2, §7.7).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ProbeWhen {
    /// Never: routers are believed, and nobody else.
    Never,
    /// After large segments have timed out again and again: something on the path loses them without a
    /// word.
    #[default]
    BlackHole,
    /// From the beginning of each connection.
    Always,
}

/// What is asked of silent peers, and how long ends last.
#[derive(Clone, Debug)]
pub struct Idle {
    /// How long nothing comes before we ask, where keep-alive is on (RFC 9293 §3.8.4).
    pub keepalive_after: Duration,
    /// Between two questions.
    pub keepalive_interval: Duration,
    /// How many questions without an answer end the connection.
    pub keepalive_probes: u8,
    /// Twice the longest life of a segment: how long TIME-WAIT lasts (RFC 9293 §3.4.2).
    pub time_wait: Duration,
    /// How long a connection that its user has left waits for the peer's FIN.
    pub fin_wait: Duration,
    /// How often a connection that its user has left retransmits.
    pub orphan_retries: u8,
    /// Whether a user who leaves without having read everything breaks off (RFC 2525 §2.17), or says
    /// FIN as always.
    pub resets_unread: bool,
    /// Whether a reset of our own accord still says how much we would take.
    pub resets_say_window: bool,
    /// Where a reset is believed.
    pub resets: ResetRule,
    /// Whether a SYN in the window ends a connection, as RFC 793 had it: whoever guesses well ends
    /// connections. Otherwise it is asked about (RFC 5961 §4).
    pub ends_by_syn: bool,
    /// To whom nobody says that nobody is there.
    pub silence: Silence,
}

/// Where a reset is believed; elsewhere in the window it is asked about (RFC 5961 §3.2).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ResetRule {
    /// At the number that is expected next.
    #[default]
    Expected,
    /// Where our last acknowledgement was.
    LastAcknowledged,
    /// Anywhere in the window, as RFC 793 had it: whoever guesses well ends connections.
    InWindow,
}

/// Who gets no reset, though nobody is there (RFC 9293 §3.10.7.1): who looks for open ports then waits.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Silence {
    /// All are told.
    #[default]
    Nobody,
    /// Who wants to connect.
    Syns,
    /// All.
    Everybody,
}

impl Config {
    /// By how many bits our windows are shifted, when the peer does so too (RFC 7323 §2.3: at most
    /// fourteen).
    pub fn window_scale(&self) -> u8 {
        self.buffers
            .window_scale
            .unwrap_or_else(|| {
                let bits = 32 - self.buffers.receive_max.leading_zeros() as u8;
                bits.saturating_sub(16)
            })
            .min(14)
    }
}
