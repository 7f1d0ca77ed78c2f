mod blocks;
mod examples;
mod films;
mod huffman;
mod integers;
mod oracle;
mod policies;
mod properties;
mod sizes;
mod vectors;

use base::{Cx, Instant, Wall, World};

use crate::{Decoder, Encoder, Indexing, Why};

/// Name, value, and whether it must never go into a table.
type Line = (Vec<u8>, Vec<u8>, bool);

/// A list as it is decoded, for comparing.
fn list(fields: &[(&str, &str)]) -> Vec<Line> {
    fields
        .iter()
        .map(|(name, value)| (name.as_bytes().into(), value.as_bytes().into(), false))
        .collect()
}

/// The bytes that hexadecimal digits stand for; blanks between them mean nothing.
fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let pairs = digits.chunks(2).map(|pair| str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn with_cx<T>(act: impl FnOnce(&mut Cx<'_>) -> T) -> T {
    let mut world = World::seeded(1);
    act(&mut Cx::new(Instant::ORIGIN, Wall(0), &mut world))
}

fn decode(decoder: &mut Decoder, block: &[u8]) -> Result<Vec<Line>, Why> {
    let mut lines = Vec::new();
    with_cx(|cx| {
        decoder.decode(cx, block, |field| {
            lines.push((field.name.into(), field.value.into(), field.is_never_indexed));
        })
    })?;
    Ok(lines)
}

/// Encodes fields that are all treated alike.
fn encode(encoder: &mut Encoder, fields: &[(&str, &str)], indexing: Indexing) -> Vec<u8> {
    let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes(), indexing));
    let mut out = Vec::new();
    with_cx(|cx| encoder.encode(cx, fields, &mut out));
    out
}
