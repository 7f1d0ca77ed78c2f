use base::{Cx, Instant, Wall, World};
use message::{Fields, Name};
use semantics::byteranges::{Boundary, Byteranges};
use semantics::content_range::ContentRange;
use semantics::range::{self, ByteRange, Selection};

/// Reads bytes as a Range, asked of a representation of some length, and as a Content-Range.
///
/// What is selected lies within the representation, nothing twice, and is announced with the length
/// that it has. What we write we read again.
///
/// The first eight bytes are the length.
pub fn ranges(data: &[u8]) {
    let Some((length, value)) = data.split_first_chunk() else { return };
    let length = u64::from_be_bytes(*length);
    let mut world = World::seeded(1);
    let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut world);
    let mut fields = Fields::new();
    // As they come from the wire: without bytes that end lines.
    if fields.try_push("Range", value).is_ok() && fields.contains(Name::Range) {
        let selection = range::select(&mut cx, &fields, length);
        assert_eq!(selection, range::select(&mut cx, &fields, length), "said twice alike");
        check_selection(&mut cx, &selection, length);
    }
    if let Ok(range) = ContentRange::parse(value) {
        let written = range.to_string();
        assert_eq!(ContentRange::parse(written.as_bytes()), Ok(range), "{written}");
    }
}

fn check_selection(cx: &mut Cx<'_>, selection: &Selection, length: u64) {
    match selection {
        Selection::Whole | Selection::Unsatisfiable => {}
        Selection::One(range) => check_range(*range, length),
        Selection::Several(ranges) => {
            assert!((2..=range::RANGES_MAX).contains(&ranges.len()), "{}", ranges.len());
            for range in ranges {
                check_range(*range, length);
            }
            let mut sorted = ranges.clone();
            sorted.sort_unstable_by_key(|range| range.first());
            for pair in sorted.windows(2) {
                if let [a, b] = pair {
                    assert!(a.last() < b.first(), "{a:?} and {b:?} overlap");
                }
            }
            check_parts(cx, ranges, length);
        }
    }
}

fn check_range(range: ByteRange, length: u64) {
    assert!(range.first() <= range.last() && range.last() < length, "{range:?} of {length}");
    let written = ContentRange::of(range, length).to_string();
    assert_eq!(ContentRange::parse(written.as_bytes()), Ok(ContentRange::of(range, length)));
}

fn check_parts(cx: &mut Cx<'_>, ranges: &[ByteRange], complete: u64) {
    let content_type = Some(&b"text/plain"[..]);
    let parts = Byteranges { boundary: Boundary::draw(cx), content_type, complete, ranges };
    let mut written = Vec::new();
    for index in 0..ranges.len() {
        parts.part_head(index, &mut written);
    }
    parts.closing(&mut written);
    // Parts that do not overlap cannot be more than the whole, which fits.
    let bodies: u128 = ranges.iter().map(|range| u128::from(range.length())).sum();
    let total = bodies + written.len() as u128;
    if let Ok(total) = u64::try_from(total) {
        assert_eq!(parts.content_length(), total, "announced as long as it is");
    }
}
