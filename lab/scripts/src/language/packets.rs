//! Packets as scripts have them.

use tcp::Flags;

use crate::language::icmp_names;
use crate::language::lexer::{Lexer, Token};
use crate::language::script::{
    Body, Direction, Echoed, Icmp, IpInfo, Numbering, Packet, Service, Tcp, TcpOption,
};
use crate::position::{Parsed, Position, Refusal};

/// The longest payload that fits behind 120 bytes of headers.
const PAYLOAD_MAX: i64 = 65_535 - 120;

/// Reads what stands behind `<` or `>`.
pub(crate) fn read(lexer: &mut Lexer<'_>, is_v6: bool) -> Parsed<Packet> {
    let (at, token) = lexer.take()?;
    let direction = match token {
        Token::Sign('<') => Direction::Inbound,
        Token::Sign('>') => Direction::Outbound,
        other => return Err(Refusal::new(at, format!("expected '<' or '>' but found {other}"))),
    };
    refuse_tunnels(lexer)?;
    let ip = read_ip(lexer, direction)?;
    let (ports, body) = if lexer.take_if_word("icmp")? {
        (None, Body::Icmp(read_icmp(lexer, is_v6)?))
    } else if lexer.take_if_word("udp")? {
        let ports = read_ports(lexer)?;
        (ports, Body::Udp(read_udp(lexer, ip)?))
    } else {
        let ports = read_ports(lexer)?;
        (ports, Body::Tcp(read_tcp(lexer, direction)?))
    };
    if ip.flow_label.is_some() && !is_v6 {
        return Err(Refusal::new(at, "IPv4 has no flow label"));
    }
    Ok(Packet { direction, ip, ports, body })
}

fn refuse_tunnels(lexer: &mut Lexer<'_>) -> Parsed<()> {
    let at = lexer.position()?;
    let Token::Word(word) = lexer.peek()? else { return Ok(()) };
    match &word[..] {
        "ipv4" | "ipv6" | "gre" | "GREv0" | "mpls" | "psp" => {
            Err(Refusal::new(at, format!("packets inside {word} are not supported")))
        }
        "sctp" | "udplite" => Err(Refusal::new(at, format!("{word} is not supported"))),
        _ => Ok(()),
    }
}

/// `[ect0]`, `(tos 0x10)`, `[ttl 64]`, `[noecn, flowlabel 0x1]`
fn read_ip(lexer: &mut Lexer<'_>, direction: Direction) -> Parsed<IpInfo> {
    let end = match lexer.peek()? {
        Token::Sign('[') => ']',
        Token::Sign('(') => ')',
        _ => return Ok(IpInfo::default()),
    };
    lexer.take()?;
    let mut info = IpInfo::default();
    loop {
        let (at, word) =
            lexer.expect_word("ect0, ect1, ect01, ce, noecn, tos, ttl or flowlabel")?;
        let service = match &word[..] {
            "noecn" => Some(Service::Ecn(0)),
            "ect1" => Some(Service::Ecn(1)),
            "ect0" => Some(Service::Ecn(2)),
            "ce" => Some(Service::Ecn(3)),
            "ect01" if direction == Direction::Inbound => {
                return Err(Refusal::new(at, "[ect01] is for outbound packets"));
            }
            "ect01" => Some(Service::EcnCapable),
            "tos" => Some(Service::All(read_hex(lexer, "tos", 0xff)? as u8)),
            _ => None,
        };
        match (service, &word[..]) {
            (Some(service), _) if info.service == Service::Any => info.service = service,
            (None, "ttl") if info.hop_limit.is_none() => {
                info.hop_limit = Some(lexer.expect_int("ttl", 1, 255)? as u8);
            }
            (None, "flowlabel") if info.flow_label.is_none() => {
                info.flow_label = Some(read_hex(lexer, "flowlabel", 0xf_ffff)? as u32);
            }
            (None, "ttl" | "flowlabel") | (Some(_), _) => {
                return Err(Refusal::new(at, format!("'{word}' is one too many")));
            }
            _ => return Err(Refusal::new(at, format!("unknown field of IP '{word}'"))),
        }
        if lexer.take_if(end)? {
            return Ok(info);
        }
        lexer.expect(',')?;
    }
}

fn read_hex(lexer: &mut Lexer<'_>, what: &str, max: i64) -> Parsed<i64> {
    match lexer.take()? {
        (_, Token::Hex(n)) if n <= max => Ok(n),
        (at, Token::Hex(n)) => Err(Refusal::new(at, format!("{what} {n:#x} is above {max:#x}"))),
        (at, other) => Err(Refusal::new(at, format!("expected {what} as 0x… but found {other}"))),
    }
}

/// `8080 > 80`
fn read_ports(lexer: &mut Lexer<'_>) -> Parsed<Option<(u16, u16)>> {
    let Token::Int(_) = lexer.peek()? else { return Ok(None) };
    let source = lexer.expect_int("a port", 0, 65_535)? as u16;
    lexer.expect('>')?;
    let destination = lexer.expect_int("a port", 0, 65_535)? as u16;
    Ok(Some((source, destination)))
}

fn read_udp(lexer: &mut Lexer<'_>, ip: IpInfo) -> Parsed<u16> {
    let at = lexer.expect('(')?;
    let len = lexer.expect_int("a length", 0, PAYLOAD_MAX)?;
    lexer.expect(')')?;
    if matches!(ip.service, Service::Ecn(_) | Service::EcnCapable) {
        return Err(Refusal::new(at, "ECN is for segments of TCP"));
    }
    Ok(len as u16)
}

// Segments.

fn read_tcp(lexer: &mut Lexer<'_>, direction: Direction) -> Parsed<Tcp> {
    let at = lexer.position()?;
    let (flags, has_ace) = read_flags(lexer)?;
    let (seq, len, seq_is) = read_seq_of(lexer, direction)?;
    let (ack, ack_is) = match lexer.take_if_word("ack")? {
        true => read_number(lexer, "an acknowledgement", direction)?,
        false => (0, Numbering::Relative),
    };
    let window = match lexer.take_if_word("win")? {
        true => Some(lexer.expect_int("a window", 0, 65_535)? as u16),
        false => None,
    };
    let urgent = match lexer.take_if_word("urg")? {
        true => lexer.expect_int("an urgent pointer", 0, 65_535)? as u16,
        false => 0,
    };
    if window.is_none() && direction == Direction::Inbound {
        return Err(Refusal::new(at, "inbound segments need 'win'"));
    }
    let options = read_options(lexer, direction)?;
    if *lexer.peek()? == Token::Sign('{') {
        let at = lexer.position()?;
        return Err(Refusal::new(at, "mutated packets are not supported"));
    }
    if *lexer.peek()? == Token::Sign('/') {
        let at = lexer.position()?;
        return Err(Refusal::new(at, "segments inside udp are not supported"));
    }
    Ok(Tcp { flags, has_ace, seq, seq_is, len, ack, ack_is, window, urgent, options })
}

/// `101`, `4000000000!` for a number as it is on the wire, or `...` for any.
fn read_number(
    lexer: &mut Lexer<'_>,
    what: &str,
    direction: Direction,
) -> Parsed<(u32, Numbering)> {
    if let Some(numbering) = take_any(lexer, direction)? {
        return Ok((0, numbering));
    }
    let number = lexer.expect_int(what, 0, u32::MAX.into())? as u32;
    Ok((number, take_absolute(lexer)?))
}

/// `!` behind a number: it is that of the wire.
fn take_absolute(lexer: &mut Lexer<'_>) -> Parsed<Numbering> {
    Ok(if lexer.take_if('!')? { Numbering::Absolute } else { Numbering::Relative })
}

/// `...`: any number, which we cannot send.
fn take_any(lexer: &mut Lexer<'_>, direction: Direction) -> Parsed<Option<Numbering>> {
    if *lexer.peek()? != Token::Ellipsis {
        return Ok(None);
    }
    let (at, _) = lexer.take()?;
    match direction {
        Direction::Outbound => Ok(Some(Numbering::Any)),
        Direction::Inbound => Err(Refusal::new(at, "'...' is for outbound segments")),
    }
}

/// `1:1001(1000)`, `1:1001(1000)!` or `...(1000)`
fn read_seq_of(lexer: &mut Lexer<'_>, direction: Direction) -> Parsed<(u32, u16, Numbering)> {
    if let Some(numbering) = take_any(lexer, direction)? {
        return Ok((0, read_len(lexer)?, numbering));
    }
    let (seq, len) = read_seq(lexer)?;
    Ok((seq, len, take_absolute(lexer)?))
}

fn read_len(lexer: &mut Lexer<'_>) -> Parsed<u16> {
    lexer.expect('(')?;
    let len = lexer.expect_int("a length", 0, PAYLOAD_MAX)?;
    lexer.expect(')')?;
    Ok(len as u16)
}

/// `S`, `S.`, `FP.`, `.`, `-`, `SEW`, `P.5`
fn read_flags(lexer: &mut Lexer<'_>) -> Parsed<(Flags, bool)> {
    let (at, token) = lexer.take()?;
    let text = match token {
        Token::Word(letters) => {
            // What belongs to the flags follows at once.
            if lexer.is_directly_followed_by('.') {
                match lexer.take()? {
                    (_, Token::Sign('.')) => letters + ".",
                    (_, Token::Float(rest)) => letters + &rest,
                    (at, other) => return Err(Refusal::new(at, format!("unexpected {other}"))),
                }
            } else if *lexer.peek()? == Token::Sign('.') {
                lexer.take()?;
                letters + "."
            } else {
                letters
            }
        }
        Token::Float(text) => text,
        Token::Sign('.') => ".".to_owned(),
        Token::Sign('-') => String::new(),
        other => {
            return Err(Refusal::new(at, format!("expected flags of TCP but found {other}")));
        }
    };
    flags_of(at, &text)
}

fn flags_of(at: Position, text: &str) -> Parsed<(Flags, bool)> {
    let mut flags = Flags::NONE;
    let mut ace = None;
    for c in text.chars() {
        let flag = match c {
            'F' => Flags::FIN,
            'S' => Flags::SYN,
            'R' => Flags::RST,
            'P' => Flags::PSH,
            '.' => Flags::ACK,
            'U' => Flags::URG,
            'E' => Flags::ECE,
            'W' => Flags::CWR,
            'A' => Flags::AE,
            '0'..='7' if ace.is_none() => {
                ace = c.to_digit(8);
                continue;
            }
            _ => return Err(Refusal::new(at, format!("unknown flag of TCP '{c}'"))),
        };
        if flags.has(flag) {
            return Err(Refusal::new(at, format!("flag '{c}' stands there twice")));
        }
        flags |= flag;
    }
    let Some(ace) = ace else { return Ok((flags, false)) };
    if flags.has_any(Flags::ECE | Flags::CWR | Flags::AE) {
        return Err(Refusal::new(at, "flags E, W and A cannot stand beside their number"));
    }
    flags = flags
        .with_if(ace & 1 != 0, Flags::ECE)
        .with_if(ace & 2 != 0, Flags::CWR)
        .with_if(ace & 4 != 0, Flags::AE);
    Ok((flags, true))
}

/// `1:1001(1000)`
fn read_seq(lexer: &mut Lexer<'_>) -> Parsed<(u32, u16)> {
    let at = lexer.position()?;
    let start = lexer.expect_int("a sequence number", 0, u32::MAX.into())?;
    lexer.expect(':')?;
    let end = lexer.expect_int("a sequence number", 0, u32::MAX.into())?;
    let len = read_len(lexer)?;
    // The numbers may go round the circle.
    if (start + i64::from(len)) & i64::from(u32::MAX) != end {
        return Err(Refusal::new(at, format!("{start}:{end} is not {len} bytes")));
    }
    Ok((start as u32, len))
}

/// `<mss 1460,nop,wscale 7>`, `<...>`, or nothing.
fn read_options(lexer: &mut Lexer<'_>, direction: Direction) -> Parsed<Option<Vec<TcpOption>>> {
    if !lexer.take_if('<')? {
        return Ok(Some(Vec::new()));
    }
    if *lexer.peek()? == Token::Ellipsis {
        let (at, _) = lexer.take()?;
        lexer.expect('>')?;
        if direction == Direction::Inbound {
            return Err(Refusal::new(at, "<...> is for outbound segments"));
        }
        return Ok(None);
    }
    let at = lexer.position()?;
    let mut options = Vec::new();
    loop {
        options.push(read_option(lexer, direction)?);
        if lexer.take_if('>')? {
            break;
        }
        lexer.expect(',')?;
    }
    let len: usize = options.iter().map(TcpOption::len).sum();
    if !len.is_multiple_of(4) || len > 40 {
        let what = format!("options of {len} bytes: a header takes a multiple of 4, at most 40");
        return Err(Refusal::new(at, what));
    }
    Ok(Some(options))
}

fn read_option(lexer: &mut Lexer<'_>, direction: Direction) -> Parsed<TcpOption> {
    let (at, word) = lexer.expect_word("an option of TCP")?;
    Ok(match &word[..] {
        "nop" => TcpOption::Nop,
        "eol" => TcpOption::End,
        "mss" => TcpOption::Mss(lexer.expect_int("mss", 0, 65_535)? as u16),
        "wscale" => TcpOption::WindowScale(lexer.expect_int("wscale", 0, 255)? as u8),
        "sackOK" => TcpOption::SackOk,
        "sack" => TcpOption::Sack(read_blocks(lexer)?),
        "TS" => read_timestamps(lexer, direction)?,
        "FO" => TcpOption::FastOpen(read_bytes(lexer, 16)?),
        "FOEXP" => TcpOption::FastOpenExperiment(read_bytes(lexer, 16)?),
        "md5" => TcpOption::Md5(read_bytes(lexer, 16)?),
        "mp_capable"
        | "mp_capable_no_cs"
        | "mp_join_syn"
        | "mp_join_syn_backup"
        | "mp_join_syn_ack"
        | "mp_join_syn_ack_backup"
        | "mp_join_ack"
        | "dss"
        | "dsn4"
        | "dsn8"
        | "dack4"
        | "dack8"
        | "add_address"
        | "remove_address"
        | "rm_addr"
        | "mp_prio"
        | "mp_fail"
        | "mp_fastclose"
        | "mp_reset" => {
            return Err(Refusal::new(at, format!("'{word}': MPTCP is not supported")));
        }
        "ECN" => read_acc_ecn(lexer)?,
        "exp_ecn" => {
            return Err(Refusal::new(at, "accurate ECN as an experiment is not supported"));
        }
        "tcp_ao" => TcpOption::Authentication(read_bytes(lexer, 38)?),
        _ => return Err(Refusal::new(at, format!("unknown option of TCP '{word}'"))),
    })
}

/// `TS val 100 ecr 200`; `val ...` for any of ours, `ecr 200!` for an echo as it is on the wire.
fn read_timestamps(lexer: &mut Lexer<'_>, direction: Direction) -> Parsed<TcpOption> {
    let word = |lexer: &mut Lexer<'_>, name: &str| match lexer.take_if_word(name)? {
        true => Ok(()),
        false => lexer.unexpected(&format!("'{name}'")),
    };
    word(lexer, "val")?;
    let (value, is_any) = match take_any(lexer, direction)? {
        Some(_) => (0, true),
        None => (lexer.expect_int("a timestamp", 0, u32::MAX.into())? as u32, false),
    };
    word(lexer, "ecr")?;
    let (echo, echo_is) = read_number(lexer, "a timestamp", direction)?;
    Ok(TcpOption::Timestamps { value, is_any, echo, echo_is })
}

/// `ECN e1b 1 ceb 0 e0b 1`, or the other way round, and perhaps not to the end.
fn read_acc_ecn(lexer: &mut Lexer<'_>) -> Parsed<TcpOption> {
    const COUNTER_MAX: i64 = 0xff_ffff;
    let at = lexer.position()?;
    let mut names = Vec::new();
    let mut counters = Vec::new();
    while let Token::Word(_) = lexer.peek()? {
        names.push(lexer.expect_word("a counter")?.1);
        counters.push(lexer.expect_int("a counter", 0, COUNTER_MAX)? as u32);
    }
    let is_order = |order: u8| {
        let all = ACC_ECN_ORDERS.get(usize::from(order)).copied().unwrap_or_default();
        !names.is_empty() && names.len() <= all.len() && names.iter().zip(all).all(|(n, a)| n == a)
    };
    match [0, 1].into_iter().find(|order| is_order(*order)) {
        Some(order) => Ok(TcpOption::AccEcn { order, counters }),
        None => Err(Refusal::new(at, "expected 'e0b … ceb … e1b …' or 'e1b … ceb … e0b …'")),
    }
}

/// What the counters of both orders count (RFC 9768 §3.2.3): bytes with ECT(0), CE, ECT(1).
pub(crate) const ACC_ECN_ORDERS: [[&str; 3]; 2] = [["e0b", "ceb", "e1b"], ["e1b", "ceb", "e0b"]];

fn read_blocks(lexer: &mut Lexer<'_>) -> Parsed<Vec<(u32, u32)>> {
    let mut blocks = Vec::new();
    loop {
        let left = lexer.expect_int("a sequence number", 0, u32::MAX.into())? as u32;
        lexer.expect(':')?;
        let right = lexer.expect_int("a sequence number", 0, u32::MAX.into())? as u32;
        blocks.push((left, right));
        let Token::Int(_) = lexer.peek()? else { return Ok(blocks) };
    }
}

/// Hexadecimal digits, or none.
fn read_bytes(lexer: &mut Lexer<'_>, max: usize) -> Parsed<Vec<u8>> {
    let (at, digits) = lexer.take_digits()?;
    let bad = || Refusal::new(at, format!("'{digits}' is not up to {max} bytes in hexadecimal"));
    if digits.len() % 2 == 1 || digits.len() / 2 > max {
        return Err(bad());
    }
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            let pair = std::str::from_utf8(pair).map_err(|_| bad())?;
            u8::from_str_radix(pair, 16).map_err(|_| bad())
        })
        .collect()
}

impl TcpOption {
    /// How long it is on the wire.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::End | Self::Nop => 1,
            Self::Mss(_) => 4,
            Self::WindowScale(_) => 3,
            Self::SackOk => 2,
            Self::Sack(blocks) => 2 + 8 * blocks.len(),
            Self::Timestamps { .. } => 10,
            Self::FastOpenExperiment(bytes) => 4 + bytes.len(),
            Self::AccEcn { counters, .. } => 2 + 3 * counters.len(),
            Self::FastOpen(bytes)
            | Self::Md5(bytes)
            | Self::Authentication(bytes)
            | Self::Other(_, bytes) => 2 + bytes.len(),
        }
    }
}

// Messages.

/// `unreachable frag_needed mtu 1400 [1:1461(1460)]`
fn read_icmp(lexer: &mut Lexer<'_>, is_v6: bool) -> Parsed<Icmp> {
    let (at, name) = lexer.expect_word("a type of ICMP")?;
    let kind = icmp_names::kind_of(is_v6, &name)
        .ok_or_else(|| Refusal::new(at, format!("unknown type of ICMP '{name}'")))?;
    let mut code = 0;
    if let Token::Word(word) = lexer.peek()?
        && !matches!(&word[..], "mtu" | "id")
    {
        let (at, name) = lexer.expect_word("a code of ICMP")?;
        code = icmp_names::code_of(is_v6, kind, &name)
            .ok_or_else(|| Refusal::new(at, format!("unknown code of ICMP '{name}'")))?;
    }
    let mut mtu = None;
    if lexer.take_if_word("mtu")? {
        let at = lexer.position()?;
        let max = if is_v6 { i64::from(u32::MAX) } else { 65_535 };
        mtu = Some(lexer.expect_int("an MTU", 0, max)? as u32);
        if !icmp_names::has_mtu(is_v6, kind, code) {
            return Err(Refusal::new(at, "this message says no MTU"));
        }
    }
    let id = match lexer.take_if_word("id")? {
        true => lexer.expect_int("an id", 0, 65_535)? as u16,
        false => 0,
    };
    Ok(Icmp { kind, code, mtu, id, echoed: read_echoed(lexer)? })
}

fn read_echoed(lexer: &mut Lexer<'_>) -> Parsed<Echoed> {
    if !lexer.take_if('[')? {
        return Ok(Echoed::Tcp { seq: 0, len: 0 });
    }
    let echoed = match lexer.peek()? {
        Token::Word(word) if word == "udp" || word == "raw" => {
            let (_, word) = lexer.expect_word("udp or raw")?;
            lexer.expect('(')?;
            let len = lexer.expect_int("a length", 0, PAYLOAD_MAX)? as u16;
            lexer.expect(')')?;
            if word == "udp" { Echoed::Udp(len) } else { Echoed::Raw(len) }
        }
        _ => {
            let (seq, len) = read_seq(lexer)?;
            Echoed::Tcp { seq, len }
        }
    };
    lexer.expect(']')?;
    Ok(echoed)
}
