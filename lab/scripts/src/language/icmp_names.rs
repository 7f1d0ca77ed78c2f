//! Names of what ICMP says, as packetdrill has them. (RFC 792, RFC 1812 §5.2.7, RFC 4443)

/// The destination is unreachable: the type of IPv4, and of IPv6.
const UNREACHABLE: [u8; 2] = [3, 1];

const KINDS_V4: &[(&str, u8)] = &[
    ("echo_reply", 0),
    ("unreachable", UNREACHABLE[0]),
    ("source_quench", 4),
    ("redirect", 5),
    ("echo_request", 8),
    ("time_exceeded", 11),
    ("parameter_problem", 12),
    ("timestamp_request", 13),
    ("timestamp_reply", 14),
    ("information_request", 15),
    ("information_reply", 16),
    ("address_mask_request", 17),
    ("address_mask_reply", 18),
];

const KINDS_V6: &[(&str, u8)] = &[
    ("unreachable", UNREACHABLE[1]),
    ("packet_too_big", 2),
    ("time_exceeded", 3),
    ("parameter_problem", 4),
    ("echo_request", 128),
    ("echo_reply", 129),
];

const UNREACHABLE_V4: &[(&str, u8)] = &[
    ("net_unreachable", 0),
    ("host_unreachable", 1),
    ("protocol_unreachable", 2),
    ("port_unreachable", 3),
    ("frag_needed", 4),
    ("source_route_failed", 5),
    ("net_unknown", 6),
    ("host_unknown", 7),
    ("source_host_isolated", 8),
    ("net_prohibited", 9),
    ("host_prohibited", 10),
    ("net_unreachable_for_tos", 11),
    ("host_unreachable_for_tos", 12),
    ("packet_filtered", 13),
    ("precedence_violation", 14),
    ("precedence_cutoff", 15),
];

const UNREACHABLE_V6: &[(&str, u8)] = &[
    ("net_unreachable", 0),
    ("no_route", 0),
    ("admin_prohibited", 1),
    ("not_neighbour", 2),
    ("address_unreachable", 3),
    ("port_unreachable", 4),
];

const EXCEEDED_V6: &[(&str, u8)] = &[("exceeded_hop_limit", 0), ("exceeded_frag_time", 1)];

const PROBLEM_V6: &[(&str, u8)] =
    &[("header_field", 0), ("unknown_next_header", 1), ("unknown_option", 2)];

/// The type of that name, or `type_7`.
pub(crate) fn kind_of(is_v6: bool, name: &str) -> Option<u8> {
    if let Some(number) = name.strip_prefix("type_") {
        return number.parse().ok();
    }
    find(if is_v6 { KINDS_V6 } else { KINDS_V4 }, name)
}

/// The code of that name for a type, or `code_7`.
pub(crate) fn code_of(is_v6: bool, kind: u8, name: &str) -> Option<u8> {
    if let Some(number) = name.strip_prefix("code_") {
        return number.parse().ok();
    }
    let codes = match (is_v6, kind) {
        (false, 3) => UNREACHABLE_V4,
        (true, 1) => UNREACHABLE_V6,
        (true, 3) => EXCEEDED_V6,
        (true, 4) => PROBLEM_V6,
        _ => return None,
    };
    find(codes, name)
}

/// Whether the message says how long a packet may be (RFC 1191 §4, RFC 4443 §3.2).
pub(crate) const fn has_mtu(is_v6: bool, kind: u8, code: u8) -> bool {
    matches!((is_v6, kind, code), (false, 3, 4) | (true, 2, 0))
}

fn find(names: &[(&str, u8)], name: &str) -> Option<u8> {
    names.iter().find(|(known, _)| *known == name).map(|(_, number)| *number)
}
