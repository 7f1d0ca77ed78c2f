use base::Cx;

use crate::static_table::{STATIC_LEN, static_field};
use crate::table::{NewName, Stored, Table, size_of};
use crate::wire::{Coded, Literal, Reader};
use crate::{Seen, Side, TABLE_LEN_MAX, Why, huffman};

/// Reads the header blocks of one direction of a connection, in the order in which they come.
///
/// A decoder that has not met anything yet holds no memory. Later it holds twice the size of its table
/// and 20 bytes an entry at most: 10.5 KiB for the default of 4,096. What strings need while they are
/// read is lent by the world.
///
/// The work is linear in the block, whatever it hands out. But a block of `n` bytes can hand out `n`
/// fields that are as long as the table (an index is one byte): whoever collects fields counts what
/// he takes, and stops when it is enough; `docs/hpack.md` has the arithmetic.
#[derive(Debug)]
pub struct Decoder {
    table: Table,
    /// What the peer may make of the table's size.
    size_max: u32,
    /// The smallest limit since the last block, if the peer has to say that it knows of it.
    owed: Option<u32>,
    /// How often our limit was set.
    limits_set: u64,
}

/// A field as it is handed out; it is gone when the call returns.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Field<'a> {
    /// Its name, in the case in which it came.
    pub name: &'a [u8],
    /// Its value.
    pub value: &'a [u8],
    /// Whoever passes it on must not put it into any table either (RFC 7541 §6.2.3).
    pub is_never_indexed: bool,
    /// The index of a field of the static table that has this name, if the name was written as such an
    /// index, now or when the field went into the dynamic table: then it need not be read.
    pub static_index: Option<u8>,
}

/// What came out of a block so far.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    fields: usize,
    list_size: usize,
}

impl Decoder {
    /// A decoder whose table may have `table_len_max` bytes, as RFC 7541 §4.1 counts them. In HTTP/2
    /// that is [`TABLE_LEN_DEFAULT`](crate::TABLE_LEN_DEFAULT) until the peer has acknowledged other
    /// settings of ours.
    ///
    /// # Panics
    ///
    /// Above [`TABLE_LEN_MAX`].
    pub const fn new(table_len_max: u32) -> Self {
        assert!(table_len_max <= TABLE_LEN_MAX, "more than a table may have");
        Self {
            table: Table::new(Side::Decoder, table_len_max),
            size_max: table_len_max,
            owed: None,
            limits_set: 0,
        }
    }

    /// Reads one complete header block, and hands out its fields in their order.
    ///
    /// # Errors
    ///
    /// The block could not be read. Some of its fields may have been handed out; the table is not
    /// what the peer thinks it is any more, and the connection must end (RFC 9113 §4.3).
    pub fn decode(
        &mut self,
        cx: &mut Cx<'_>,
        block: &[u8],
        each: impl FnMut(Field<'_>),
    ) -> Result<(), Why> {
        let mut scratch = cx.buffer();
        let read = self.read(cx, block, &mut scratch, each);
        cx.recycle(scratch);
        match read {
            Ok(Tally { fields, list_size }) => {
                cx.note(|| Seen::BlockIn { bytes: block.len(), fields, list_size });
                Ok(())
            }
            Err(why) => {
                cx.note(|| Seen::BlockRefused { why });
                Err(why)
            }
        }
    }

    /// The peer has acknowledged another SETTINGS_HEADER_TABLE_SIZE. If that is less than the table
    /// may have now, its next block has to begin with a size update (RFC 7541 §4.2).
    ///
    /// # Panics
    ///
    /// Above [`TABLE_LEN_MAX`].
    pub fn set_table_len_max(&mut self, table_len_max: u32) {
        assert!(table_len_max <= TABLE_LEN_MAX, "more than a table may have");
        self.size_max = table_len_max;
        self.limits_set += 1;
        if (table_len_max as usize) < self.table.size_max() {
            self.owed = Some(self.owed.map_or(table_len_max, |owed| owed.min(table_len_max)));
        }
    }

    /// How often the table or its limit has changed since the beginning. As long as neither has, the
    /// same bytes mean the same list.
    pub const fn insertions(&self) -> u64 {
        self.table.changes() + self.limits_set
    }

    /// How many entries the dynamic table has.
    pub fn table_entries(&self) -> usize {
        self.table.len()
    }

    /// How full the dynamic table is, as RFC 7541 §4.1 counts.
    pub const fn table_len(&self) -> usize {
        self.table.size()
    }

    fn read(
        &mut self,
        cx: &mut Cx<'_>,
        block: &[u8],
        scratch: &mut Vec<u8>,
        mut each: impl FnMut(Field<'_>),
    ) -> Result<Tally, Why> {
        let mut reader = Reader::new(block);
        self.read_size_updates(cx, &mut reader)?;
        let mut tally = Tally::default();
        let mut counted = |field: Field<'_>| {
            tally.fields += 1;
            tally.list_size += size_of(field.name.len(), field.value.len());
            each(field);
        };
        // RFC 7541 §6: the first bits say what follows.
        while let Some(first) = reader.peek() {
            match first {
                0x80.. => counted(self.indexed(&mut reader)?),
                0x40.. => self.literal(cx, &mut reader, Literal::Indexed, scratch, &mut counted)?,
                // RFC 7541 §4.2: only at the beginning of a block.
                0x20.. => return Err(Why::SizeUpdateMisplaced),
                0x10.. => {
                    self.literal(cx, &mut reader, Literal::NeverIndexed, scratch, &mut counted)?;
                }
                _ => self.literal(cx, &mut reader, Literal::NotIndexed, scratch, &mut counted)?,
            }
        }
        Ok(tally)
    }

    /// RFC 7541 §4.2, §6.3: at most two, the smallest size since the last block and the one that holds.
    fn read_size_updates(&mut self, cx: &mut Cx<'_>, reader: &mut Reader<'_>) -> Result<(), Why> {
        let mut updates = 0;
        while let Some(0x20..=0x3f) = reader.peek() {
            updates += 1;
            if updates > 2 {
                return Err(Why::SizeUpdatesTooMany);
            }
            let size = reader.integer(0x1f)?;
            // RFC 7541 §6.3: our limit is the last that the peer has acknowledged.
            if size > self.size_max {
                return Err(Why::SizeUpdateTooLarge);
            }
            self.owed = self.owed.filter(|&owed| size > owed);
            self.table.resize(cx, size);
        }
        // RFC 7541 §4.2: the first block after we made the table smaller has to say so.
        if self.owed.is_some() { Err(Why::SizeUpdateMissing) } else { Ok(()) }
    }

    /// RFC 7541 §6.1: a field that is in one of the tables.
    #[inline]
    fn indexed(&self, reader: &mut Reader<'_>) -> Result<Field<'_>, Why> {
        let index = reader.integer(0x7f)?;
        let Stored { name, value, static_name } = self.at(index)?;
        let static_index = Some(static_name).filter(|&index| index > 0);
        Ok(Field { name, value, is_never_indexed: false, static_index })
    }

    /// RFC 7541 §6.2: a field whose value, and perhaps whose name, is in the block.
    #[inline]
    fn literal(
        &mut self,
        cx: &mut Cx<'_>,
        reader: &mut Reader<'_>,
        literal: Literal,
        scratch: &mut Vec<u8>,
        each: &mut impl FnMut(Field<'_>),
    ) -> Result<(), Why> {
        let index = reader.integer(literal.mask())?;
        scratch.clear();
        let coded_name = if index == 0 { Some(reader.string()?) } else { None };
        let coded_value = reader.string()?;
        let name_len = coded_name.map_or(Ok(0), |name| unpack(name, scratch))?;
        unpack(coded_value, scratch)?;
        let (name_text, value_text) = scratch.split_at_checked(name_len).unwrap_or_default();

        let value = coded_value.text(value_text);
        let (name, static_name) = match coded_name {
            Some(name) => (name.text(name_text), 0),
            None => self.at(index).map(|stored| (stored.name, stored.static_name))?,
        };
        let is_never_indexed = literal == Literal::NeverIndexed;
        let static_index = Some(static_name).filter(|&index| index > 0);
        each(Field { name, value, is_never_indexed, static_index });
        if literal == Literal::Indexed {
            // RFC 7541 §2.3.3: behind the static table, the newest first.
            let name = match (index as usize).checked_sub(usize::from(STATIC_LEN) + 1) {
                Some(age) => NewName::Of(age),
                None if index > 0 => NewName::Static(index as u8),
                None => NewName::Text(coded_name.map_or(&[], |name| name.text(name_text))),
            };
            self.table.insert(cx, name, value);
        }
        Ok(())
    }

    /// RFC 7541 §2.3.3: the field at an index of both tables together.
    #[inline]
    fn at(&self, index: u32) -> Result<Stored<'_>, Why> {
        if let Some(age) = (index as usize).checked_sub(usize::from(STATIC_LEN) + 1) {
            return self.table.get(age).ok_or(Why::IndexTooLarge);
        }
        let index = index as u8;
        // RFC 7541 §6.1: there is no field 0.
        let (name, value) = static_field(index).ok_or(Why::IndexZero)?;
        Ok(Stored { name: name.as_bytes(), value: value.as_bytes(), static_name: index })
    }
}

impl<'a> Coded<'a> {
    /// The string, which is in the block if it did not have to be unpacked.
    fn text<'b>(self, unpacked: &'b [u8]) -> &'b [u8]
    where
        'a: 'b,
    {
        if self.is_huffman { unpacked } else { self.bytes }
    }
}

/// Takes a string out of the Huffman code, if it is in it; says how much was appended.
#[inline]
fn unpack(string: Coded<'_>, scratch: &mut Vec<u8>) -> Result<usize, Why> {
    let before = scratch.len();
    if string.is_huffman {
        huffman::decode(string.bytes, scratch)?;
    }
    Ok(scratch.len() - before)
}
