use std::time::Duration;

use base::Instant;

use crate::config::Algorithm;
use crate::machine::Connection;
use crate::send::Phase;
use crate::state::State;

/// What can be seen of a connection; most fields are those of Linux' `tcp_info`.
#[derive(Clone, Debug)]
pub struct Info {
    /// In which state it is.
    pub state: State,
    /// In which phase loss recovery is.
    pub phase: Phase,
    /// The policy of congestion control.
    pub algorithm: Algorithm,
    /// Timeouts of the first outstanding segment, one after the other.
    pub timeouts: u8,
    /// Probes that were not answered: of a closed window, or of a silent peer.
    pub probes: u8,
    /// How often the retransmission timeout has doubled.
    pub backoff: u8,
    /// Whether timestamps, SACK and ECN were agreed on.
    pub has_timestamps: bool,
    /// Whether selective acknowledgements were agreed on.
    pub has_sack: bool,
    /// Whether ECN was agreed on.
    pub has_ecn: bool,
    /// Whether data that went with a SYN was taken (RFC 7413).
    pub has_syn_data: bool,
    /// By how many bits windows are shifted: the peer's, ours; nothing without the option.
    pub scale: Option<(u8, u8)>,
    /// The retransmission timeout.
    pub rto: Duration,
    /// The delay of the next acknowledgement that may wait.
    pub ato: Duration,
    /// The largest payload we send, options not counted.
    pub mss: u32,
    /// The largest payload that came, as far as it matters for acknowledgements.
    pub mss_received: u16,
    /// The largest segment that we said we take.
    pub mss_advertised: u16,
    /// The largest segment that the path takes, in bytes of payload and options.
    pub mss_path: u16,
    /// Segments that are outstanding.
    pub unacked: u32,
    /// Of these, acknowledged selectively.
    pub sacked: u32,
    /// Of these, thought to be lost.
    pub lost: u32,
    /// Of these, on their way once more.
    pub retransmitted: u32,
    /// Segments retransmitted, ever.
    pub retransmitted_total: u32,
    /// The smoothed round trip; zero before one was measured.
    pub rtt: Duration,
    /// What is added to it for a timeout: four times its variation.
    pub rtt_variation: Duration,
    /// The shortest round trip of late.
    pub rtt_min: Option<Duration>,
    /// The round trip as the receiver sees it.
    pub rtt_receiver: Option<Duration>,
    /// The congestion window, in segments.
    pub cwnd: u32,
    /// The slow start threshold, in segments.
    pub ssthresh: u32,
    /// How many segments may be overtaken.
    pub reordering: u32,
    /// How often reordering was seen.
    pub reorderings: u32,
    /// The peer's window, in bytes.
    pub window_send: u32,
    /// What is open of ours.
    pub window_receive: u32,
    /// How much our buffer may hold.
    pub receive_space: u32,
    /// Segments delivered, ever, and of these marked by a router.
    pub delivered: u32,
    /// Of these, marked by a router.
    pub delivered_ce: u32,
    /// Segments with data, sent and received, ever.
    pub data_segments_out: u32,
    /// Segments with data that were received, ever.
    pub data_segments_in: u32,
    /// Bytes of the user's sent, ever, those sent again included.
    pub bytes_sent: u64,
    /// Bytes sent again.
    pub bytes_retransmitted: u64,
    /// Bytes acknowledged; a FIN of ours counts as one, and so does the SYN of who connects.
    pub bytes_acked: u64,
    /// Bytes received in order.
    pub bytes_received: u64,
    /// Duplicates that the peer reported.
    pub dsack_duplicates: u32,
    /// Bytes of the user's that were never sent.
    pub unsent: u32,
    /// Bytes that can be read.
    pub readable: usize,
    /// Memory that the buffers hold, in bytes.
    pub memory: usize,
    /// How long nothing was sent, and nothing came.
    pub since_data_sent: Duration,
    /// How long nothing came.
    pub since_received: Duration,
}

impl Connection {
    /// What can be seen of the connection at `now`.
    pub fn info(&self, now: Instant) -> Info {
        let Self { send, recv, .. } = self;
        Info {
            state: self.state,
            phase: send.recovery.phase,
            algorithm: send.congestion.algorithm(),
            timeouts: send.timeouts,
            probes: send.probes.max(self.life.keepalive_probes),
            backoff: send.rtt.backoff,
            has_timestamps: recv.timestamps.is_on,
            has_sack: send.has_sack,
            has_syn_data: self.has_syn_data(),
            has_ecn: send.ecn.is_on,
            scale: self.life.is_scaled.then_some((send.scale, recv.window.scale)),
            rto: send.rtt.timeout(&self.config.retransmit),
            ato: recv.delay.ato(),
            mss: send.mss(),
            mss_received: recv.delay.segment,
            mss_advertised: recv.advertised_mss,
            mss_path: send.pmtu.mss(),
            unacked: send.sent.packets(),
            sacked: send.sent.sacked() + send.recovery.duplicates,
            lost: send.sent.lost(),
            retransmitted: send.sent.retransmitted(),
            retransmitted_total: send.totals.retransmitted,
            rtt: send.rtt.smoothed(),
            rtt_variation: send.rtt.variation(),
            rtt_min: send.rtt.shortest(),
            rtt_receiver: recv.window.rtt(),
            cwnd: send.congestion.cwnd(),
            ssthresh: send.congestion.ssthresh(),
            reordering: send.recovery.reordering,
            reorderings: send.totals.reorderings,
            window_send: send.wnd,
            window_receive: recv.window.open(recv.nxt),
            receive_space: recv.window.space(),
            delivered: send.totals.delivered,
            delivered_ce: send.totals.delivered_ce,
            data_segments_out: send.totals.data_segments,
            data_segments_in: recv.data_segments,
            bytes_sent: send.totals.bytes_sent,
            bytes_retransmitted: send.totals.bytes_retransmitted,
            bytes_acked: send.totals.bytes_acked,
            bytes_received: recv.bytes_received,
            dsack_duplicates: send.totals.duplicates,
            unsent: send.unsent_len(),
            readable: recv.buffer.len(),
            memory: recv.buffer.held() + send.queue_len() as usize,
            since_data_sent: now.since(send.last_data_at),
            since_received: now.since(self.life.received_at),
        }
    }
}
