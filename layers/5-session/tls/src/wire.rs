//! Bytes ⇄ values: only what must be read before rustls does, or what rustls does not tell.

use std::fmt;

use base::Malformed;

/// The header of a record (RFC 8446 §5.1): its type, a version for show, its length.
pub const HEADER_LEN: usize = 5;

/// The most bytes a record has after its header (RFC 5246 §6.2.3); TLS 1.3 allows 1,792 less
/// (RFC 8446 §5.2).
pub const RECORD_LEN_MAX: usize = (1 << 14) + 2048;

/// The most plaintext bytes in a record (RFC 8446 §5.1).
pub const PLAIN_LEN_MAX: usize = 1 << 14;

/// The longest method taken for one in clear text. The longest registered one has 17 letters.
const METHOD_LEN_MAX: usize = 24;

/// `TLS_CHACHA20_POLY1305_SHA256` and its TLS 1.2 siblings (RFC 8446 §B.4, RFC 7905 §2).
const CHACHA20_SUITES: [u16; 4] = [0x1303, 0xcca8, 0xcca9, 0xccaa];

/// Suites with AES-GCM that we speak (RFC 8446 §B.4, RFC 5289 §3.2).
const AES_SUITES: [u16; 6] = [0x1301, 0x1302, 0xc02b, 0xc02c, 0xc02f, 0xc030];

/// The extension of NPN, by which clients chose the application protocol before there was ALPN
/// (RFC 7301). It never had an RFC, and its number was only ever borrowed.
const NEXT_PROTOCOL_NEGOTIATION: u16 = 13172;

/// Whether a connection begins like TLS: a record with a handshake message. Two bytes tell.
///
/// For a port that speaks clear text: no method of HTTP begins with a control character.
pub fn looks_like_tls(bytes: &[u8]) -> bool {
    matches!(bytes, [0x16, 3, ..])
}

/// Whether a connection begins like HTTP in clear text: the method, letters and hyphens, and the
/// space behind it (RFC 9112 §3). The preface of HTTP/2 begins like that too (RFC 9113 §3.4).
pub fn looks_like_clear_text(bytes: &[u8]) -> bool {
    first_bytes(bytes) == First::ClearText
}

/// What the first bytes of a connection are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum First {
    /// Not enough to tell.
    TooShort,
    /// A record of TLS with a handshake message, complete.
    Record,
    /// A request in clear text.
    ClearText,
    /// Something else.
    Neither,
}

/// Tells what the first bytes of a connection are; constant work.
pub fn first_bytes(bytes: &[u8]) -> First {
    match bytes {
        [] | [0x16] | [0x16, 3] | [0x16, 3, _] | [0x16, 3, _, _] => First::TooShort,
        [0x16, 3, ..] => match record_len(bytes) {
            Some(len) if len <= HEADER_LEN + RECORD_LEN_MAX && bytes.len() < len => First::TooShort,
            _ => First::Record,
        },
        _ => first_word(bytes),
    }
}

fn first_word(bytes: &[u8]) -> First {
    let is_method = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'-';
    let len = bytes.iter().take(METHOD_LEN_MAX + 1).take_while(|byte| is_method(byte)).count();
    match (len, bytes.get(len)) {
        (0, _) => First::Neither,
        (1..=METHOD_LEN_MAX, Some(b' ')) => First::ClearText,
        (1..=METHOD_LEN_MAX, None) => First::TooShort,
        _ => First::Neither,
    }
}

/// How long the first record of `bytes` is with its header, if the header is there.
pub fn record_len(bytes: &[u8]) -> Option<usize> {
    let [_, _, _, high, low, ..] = bytes else { return None };
    Some(HEADER_LEN + usize::from(u16::from_be_bytes([*high, *low])))
}

/// Whether `bytes` begin with a complete record.
pub fn has_record(bytes: &[u8]) -> bool {
    record_len(bytes).is_some_and(|len| bytes.len() >= len)
}

/// The alert in a record that is not encrypted (RFC 8446 §6).
pub fn alert_in_clear(record: &[u8]) -> Option<Alert> {
    match record {
        [0x15, 3, _, 0, 2, _, description] => Some(Alert(*description)),
        _ => None,
    }
}

/// What a client offers, as far as its first record tells (RFC 8446 §4.1.2).
///
/// Read before rustls reads it, and believed only for choosing between two configurations that
/// are both sound, and for showing: rustls decides whether the message is any good.
#[derive(Clone, Copy, Default)]
pub struct ClientHello<'a> {
    /// The cipher suites, two bytes each.
    suites: &'a [u8],
    /// The name of the server (RFC 6066 §3).
    pub server_name: Option<&'a [u8]>,
    alpn: &'a [u8],
    versions: &'a [u8],
    /// Whether it would resume a session (RFC 8446 §4.2.11).
    pub resumes: bool,
    /// Whether it would choose the application protocol by NPN.
    pub offers_npn: bool,
}

impl<'a> ClientHello<'a> {
    /// Reads the first record of a connection, header and all.
    ///
    /// # Errors
    ///
    /// It is no ClientHello, or it ends before the list of suites does. What is missing after that
    /// (a message may span records) is treated as not offered.
    pub fn parse(record: &'a [u8]) -> Result<Self, Malformed> {
        let mut rest = Reader(record);
        let Some([0x16, 3, _, _, _, 1, _, _, _]) = rest.array::<9>() else {
            return Err(Malformed::new("ClientHello"));
        };
        let suites = rest
            .take(2 + 32)
            .and_then(|_version_and_random| rest.vector8())
            .and_then(|_session| rest.vector16())
            .ok_or(Malformed::new("ClientHello.cipher_suites"))?;
        let mut hello = Self { suites, ..Self::default() };
        let extensions = rest.vector8().and_then(|_compressions| rest.vector16());
        hello.read_extensions(Reader(extensions.unwrap_or_default()));
        Ok(hello)
    }

    fn read_extensions(&mut self, mut rest: Reader<'a>) {
        while let (Some(kind), Some(body)) = (rest.u16(), rest.vector16()) {
            let mut body = Reader(body);
            match kind {
                0 => self.server_name = read_server_name(body),
                16 => self.alpn = body.vector16().unwrap_or_default(),
                43 => self.versions = body.vector8().unwrap_or_default(),
                41 => self.resumes = true,
                35 => self.resumes |= !body.0.is_empty(),
                NEXT_PROTOCOL_NEGOTIATION => self.offers_npn = true,
                _ => {}
            }
        }
    }

    /// How many suites the client offers.
    pub fn suites_len(&self) -> usize {
        self.suites.len() / 2
    }

    /// Whether the client would rather have ChaCha20 than AES.
    ///
    /// Clients put it first where AES is slow, for want of hardware; which of the two they like
    /// better is the only thing that is looked at (values that mean nothing come first in some).
    pub fn prefers_chacha20(&self) -> bool {
        let (suites, _) = self.suites.as_chunks::<2>();
        suites
            .iter()
            .map(|suite| u16::from_be_bytes(*suite))
            .find(|suite| CHACHA20_SUITES.contains(suite) || AES_SUITES.contains(suite))
            .is_some_and(|first| CHACHA20_SUITES.contains(&first))
    }

    /// The application protocols that are offered (RFC 7301 §3.1).
    pub fn alpn(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = Reader(self.alpn);
        std::iter::from_fn(move || rest.vector8())
    }

    /// The versions that are offered; TLS 1.2 says nothing here (RFC 8446 §4.2.1).
    pub fn versions(&self) -> impl Iterator<Item = u16> + use<'a> {
        let (versions, _) = self.versions.as_chunks::<2>();
        versions.iter().map(|version| u16::from_be_bytes(*version))
    }
}

fn read_server_name(mut extension: Reader<'_>) -> Option<&[u8]> {
    let mut list = Reader(extension.vector16()?);
    let [0] = list.array::<1>()? else { return None };
    list.vector16()
}

/// Takes bytes from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn vector8(&mut self) -> Option<&'a [u8]> {
        let [len] = self.array()?;
        self.take(len.into())
    }

    fn vector16(&mut self) -> Option<&'a [u8]> {
        let len = self.u16()?;
        self.take(len.into())
    }
}

/// What one side tells the other when something is wrong, or over (RFC 8446 §6).
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Alert(pub u8);

impl Alert {
    /// Its name in the registry, if it has one.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "close_notify",
            10 => "unexpected_message",
            20 => "bad_record_mac",
            21 => "decryption_failed",
            22 => "record_overflow",
            30 => "decompression_failure",
            40 => "handshake_failure",
            41 => "no_certificate",
            42 => "bad_certificate",
            43 => "unsupported_certificate",
            44 => "certificate_revoked",
            45 => "certificate_expired",
            46 => "certificate_unknown",
            47 => "illegal_parameter",
            48 => "unknown_ca",
            49 => "access_denied",
            50 => "decode_error",
            51 => "decrypt_error",
            60 => "export_restriction",
            70 => "protocol_version",
            71 => "insufficient_security",
            80 => "internal_error",
            86 => "inappropriate_fallback",
            90 => "user_canceled",
            100 => "no_renegotiation",
            109 => "missing_extension",
            110 => "unsupported_extension",
            111 => "certificate_unobtainable",
            112 => "unrecognized_name",
            113 => "bad_certificate_status_response",
            114 => "bad_certificate_hash_value",
            115 => "unknown_psk_identity",
            116 => "certificate_required",
            120 => "no_application_protocol",
            121 => "ech_required",
            _ => return None,
        })
    }
}

impl fmt::Debug for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "alert {}", self.0),
        }
    }
}
