//! Range requests: which parts of the representation? (RFC 9110 §14)

use base::Cx;
use message::{Fields, Name, list};

use crate::xray::{Seen, Why};

/// How many ranges are answered. A part costs a head of about 130 bytes, a place in the outgoing
/// queue and a read of its own, so that 64 cost 8 KiB and 64 reads. Who asks for more gets the whole,
/// which is one read.
pub const RANGES_MAX: usize = 64;

/// How many of the ranges may begin within another: more than two that overlap are a mistake or an
/// attack (RFC 9110 §14.2), and of two, one does.
const OVERLAPS_MAX: usize = 1;

/// How many ranges that are smaller than what it costs to send them may come in any order. A few
/// are a reader who looks for an index; with 8 the heads are 1 KiB at most.
const SMALL_UNORDERED_MAX: usize = 8;

/// What a part costs beside its bytes, so that a gap that is smaller is better sent than left out
/// (RFC 9110 §15.3.7.2).
const PART_OVERHEAD: u64 = 80;

/// Bytes of a representation, from the first to the last, both included; never none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ByteRange {
    first: u64,
    last: u64,
}

impl ByteRange {
    /// The bytes from `first` to `last`, both included; nothing when there are none, or when
    /// `last` is the last number there is, so that the length can be said.
    pub const fn new(first: u64, last: u64) -> Option<Self> {
        if first <= last && last < u64::MAX { Some(Self { first, last }) } else { None }
    }

    /// Where the first byte stands, counted from 0.
    pub const fn first(self) -> u64 {
        self.first
    }

    /// Where the last byte stands, counted from 0.
    pub const fn last(self) -> u64 {
        self.last
    }

    /// How many bytes these are; at least one.
    pub const fn length(self) -> u64 {
        self.last - self.first + 1
    }
}

/// What of a representation to send.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Selection {
    /// All of it, as if there were no Range (200).
    Whole,
    /// One part (206 with [`Content-Range`](crate::content_range)).
    One(ByteRange),
    /// At least two parts, apart from each other, in the order of the request (206 as
    /// [`multipart/byteranges`](crate::byteranges)).
    Several(Vec<ByteRange>),
    /// Nothing of what was asked for exists (416 with `Content-Range: bytes */LENGTH`).
    Unsatisfiable,
}

/// What a request's Range selects of a representation of `length` bytes.
///
/// Ask when [`Verdict::Proceed`](crate::conditional::Verdict::Proceed) says that the range applies.
/// A Range that is not valid, not in bytes or abusive selects the whole: a server may always ignore
/// the field (RFC 9110 §14.2), and the client sees from the status that it did.
pub fn select(cx: &mut Cx<'_>, fields: &Fields, length: u64) -> Selection {
    if !fields.contains(Name::Range) {
        return Selection::Whole;
    }
    let selected = match fields.get_only(Name::Range) {
        Some(value) => select_from(value, length),
        None => Err(Why::MoreThanOneLine),
    };
    match selected {
        Ok((Selection::Unsatisfiable, _)) => {
            let because = Why::NoRangeSatisfiable;
            cx.note(|| Seen::Decided { what: "range not satisfiable", because });
        }
        Ok((ref selection, requested)) => {
            let sent = if let Selection::Several(ranges) = selection { ranges.len() } else { 1 };
            cx.note(|| Seen::Selected { requested, sent, of_length: length });
        }
        Err(because) => cx.note(|| Seen::Ignored { field: Name::Range, because }),
    }
    selected.map_or(Selection::Whole, |(selection, _)| selection)
}

/// What is selected, and out of how many ranges; or why the field is ignored.
fn select_from(value: &[u8], length: u64) -> Result<(Selection, usize), Why> {
    let set = byte_set(value)?;
    let mut elements = list::elements(set);
    if let (Some(only), None) = (elements.next(), elements.next()) {
        let spec = Spec::parse(only).ok_or(Why::RangeMalformed)?;
        return Ok((spec.select(length)?, 1));
    }
    let (ranges, requested) = satisfiable(set, length)?;
    let selection = match ranges.as_slice() {
        [] => Selection::Unsatisfiable,
        [only] => Selection::One(*only),
        _ => {
            let sorted = sorted(&ranges);
            refuse_abuse(&ranges, &sorted)?;
            let parts = coalesced(sorted, PART_OVERHEAD - 1);
            match parts.as_slice() {
                // RFC 9110 §15.3.7.2: what has become one part may leave as one.
                [only] => Selection::One(*only),
                _ => Selection::Several(parts),
            }
        }
    };
    Ok((selection, requested))
}

/// The ranges without their unit.
fn byte_set(value: &[u8]) -> Result<&[u8], Why> {
    let value = list::trim_ows(value);
    let equals = value.iter().position(|&b| b == b'=').ok_or(Why::RangeMalformed)?;
    let (unit, set) = value.split_at_checked(equals).ok_or(Why::RangeMalformed)?;
    // RFC 9110 §14.1: the names of units have no case.
    if !unit.eq_ignore_ascii_case(b"bytes") {
        return Err(Why::RangeUnitUnknown);
    }
    Ok(set.get(1..).unwrap_or_default())
}

/// The ranges that can be satisfied, in the order of the request, and how many there were.
pub(crate) fn satisfiable(set: &[u8], length: u64) -> Result<(Vec<ByteRange>, usize), Why> {
    let (mut ranges, mut requested, mut ends_of_nothing) = (Vec::new(), 0, 0);
    for element in list::elements(set) {
        if requested == RANGES_MAX {
            return Err(Why::TooManyRanges);
        }
        requested += 1;
        // RFC 9110 §14.1.1: one range that is not valid spoils the set.
        match Spec::parse(element).ok_or(Why::RangeMalformed)?.select(length) {
            Ok(Selection::One(range)) => ranges.push(range),
            Ok(_) => {}
            Err(_) => ends_of_nothing += 1,
        }
    }
    if requested == 0 {
        return Err(Why::RangeMalformed);
    }
    if ranges.is_empty() && ends_of_nothing > 0 {
        return Err(Why::EmptyRepresentation);
    }
    Ok((ranges, requested))
}

/// One range as it is asked for (RFC 9110 §14.1.1).
#[derive(Clone, Copy)]
enum Spec {
    /// From one place to another.
    FromTo(u64, u64),
    /// So many bytes at the end.
    Last(u64),
}

impl Spec {
    fn parse(element: &[u8]) -> Option<Self> {
        let dash = element.iter().position(|&b| b == b'-')?;
        let (first, last) = (element.get(..dash)?, element.get(dash + 1..)?);
        if first.is_empty() {
            return Some(Self::Last(decimal(last)?));
        }
        let first = decimal(first)?;
        let last = if last.is_empty() { u64::MAX } else { decimal(last)? };
        // RFC 9110 §14.1.1: not valid when it ends before it begins.
        (first <= last).then_some(Self::FromTo(first, last))
    }

    /// The part that this is of `length` bytes: one or none (RFC 9110 §14.1.2).
    fn select(self, length: u64) -> Result<Selection, Why> {
        let last_there_is = length.saturating_sub(1);
        let range = match self {
            Self::FromTo(first, last) if first < length => {
                ByteRange::new(first, last.min(last_there_is))
            }
            // RFC 9110 §14.1.2: the end of nothing can be satisfied, with nothing. It cannot be
            // said in a Content-Range, so it is sent as the whole, which is nothing too.
            Self::Last(1..) if length == 0 => return Err(Why::EmptyRepresentation),
            Self::Last(count @ 1..) => ByteRange::new(length.saturating_sub(count), last_there_is),
            _ => None,
        };
        Ok(range.map_or(Selection::Unsatisfiable, Selection::One))
    }
}

/// A number; one too large to be held is as large as can be held, for it lies beyond every end
/// (RFC 9110 §14.1.2).
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |n, b| {
        b.is_ascii_digit().then(|| n.saturating_mul(10).saturating_add(u64::from(b - b'0')))
    })
}

/// The ranges by their first byte, each with its place in the request.
pub(crate) fn sorted(ranges: &[ByteRange]) -> Vec<(usize, ByteRange)> {
    let mut sorted: Vec<_> = ranges.iter().copied().enumerate().collect();
    sorted.sort_by_key(|(_, range)| range.first);
    sorted
}

/// Refuses sets that cost more than they can be worth (RFC 9110 §14.2, §17.15).
fn refuse_abuse(ranges: &[ByteRange], sorted: &[(usize, ByteRange)]) -> Result<(), Why> {
    let (mut overlaps, mut reached) = (0, None);
    for (_, range) in sorted {
        overlaps += usize::from(reached.is_some_and(|last| range.first <= last));
        reached = reached.max(Some(range.last));
    }
    if overlaps > OVERLAPS_MAX {
        return Err(Why::TooManyOverlaps);
    }
    let small = ranges.iter().filter(|range| range.length() < PART_OVERHEAD).count();
    if small > SMALL_UNORDERED_MAX && !ranges.is_sorted_by_key(|range| range.first) {
        return Err(Why::ManySmallRanges);
    }
    Ok(())
}

/// The union of the ranges as parts that stand further apart than `gap_max` bytes (RFC 9110
/// §15.3.7.2). A part stands where the first of its ranges stood in the request.
pub(crate) fn coalesced(sorted: Vec<(usize, ByteRange)>, gap_max: u64) -> Vec<ByteRange> {
    let mut parts: Vec<(usize, ByteRange)> = Vec::with_capacity(sorted.len());
    for (place, range) in sorted {
        match parts.last_mut() {
            Some((first_place, part)) if range.first <= reach(part.last, gap_max) => {
                *first_place = place.min(*first_place);
                part.last = part.last.max(range.last);
            }
            _ => parts.push((place, range)),
        }
    }
    parts.sort_unstable_by_key(|(place, _)| *place);
    parts.into_iter().map(|(_, part)| part).collect()
}

/// The last place at which a range may begin that is joined with one that ends at `last`.
const fn reach(last: u64, gap_max: u64) -> u64 {
    last.saturating_add(1).saturating_add(gap_max)
}
