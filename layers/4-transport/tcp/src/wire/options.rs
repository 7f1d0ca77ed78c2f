use crate::Seq;

/// The longest options can be: a header of sixty bytes, of which twenty are fixed.
pub const OPTIONS_LEN_MAX: usize = 40;

/// Option kinds, from IANA's registry.
mod kind {
    pub(super) const END: u8 = 0;
    pub(super) const NOP: u8 = 1;
    pub(super) const MSS: u8 = 2;
    pub(super) const WINDOW_SCALE: u8 = 3;
    pub(super) const SACK_PERMITTED: u8 = 4;
    pub(super) const SACK: u8 = 5;
    pub(super) const TIMESTAMPS: u8 = 8;
    pub(super) const SIGNATURE: u8 = 19;
    pub(super) const USER_TIMEOUT: u8 = 28;
    pub(super) const FAST_OPEN: u8 = 34;
    pub(super) const EXPERIMENT: u8 = 254;
}

/// How Fast Open was known while it was an experiment (RFC 7413 appendix A.2, RFC 6994).
const FAST_OPEN_MAGIC: [u8; 2] = [0xf9, 0x89];

/// What the fast path looks for: two NOPs and a timestamp, as nearly everybody sends them
/// (RFC 7323, appendix A).
const ALIGNED_TIMESTAMPS: [u8; 4] = [kind::NOP, kind::NOP, kind::TIMESTAMPS, 10];

/// The options of one header. What a header does not carry is absent.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Options {
    /// TSval and TSecr (RFC 7323 §3.2).
    pub timestamps: Option<(u32, u32)>,
    /// The largest segment that the sender takes, in bytes of payload and options (RFC 9293
    /// §3.7.1).
    pub mss: Option<u16>,
    /// By how many bits windows are shifted (RFC 7323 §2.2), as it stands on the wire.
    pub window_scale: Option<u8>,
    /// Selective acknowledgements are understood (RFC 2018 §2).
    pub sack_permitted: bool,
    /// What has arrived out of order (RFC 2018 §3).
    pub sack: SackBlocks,
    /// How long unacknowledged data may stay so (RFC 5482 §3), as it stands on the wire: the
    /// highest bit says minutes instead of seconds.
    pub user_timeout: Option<u16>,
    /// A cookie of Fast Open, or the wish for one (RFC 7413 §4.1.1).
    pub fast_open: Option<Cookie>,
    /// There is a signature (RFC 2385 §3.0), which is not read; ours have none.
    pub is_signed: bool,
    /// In which order they are written.
    pub layout: Layout,
}

/// In which order options stand in a SYN; systems are told apart by it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Layout {
    /// `mss, sackOK, TS, nop, wscale`; without timestamps `mss, nop, nop, sackOK, nop, wscale`.
    #[default]
    Linux,
    /// `mss, nop, wscale, sackOK, TS`, and EOL where there is room left.
    FreeBsd,
}

/// Up to four ranges, the newest first (RFC 2018 §3).
#[derive(Clone, Copy, Default, Eq, PartialEq)]
pub struct SackBlocks {
    blocks: [(Seq, Seq); 4],
    len: u8,
}

/// A cookie of Fast Open (RFC 7413 §4.1.1): 4 to 16 bytes, or none when one is asked for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Cookie {
    bytes: [u8; 16],
    len: u8,
    /// In the option of RFC 6994, as before RFC 7413.
    is_experimental: bool,
}

impl Cookie {
    /// The cookie in these bytes, if they may be one; no bytes ask for one.
    pub fn new(from: &[u8]) -> Option<Self> {
        let is_cookie = (4..=16).contains(&from.len()) && from.len().is_multiple_of(2);
        let mut cookie = Self { bytes: [0; 16], len: from.len() as u8, is_experimental: false };
        cookie.bytes.get_mut(..from.len())?.copy_from_slice(from);
        (from.is_empty() || is_cookie).then_some(cookie)
    }

    /// Its bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Whether it only asks for one.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The same in the experimental option, or in the standard's.
    pub const fn experimental(self, is_experimental: bool) -> Self {
        Self { is_experimental, ..self }
    }

    /// The same in the option that this is not in.
    pub const fn in_other_form(self) -> Self {
        self.experimental(!self.is_experimental)
    }

    /// The same in the option that `other` came in.
    pub const fn in_form_of(self, other: &Self) -> Self {
        self.experimental(other.is_experimental)
    }

    fn emit(&self, w: &mut Writer<'_>) {
        let cookie = self.as_slice();
        let magic: &[u8] = if self.is_experimental { &FAST_OPEN_MAGIC } else { &[] };
        let kind = if self.is_experimental { kind::EXPERIMENT } else { kind::FAST_OPEN };
        let len = 2 + magic.len() + cookie.len();
        if w.room() >= len {
            w.put(&[kind, len as u8]);
            w.put(magic);
            w.put(cookie);
        }
    }
}

impl SackBlocks {
    /// No block.
    pub const NONE: Self = Self { blocks: [(Seq(0), Seq(0)); 4], len: 0 };

    /// The blocks.
    #[inline]
    pub fn as_slice(&self) -> &[(Seq, Seq)] {
        self.blocks.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Whether there is none.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many there are.
    #[inline]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Adds a block, if there is room: a header holds four.
    pub fn push(&mut self, start: Seq, end: Seq) {
        if let Some(block) = self.blocks.get_mut(usize::from(self.len)) {
            *block = (start, end);
            self.len += 1;
        }
    }

    /// Keeps the first `n`.
    pub fn truncate(&mut self, n: usize) {
        self.len = self.len.min(n.min(4) as u8);
    }
}

impl FromIterator<(Seq, Seq)> for SackBlocks {
    fn from_iter<I: IntoIterator<Item = (Seq, Seq)>>(blocks: I) -> Self {
        let mut all = Self::NONE;
        for (start, end) in blocks {
            all.push(start, end);
        }
        all
    }
}

impl std::fmt::Debug for SackBlocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.as_slice().iter().map(|(s, e)| format!("{s:?}:{e:?}"))).finish()
    }
}

impl Options {
    /// Reads options. What is unknown is skipped; what has a wrong length is ignored, and so is
    /// everything behind an option whose length cannot be believed (RFC 9293 §3.2, MUST-6, MUST-7).
    #[inline]
    pub fn parse(bytes: &[u8]) -> Self {
        if let [a, b, c, d, v0, v1, v2, v3, e0, e1, e2, e3] = *bytes
            && [a, b, c, d] == ALIGNED_TIMESTAMPS
        {
            let value = u32::from_be_bytes([v0, v1, v2, v3]);
            let echo = u32::from_be_bytes([e0, e1, e2, e3]);
            return Self { timestamps: Some((value, echo)), ..Self::default() };
        }
        let mut options = Self::default();
        if !bytes.is_empty() {
            options.parse_all(bytes);
        }
        options
    }

    fn parse_all(&mut self, mut bytes: &[u8]) {
        loop {
            match *bytes {
                [] | [kind::END, ..] => return,
                [kind::NOP, ref rest @ ..] => bytes = rest,
                [kind, len, ref rest @ ..] => {
                    let Some(body_len) = usize::from(len).checked_sub(2) else { return };
                    let Some((body, after)) = rest.split_at_checked(body_len) else { return };
                    self.parse_one(kind, body);
                    bytes = after;
                }
                [_] => return,
            }
        }
    }

    fn parse_one(&mut self, kind: u8, body: &[u8]) {
        match (kind, body) {
            (kind::MSS, &[a, b]) => self.mss = Some(u16::from_be_bytes([a, b])),
            (kind::WINDOW_SCALE, &[shift]) => self.window_scale = Some(shift),
            (kind::SACK_PERMITTED, []) => self.sack_permitted = true,
            (kind::TIMESTAMPS, &[v0, v1, v2, v3, e0, e1, e2, e3]) => {
                let value = u32::from_be_bytes([v0, v1, v2, v3]);
                self.timestamps = Some((value, u32::from_be_bytes([e0, e1, e2, e3])));
            }
            (kind::SACK, body) => {
                let (blocks, []) = body.as_chunks::<8>() else { return };
                self.sack = blocks
                    .iter()
                    .map(|&[a, b, c, d, e, f, g, h]| {
                        let start = u32::from_be_bytes([a, b, c, d]);
                        (Seq(start), Seq(u32::from_be_bytes([e, f, g, h])))
                    })
                    .collect();
            }
            (kind::USER_TIMEOUT, &[a, b]) => self.user_timeout = Some(u16::from_be_bytes([a, b])),
            (kind::SIGNATURE, body) => self.is_signed = body.len() == 16,
            (kind::FAST_OPEN, body) => self.fast_open = Cookie::new(body),
            (kind::EXPERIMENT, body) if body.starts_with(&FAST_OPEN_MAGIC) => {
                let cookie = Cookie::new(body.get(2..).unwrap_or_default());
                self.fast_open = cookie.map(|cookie| cookie.experimental(true));
            }
            _ => {}
        }
    }

    /// How long they are on the wire, padded to words of four bytes.
    #[inline]
    pub fn len(&self) -> usize {
        let is_syn = self.mss.is_some() || self.sack_permitted || self.window_scale.is_some();
        if is_syn || self.user_timeout.is_some() || self.fast_open.is_some() {
            let mut scratch = [0; OPTIONS_LEN_MAX];
            return self.emit(&mut scratch);
        }
        let timestamps = if self.timestamps.is_some() { 12 } else { 0 };
        let sack = if self.sack.is_empty() { 0 } else { 4 + 8 * self.sack.len() };
        (timestamps + sack).min(OPTIONS_LEN_MAX)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes them; returns how much of `out` was used, a multiple of four. What does not fit is
    /// left out, the last first: blocks of a SACK, then whole options.
    pub fn emit(&self, out: &mut [u8; OPTIONS_LEN_MAX]) -> usize {
        let mut w = Writer { out, len: 0 };
        match self.layout {
            Layout::Linux => self.emit_linux(&mut w),
            Layout::FreeBsd => self.emit_freebsd(&mut w),
        }
        if let Some(timeout) = self.user_timeout {
            let [a, b] = timeout.to_be_bytes();
            w.put(&[kind::USER_TIMEOUT, 4, a, b]);
        }
        if let Some(cookie) = &self.fast_open {
            cookie.emit(&mut w);
        }
        self.emit_sack(&mut w);
        match self.layout {
            Layout::Linux => w.pad(),
            Layout::FreeBsd => w.end(),
        }
        w.len
    }

    fn emit_linux(&self, w: &mut Writer<'_>) {
        self.emit_mss(w);
        match (self.sack_permitted, self.timestamps) {
            (true, Some(_)) => w.put(&[kind::SACK_PERMITTED, 2]),
            (true, None) => w.put(&[kind::NOP, kind::NOP, kind::SACK_PERMITTED, 2]),
            (false, Some(_)) => w.put(&[kind::NOP, kind::NOP]),
            (false, None) => {}
        }
        self.emit_timestamps(w);
        self.emit_scale(w);
    }

    fn emit_freebsd(&self, w: &mut Writer<'_>) {
        self.emit_mss(w);
        self.emit_scale(w);
        if self.sack_permitted {
            w.put(&[kind::SACK_PERMITTED, 2]);
        } else if self.timestamps.is_some() {
            w.put(&[kind::NOP, kind::NOP]);
        }
        self.emit_timestamps(w);
    }

    fn emit_mss(&self, w: &mut Writer<'_>) {
        if let Some(mss) = self.mss {
            let [a, b] = mss.to_be_bytes();
            w.put(&[kind::MSS, 4, a, b]);
        }
    }

    fn emit_scale(&self, w: &mut Writer<'_>) {
        if let Some(shift) = self.window_scale {
            w.put(&[kind::NOP, kind::WINDOW_SCALE, 3, shift]);
        }
    }

    fn emit_timestamps(&self, w: &mut Writer<'_>) {
        if let Some((value, echo)) = self.timestamps {
            let ([v0, v1, v2, v3], [e0, e1, e2, e3]) = (value.to_be_bytes(), echo.to_be_bytes());
            w.put(&[kind::TIMESTAMPS, 10, v0, v1, v2, v3, e0, e1, e2, e3]);
        }
    }

    fn emit_sack(&self, w: &mut Writer<'_>) {
        let fit = w.room().saturating_sub(4) / 8;
        let Some(blocks) = self.sack.as_slice().get(..self.sack.len().min(fit)) else { return };
        if blocks.is_empty() {
            return;
        }
        w.put(&[kind::NOP, kind::NOP, kind::SACK, (2 + 8 * blocks.len()) as u8]);
        for (start, end) in blocks {
            w.put(&start.0.to_be_bytes());
            w.put(&end.0.to_be_bytes());
        }
    }
}

/// Where options are written.
struct Writer<'a> {
    out: &'a mut [u8; OPTIONS_LEN_MAX],
    len: usize,
}

impl Writer<'_> {
    fn room(&self) -> usize {
        OPTIONS_LEN_MAX - self.len
    }

    /// Writes all of `bytes`, or nothing when there is no room for all.
    fn put(&mut self, bytes: &[u8]) {
        if let Some(to) = self.out.get_mut(self.len..self.len + bytes.len()) {
            to.copy_from_slice(bytes);
            self.len += bytes.len();
        }
    }

    fn pad(&mut self) {
        while !self.len.is_multiple_of(4) {
            self.put(&[kind::NOP]);
        }
    }

    /// RFC 9293 §3.1: the end of the list, and zeros behind it.
    fn end(&mut self) {
        while !self.len.is_multiple_of(4) {
            self.put(&[kind::END]);
        }
    }
}
