//! Version 1: a line of text. (§2.1)
//!
//! ```text
//!   PROXY TCP4 192.0.2.1 198.51.100.7 56324 443␍␊
//!   PROXY TCP6 2001:db8::1 2001:db8::7 56324 443␍␊
//!   PROXY UNKNOWN and whatever stands here is skipped␍␊
//! ```

use std::fmt::Display;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

use crate::reader::{Reader, Stop};
use crate::{Addresses, Connection, Extras, Header, Transport, Version};

/// The longest line, its CRLF included: `PROXY UNKNOWN` (13), two IPv6 addresses (39 each), two
/// ports (5 each), the four spaces before them, and CRLF (2) are 107 bytes (§2.1).
pub const LINE_LEN_MAX: usize = 107;

const V4: &str = "IPv4 address";
const V6: &str = "IPv6 address";

/// Writes the line behind `out`.
///
/// Version 1 has words for TCP over IPv4 and IPv6 only. Of every other connection, the proxy's own
/// included, it says that it is unknown, which not every server takes (§2.1).
pub fn emit_v1(connection: &Connection<'_>, out: &mut Vec<u8>) {
    let line = match *connection {
        Connection::Relayed {
            transport: Transport::Stream,
            addresses: Addresses::V4 { source, destination },
        } => {
            let ports = [source.port(), destination.port()];
            write_line("TCP4", source.ip(), destination.ip(), ports)
        }
        Connection::Relayed {
            transport: Transport::Stream,
            addresses: Addresses::V6 { source, destination },
        } => {
            let ports = [source.port(), destination.port()];
            write_line("TCP6", write_ipv6(*source.ip()), write_ipv6(*destination.ip()), ports)
        }
        _ => "PROXY UNKNOWN\r\n".to_owned(),
    };
    out.extend_from_slice(line.as_bytes());
}

fn write_line(protocol: &str, from: impl Display, to: impl Display, ports: [u16; 2]) -> String {
    let [from_port, to_port] = ports;
    format!("PROXY {protocol} {from} {to} {from_port} {to_port}\r\n")
}

/// The address in groups only. RFC 5952 §5 likes `::ffff:192.0.2.1` better, but the specification
/// has no dots, and a strict reader may refuse them.
fn write_ipv6(address: Ipv6Addr) -> String {
    match (address.to_ipv4_mapped(), address.segments()) {
        (Some(_), [.., high, low]) => format!("::ffff:{high:x}:{low:x}"),
        _ => address.to_string(),
    }
}

/// Reads the line in front of `bytes`, and says how long it is.
pub(crate) fn read(bytes: &[u8]) -> Result<(Header<'_>, usize), Stop> {
    let line = bytes.get(..LINE_LEN_MAX).unwrap_or(bytes);
    let mut reader = Reader::new(line);
    let connection = read_line(&mut reader).map_err(|stop| match stop {
        Stop::Incomplete if is_too_long(line) => Stop::malformed("line of more than 107 bytes"),
        stop => stop,
    })?;
    let header = Header { version: Version::One, connection, extras: Extras::default() };
    Ok((header, reader.at()))
}

/// Whether a line that has not ended cannot end any more: its CR would have to stand here.
fn is_too_long(line: &[u8]) -> bool {
    line.get(LINE_LEN_MAX - 2).is_some_and(|&byte| byte != b'\r')
}

fn read_line(reader: &mut Reader<'_>) -> Result<Connection<'static>, Stop> {
    reader.expect(b"PROXY ", "keyword PROXY")?;
    if reader.peek()? == b'U' {
        reader.expect(b"UNKNOWN", "protocol")?;
        return skip_rest(reader);
    }
    reader.expect(b"TCP", "protocol")?;
    let addresses = match reader.byte()? {
        b'4' => {
            let [from, to] = [read_ipv4_field(reader)?, read_ipv4_field(reader)?];
            let [source, destination] = [(from, read_port(reader)?), (to, read_port(reader)?)]
                .map(|(address, port)| SocketAddrV4::new(address, port));
            Addresses::V4 { source, destination }
        }
        b'6' => {
            let [from, to] = [read_ipv6_field(reader)?, read_ipv6_field(reader)?];
            let [source, destination] = [(from, read_port(reader)?), (to, read_port(reader)?)]
                .map(|(address, port)| SocketAddrV6::new(address, port, 0, 0));
            Addresses::V6 { source, destination }
        }
        _ => return Err(Stop::malformed("protocol")),
    };
    reader.expect(b"\r\n", "end of the line")?;
    Ok(Connection::Relayed { transport: Transport::Stream, addresses })
}

/// Skips what stands behind `UNKNOWN`. A CR or LF alone does not end the line, and would for some
/// reader: it is refused.
fn skip_rest(reader: &mut Reader<'_>) -> Result<Connection<'static>, Stop> {
    if reader.peek()? != b'\r' {
        reader.expect(b" ", "protocol")?;
    }
    while !matches!(reader.peek()?, b'\r' | b'\n') {
        reader.byte()?;
    }
    reader.expect(b"\r\n", "end of the line")?;
    Ok(Connection::Unknown)
}

fn read_ipv4_field(reader: &mut Reader<'_>) -> Result<Ipv4Addr, Stop> {
    read_space(reader)?;
    read_ipv4(reader)
}

fn read_ipv6_field(reader: &mut Reader<'_>) -> Result<Ipv6Addr, Stop> {
    read_space(reader)?;
    read_ipv6(reader)
}

fn read_port(reader: &mut Reader<'_>) -> Result<u16, Stop> {
    read_space(reader)?;
    // The value is at most `u16::MAX`, so nothing is cut off.
    Ok(read_decimal(reader, u16::MAX.into(), "port")? as u16)
}

fn read_space(reader: &mut Reader<'_>) -> Result<(), Stop> {
    reader.expect(b" ", "space between two fields")
}

fn read_ipv4(reader: &mut Reader<'_>) -> Result<Ipv4Addr, Stop> {
    let mut octets = [0; 4];
    for (n, octet) in octets.iter_mut().enumerate() {
        if n > 0 {
            reader.expect(b".", V4)?;
        }
        // The value is at most `u8::MAX`, so nothing is cut off.
        *octet = read_decimal(reader, u8::MAX.into(), V4)? as u8;
    }
    Ok(octets.into())
}

/// Reads a number without leading zeros; there is a byte behind it in every place where one stands.
fn read_decimal(reader: &mut Reader<'_>, max: u32, what: &'static str) -> Result<u32, Stop> {
    let mut value = digit(reader.byte()?).ok_or_else(|| Stop::malformed(what))?;
    while let Some(digit) = digit(reader.peek()?) {
        if value == 0 {
            return Err(Stop::malformed("leading zero"));
        }
        value = value * 10 + digit;
        if value > max {
            return Err(Stop::malformed(what));
        }
        reader.byte()?;
    }
    Ok(value)
}

fn digit(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(10)
}

/// Reads groups and at most one `::`. The last two groups may be four octets with dots, which the
/// specification does not have, but `inet_ntop` writes, and so the proxies that use it send.
fn read_ipv6(reader: &mut Reader<'_>) -> Result<Ipv6Addr, Stop> {
    let mut groups = Groups::default();
    if reader.peek()? == b':' {
        reader.expect(b"::", V6)?;
        groups.gap = Some(0);
    }
    loop {
        if groups.ends_with_gap() && reader.peek()? == b' ' {
            return groups.finish();
        }
        groups.ensure_room()?;
        let start = reader.at();
        let group = read_group(reader)?;
        if reader.peek()? == b'.' {
            groups.ensure_octets_fit()?;
            reader.go_back(start);
            groups.push_octets(read_ipv4(reader)?.octets());
            return groups.finish();
        }
        groups.push(group);
        if reader.peek()? != b':' {
            return groups.finish();
        }
        groups.ensure_room()?;
        reader.byte()?;
        if reader.peek()? == b':' {
            groups.open_gap()?;
            reader.byte()?;
        }
    }
}

/// Reads one to four hexadecimal digits.
fn read_group(reader: &mut Reader<'_>) -> Result<u16, Stop> {
    let hex = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u16);
    let mut group = hex(reader.byte()?).ok_or(Stop::malformed(V6))?;
    for _ in 1..4 {
        let Some(digit) = hex(reader.peek()?) else { break };
        group = group << 4 | digit;
        reader.byte()?;
    }
    Ok(group)
}

/// The groups of an IPv6 address that have been read so far.
#[derive(Default)]
struct Groups {
    groups: [u16; 8],
    len: usize,
    /// How many groups stand before the `::`.
    gap: Option<usize>,
}

impl Groups {
    /// How many groups there may be: eight, and a `::` stands for one at least.
    const fn max(&self) -> usize {
        if self.gap.is_some() { 7 } else { 8 }
    }

    fn ends_with_gap(&self) -> bool {
        self.gap == Some(self.len)
    }

    /// Errs when there is no place for another group.
    fn ensure_room(&self) -> Result<(), Stop> {
        if self.len < self.max() { Ok(()) } else { Err(Stop::malformed(V6)) }
    }

    /// Errs when four octets, which are as long as two groups, cannot end the address.
    fn ensure_octets_fit(&self) -> Result<(), Stop> {
        let len = self.len + 2;
        let fits = if self.gap.is_some() { len <= self.max() } else { len == self.max() };
        if fits { Ok(()) } else { Err(Stop::malformed(V6)) }
    }

    /// Errs when there is a `::` already.
    fn open_gap(&mut self) -> Result<(), Stop> {
        match self.gap.replace(self.len) {
            None => Ok(()),
            Some(_) => Err(Stop::malformed(V6)),
        }
    }

    /// Adds a group; there must be room for it.
    fn push(&mut self, group: u16) {
        if let Some(place) = self.groups.get_mut(self.len) {
            *place = group;
        }
        self.len += 1;
    }

    fn push_octets(&mut self, [a, b, c, d]: [u8; 4]) {
        self.push(u16::from_be_bytes([a, b]));
        self.push(u16::from_be_bytes([c, d]));
    }

    /// The address; errs when groups are missing and no `::` stands for them.
    fn finish(mut self) -> Result<Ipv6Addr, Stop> {
        let missing = self.groups.len() - self.len;
        let gap = self.gap.unwrap_or(self.len);
        if missing > 0 && self.gap.is_none() {
            return Err(Stop::malformed(V6));
        }
        // What stands behind the gap moves to the end, and zeros into the gap.
        if let Some(tail) = self.groups.get_mut(gap..) {
            tail.rotate_right(missing);
        }
        Ok(self.groups.into())
    }
}
