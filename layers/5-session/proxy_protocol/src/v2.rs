//! Version 2: a fixed part, and a block of addresses and TLVs. (§2.2)
//!
//! ```text
//!   12  signature
//!    1  version (high half), command (low half)
//!    1  family (high half), transport (low half)
//!    2  how long the block is
//!    …  the block: source, destination, their ports, then TLVs
//! ```

use std::net::{SocketAddrV4, SocketAddrV6};

use crate::reader::{Reader, Stop};
use crate::{Addresses, Connection, Extras, Header, Transport, UNIX_PATH_LEN_MAX, Version, extras};

/// How long the fixed part is.
const FIXED_LEN: usize = 16;

/// The longest header that is taken. The specification allows 16 + 65,535 bytes; everything that is
/// worth sending needs far less. Paths of Unix sockets are 216 bytes, ALPN and SNI at most 258 each,
/// a unique id 131, the checksum 7, TLS with a version, a common name (a letter has up to 4 bytes, a
/// name 64 of them) and the names of three algorithms about 400, the name of a namespace 258, what
/// clouds add about 100: with the fixed part, less than 1,700. The rest is for what is new.
pub const HEADER_LEN_MAX: usize = 4096;

/// The longest block behind the fixed part: [`HEADER_LEN_MAX`] without the 16 bytes of that.
pub const BLOCK_LEN_MAX: usize = HEADER_LEN_MAX - FIXED_LEN;

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The version, in the high half of its byte.
const VERSION: u8 = 0x20;
const LOCAL: u8 = VERSION;
const PROXY: u8 = VERSION | 1;

/// Why a header cannot be written: it would be longer than [`HEADER_LEN_MAX`], or a path or the
/// unique id is longer than it may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TooLong;

/// Writes the header behind `out`. The `extras` count for relayed connections only: behind `LOCAL`
/// and `UNSPEC` there is nothing.
///
/// # Errors
///
/// It is too long for whoever reads it; then nothing is written.
pub fn emit_v2(
    connection: &Connection<'_>,
    extras: &Extras<'_>,
    out: &mut Vec<u8>,
) -> Result<(), TooLong> {
    let mut block = Vec::new();
    let (command, family) = match connection {
        Connection::Local => (LOCAL, 0),
        Connection::Unknown => (PROXY, 0),
        Connection::Relayed { transport, addresses } => {
            emit_addresses(addresses, &mut block)?;
            extras.emit(&mut block)?;
            (PROXY, Family::of(addresses).code() | transport_code(*transport))
        }
    };
    let has_checksum = extras.has_checksum && connection.addresses().is_some();
    let len = block.len() + if has_checksum { extras::CHECKSUM_LEN } else { 0 };
    if len > BLOCK_LEN_MAX {
        return Err(TooLong);
    }
    let start = out.len();
    let [high, low] = (len as u16).to_be_bytes();
    out.extend_from_slice(&SIGNATURE);
    out.extend_from_slice(&[command, family, high, low]);
    out.extend_from_slice(&block);
    if has_checksum {
        extras::emit_checksum(out, start);
    }
    Ok(())
}

fn emit_addresses(addresses: &Addresses<'_>, out: &mut Vec<u8>) -> Result<(), TooLong> {
    match addresses {
        Addresses::V4 { source, destination } => {
            out.extend_from_slice(&source.ip().octets());
            out.extend_from_slice(&destination.ip().octets());
            emit_ports([source.port(), destination.port()], out);
        }
        Addresses::V6 { source, destination } => {
            out.extend_from_slice(&source.ip().octets());
            out.extend_from_slice(&destination.ip().octets());
            emit_ports([source.port(), destination.port()], out);
        }
        Addresses::Unix { source, destination } => {
            for path in [source, destination] {
                let padding = UNIX_PATH_LEN_MAX.checked_sub(path.len()).ok_or(TooLong)?;
                out.extend_from_slice(path);
                out.resize(out.len() + padding, 0);
            }
        }
    }
    Ok(())
}

fn emit_ports(ports: [u16; 2], out: &mut Vec<u8>) {
    out.extend(ports.into_iter().flat_map(u16::to_be_bytes));
}

/// Reads the header in front of `bytes`, and says how long it is.
pub(crate) fn read(bytes: &[u8]) -> Result<(Header<'_>, usize), Stop> {
    let mut reader = Reader::new(bytes);
    reader.expect(&SIGNATURE, "signature")?;
    let is_local = read_command(&mut reader)?;
    let family = read_family(&mut reader, is_local)?;
    let block_len = read_len(&mut reader, family.map_or(0, |(family, _)| family.addresses_len()))?;
    reader.take(block_len)?;

    let len = reader.at();
    let header = bytes.get(..len).unwrap_or_default();
    let (connection, extras) = match family {
        None if is_local => (Connection::Local, Extras::default()),
        None => (Connection::Unknown, Extras::default()),
        Some((family, transport)) => {
            reader.go_back(FIXED_LEN);
            let addresses = read_addresses(&mut reader, family)?;
            let extras = Extras::read(header, reader.at())?;
            (Connection::Relayed { transport, addresses }, extras)
        }
    };
    Ok((Header { version: Version::Two, connection, extras }, len))
}

/// Whether the connection is the proxy's own.
fn read_command(reader: &mut Reader<'_>) -> Result<bool, Stop> {
    match reader.byte()? {
        LOCAL => Ok(true),
        PROXY => Ok(false),
        byte if byte & 0xf0 != VERSION => Err(Stop::malformed("version")),
        _ => Err(Stop::malformed("command")),
    }
}

/// Nothing where the addresses do not matter: whatever the proxy says of its own connections, and
/// where it says that it does not know.
fn read_family(
    reader: &mut Reader<'_>,
    is_local: bool,
) -> Result<Option<(Family, Transport)>, Stop> {
    let byte = reader.byte()?;
    if is_local || byte == 0 {
        return Ok(None);
    }
    let family = match byte & 0xf0 {
        0x10 => Family::V4,
        0x20 => Family::V6,
        0x30 => Family::Unix,
        _ => return Err(Stop::malformed("address family")),
    };
    let transport = match byte & 0x0f {
        1 => Transport::Stream,
        2 => Transport::Datagram,
        _ => return Err(Stop::malformed("transport")),
    };
    Ok(Some((family, transport)))
}

/// How long the block is: as long as the addresses at least, and not too long.
fn read_len(reader: &mut Reader<'_>, min: usize) -> Result<usize, Stop> {
    // The first of the two bytes may be wrong alone.
    if usize::from(reader.peek()?) > BLOCK_LEN_MAX >> 8 {
        return Err(Stop::malformed("length above the maximum"));
    }
    let len = usize::from(reader.u16()?);
    if len > BLOCK_LEN_MAX {
        return Err(Stop::malformed("length above the maximum"));
    }
    if len < min {
        return Err(Stop::malformed("length below that of the addresses"));
    }
    Ok(len)
}

fn read_addresses<'a>(reader: &mut Reader<'a>, family: Family) -> Result<Addresses<'a>, Stop> {
    Ok(match family {
        Family::V4 => {
            let [from, to] = [reader.array::<4>()?, reader.array::<4>()?];
            let [source, destination] = [(from, reader.u16()?), (to, reader.u16()?)]
                .map(|(address, port)| SocketAddrV4::new(address.into(), port));
            Addresses::V4 { source, destination }
        }
        Family::V6 => {
            let [from, to] = [reader.array::<16>()?, reader.array::<16>()?];
            let [source, destination] = [(from, reader.u16()?), (to, reader.u16()?)]
                .map(|(address, port)| SocketAddrV6::new(address.into(), port, 0, 0));
            Addresses::V6 { source, destination }
        }
        Family::Unix => {
            let [source, destination] =
                [reader.take(UNIX_PATH_LEN_MAX)?, reader.take(UNIX_PATH_LEN_MAX)?].map(path);
            Addresses::Unix { source, destination }
        }
    })
}

/// A path without the zeros behind it, and a name that begins with a zero without those at its end.
fn path(bytes: &[u8]) -> &[u8] {
    let len = match bytes {
        [0, ..] => bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1),
        _ => bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len()),
    };
    bytes.get(..len).unwrap_or_default()
}

/// The family of the addresses in the block.
#[derive(Clone, Copy)]
enum Family {
    V4,
    V6,
    Unix,
}

impl Family {
    const fn of(addresses: &Addresses<'_>) -> Self {
        match addresses {
            Addresses::V4 { .. } => Self::V4,
            Addresses::V6 { .. } => Self::V6,
            Addresses::Unix { .. } => Self::Unix,
        }
    }

    /// Its number, in the high half of the byte.
    const fn code(self) -> u8 {
        match self {
            Self::V4 => 0x10,
            Self::V6 => 0x20,
            Self::Unix => 0x30,
        }
    }

    /// How long both addresses are with their ports.
    const fn addresses_len(self) -> usize {
        match self {
            Self::V4 => 2 * (4 + 2),
            Self::V6 => 2 * (16 + 2),
            Self::Unix => 2 * UNIX_PATH_LEN_MAX,
        }
    }
}

const fn transport_code(transport: Transport) -> u8 {
    match transport {
        Transport::Stream => 1,
        Transport::Datagram => 2,
    }
}
