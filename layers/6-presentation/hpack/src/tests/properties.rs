//! For every list, every sequence of blocks, any bytes.

use std::collections::VecDeque;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Line, decode, with_cx};
use crate::{Decoder, Encoder, Indexing, static_field};

/// A dynamic table as RFC 7541 §2.3.2 and §4 describe it, and nothing else.
#[derive(Debug, Default)]
struct Model {
    /// The newest first.
    entries: VecDeque<(Vec<u8>, Vec<u8>)>,
    size_max: usize,
}

impl Model {
    fn size(&self) -> usize {
        self.entries.iter().map(|(name, value)| name.len() + value.len() + 32).sum()
    }

    fn resize(&mut self, size_max: usize) {
        self.size_max = size_max;
        while self.size() > size_max {
            self.entries.pop_back();
        }
    }

    fn insert(&mut self, name: Vec<u8>, value: Vec<u8>) {
        let size = name.len() + value.len() + 32;
        while !self.entries.is_empty() && self.size() + size > self.size_max {
            self.entries.pop_back();
        }
        if size <= self.size_max {
            self.entries.push_front((name, value));
        }
    }

    /// The field at an index of both tables, counted from 0 and around.
    fn pick(&self, at: usize) -> (usize, (Vec<u8>, Vec<u8>)) {
        let index = 1 + at % (61 + self.entries.len());
        let known = |index| static_field(index as u8).map(|(n, v)| (n.into(), v.into()));
        let field = if index <= 61 { known(index) } else { self.entries.get(index - 62).cloned() };
        (index, field.unwrap())
    }
}

/// A step of an encoder that does as it likes.
#[derive(Clone, Debug)]
enum Step {
    Index(usize),
    Literal { pattern: u8, name: Result<usize, Vec<u8>>, value: Vec<u8> },
}

fn step() -> impl Strategy<Value = Step> {
    let text = || prop_oneof![vec(any::<u8>(), 0..12), vec(Just(b'x'), 0..80)];
    let at = || prop_oneof![any::<usize>(), 61..80_usize];
    let name = prop_oneof![at().prop_map(Ok), text().prop_map(Err)];
    let pattern = prop_oneof![3 => Just(0x40_u8), 1 => Just(0x10), 1 => Just(0x00)];
    prop_oneof![
        1 => at().prop_map(Step::Index),
        2 => (pattern, name, text())
            .prop_map(|(pattern, name, value)| Step::Literal { pattern, name, value }),
    ]
}

/// An integer, as the pseudocode of RFC 7541 §5.1 has it.
fn put_integer(pattern: u8, bits: u32, mut value: usize, block: &mut Vec<u8>) {
    let most = (1 << bits) - 1;
    if value < most {
        return block.push(pattern | value as u8);
    }
    block.push(pattern | most as u8);
    value -= most;
    while value >= 128 {
        block.push((value % 128 + 128) as u8);
        value /= 128;
    }
    block.push(value as u8);
}

fn put_string(text: &[u8], block: &mut Vec<u8>) {
    put_integer(0, 7, text.len(), block);
    block.extend_from_slice(text);
}

/// Writes the step into the block, and does in the model what it says.
fn take(model: &mut Model, step: Step, block: &mut Vec<u8>, want: &mut Vec<Line>) {
    match step {
        Step::Index(at) => {
            let (index, (name, value)) = model.pick(at);
            put_integer(0x80, 7, index, block);
            want.push((name, value, false));
        }
        Step::Literal { pattern, name, value } => {
            let bits = if pattern == 0x40 { 6 } else { 4 };
            let name = match name {
                Ok(at) => {
                    let (index, (name, _)) = model.pick(at);
                    put_integer(pattern, bits, index, block);
                    name
                }
                Err(name) => {
                    put_integer(pattern, bits, 0, block);
                    put_string(&name, block);
                    name
                }
            };
            put_string(&value, block);
            want.push((name.clone(), value.clone(), pattern == 0x10));
            if pattern == 0x40 {
                model.insert(name, value);
            }
        }
    }
}

/// Every entry of a decoder's table, the newest first.
fn entries(decoder: &mut Decoder) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut block = Vec::new();
    for age in 0..decoder.table_entries() {
        put_integer(0x80, 7, 62 + age, &mut block);
    }
    let lines = decode(decoder, &block).unwrap();
    lines.into_iter().map(|(name, value, _)| (name, value)).collect()
}

/// Names and values of which some come again and again.
fn field() -> impl Strategy<Value = (Vec<u8>, Vec<u8>, Indexing)> {
    let known = (1..=61_u8).prop_map(|index| static_field(index).unwrap().0.as_bytes().to_vec());
    let own = (0..12_u8).prop_map(|n| format!("x-own-{n}").into_bytes());
    let name = prop_oneof![3 => known, 2 => own, 1 => vec(any::<u8>(), 0..6)];
    let value = prop_oneof![
        3 => (0..8_u8).prop_map(|n| format!("value {n}").into_bytes()),
        1 => vec(any::<u8>(), 0..20),
        1 => vec(b'a'..=b'z', 0..300),
    ];
    let indexing = prop_oneof![
        4 => Just(Indexing::Incremental),
        2 => Just(Indexing::Repeated),
        1 => Just(Indexing::Without),
        1 => Just(Indexing::Never),
    ];
    (name, value, indexing)
}

proptest! {
    //= test RFC 7541 §4.4: what leaves the table, to the byte
    //= test RFC 7541 §4.1: what an entry counts for
    #[test]
    fn the_table_is_the_models(
        limit in 0..400_u32,
        blocks in vec((prop::option::of(0..=1000_u32), vec(step(), 0..20)), 1..12),
    ) {
        let mut decoder = Decoder::new(limit);
        let mut model = Model { size_max: limit as usize, ..Model::default() };
        for (size, steps) in blocks {
            let (mut block, mut want) = (Vec::new(), Vec::new());
            if let Some(size) = size.map(|size| size % (limit + 1)) {
                put_integer(0x20, 5, size as usize, &mut block);
                model.resize(size as usize);
            }
            for step in steps {
                take(&mut model, step, &mut block, &mut want);
            }
            prop_assert_eq!(decode(&mut decoder, &block), Ok(want));
            prop_assert_eq!(decoder.table_entries(), model.entries.len());
            prop_assert_eq!(decoder.table_len(), model.size());
            prop_assert_eq!(entries(&mut decoder), Vec::from(model.entries.clone()));
        }
    }

    /// Lists arrive as they were sent, whatever becomes of the table's size, and both tables are equal.
    #[test]
    fn there_and_back(
        limit in prop_oneof![Just(4096_u32), 0..300_u32],
        lists in vec((vec(0..5000_u32, 0..3), vec(field(), 0..24)), 1..20),
    ) {
        let mut encoder = Encoder::new(limit);
        let mut decoder = Decoder::new(4096);
        for (sizes, fields) in lists {
            for size in sizes {
                encoder.set_table_len_max(size);
                decoder.set_table_len_max(size);
            }
            let mut block = Vec::new();
            let borrowed = fields.iter().map(|(name, value, how)| (&name[..], &value[..], *how));
            with_cx(|cx| encoder.encode(cx, borrowed, &mut block));
            let want: Vec<Line> = fields
                .iter()
                .map(|(name, value, how)| (name.clone(), value.clone(), *how == Indexing::Never))
                .collect();
            prop_assert_eq!(decode(&mut decoder, &block), Ok(want));
            prop_assert_eq!(encoder.table_entries(), decoder.table_entries());
            prop_assert_eq!(encoder.table_len(), decoder.table_len());
            prop_assert!(decoder.table_len() <= 4096);
        }
    }

    /// While the number stays, the same list makes the same block, and the block means the same list.
    #[test]
    fn a_block_may_be_sent_again(fields in vec(field(), 0..12)) {
        let mut encoder = Encoder::new(4096);
        let mut decoder = Decoder::new(4096);
        let borrowed = || fields.iter().map(|(name, value, how)| (&name[..], &value[..], *how));
        let mut encoded = || {
            let (before, mut block) = (encoder.insertions(), Vec::new());
            with_cx(|cx| encoder.encode(cx, borrowed(), &mut block));
            (block, encoder.insertions() == before)
        };
        for _ in 0..6 {
            let (block, is_same) = encoded();
            let first = decode(&mut decoder, &block);
            prop_assert!(first.is_ok());
            if is_same {
                let before = decoder.insertions();
                prop_assert_eq!(decode(&mut decoder, &block), first);
                prop_assert_eq!(decoder.insertions(), before);
                prop_assert_eq!(encoded().0, block);
            }
        }
    }

    /// Any bytes: a list or a reason, no more fields than bytes, and a table within its limit.
    #[test]
    fn any_bytes(limit in 0..5000_u32, blocks in vec(vec(any::<u8>(), 0..200), 0..8)) {
        let mut decoder = Decoder::new(limit);
        for block in blocks {
            let fields = decode(&mut decoder, &block).map_or(0, |lines| lines.len());
            prop_assert!(fields <= block.len());
            prop_assert!(decoder.table_len() <= limit as usize);
        }
    }
}
