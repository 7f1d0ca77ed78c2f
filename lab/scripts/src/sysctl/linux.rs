//! Linux' names.

use std::time::Duration;

use base::SipKey;
use tcp::{Config, MtuProbing, ProbeWhen};

use super::values::{
    Done, algorithm, bits, constant, ecn, micros, millis, number, put, seconds, switch, three,
};

/// Sets one of Linux' names below `net.ipv4`: whether the value is one that we can have; nothing for a
/// name that we do not know.
pub(super) fn set(config: &mut Config, name: &str, value: &str) -> Option<bool> {
    let done = set_handshake(config, name, value)
        .or_else(|| set_retransmit(config, name, value))
        .or_else(|| set_memory(config, name, value))
        .or_else(|| set_idle(config, name, value))
        .or_else(|| set_others(config, name, value))?;
    Some(done.is_some())
}

fn set_handshake(config: &mut Config, name: &str, value: &str) -> Option<Done> {
    let handshake = &mut config.handshake;
    Some(match name {
        "tcp_timestamps" => match value {
            "0" => put(&mut handshake.timestamps, Some(false)),
            // With 2 the clocks of all connections begin together.
            "1" | "2" => {
                handshake.timestamp_offset_keyed = value == "1";
                put(&mut handshake.timestamps, Some(true))
            }
            _ => None,
        },
        "tcp_window_scaling" => put(&mut handshake.window_scaling, switch(value)),
        "tcp_sack" => put(&mut handshake.sack, switch(value)),
        "tcp_ecn" => put(&mut handshake.ecn, ecn(value)),
        "tcp_syn_retries" => put(&mut handshake.syn_retries, number(value)),
        "tcp_synack_retries" => put(&mut handshake.syn_ack_retries, number(value)),
        "tcp_syn_linear_timeouts" => put(&mut handshake.syn_linear_timeouts, number(value)),
        "tcp_syncookies" => match value {
            // 2 answers every SYN with one.
            "2" => {
                handshake.syn_queue_max = 0;
                put(&mut handshake.syn_cookies, Some(true))
            }
            _ => put(&mut handshake.syn_cookies, switch(value)),
        },
        "tcp_max_syn_backlog" => put(&mut handshake.syn_queue_max, number(value)),
        _ => return None,
    })
}

fn set_retransmit(config: &mut Config, name: &str, value: &str) -> Option<Done> {
    let retransmit = &mut config.retransmit;
    Some(match name {
        "tcp_retries1" => put(&mut retransmit.retries_doubt, number(value)),
        "tcp_retries2" => put(&mut retransmit.retries_max, number(value)),
        "tcp_frto" => put(&mut retransmit.frto, number::<u8>(value).map(|n| n > 0)),
        "tcp_reordering" => put(&mut retransmit.dup_threshold, number(value)),
        // 0 switches probes of the tail off; what 1 and 2 were is no more.
        "tcp_early_retrans" => {
            put(&mut retransmit.tail_loss_probe, number::<u8>(value).map(|n| n >= 3))
        }
        // Bit 1: RACK. The others change how it is reckoned, which cannot be changed here.
        "tcp_recovery" => {
            let bits = number::<u8>(value).filter(|bits| *bits <= 1);
            put(&mut retransmit.rack, bits.map(|bits| bits == 1))
        }
        "tcp_rto_min_us" => put(&mut retransmit.rto_min, micros(value)),
        "tcp_rto_max_ms" => put(&mut retransmit.rto_max, millis(value)),
        "tcp_dsack" => put(&mut config.acknowledge.reports_duplicates, switch(value)),
        // Timeouts are never linear.
        "tcp_thin_linear_timeouts" | "tcp_thin_dupack" | "tcp_retrans_collapse" => {
            number::<u8>(value).filter(|n| *n == 0 || name == "tcp_retrans_collapse").map(|_| ())
        }
        _ => return None,
    })
}

fn set_memory(config: &mut Config, name: &str, value: &str) -> Option<Done> {
    let buffers = &mut config.buffers;
    Some(match name {
        "tcp_rmem" => three(value).map(|[_, initial, max]| {
            // Half of the memory is for what surrounds segments (tcp_adv_win_scale).
            buffers.receive_initial = initial / 2;
            buffers.receive_max = max.max(initial) / 2;
            buffers.window_scale = Some(scale_of(max.max(initial)));
        }),
        "tcp_wmem" => three(value).map(|[_, initial, max]| {
            buffers.send_initial = initial;
            buffers.send_max = max.max(initial);
        }),
        "tcp_moderate_rcvbuf" => put(&mut buffers.receive_autotune, switch(value)),
        "tcp_app_win" => constant(value, "31"),
        "tcp_shrink_window" => constant(value, "0"),
        "tcp_notsent_lowat" => number::<u32>(value).filter(|n| *n == u32::MAX).map(|_| ()),
        _ => return None,
    })
}

fn set_idle(config: &mut Config, name: &str, value: &str) -> Option<Done> {
    let idle = &mut config.idle;
    Some(match name {
        "tcp_keepalive_time" => put(&mut idle.keepalive_after, seconds(value)),
        "tcp_keepalive_intvl" => put(&mut idle.keepalive_interval, seconds(value)),
        "tcp_keepalive_probes" => put(&mut idle.keepalive_probes, number(value)),
        "tcp_fin_timeout" => put(&mut idle.fin_wait, seconds(value)),
        "tcp_orphan_retries" => {
            // 0 means the kernel's own number.
            let retries = number::<u8>(value).map(|n| if n == 0 { 8 } else { n });
            put(&mut idle.orphan_retries, retries)
        }
        _ => return None,
    })
}

fn set_others(config: &mut Config, name: &str, value: &str) -> Option<Done> {
    Some(match name {
        "tcp_congestion_control" => put(&mut config.congestion.algorithm, algorithm(value)),
        "tcp_slow_start_after_idle" => {
            put(&mut config.congestion.restart_after_idle, switch(value))
        }
        name if name.starts_with("tcp_mtu_prob") || name.starts_with("tcp_probe_") => {
            return set_mtu_probing(&mut config.mtu_probing, name, value);
        }
        "tcp_base_mss" => put(&mut config.mtu_probing.base_mss, number(value)),
        "tcp_min_snd_mss" => put(&mut config.mss_min, number(value)),
        "tcp_invalid_ratelimit" => put(&mut config.out_of_window_interval, millis(value)),
        "tcp_challenge_ack_limit" => put(&mut config.challenges_per_second, number(value)),
        "tcp_comp_sack_nr" => put(&mut config.acknowledge.compressed_max, number(value)),
        "tcp_comp_sack_delay_ns" => {
            let delay = number(value).map(Duration::from_nanos);
            put(&mut config.acknowledge.compressed_delay, delay)
        }
        "tcp_pingpong_thresh" => put(&mut config.acknowledge.interactive_after, number(value)),
        // What cannot be otherwise here.
        "tcp_stdurg" | "tcp_reflect_tos" | "tcp_plb_enabled" | "ip_no_pmtu_disc" => {
            constant(value, "0")
        }
        "route.min_pmtu" => constant(value, "552"),
        "route.min_adv_mss" => constant(value, "256"),
        "tcp_comp_sack_slack_ns" => number::<u64>(value).map(|_| ()),
        "tcp_fastopen" => bits(value).map(|bits| set_fast_open(config, bits)),
        "tcp_fastopen_key" => put(&mut config.fast_open.key, fast_open_key(value).map(Some)),
        "tcp_allowed_congestion_control" => Some(()),
        _ => return None,
    })
}

fn set_mtu_probing(probing: &mut MtuProbing, name: &str, value: &str) -> Option<Done> {
    Some(match name {
        "tcp_mtu_probing" => {
            let when = match value {
                "0" => Some(ProbeWhen::Never),
                "1" => Some(ProbeWhen::BlackHole),
                "2" => Some(ProbeWhen::Always),
                _ => None,
            };
            put(&mut probing.when, when)
        }
        "tcp_mtu_probe_floor" => put(&mut probing.floor, number(value)),
        "tcp_probe_interval" => put(&mut probing.interval, seconds(value)),
        "tcp_probe_threshold" => put(&mut probing.range_min, number(value)),
        _ => return None,
    })
}

/// The bits of `tcp_fastopen`: clients, servers; clients without a cookie, servers without one; every
/// listener.
fn set_fast_open(config: &mut Config, bits: u32) {
    let fast = &mut config.fast_open;
    let has = |bit: u32| bits & bit != 0;
    fast.client = has(1);
    fast.server = has(2);
    fast.client_without_cookie = has(4);
    fast.server_without_cookie = has(0x200);
    fast.pending_follows_backlog = has(0x400);
}

/// Four numbers of four bytes, each lowest byte first.
fn fast_open_key(value: &str) -> Option<SipKey> {
    let words: Option<Vec<u32>> =
        value.split('-').map(|word| u32::from_str_radix(word.trim(), 16).ok()).collect();
    let words: [u32; 4] = words?.try_into().ok()?;
    let mut bytes = [0; 16];
    for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    Some(SipKey::new(bytes))
}

/// By how many bits a window must be shifted that may become `max` bytes: as Linux reckons.
fn scale_of(max: u32) -> u8 {
    let bits = 32 - max.leading_zeros();
    bits.saturating_sub(16).min(14) as u8
}
