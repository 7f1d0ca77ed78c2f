//! What is remembered to save work, and nothing else.
//!
//! A block of fields means the same as long as the table it refers to is the same, and a list of
//! fields becomes the same block. So a connection keeps the last few of both, and compares bytes
//! instead of reading them. What is kept here is no more than what the tables of HPACK hold anyway.

use base::Wall;
use message::{Fields, Status, date};

use crate::head::RequestHead;

/// How many requests and how many responses a connection remembers.
const KEPT: usize = 4;

/// The longest block that is remembered; eight of them are 2 KiB.
const BLOCK_LEN_MAX: usize = 256;

/// What came lately, by a number that is the same for the same and mostly another for another.
#[derive(Debug, Default)]
struct Lately {
    numbers: [u64; KEPT],
    next: usize,
}

impl Lately {
    /// Whether this came lately; it did now.
    fn has(&mut self, number: u64) -> bool {
        let has = self.numbers.contains(&number);
        if let Some(place) = self.numbers.get_mut(self.next).filter(|_| !has) {
            *place = number;
            self.next = (self.next + 1) % KEPT;
        }
        has
    }
}

/// Requests without a body that came before, by their blocks.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    kept: Vec<Request>,
    next: usize,
    lately: Lately,
}

#[derive(Debug)]
struct Request {
    insertions: u64,
    block: Vec<u8>,
    head: RequestHead,
}

impl Requests {
    /// The request that this block is, if it came before and the table has not changed since.
    #[inline]
    pub(crate) fn find(&self, block: &[u8], insertions: u64) -> Option<&RequestHead> {
        let is_it = |kept: &&Request| kept.insertions == insertions && kept.block == block;
        self.kept.iter().find(is_it).map(|kept| &kept.head)
    }

    /// Remembers a request whose block changed nothing, when it comes the second time.
    pub(crate) fn remember(&mut self, block: &[u8], insertions: u64, head: &RequestHead) {
        if block.len() > BLOCK_LEN_MAX || !self.lately.has(number(block)) {
            return;
        }
        let request = Request { insertions, block: block.to_vec(), head: head.clone() };
        put(&mut self.kept, &mut self.next, request);
    }

    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }
}

/// Responses that went before, by their fields.
#[derive(Debug, Default)]
pub(crate) struct Responses {
    kept: Vec<Response>,
    next: usize,
    lately: Lately,
}

#[derive(Debug)]
struct Response {
    insertions: u64,
    status: Status,
    wall: Wall,
    /// It holds the fields, so that what lies at their place are they.
    fields: Fields,
    block: Vec<u8>,
}

impl Responses {
    /// The block that became of these very fields, if the table has not changed since.
    #[inline]
    pub(crate) fn find(
        &self,
        status: Status,
        wall: Wall,
        fields: &Fields,
        insertions: u64,
    ) -> Option<&[u8]> {
        let is_it = |kept: &&Response| {
            kept.insertions == insertions
                && kept.status == status
                && kept.wall == wall
                && is_same(&kept.fields, fields)
        };
        self.kept.iter().find(is_it).map(|kept| &kept.block[..])
    }

    /// Remembers a response whose block changed nothing, when its fields come the second time.
    pub(crate) fn remember(
        &mut self,
        status: Status,
        wall: Wall,
        fields: &Fields,
        insertions: u64,
        block: &[u8],
    ) {
        let place = fields.as_parsed().as_ptr().addr() as u64;
        if block.len() > BLOCK_LEN_MAX || !self.lately.has(place ^ u64::from(status.code())) {
            return;
        }
        let (fields, block) = (fields.clone(), block.to_vec());
        put(&mut self.kept, &mut self.next, Response { insertions, status, wall, fields, block });
    }

    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }
}

/// Whether both are references to the same fields; what is shared does not change.
#[inline]
fn is_same(a: &Fields, b: &Fields) -> bool {
    std::ptr::eq(a.as_parsed(), b.as_parsed())
}

/// A number for some bytes.
pub(crate) fn number(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mix =
        |mixed: u64, word: u64| (mixed ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    let mixed = words.iter().map(|word| u64::from_le_bytes(*word)).fold(bytes.len() as u64, mix);
    rest.iter().map(|b| u64::from(*b)).fold(mixed, mix)
}

fn put<T>(kept: &mut Vec<T>, next: &mut usize, new: T) {
    match kept.get_mut(*next) {
        Some(place) => *place = new,
        None => kept.push(new),
    }
    *next = (*next + 1) % KEPT;
}

/// The date of this second, as all connections of a worker write it.
#[derive(Debug, Default)]
pub(crate) struct Today {
    made: Option<(Wall, [u8; 29])>,
}

impl Today {
    pub(crate) fn text(&mut self, wall: Wall) -> [u8; 29] {
        match self.made {
            Some((of, text)) if of == wall => text,
            _ => {
                let text = date::emit(wall);
                self.made = Some((wall, text));
                text
            }
        }
    }
}
