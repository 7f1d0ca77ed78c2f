use base::Cx;
use base::xray::Text;

use crate::lookup::{Hashes, Lookup};
use crate::static_table::{STATIC_LEN, find_name, find_value};
use crate::table::{ENTRY_OVERHEAD, NewName, Sought, Table, size_of};
use crate::wire::{Literal, emit_integer, emit_string};
use crate::{Indexing, Seen, Side, TABLE_LEN_DEFAULT, TABLE_LEN_MAX};

/// A field may take one part in so many of the table.
const SHARE: usize = 4;

/// Writes the header blocks of one direction of a connection, in the order in which they go.
///
/// An encoder that has put nothing into its table holds no memory. Later it holds twice the size of its
/// table and 32 bytes an entry at most, and half a KiB: 12.5 KiB for the default of 4,096.
#[derive(Debug)]
pub struct Encoder {
    table: Table,
    /// Comes into being with the first field that may go into the table.
    lookup: Option<Box<Lookup>>,
    /// How large the table may become, whatever the peer allows.
    size_limit: u32,
    /// What is to be said in front of the next block.
    resizing: Option<Resizing>,
    /// How often there was something to say.
    resizings: u64,
}

/// The sizes that the table is to have had (RFC 7541 §4.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Resizing {
    smallest: u32,
    last: u32,
}

/// A field that is to be written, and its place in the block.
#[derive(Clone, Copy, Debug)]
struct NewField<'a> {
    name: &'a [u8],
    value: &'a [u8],
    indexing: Indexing,
    place: usize,
}

impl NewField<'_> {
    #[inline]
    fn may_be_indexed(&self) -> bool {
        matches!(self.indexing, Indexing::Incremental | Indexing::Repeated)
    }
}

impl Encoder {
    /// An encoder whose table never has more than `table_len_max` bytes, as RFC 7541 §4.1 counts
    /// them. It may have 4,096 until the peer says otherwise.
    ///
    /// # Panics
    ///
    /// Above [`TABLE_LEN_MAX`].
    pub fn new(table_len_max: u32) -> Self {
        assert!(table_len_max <= TABLE_LEN_MAX, "more than a table may have");
        let mut this = Self {
            table: Table::new(Side::Encoder, TABLE_LEN_DEFAULT),
            lookup: None,
            size_limit: table_len_max,
            resizing: None,
            resizings: 0,
        };
        this.set_table_len_max(TABLE_LEN_DEFAULT);
        this
    }

    /// The peer's SETTINGS_HEADER_TABLE_SIZE. What it changes is said in front of the next block.
    pub fn set_table_len_max(&mut self, table_len_max: u32) {
        let last = table_len_max.min(self.size_limit);
        let smallest = self.resizing.map_or(last, |before| before.smallest.min(last));
        // RFC 7541 §4.2: a size that is left and come back to is said too, if it was smaller.
        let is_news = [smallest, last].iter().any(|&size| size as usize != self.table.size_max());
        self.resizing = is_news.then_some(Resizing { smallest, last });
        self.resizings += u64::from(is_news);
    }

    /// Appends a header block with these fields: each is a name in lower case, a value, and what
    /// becomes of it.
    pub fn encode<'f>(
        &mut self,
        cx: &mut Cx<'_>,
        fields: impl IntoIterator<Item = (&'f [u8], &'f [u8], Indexing)>,
        out: &mut Vec<u8>,
    ) {
        let before = out.len();
        let (mut fields_written, mut list_size) = (0, 0);
        self.begin_block(cx, out);
        for (name, value, indexing) in fields {
            let field = NewField { name, value, indexing, place: fields_written };
            if !self.encode_expected(&field, out) {
                self.encode_field(cx, &field, out);
            }
            fields_written += 1;
            list_size += size_of(name.len(), value.len());
        }
        let bytes = out.len() - before;
        cx.note(|| Seen::BlockOut { bytes, fields: fields_written, list_size });
    }

    /// A number that stays as it is as long as the same list makes the same block. While it does, a
    /// block may be sent again as it is, and still means what it meant.
    pub fn insertions(&self) -> u64 {
        let met = self.lookup.as_ref().map_or(0, |lookup| lookup.changes());
        self.table.changes() + self.resizings + met
    }

    /// Whether the next block begins with a size update, which one that is sent again would lack.
    pub const fn has_size_update(&self) -> bool {
        self.resizing.is_some()
    }

    /// How many entries the dynamic table has.
    pub fn table_entries(&self) -> usize {
        self.table.len()
    }

    /// How full the dynamic table is, as RFC 7541 §4.1 counts.
    pub const fn table_len(&self) -> usize {
        self.table.size()
    }

    /// RFC 7541 §4.2, §6.3: the smallest size since the last block, then the one that holds.
    fn begin_block(&mut self, cx: &mut Cx<'_>, out: &mut Vec<u8>) {
        let Some(Resizing { smallest, last }) = self.resizing.take() else { return };
        for size in [Some(smallest), Some(last).filter(|&last| last != smallest)] {
            let Some(size) = size else { continue };
            emit_integer(0x20, 0x1f, size as usize, out);
            self.table.resize(cx, size);
        }
    }

    /// A field that was in this place of the block before, in the dynamic table.
    #[inline]
    fn encode_expected(&self, field: &NewField<'_>, out: &mut Vec<u8>) -> bool {
        let &NewField { name, value, place, .. } = field;
        let lookup = self.lookup.as_ref().filter(|_| field.may_be_indexed());
        match lookup.and_then(|lookup| lookup.expected(&self.table, place, name, value)) {
            Some(age) => {
                emit_integer(0x80, 0x7f, in_both(age), out);
                true
            }
            None => false,
        }
    }

    fn encode_field(&mut self, cx: &mut Cx<'_>, field: &NewField<'_>, out: &mut Vec<u8>) {
        let &NewField { name, value, indexing, .. } = field;
        let known = find_name(name);
        if indexing == Indexing::Never {
            // RFC 7541 §6.2.3: always as such a literal, so that it stays one on its way.
            emit_literal(Literal::NeverIndexed, known.into(), name, value, out);
        } else if let Some(index) = find_value(known, value) {
            emit_integer(0x80, 0x7f, index.into(), out);
        } else if field.may_be_indexed() && self.has_place_for(cx, field) {
            self.encode_indexed(cx, field, known, out);
        } else {
            emit_literal(Literal::NotIndexed, known.into(), name, value, out);
        }
    }

    #[inline]
    fn has_place_for(&self, cx: &mut Cx<'_>, field: &NewField<'_>) -> bool {
        let entry_size = size_of(field.name.len(), field.value.len());
        let size_max = self.table.size_max();
        let has_place = entry_size <= size_max / SHARE;
        if !has_place {
            cx.note(|| Seen::NotAdded { name: Text(field.name), entry_size, size_max });
        }
        has_place
    }

    /// A field that is in the dynamic table, or may go into it.
    fn encode_indexed(
        &mut self,
        cx: &mut Cx<'_>,
        field: &NewField<'_>,
        known: u8,
        out: &mut Vec<u8>,
    ) {
        let &NewField { name, value, indexing, place } = field;
        let entries_max = self.size_limit as usize / ENTRY_OVERHEAD;
        let lookup = self.lookup.get_or_insert_with(|| Box::new(Lookup::new(entries_max)));
        let hashes = Hashes::of(known, name, value);
        if let Some(age) = lookup.find(&self.table, hashes, &Sought { name, value, known }) {
            lookup.expect(place, age);
            return emit_integer(0x80, 0x7f, in_both(age), out);
        }
        let index = match known {
            0 => lookup.find_name(&self.table, hashes, name).map_or(0, in_both),
            known => known.into(),
        };
        if indexing == Indexing::Repeated && !lookup.meet(hashes) {
            return emit_literal(Literal::NotIndexed, index, name, value, out);
        }
        emit_literal(Literal::Indexed, index, name, value, out);
        let name = if known > 0 { NewName::Static(known) } else { NewName::Text(name) };
        if self.table.insert(cx, name, value) {
            lookup.insert(hashes);
            lookup.expect(place, 0);
        }
    }
}

/// RFC 7541 §2.3.3: the index of an entry, behind the static table.
#[inline]
const fn in_both(age: usize) -> usize {
    STATIC_LEN as usize + 1 + age
}

/// RFC 7541 §6.2: a field whose name is that of the field at `index`, or follows if that is 0.
fn emit_literal(literal: Literal, index: usize, name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    emit_integer(literal.pattern(), literal.mask(), index, out);
    if index == 0 {
        emit_string(name, out);
    }
    emit_string(value, out);
}
