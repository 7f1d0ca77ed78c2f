//! What version 2 tells behind the addresses: TLVs, each a type, a length and a value. (§2.2.1 on)

use base::Malformed;

use crate::reader::{Reader, Stop};
use crate::{TooLong, crc32c};

/// The longest unique id (§2.2.5).
pub const UNIQUE_ID_LEN_MAX: usize = 128;

// The types of TLVs that are read and written, and those within that of TLS (§2.2).
const ALPN: u8 = 0x01;
const AUTHORITY: u8 = 0x02;
const CRC32C: u8 = 0x03;
const UNIQUE_ID: u8 = 0x05;
const TLS: u8 = 0x20;
const TLS_VERSION: u8 = 0x21;
const TLS_COMMON_NAME: u8 = 0x22;

/// The bits of the first byte about TLS (§2.2.6).
const IS_TLS: u8 = 1;
const HAS_CERTIFICATE: u8 = 1 << 1;
const HAS_SESSION_CERTIFICATE: u8 = 1 << 2;

/// What version 2 tells beside the addresses. TLVs of other types are skipped.
///
/// The authority and the names in [`Tls`] are what a client chose to send to the proxy: they may
/// hold any character.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Extras<'a> {
    /// The protocol that client and proxy agreed on (RFC 7301 §3.1): `h2` (§2.2.1).
    pub alpn: Option<&'a [u8]>,
    /// The name of the server that the client asked for; with TLS, the SNI (§2.2.2).
    pub authority: Option<&'a str>,
    /// What the proxy calls the connection, in at most [`UNIQUE_ID_LEN_MAX`] bytes of its own
    /// (§2.2.5).
    pub unique_id: Option<&'a [u8]>,
    /// How the client speaks TLS with the proxy, if the proxy says (§2.2.6).
    pub tls: Option<Tls<'a>>,
    /// Whether the header has a checksum (§2.2.3). When it was read, the checksum was right.
    pub has_checksum: bool,
}

/// How a client speaks TLS with the proxy (§2.2.6).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tls<'a> {
    /// Whether it speaks TLS at all.
    pub is_spoken: bool,
    /// Whether it has shown a certificate in this connection.
    pub has_certificate: bool,
    /// Whether it has shown one at least once in this session, which may be older.
    pub has_session_certificate: bool,
    /// What is wrong with the certificate, as a number of the proxy's library; 0 if nothing is. Some
    /// proxies send 0 when there is no certificate: ask [`is_verified`](Self::is_verified).
    pub verification: u32,
    /// The version: `TLSv1.3`.
    pub version: Option<&'a str>,
    /// The common name in the client's certificate.
    pub common_name: Option<&'a str>,
}

impl Tls<'_> {
    /// Whether the client has shown a certificate with which nothing is wrong.
    pub const fn is_verified(&self) -> bool {
        (self.has_certificate || self.has_session_certificate) && self.verification == 0
    }
}

impl<'a> Extras<'a> {
    /// Reads what `header`, a whole one, has from `start` on.
    pub(crate) fn read(header: &'a [u8], start: usize) -> Result<Self, Malformed> {
        let mut extras = Self::default();
        let mut reader = Reader::new(header);
        reader.go_back(start);
        while !reader.is_empty() {
            let (kind, value) = read_tlv(&mut reader)?;
            match kind {
                ALPN => set_once(&mut extras.alpn, value)?,
                AUTHORITY => set_once(&mut extras.authority, text(value, "authority")?)?,
                UNIQUE_ID => set_once(&mut extras.unique_id, unique_id(value)?)?,
                TLS => set_once(&mut extras.tls, read_tls(value)?)?,
                CRC32C if extras.has_checksum => return Err(TWICE),
                CRC32C => {
                    check_checksum(header, reader.at())?;
                    extras.has_checksum = true;
                }
                _ => {}
            }
        }
        Ok(extras)
    }

    /// Writes everything but the checksum behind `out`. A value that is too long for its length
    /// makes more than any header may have, so the caller will notice.
    pub(crate) fn emit(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        if self.unique_id.is_some_and(|id| id.len() > UNIQUE_ID_LEN_MAX) {
            return Err(TooLong);
        }
        emit_tlv(out, ALPN, self.alpn);
        emit_tlv(out, AUTHORITY, self.authority.map(str::as_bytes));
        emit_tlv(out, UNIQUE_ID, self.unique_id);
        emit_tlv(out, TLS, self.tls.map(write_tls).as_deref());
        Ok(())
    }
}

const TWICE: Malformed = Malformed::new("TLV that comes twice");

/// Takes a type and its value from the front.
fn read_tlv<'a>(reader: &mut Reader<'a>) -> Result<(u8, &'a [u8]), Malformed> {
    let mut read = || {
        let kind = reader.byte()?;
        let len = reader.u16()?;
        Ok((kind, reader.take(len.into())?))
    };
    // All bytes are there, so what is missing is wrong.
    read().map_err(|_: Stop| Malformed::new("length of a TLV"))
}

fn set_once<T>(place: &mut Option<T>, value: T) -> Result<(), Malformed> {
    place.replace(value).map_or(Ok(()), |_| Err(TWICE))
}

fn text<'a>(value: &'a [u8], what: &'static str) -> Result<&'a str, Malformed> {
    str::from_utf8(value).map_err(|_| Malformed::new(what))
}

fn unique_id(value: &[u8]) -> Result<&[u8], Malformed> {
    if value.len() <= UNIQUE_ID_LEN_MAX { Ok(value) } else { Err(Malformed::new("unique id")) }
}

fn read_tls(value: &[u8]) -> Result<Tls<'_>, Malformed> {
    let mut reader = Reader::new(value);
    let mut fixed = || Ok((reader.byte()?, reader.array().map(u32::from_be_bytes)?));
    let (client, verification) = fixed().map_err(|_: Stop| Malformed::new("TLV about TLS"))?;
    let mut tls = Tls {
        is_spoken: client & IS_TLS != 0,
        has_certificate: client & HAS_CERTIFICATE != 0,
        has_session_certificate: client & HAS_SESSION_CERTIFICATE != 0,
        verification,
        version: None,
        common_name: None,
    };
    while !reader.is_empty() {
        let (kind, value) = read_tlv(&mut reader)?;
        match kind {
            TLS_VERSION => set_once(&mut tls.version, text(value, "version of TLS")?)?,
            TLS_COMMON_NAME => set_once(&mut tls.common_name, text(value, "common name")?)?,
            _ => {}
        }
    }
    Ok(tls)
}

fn write_tls(tls: Tls<'_>) -> Vec<u8> {
    let bit = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
    let client = bit(tls.is_spoken, IS_TLS)
        | bit(tls.has_certificate, HAS_CERTIFICATE)
        | bit(tls.has_session_certificate, HAS_SESSION_CERTIFICATE);
    let mut out = vec![client];
    out.extend_from_slice(&tls.verification.to_be_bytes());
    emit_tlv(&mut out, TLS_VERSION, tls.version.map(str::as_bytes));
    emit_tlv(&mut out, TLS_COMMON_NAME, tls.common_name.map(str::as_bytes));
    out
}

fn emit_tlv(out: &mut Vec<u8>, kind: u8, value: Option<&[u8]>) {
    let Some(value) = value else { return };
    out.push(kind);
    out.extend_from_slice(&(value.len() as u16).to_be_bytes());
    out.extend_from_slice(value);
}

/// Checks the checksum whose value ends at `end`: it was made over the whole header, while its own
/// four bytes were zeros (§2.2.3).
fn check_checksum(header: &[u8], end: usize) -> Result<(), Malformed> {
    let check = || {
        let (before, rest) = header.split_at_checked(end)?;
        let (before, told) = before.split_last_chunk()?;
        Some(crc32c::of(&[before, &[0; 4], rest]) == u32::from_be_bytes(*told))
    };
    if check() == Some(true) { Ok(()) } else { Err(Malformed::new("checksum")) }
}

/// Writes the checksum behind the header that `out` holds from `start` on, and whose length counts
/// it already.
pub(crate) fn emit_checksum(out: &mut Vec<u8>, start: usize) {
    emit_tlv(out, CRC32C, Some(&[0; 4]));
    let sum = crc32c::of(&[out.get(start..).unwrap_or_default()]);
    out.truncate(out.len() - 4);
    out.extend_from_slice(&sum.to_be_bytes());
}

/// How long the checksum is, with its type and length.
pub(crate) const CHECKSUM_LEN: usize = 3 + 4;
