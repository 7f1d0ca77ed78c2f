//! Ours against the `httlib-hpack` crate, both ways: what one writes the other reads.
//!
//! It is the one that writes all there is to write: the Huffman code, each kind of literal, size
//! updates. Many lists are tried in every run; `HPACK_LISTS=1000000` says how many, best with
//! `--release`.

use base::{Cx, Instant, Wall, World};
use httlib_hpack as theirs;

use super::Line;
use crate::{Decoder, Encoder, Indexing, static_field};

/// How many lists go over one connection, in each direction.
const LISTS: usize = 25;

const LISTS_IN_A_RUN: usize = 20_000;

#[test]
fn lists_both_ways() {
    let asked = std::env::var("HPACK_LISTS").ok();
    let lists: usize =
        asked.map_or(LISTS_IN_A_RUN, |lists| lists.parse().expect("a number of lists"));
    let mut fields = 0;
    for seed in 0..lists.div_ceil(2 * LISTS) as u64 {
        fields += from_us_to_them(seed) + from_them_to_us(seed);
    }
    eprintln!("{lists} lists with {fields} fields went over");
}

/// What is random in a run; the seed is printed when it fails.
struct Chance {
    world: World,
}

impl Chance {
    fn new(seed: u64) -> Self {
        Self { world: World::seeded(seed) }
    }

    fn cx(&mut self) -> Cx<'_> {
        Cx::new(Instant::ORIGIN, Wall(0), &mut self.world)
    }

    fn below(&mut self, bound: u32) -> u32 {
        self.cx().random_below(bound)
    }

    fn bytes(&mut self, len: u32) -> Vec<u8> {
        (0..len).map(|_| self.below(256) as u8).collect()
    }

    fn text(&mut self, len: u32) -> Vec<u8> {
        (0..len).map(|_| b' ' + self.below(95) as u8).collect()
    }

    fn name(&mut self) -> Vec<u8> {
        match self.below(10) {
            0..5 => static_field(1 + self.below(61) as u8).unwrap().0.into(),
            5..9 => format!("x-own-{}", self.below(20)).into(),
            _ => {
                let len = 1 + self.below(12);
                self.bytes(len)
            }
        }
    }

    fn value(&mut self) -> Vec<u8> {
        match self.below(10) {
            0..4 => format!("value {}", self.below(8)).into(),
            4 => static_field(1 + self.below(61) as u8).unwrap().1.into(),
            5..7 => self.below(u32::MAX).to_string().into(),
            7 => {
                let len = self.below(600);
                self.text(len)
            }
            8 => {
                let len = self.below(60);
                self.bytes(len)
            }
            _ => {
                let len = self.below(40);
                self.text(len)
            }
        }
    }

    fn list(&mut self) -> Vec<(Vec<u8>, Vec<u8>)> {
        (0..1 + self.below(12)).map(|_| (self.name(), self.value())).collect()
    }
}

fn from_us_to_them(seed: u64) -> usize {
    let mut chance = Chance::new(seed);
    let limit = if chance.below(2) == 0 { 4096 } else { chance.below(2000) };
    let mut encoder = Encoder::new(limit);
    let mut decoder = theirs::Decoder::with_dynamic_size(4096);
    let mut count = 0;
    for _ in 0..LISTS {
        // A peer that changes its mind.
        if chance.below(5) == 0 {
            let size = chance.below(4097);
            encoder.set_table_len_max(size);
            decoder.set_max_dynamic_size(size);
        }
        let list: Vec<_> = chance
            .list()
            .into_iter()
            .map(|(name, value)| {
                let indexing = match chance.below(8) {
                    0 => Indexing::Never,
                    1 => Indexing::Without,
                    2 | 3 => Indexing::Repeated,
                    4 => Indexing::for_field(&name, &value),
                    _ => Indexing::Incremental,
                };
                (name, value, indexing)
            })
            .collect();
        let mut block = Vec::new();
        let fields = list.iter().map(|(name, value, how)| (&name[..], &value[..], *how));
        encoder.encode(&mut chance.cx(), fields, &mut block);
        let mut read = Vec::new();
        decoder.decode(&mut block, &mut read).unwrap_or_else(|e| panic!("seed {seed}: {e:?}"));
        let never = theirs::Decoder::NEVER_INDEXED;
        let read: Vec<Line> =
            read.into_iter().map(|(n, v, flags)| (n, v, flags == never)).collect();
        let sent = list.into_iter().map(|(name, value, how)| (name, value, how == Indexing::Never));
        assert!(sent.eq(read.iter().cloned()), "seed {seed}: {read:?}");
        count += read.len();
    }
    count
}

fn from_them_to_us(seed: u64) -> usize {
    let mut chance = Chance::new(seed);
    let mut encoder = theirs::Encoder::with_dynamic_size(4096);
    let mut decoder = Decoder::new(4096);
    let mut count = 0;
    for _ in 0..LISTS {
        let mut block = Vec::new();
        if chance.below(5) == 0 {
            let size = chance.below(4097);
            encoder.update_max_dynamic_size(size, &mut block).expect("it may be so large");
        }
        let mut sent: Vec<Line> = Vec::new();
        for (name, value) in chance.list() {
            // Huffman for the name, for the value; into the table or never; by an index if possible.
            let kind = [0, theirs::Encoder::WITH_INDEXING, theirs::Encoder::NEVER_INDEXED];
            let kind = kind[chance.below(3) as usize];
            let best = chance.below(4) > 0;
            let mut flags = kind | chance.below(4) as u8;
            if best {
                flags |= theirs::Encoder::BEST_FORMAT;
            }
            let before = block.len();
            encoder
                .encode((name.clone(), value.clone(), flags), &mut block)
                .expect("it can be written");
            let is_never = block.get(before).is_some_and(|first| first & 0xf0 == 0x10);
            sent.push((name, value, is_never));
        }
        let mut read: Vec<Line> = Vec::new();
        let result = decoder.decode(&mut chance.cx(), &block, |field| {
            read.push((field.name.into(), field.value.into(), field.is_never_indexed));
        });
        assert_eq!(result, Ok(()), "seed {seed}");
        assert_eq!(read, sent, "seed {seed}");
        count += read.len();
    }
    count
}
