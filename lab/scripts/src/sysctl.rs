//! Names of the kernel's settings, and what they are called here.
//!
//! `Documentation/networking/ip-sysctl.rst` says what Linux' mean, `tcp(4)` what FreeBSD's do.

use std::time::Duration;

use base::SipKey;
use tcp::{
    Algorithm, Config, EcnPolicy, Estimator, FastOpen, MtuProbing, ProbeWhen, ResetRule, Silence,
};

/// What means nothing here: whatever it is set to, nothing that a script can see depends on it.
const IGNORED: &[&str] = &[
    "net.core.default_qdisc",
    "net.core.netdev_budget",
    "net.core.somaxconn",
    "net.core.optmem_max",
    "net.core.rmem_max",
    "net.core.wmem_max",
    "net.ipv4.icmp_ratelimit",
    "net.ipv4.icmp_ratemask",
    "net.ipv4.ip_forward",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_nonlocal_bind",
    "net.ipv4.tcp_abort_on_overflow",
    "net.ipv4.tcp_autocorking",
    "net.ipv4.tcp_early_demux",
    "net.ipv4.tcp_ecn_fallback",
    "net.ipv4.tcp_fack",
    "net.ipv4.tcp_fastopen_blackhole_timeout_sec",
    "net.ipv4.tcp_limit_output_bytes",
    "net.ipv4.tcp_low_latency",
    "net.ipv4.tcp_max_orphans",
    "net.ipv4.tcp_max_reordering",
    "net.ipv4.tcp_max_tw_buckets",
    "net.ipv4.tcp_mem",
    "net.ipv4.tcp_migrate_req",
    "net.ipv4.tcp_min_rtt_wlen",
    "net.ipv4.tcp_min_tso_segs",
    "net.ipv4.tcp_no_metrics_save",
    "net.ipv4.tcp_no_ssthresh_metrics_save",
    "net.ipv4.route.flush",
    "net.ipv4.route.mtu_expires",
    "net.ipv4.tcp_pacing_ca_ratio",
    "net.ipv4.tcp_pacing_ss_ratio",
    "net.ipv4.tcp_rfc1337",
    "net.ipv4.tcp_tso_rtt_log",
    "net.ipv4.tcp_tso_win_divisor",
    "net.ipv4.tcp_tw_reuse",
    "net.ipv4.tcp_workaround_signed_windows",
    "net.ipv4.fib_multipath_hash_policy",
    "net.ipv4.fwmark_reflect",
    "net.ipv4.ip_early_demux",
    "net.ipv4.tcp_adv_win_scale",
    "net.ipv4.tcp_available_congestion_control",
    "net.ipv4.tcp_backlog_ack_defer",
    "net.ipv4.tcp_child_ehash_entries",
    "net.ipv4.tcp_collapse_max_bytes",
    "net.ipv4.tcp_fwmark_accept",
    "net.ipv4.tcp_l3mdev_accept",
    "net.ipv4.tcp_max_ssthresh",
    "net.ipv4.tcp_rx_skb_cache",
    "net.ipv4.tcp_tw_recycle",
    "net.ipv4.tcp_tw_reuse_delay",
    "net.ipv4.tcp_tx_skb_cache",
    "net.ipv6.auto_flowlabels",
    "net.ipv6.conf.all.disable_ipv6",
    "net.ipv6.conf.default.disable_ipv6",
    "net.ipv6.flowlabel_consistency",
    "net.ipv6.flowlabel_reflect",
    "net.ipv6.flowlabel_state_ranges",
    "net.ipv6.ip_nonlocal_bind",
    "net.ipv6.route.flush",
];

/// Groups of them.
const IGNORED_GROUPS: &[&str] = &[
    "fs.",
    "kernel.",
    "net.core.",
    "net.ipv4.neigh.",
    "net.ipv6.neigh.",
    "net.ipv6.icmp",
    "vm.",
    // FreeBSD's.
    "debug.",
    "hw.",
    "kern.",
    "net.inet.icmp.",
    "net.inet.ip.portrange.",
    "net.inet.siftr.",
    "net.inet.tcp.bb.",
    "net.inet.tcp.bbr.",
    "net.inet.tcp.hostcache.",
    "net.inet.tcp.hpts.",
    "net.inet.tcp.lro.",
    "net.inet.tcp.rack.",
    "net.inet.tcp.reass.",
    "net.inet.udp.",
    "net.inet6.icmp6.",
];

/// FreeBSD's that mean nothing here.
const IGNORED_OF_FREEBSD: &[&str] = &[
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
const CONSTANT_OF_FREEBSD: &[(&str, &str)] = &[
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

/// Under which name a command that is no `sysctl` sets what a route says.
pub(crate) const ROUTE: &str = "route:";

fn set_route(config: &mut Config, name: &str, value: &str) -> Done {
    match name {
        "initcwnd" => put(&mut config.congestion.initial_window, number(value)),
        "initrwnd" => put(&mut config.buffers.receive_initial_segments, number(value).map(Some)),
        "rto_min" => {
            let time = match value.strip_suffix("ms") {
                Some(value) => millis(value),
                None => value.strip_suffix('s').and_then(seconds),
            };
            put(&mut config.retransmit.rto_min, time)
        }
        "congctl" => put(&mut config.congestion.algorithm, algorithm(value)),
        "advmss" => put(&mut config.mss_max, number(value).map(Some)),
        "features" if value == "ecn" => put(&mut config.handshake.ecn, Some(EcnPolicy::Ask)),
        _ => None,
    }
}

/// Sets what `name` says.
///
/// # Errors
/// For names that are unknown, values that make no sense, and what cannot be switched here.
pub(crate) fn set(config: &mut Config, name: &str, value: &str) -> Result<(), String> {
    let value = value.trim();
    if name == "kern.ipc.maxsockbuf" {
        return match number::<u32>(value) {
            Some(most) if most >= u32::from(u16::MAX) => {
                set_greatest_buffer(config, most);
                Ok(())
            }
            _ => Err(format!("sysctl {name} cannot be '{value}' here")),
        };
    }
    if IGNORED.contains(&name) || IGNORED_GROUPS.iter().any(|group| name.starts_with(group)) {
        return Ok(());
    }
    if name.starts_with("net.ipv4.conf.") && name.ends_with(".rp_filter") {
        return Ok(());
    }
    if let Some(name) = name.strip_prefix(ROUTE) {
        return set_route(config, name, value)
            .ok_or_else(|| format!("'{name} {value}' of a route is not supported"));
    }
    let known = match name.strip_prefix("net.ipv4.") {
        Some(name) => set_linux(config, name, value),
        None => match name.strip_prefix("net.inet.tcp.") {
            Some(name) => set_freebsd(config, name, value),
            None => None,
        },
    };
    match known {
        Some(true) => Ok(()),
        Some(false) => Err(format!("sysctl {name} cannot be '{value}' here")),
        None => Err(format!("sysctl {name} is not supported")),
    }
}

/// FreeBSD scales windows so that the greatest buffer that a socket may have can be told of.
fn set_greatest_buffer(config: &mut Config, most: u32) {
    let scales = |scale: &u8| u64::from(u16::MAX) << scale >= u64::from(most);
    config.buffers.window_scale = Some((0..14).find(scales).unwrap_or(14));
    config.buffers.receive_max = config.buffers.receive_max.min(most);
    config.buffers.send_max = config.buffers.send_max.min(most);
}

/// Whether the value is one that we can have; nothing for a name that we do not know.
fn set_linux(config: &mut Config, name: &str, value: &str) -> Option<bool> {
    let done = set_handshake(config, name, value)
        .or_else(|| set_retransmit(config, name, value))
        .or_else(|| set_memory(config, name, value))
        .or_else(|| set_idle(config, name, value))
        .or_else(|| set_others(config, name, value))?;
    Some(done.is_some())
}

/// Some(()) was set, None was not.
type Done = Option<()>;

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

fn set_freebsd(config: &mut Config, name: &str, value: &str) -> Option<bool> {
    if IGNORED_OF_FREEBSD.contains(&name) {
        return Some(true);
    }
    if let Some((_, only)) = CONSTANT_OF_FREEBSD.iter().find(|(known, _)| *known == name) {
        return Some(value == *only);
    }
    let done = set_freebsd_handshake(config, name, value)
        .or_else(|| set_freebsd_timers(config, name, value))
        .or_else(|| set_freebsd_others(config, name, value))?;
    Some(done.is_some())
}

fn set_freebsd_handshake(config: &mut Config, name: &str, value: &str) -> Option<Done> {
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
            Some(name) => return set_freebsd_fast_open(&mut config.fast_open, name, value),
            None => return None,
        },
    })
}

fn set_freebsd_fast_open(fast: &mut FastOpen, name: &str, value: &str) -> Option<Done> {
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

fn set_freebsd_timers(config: &mut Config, name: &str, value: &str) -> Option<Done> {
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

fn set_freebsd_others(config: &mut Config, name: &str, value: &str) -> Option<Done> {
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

/// The policy of that name.
pub(crate) fn algorithm(name: &str) -> Option<Algorithm> {
    match name {
        "reno" | "newreno" => Some(Algorithm::NewReno),
        "cubic" => Some(Algorithm::Cubic),
        _ => None,
    }
}

/// By how many bits a window must be shifted that may become `max` bytes: as Linux reckons.
fn scale_of(max: u32) -> u8 {
    let bits = 32 - max.leading_zeros();
    bits.saturating_sub(16).min(14) as u8
}

fn put<T>(place: &mut T, value: Option<T>) -> Done {
    value.map(|value| *place = value)
}

fn constant(value: &str, only: &str) -> Done {
    (value == only).then_some(())
}

fn switch(value: &str) -> Option<bool> {
    match value {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

fn ecn(value: &str) -> Option<EcnPolicy> {
    match value {
        "0" => Some(EcnPolicy::Off),
        "1" => Some(EcnPolicy::Ask),
        "2" => Some(EcnPolicy::WhenAsked),
        _ => None,
    }
}

fn number<T: std::str::FromStr>(value: &str) -> Option<T> {
    value.parse().ok()
}

/// A number of which each bit means something: often in hexadecimal.
fn bits(value: &str) -> Option<u32> {
    match value.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => number(value),
    }
}

fn three(value: &str) -> Option<[u32; 3]> {
    let numbers: Option<Vec<u32>> = value.split_whitespace().map(number).collect();
    numbers?.try_into().ok()
}

fn seconds(value: &str) -> Option<Duration> {
    number(value).map(Duration::from_secs)
}

fn millis(value: &str) -> Option<Duration> {
    number(value).map(Duration::from_millis)
}

fn micros(value: &str) -> Option<Duration> {
    number(value).map(Duration::from_micros)
}
