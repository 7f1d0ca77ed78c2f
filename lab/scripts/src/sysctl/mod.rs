//! Names of the kernel's settings, and what they are called here.
//!
//! `Documentation/networking/ip-sysctl.rst` says what Linux' mean, `tcp(4)` what FreeBSD's do.

mod freebsd;
mod linux;
mod values;

use tcp::{Config, EcnPolicy};

pub(crate) use values::algorithm;
use values::{Done, millis, number, put, seconds};

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

/// Under which name a command that is no `sysctl` sets what a route says.
pub(crate) const ROUTE: &str = "route:";

/// Sets what `name` says.
///
/// # Errors
/// For names that are unknown, values that make no sense, and what cannot be switched here.
pub(crate) fn set(config: &mut Config, name: &str, value: &str) -> Result<(), String> {
    let value = value.trim();
    if name == "kern.ipc.maxsockbuf" {
        return match number::<u32>(value) {
            Some(most) if most >= u32::from(u16::MAX) => {
                freebsd::set_greatest_buffer(config, most);
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
        Some(name) => linux::set(config, name, value),
        None => match name.strip_prefix("net.inet.tcp.") {
            Some(name) => freebsd::set(config, name, value),
            None => None,
        },
    };
    match known {
        Some(true) => Ok(()),
        Some(false) => Err(format!("sysctl {name} cannot be '{value}' here")),
        None => Err(format!("sysctl {name} is not supported")),
    }
}

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
