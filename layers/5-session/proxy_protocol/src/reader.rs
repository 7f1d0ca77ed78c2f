use base::Malformed;

/// Why reading ended before the header did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stop {
    /// The bytes end, and nothing was wrong so far.
    Incomplete,
    /// Something is wrong.
    Malformed(Malformed),
}

impl Stop {
    pub(crate) const fn malformed(what: &'static str) -> Self {
        Self::Malformed(Malformed::new(what))
    }
}

impl From<Malformed> for Stop {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// Takes bytes from the front. Every reading ends with [`Stop::Incomplete`] where the bytes end, so
/// that the grammars above it need not ask.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes have been taken.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// Goes back to where [`at`](Self::at) was.
    pub(crate) const fn go_back(&mut self, at: usize) {
        self.at = at;
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// The next byte, which stays.
    pub(crate) fn peek(&self) -> Result<u8, Stop> {
        self.bytes.get(self.at).copied().ok_or(Stop::Incomplete)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Stop> {
        let byte = self.peek()?;
        self.at += 1;
        Ok(byte)
    }

    /// Takes these bytes; where another one stands, `what` is wrong.
    pub(crate) fn expect(&mut self, wanted: &[u8], what: &'static str) -> Result<(), Stop> {
        for &byte in wanted {
            if self.byte()? != byte {
                return Err(Stop::malformed(what));
            }
        }
        Ok(())
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Stop> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..len).ok_or(Stop::Incomplete)?;
        self.at += len;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let array = rest.first_chunk().ok_or(Stop::Incomplete)?;
        self.at += N;
        Ok(*array)
    }

    /// A number of two bytes, the higher one first.
    pub(crate) fn u16(&mut self) -> Result<u16, Stop> {
        self.array().map(u16::from_be_bytes)
    }
}
