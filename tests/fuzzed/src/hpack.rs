use base::{Cx, Instant, Wall, World};
use hpack::{Decoder, Encoder, Indexing, Why};

/// Reads bytes as header blocks of one connection.
///
/// No more fields than bytes, and a table that is as large as its entries and within its limit. What was
/// read is written by an encoder and read again as the same, whatever the limits become.
///
/// The first two bytes are the table's limit. Then each block has its length in a byte, 0 being a change
/// of the limit by the byte that follows.
pub fn hpack(data: &[u8]) {
    let Some((limit, mut rest)) = data.split_first_chunk() else { return };
    let mut limit = u32::from(u16::from_be_bytes(*limit)) % 8192;
    let mut world = World::seeded(1);
    let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut world);
    let mut decoder = Decoder::new(limit);
    let mut relay = Relay::new();
    while let Some((&len, after)) = rest.split_first() {
        if len == 0 {
            let Some((&part, after)) = after.split_first() else { return };
            limit = u32::from(part) * 32;
            decoder.set_table_len_max(limit);
            relay.limit(limit);
            rest = after;
            continue;
        }
        let (block, after) = after.split_at(usize::from(len).min(after.len()));
        rest = after;
        let Ok(list) = read(&mut cx, &mut decoder, block) else { return };
        assert!(list.len() <= block.len(), "more fields than bytes");
        assert!(decoder.table_len() <= 8192, "more than was ever allowed");
        check_table(&mut cx, &mut decoder);
        relay.pass(&mut cx, &list);
    }
}

/// A field, and whether it must not go into a table.
type Line = (Vec<u8>, Vec<u8>, bool);

fn read(cx: &mut Cx<'_>, decoder: &mut Decoder, block: &[u8]) -> Result<Vec<Line>, Why> {
    let mut list = Vec::new();
    decoder.decode(cx, block, |field| {
        if let Some(index) = field.static_index {
            let known = hpack::static_field(index).map(|(name, _)| name.as_bytes());
            assert_eq!(known, Some(field.name), "another name");
        }
        list.push((field.name.to_vec(), field.value.to_vec(), field.is_never_indexed));
    })?;
    Ok(list)
}

/// The entries are as large together as the table says (RFC 7541 §4.1), and reading them changes nothing.
fn check_table(cx: &mut Cx<'_>, decoder: &mut Decoder) {
    let (before, entries) = (decoder.insertions(), decoder.table_entries());
    // An index that is one byte; more entries than that have longer ones.
    let indexes: Vec<u8> = (62..).take(entries.min(64)).map(|index| 0x80 | index).collect();
    let Ok(list) = read(cx, decoder, &indexes) else { return };
    let size: usize = list.iter().map(|(name, value, _)| name.len() + value.len() + 32).sum();
    if entries <= 64 {
        assert_eq!(size, decoder.table_len());
    }
    assert_eq!(decoder.insertions(), before);
}

/// Who passes on what it reads.
struct Relay {
    encoder: Encoder,
    decoder: Decoder,
}

impl Relay {
    fn new() -> Self {
        Self { encoder: Encoder::new(4096), decoder: Decoder::new(4096) }
    }

    fn limit(&mut self, limit: u32) {
        self.encoder.set_table_len_max(limit);
        self.decoder.set_table_len_max(limit);
    }

    fn pass(&mut self, cx: &mut Cx<'_>, list: &[Line]) {
        let fields = list.iter().map(|(name, value, is_never_indexed)| {
            let indexing = match is_never_indexed {
                true => Indexing::Never,
                false => Indexing::for_field(name, value),
            };
            (&name[..], &value[..], indexing)
        });
        let mut block = Vec::new();
        self.encoder.encode(cx, fields, &mut block);
        let again = read(cx, &mut self.decoder, &block).expect("what we write can be read");
        let same = again.iter().zip(list).all(|(a, b)| (&a.0, &a.1) == (&b.0, &b.1));
        assert!(same && again.len() == list.len(), "it is read as the same");
        // What must not be in a table stays so; our policy may add to it.
        assert!(again.iter().zip(list).all(|(a, b)| a.2 || !b.2), "it may go into a table now");
        assert_eq!(self.encoder.table_len(), self.decoder.table_len());
        assert_eq!(self.encoder.table_entries(), self.decoder.table_entries());
    }
}
