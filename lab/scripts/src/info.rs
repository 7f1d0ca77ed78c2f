//! What code can look at: Linux' `tcp_info`, filled from ours.

use std::time::Duration;

use tcp::{Info, Phase, State};

use crate::python::{Value, Values};
use crate::sockets::Busy;
use crate::symbols;

/// What Linux shows and we do too.
pub(crate) const NAMES: [&str; 48] = [
    "tcpi_state",
    "tcpi_ca_state",
    "tcpi_retransmits",
    "tcpi_probes",
    "tcpi_backoff",
    "tcpi_options",
    "tcpi_snd_wscale",
    "tcpi_rcv_wscale",
    "tcpi_rto",
    "tcpi_ato",
    "tcpi_snd_mss",
    "tcpi_rcv_mss",
    "tcpi_unacked",
    "tcpi_sacked",
    "tcpi_lost",
    "tcpi_retrans",
    "tcpi_fackets",
    "tcpi_last_data_sent",
    "tcpi_pmtu",
    "tcpi_rtt",
    "tcpi_rttvar",
    "tcpi_snd_ssthresh",
    "tcpi_snd_cwnd",
    "tcpi_advmss",
    "tcpi_reordering",
    "tcpi_rcv_rtt",
    "tcpi_total_retrans",
    "tcpi_bytes_acked",
    "tcpi_bytes_received",
    "tcpi_notsent_bytes",
    "tcpi_min_rtt",
    "tcpi_data_segs_in",
    "tcpi_data_segs_out",
    "tcpi_delivered",
    "tcpi_delivered_ce",
    "tcpi_bytes_sent",
    "tcpi_bytes_retrans",
    "tcpi_dsack_dups",
    "tcpi_reord_seen",
    "tcpi_snd_wnd",
    "tcpi_rcv_wnd",
    "tcpi_last_ack_sent",
    "tcpi_last_data_recv",
    "tcpi_last_ack_recv",
    "tcpi_busy_time",
    "tcpi_rwnd_limited",
    "tcpi_sndbuf_limited",
    "tcpi_snd_rexmitpack",
];

/// What Linux shows and we do not measure.
const MISSING: [&str; 12] = [
    "tcpi_pacing_rate",
    "tcpi_max_pacing_rate",
    "tcpi_delivery_rate",
    "tcpi_delivery_rate_app_limited",
    "tcpi_segs_in",
    "tcpi_segs_out",
    "tcpi_rcv_ssthresh",
    "tcpi_rcv_ooopack",
    "tcpi_fastopen_client_fail",
    "tcpi_total_rto",
    "tcpi_rcv_space",
    "tcpi_rehash",
];

/// Why a name that looks like one of Linux' has no value.
pub(crate) fn why_not(name: &str) -> Option<&'static str> {
    MISSING.contains(&name).then_some("is not measured here")
}

/// The value of a constant that code may name.
pub(crate) fn constant(name: &str) -> Option<i64> {
    if let Some(place) = STATES_OF_FREEBSD.iter().position(|(_, state)| *state == name) {
        return Some(place as i64);
    }
    let is_one = name.starts_with("TCP_CA_")
        || name.starts_with("TCPI_OPT_")
        || name == "TCP_INFINITE_SSTHRESH"
        || STATES.iter().any(|(_, state)| *state == name);
    if is_one { symbols::value_of(name) } else { None }
}

/// The names of states, in Linux' order.
const STATES: [(State, &str); 11] = [
    (State::Established, "TCP_ESTABLISHED"),
    (State::SynSent, "TCP_SYN_SENT"),
    (State::SynReceived, "TCP_SYN_RECV"),
    (State::FinWait1, "TCP_FIN_WAIT1"),
    (State::FinWait2, "TCP_FIN_WAIT2"),
    (State::TimeWait, "TCP_TIME_WAIT"),
    (State::Closed, "TCP_CLOSE"),
    (State::CloseWait, "TCP_CLOSE_WAIT"),
    (State::LastAck, "TCP_LAST_ACK"),
    (State::Listen, "TCP_LISTEN"),
    (State::Closing, "TCP_CLOSING"),
];

/// Linux' number of a state.
pub(crate) fn state_number(state: State) -> i64 {
    let place = STATES.iter().position(|(known, _)| *known == state).unwrap_or_default();
    place as i64 + 1
}

/// FreeBSD's states, in its order (`tcp_fsm.h`).
const STATES_OF_FREEBSD: [(State, &str); 11] = [
    (State::Closed, "TCPS_CLOSED"),
    (State::Listen, "TCPS_LISTEN"),
    (State::SynSent, "TCPS_SYN_SENT"),
    (State::SynReceived, "TCPS_SYN_RECEIVED"),
    (State::Established, "TCPS_ESTABLISHED"),
    (State::CloseWait, "TCPS_CLOSE_WAIT"),
    (State::FinWait1, "TCPS_FIN_WAIT_1"),
    (State::Closing, "TCPS_CLOSING"),
    (State::LastAck, "TCPS_LAST_ACK"),
    (State::FinWait2, "TCPS_FIN_WAIT_2"),
    (State::TimeWait, "TCPS_TIME_WAIT"),
];

/// What FreeBSD shows otherwise: its numbers of states, and windows in bytes.
pub(crate) fn show_as_freebsd(info: &Info, values: &mut Values) {
    /// The largest window that can be offered: FreeBSD's threshold before anything was lost.
    const THRESHOLD_MAX: i64 = 65_535 << 14;
    let place = STATES_OF_FREEBSD.iter().position(|(state, _)| *state == info.state);
    let bytes = |segments: u32| i64::from(segments) * i64::from(info.mss);
    let mut put = |name: &str, value: i64| {
        values.insert(name.to_owned(), Value::Int(value.into()));
    };
    put("tcpi_state", place.unwrap_or_default() as i64);
    put("tcpi_snd_cwnd", bytes(info.cwnd));
    put("tcpi_snd_ssthresh", bytes(info.ssthresh).min(THRESHOLD_MAX));
}

/// What is known of a connection from outside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outside {
    /// How long the headers of IP and TCP are.
    pub(crate) headers: u32,
    /// How long it had something to do.
    pub(crate) busy: Busy,
    /// How long no data came, and no acknowledgement.
    pub(crate) since_data: Duration,
    pub(crate) since_ack: Duration,
}

/// Writes everything that can be seen into `values`.
pub(crate) fn show(info: &Info, outside: &Outside, values: &mut Values) {
    let options = [
        (info.has_timestamps, symbols::TCPI_OPT_TIMESTAMPS),
        (info.has_sack, symbols::TCPI_OPT_SACK),
        (info.scale.is_some(), symbols::TCPI_OPT_WSCALE),
        (info.has_ecn, symbols::TCPI_OPT_ECN),
        (info.has_syn_data, symbols::TCPI_OPT_SYN_DATA),
    ];
    let options: i64 = options.into_iter().filter(|(on, _)| *on).map(|(_, bit)| bit).sum();
    let phase = match info.phase {
        Phase::Open => symbols::TCP_CA_OPEN,
        Phase::Disorder => symbols::TCP_CA_DISORDER,
        Phase::Cwr => symbols::TCP_CA_CWR,
        Phase::Recovery => symbols::TCP_CA_RECOVERY,
        Phase::Loss => symbols::TCP_CA_LOSS,
    };
    let (scale_send, scale_receive) = info.scale.unwrap_or_default();
    let mut put = |name: &str, value: i64| {
        debug_assert!(NAMES.contains(&name), "{name} is on the list");
        values.insert(name.to_owned(), Value::Int(value.into()));
    };
    put("tcpi_state", state_number(info.state));
    put("tcpi_ca_state", phase);
    put("tcpi_retransmits", info.timeouts.into());
    put("tcpi_probes", info.probes.into());
    put("tcpi_backoff", info.backoff.into());
    put("tcpi_options", options);
    put("tcpi_snd_wscale", scale_send.into());
    put("tcpi_rcv_wscale", scale_receive.into());
    put("tcpi_rto", micros(info.rto));
    put("tcpi_ato", micros(info.ato));
    put("tcpi_snd_mss", info.mss.into());
    put("tcpi_rcv_mss", info.mss_received.into());
    put("tcpi_unacked", info.unacked.into());
    put("tcpi_sacked", info.sacked.into());
    put("tcpi_lost", info.lost.into());
    put("tcpi_retrans", info.retransmitted.into());
    put("tcpi_fackets", 0);
    put("tcpi_last_data_sent", millis(info.since_data_sent));
    put("tcpi_last_ack_sent", 0);
    put("tcpi_last_data_recv", millis(outside.since_data));
    put("tcpi_last_ack_recv", millis(outside.since_ack));
    put("tcpi_busy_time", micros(outside.busy.all));
    put("tcpi_rwnd_limited", micros(outside.busy.window));
    put("tcpi_sndbuf_limited", micros(outside.busy.buffer));
    put("tcpi_pmtu", i64::from(info.mss_path) + i64::from(outside.headers));
    put("tcpi_rtt", micros(info.rtt));
    put("tcpi_rttvar", micros(info.rtt_variation) / 4);
    put("tcpi_snd_ssthresh", i64::from(info.ssthresh).min(0x7fff_ffff));
    put("tcpi_snd_cwnd", info.cwnd.into());
    put("tcpi_advmss", info.mss_advertised.into());
    put("tcpi_reordering", info.reordering.into());
    put("tcpi_rcv_rtt", info.rtt_receiver.map_or(0, micros));
    put("tcpi_total_retrans", info.retransmitted_total.into());
    put("tcpi_bytes_acked", info.bytes_acked as i64);
    put("tcpi_bytes_received", info.bytes_received as i64);
    put("tcpi_notsent_bytes", info.unsent.into());
    put("tcpi_min_rtt", info.rtt_min.map_or_else(|| u32::MAX.into(), micros));
    put("tcpi_data_segs_in", info.data_segments_in.into());
    put("tcpi_data_segs_out", info.data_segments_out.into());
    put("tcpi_delivered", info.delivered.into());
    put("tcpi_delivered_ce", info.delivered_ce.into());
    put("tcpi_bytes_sent", info.bytes_sent as i64);
    put("tcpi_bytes_retrans", info.bytes_retransmitted as i64);
    put("tcpi_dsack_dups", info.dsack_duplicates.into());
    put("tcpi_reord_seen", info.reorderings.into());
    put("tcpi_snd_wnd", info.window_send.into());
    put("tcpi_rcv_wnd", info.window_receive.into());
    put("tcpi_snd_rexmitpack", info.retransmitted_total.into());
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
