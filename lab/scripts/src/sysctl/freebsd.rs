//! FreeBSD's names.

use std::time::Duration;

use base::SipKey;
use tcp::{Config, Estimator, FastOpen, ResetRule, Silence};

use super::values::{Done, algorithm, constant, ecn, millis, number, put, switch};

/// FreeBSD's that mean nothing here.
const IGNORED: &[&str] = &[
    // A connection is asked after two hours, which no script waits for without saying so.
    "always_keepalive",
    "do_tcpdrain",
    "functions_default",
    "functions_inherit_listen_socket_stack",
    "isn_reseed_interval",
    "log_debug",
    "log_in_vain",
    "map_limit",
    "maxtcptw",
    "per_cpu_timers",
    "recvbuf_inc",
    "require_unique_port",
    "rfc1323_ts_offset_per_conn",
    "rfc3390",
    "sack.globalmaxholes",
    "sack.maxholes",
    "sack.revised",
    "sack.tso",
    "sendbuf_inc",
    "soreceive_stream",
    "tcbhashsize",
    "ts_offset_per_conn",
    "tso",
    "udp_tunneling_overhead",
    "udp_tunneling_port",
];

/// FreeBSD's that can have one value only here, which is the one that they have by themselves.
const CONSTANT: &[(&str, &str)] = &[
    ("abc_l_var", "2"),
    ("cc.abe", "0"),
    ("do_lrd", "1"),
    ("do_prr", "1"),
    ("do_prr_conservative", "0"),
    ("ecn.maxretries", "1"),
    ("fast_finwait2_recycle", "0"),
    ("icmp_may_rst", "1"),
    ("mssdflt", "536"),
    ("newcwv.enable", "0"),
    ("nolocaltimewait", "0"),
    ("path_mtu_discovery", "1"),
    ("pmtud_blackhole_detection", "0"),
    ("rexmit_drop_options", "0"),
    ("rfc3042", "1"),
    ("rfc3465", "1"),
    ("rfc6675_pipe", "1"),
    ("sack.lrd", "1"),
    ("syncache.rst_on_sock_fail", "1"),
    ("v6mssdflt", "1220"),
    ("v6pmtud_blackhole_mss", "1220"),
];

/// FreeBSD scales windows so that the greatest buffer that a socket may have can be told of.
pub(super) fn set_greatest_buffer(config: &mut Config, most: u32) {
    let scales = |scale: &u8| u64::from(u16::MAX) << scale >= u64::from(most);
    config.buffers.window_scale = Some((0..14).find(scales).unwrap_or(14));
    config.buffers.receive_max = config.buffers.receive_max.min(most);
    config.buffers.send_max = config.buffers.send_max.min(most);
}

/// Sets one of FreeBSD's names below `net.inet.tcp`: whether the value is one that we can have;
/// nothing for a name that we do not know.
pub(super) fn set(config: &mut Config, name: &str, value: &str) -> Option<bool> {
    if IGNORED.contains(&name) {
        return Some(true);
    }
    if let Some((_, only)) = CONSTANT.iter().find(|(known, _)| *known == name) {
        return Some(value == *only);
    }
    let done = set_handshake(config, name, value)
        .or_else(|| set_timers(config, name, value))
        .or_else(|| set_others(config, name, value))?;
    Some(done.is_some())
}

fn set_handshake(config: &mut Config, name: &str, value: &str) -> Option<Done> {
    let handshake = &mut config.handshake;
    Some(match name {
        "rfc1323" => {
            let on = number::<u8>(value).filter(|n| *n <= 3);
            on.map(|n| {
                handshake.window_scaling = n == 1 || n == 2;
                handshake.timestamps = n == 1 || n == 3;
            })
        }
        "tolerate_missing_ts" => {
            put(&mut handshake.requires_timestamps, switch(value).map(|tolerates| !tolerates))
        }
        "sack.enable" => put(&mut handshake.sack, switch(value)),
        "ecn.enable" => put(&mut handshake.ecn, ecn(value)),
        "syncookies" => put(&mut handshake.syn_cookies, switch(value)),
        "syncookies_only" => switch(value).map(|only| {
            if only {
                handshake.syn_queue_max = 0;
                handshake.syn_cookies = true;
            }
        }),
        "drop_synfin" => put(&mut handshake.drops_syn_fin, switch(value)),
        "syncache.rexmtlimit" => put(&mut handshake.syn_ack_retries, number(value)),
        "minmss" => put(&mut config.mss_min, number(value)),
        name => match name.strip_prefix("fastopen.") {
            Some(name) => return set_fast_open(&mut config.fast_open, name, value),
            None => return None,
        },
    })
}

fn set_fast_open(fast: &mut FastOpen, name: &str, value: &str) -> Option<Done> {
    Some(match name {
        "client_enable" => put(&mut fast.client, switch(value)),
        "server_enable" => put(&mut fast.server, switch(value)),
        "acceptany" => put(&mut fast.server_takes_any_cookie, switch(value)),
        // What was set before is good for another while.
        "setkey" => hex(value).map(|key| {
            fast.key_before = fast.key;
            fast.key = Some(SipKey::new(key));
        }),
        "autokey" | "path_disable_time" | "ccache_bucket_limit" | "ccache_buckets" => {
            number::<u32>(value).map(|_| ())
        }
        "maxkeys" | "maxpskeys" | "psk_enable" => constant(value, "0"),
        _ => return None,
    })
}

/// Sixteen bytes in hexadecimal.
fn hex(value: &str) -> Option<[u8; 16]> {
    let pairs = value.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> =
        pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    bytes?.try_into().ok()
}

fn set_timers(config: &mut Config, name: &str, value: &str) -> Option<Done> {
    let (idle, retransmit) = (&mut config.idle, &mut config.retransmit);
    Some(match name {
        "msl" => put(&mut idle.time_wait, millis(value).map(|msl| msl * 2)),
        "keepidle" => put(&mut idle.keepalive_after, millis(value)),
        "keepintvl" => put(&mut idle.keepalive_interval, millis(value)),
        "keepcnt" => put(&mut idle.keepalive_probes, number(value)),
        "insecure_ack" => {
            put(&mut config.acknowledge.refuses_old_acks, switch(value).map(|takes| !takes))
        }
        "insecure_syn" => put(&mut config.idle.ends_by_syn, switch(value)),
        "insecure_rst" => {
            let rule = switch(value).map(|is_anywhere| match is_anywhere {
                true => ResetRule::InWindow,
                false => ResetRule::LastAcknowledged,
            });
            put(&mut idle.resets, rule)
        }
        "blackhole" => {
            let silence = match value {
                "0" => Some(Silence::Nobody),
                "1" => Some(Silence::Syns),
                "2" | "3" => Some(Silence::Everybody),
                _ => None,
            };
            put(&mut idle.silence, silence)
        }
        "finwait2_timeout" => put(&mut idle.fin_wait, millis(value)),
        "rexmit_initial" => put(&mut retransmit.rto_initial, millis(value)),
        "rexmit_min" => put(&mut retransmit.rto_min, millis(value)),
        "rexmit_slop" => millis(value).map(|slop| {
            retransmit.estimator = Estimator::Rfc6298 { slop };
        }),
        "retries" => put(&mut retransmit.retries_max, number(value)),
        "persmin" => put(&mut retransmit.persist_min, millis(value)),
        "delacktime" => put_delay(config, millis(value)),
        // Not delayed is delayed by nothing.
        "delayed_ack" => match switch(value) {
            Some(true) => {
                let usual = Config::profile(tcp::Profile::FreeBsd).acknowledge.delay_max;
                put_delay(config, Some(usual))
            }
            Some(false) => put_delay(config, Some(Duration::ZERO)),
            None => None,
        },
        _ => return None,
    })
}

fn put_delay(config: &mut Config, delay: Option<Duration>) -> Done {
    put(&mut config.acknowledge.delay_max, delay)?;
    put(&mut config.acknowledge.delay_min, delay)
}

fn set_others(config: &mut Config, name: &str, value: &str) -> Option<Done> {
    let buffers = &mut config.buffers;
    Some(match name {
        "initcwnd_segments" => put(&mut config.congestion.initial_window, number(value)),
        "cc.algorithm" => put(&mut config.congestion.algorithm, algorithm(value)),
        "recvspace" => put(&mut buffers.receive_initial, number(value)),
        "sendspace" => put(&mut buffers.send_initial, number(value)),
        "recvbuf_max" => put(&mut buffers.receive_max, number(value)),
        "sendbuf_max" => put(&mut buffers.send_max, number(value)),
        "recvbuf_auto" => put(&mut buffers.receive_autotune, switch(value)),
        "sendbuf_auto" | "sendbuf_auto_lowat" => {
            put(&mut buffers.send_autotune, Some(value != "0"))
        }
        _ => return None,
    })
}
