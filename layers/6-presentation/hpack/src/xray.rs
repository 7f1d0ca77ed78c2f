use base::xray::{Private, Text};

base::notes! {
    /// What HPACK tells the x-ray. Sizes are those of RFC 7541 §4.1: text, and 32 bytes an entry.
    pub enum Seen<'a> in Presentation {
        /// A header block was read: its bytes, and the fields in it with the size of their list.
        BlockIn { bytes: usize, fields: usize, list_size: usize },
        /// A header block was written: its bytes, and the fields in it with the size of their list.
        BlockOut { bytes: usize, fields: usize, list_size: usize },
        /// A header block could not be read; the connection is over.
        BlockRefused { why: Why },
        /// A field went into a dynamic table; how full it is now.
        EntryAdded { table: Side, name: Text<'a>, value: Text<'a>, size: usize, size_max: usize },
        /// A field whose value is nobody's business went into a dynamic table.
        SecretEntryAdded { table: Side, name: Text<'a>, value: Private<'a>, size: usize, size_max: usize },
        /// The oldest field left a dynamic table to make room; how full it is now.
        EntryEvicted { table: Side, name: Text<'a>, size: usize, size_max: usize },
        /// A field is larger than the whole dynamic table, which is empty now.
        EntryTooLarge { table: Side, name: Text<'a>, size_max: usize },
        /// We write a field whole, because it would take more than its share of the dynamic table.
        NotAdded { name: Text<'a>, entry_size: usize, size_max: usize },
        /// A dynamic table has another size from here on.
        TableResized { table: Side, size: usize, size_max: usize },
    }
}

/// Whose table it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// Ours, for what we write.
    Encoder,
    /// Ours, for what the peer writes.
    Decoder,
}

/// Why a header block could not be read. Each is a connection error of type COMPRESSION_ERROR
/// (RFC 9113 §4.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// Index 0, which is no field (RFC 7541 §6.1).
    IndexZero,
    /// An index behind the end of both tables (RFC 7541 §2.3.3).
    IndexTooLarge,
    /// An integer above 32 bits, or written with more bytes than it can need (RFC 7541 §5.1).
    IntegerTooLarge,
    /// The block ends in the middle of a field (RFC 7541 §5).
    CutShort,
    /// The end-of-string code stands in a string (RFC 7541 §5.2).
    EndOfStringInside,
    /// What is left behind the last code is not the beginning of end-of-string (RFC 7541 §5.2).
    PaddingNotOnes,
    /// More than seven bits of padding (RFC 7541 §5.2).
    PaddingTooLong,
    /// The table is to be larger than we allow (RFC 7541 §6.3).
    SizeUpdateTooLarge,
    /// The table's size changes behind a field (RFC 7541 §4.2).
    SizeUpdateMisplaced,
    /// The table's size changes more than twice in a block (RFC 7541 §4.2).
    SizeUpdatesTooMany,
    /// We have made the table smaller, and the peer does not say that it knows (RFC 7541 §4.2).
    SizeUpdateMissing,
}

impl Why {
    /// The reason in words, for the peer's operator.
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::IndexZero => "a field has index 0",
            Self::IndexTooLarge => "an index is behind the end of the table",
            Self::IntegerTooLarge => "an integer is too large",
            Self::CutShort => "the header block ends in the middle of a field",
            Self::EndOfStringInside => "a Huffman-coded string has the end-of-string code inside",
            Self::PaddingNotOnes => "a Huffman-coded string ends in the middle of a code",
            Self::PaddingTooLong => "a Huffman-coded string has more than seven bits of padding",
            Self::SizeUpdateTooLarge => "the table is to be larger than was allowed",
            Self::SizeUpdateMisplaced => "the table's size changes behind a field",
            Self::SizeUpdatesTooMany => "the table's size changes more than twice",
            Self::SizeUpdateMissing => "the table is smaller now, and no size update says so",
        }
    }
}
