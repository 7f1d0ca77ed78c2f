use crate::Seq;
use crate::wire::SackBlocks;

/// How many ranges may lie apart. Each is at least one lost segment away from the next; a window
/// of 3 MiB has about 2,000 segments, so at a loss of one in eight all are kept.
const RANGES_MAX: usize = 256;

/// How many blocks are remembered for acknowledgements: as many as a header takes.
const BLOCKS_MAX: usize = 4;

/// What arrived out of order, and what is to be said about it. A connection to which nothing like
/// that happens, or no longer, holds one pointer to nothing.
#[derive(Debug, Default)]
pub(crate) struct Ranges(Option<Box<Gaps>>);

/// Ranges that do not touch, in order; and those to report first.
#[derive(Debug, Default)]
struct Gaps {
    ranges: Vec<(Seq, Seq)>,
    /// The ranges that changed last, the newest first (RFC 2018 §4).
    recent: SackBlocks,
    /// What came twice, to be reported once (RFC 2883 §4).
    duplicate: Option<(Seq, Seq)>,
}

impl Ranges {
    /// Whether everything that came is in order.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|gaps| gaps.ranges.is_empty())
    }

    /// Where the last range ends.
    pub(crate) fn highest(&self) -> Option<Seq> {
        self.0.as_ref()?.ranges.last().map(|range| range.1)
    }

    /// How many bytes lie in them.
    pub(crate) fn bytes(&self) -> u32 {
        self.0.as_ref().map_or(0, |gaps| gaps.ranges.iter().map(|range| range.1 - range.0).sum())
    }

    /// Whether one more range may be kept: `start..end` touches one that is there, or there is room.
    pub(crate) fn has_room_for(&self, start: Seq, end: Seq) -> bool {
        self.0.as_ref().is_none_or(|gaps| gaps.has_room_for(start, end))
    }

    /// Whether all of `start..end` has arrived.
    pub(crate) fn contains(&self, start: Seq, end: Seq) -> bool {
        self.0.as_ref().is_some_and(|gaps| gaps.contains(start, end))
    }

    /// Adds a range; it may touch or cover others.
    pub(crate) fn insert(&mut self, start: Seq, end: Seq) {
        self.0.get_or_insert_default().insert(start, end);
    }

    /// Everything up to `nxt` has arrived: takes out the range that touches it, and says where it
    /// ends.
    #[inline]
    pub(crate) fn take_up_to(&mut self, nxt: Seq) -> Option<Seq> {
        let end = self.0.as_mut()?.take_up_to(nxt);
        if self.0.as_ref().is_some_and(|gaps| gaps.is_over()) {
            self.0 = None;
        }
        end
    }

    /// What came twice is reported in the next acknowledgement.
    pub(crate) fn note_duplicate(&mut self, start: Seq, end: Seq) {
        self.0.get_or_insert_default().note_duplicate(start, end);
    }

    /// Other data came before that acknowledgement: what is reported is of the most recent packet
    /// only (RFC 2883 §4).
    #[inline]
    pub(crate) fn forget_duplicate(&mut self) {
        let Some(gaps) = &mut self.0 else { return };
        gaps.duplicate = None;
        if gaps.is_over() {
            self.0 = None;
        }
    }

    /// The parts of `start..end` that have arrived before are reported too.
    pub(crate) fn note_overlaps(&mut self, start: Seq, end: Seq) {
        if let Some(gaps) = &mut self.0 {
            gaps.note_overlaps(start, end);
        }
    }

    /// Whether an acknowledgement has a block to carry.
    #[inline]
    pub(crate) fn has_blocks(&self) -> bool {
        self.0.as_ref().is_some_and(|gaps| gaps.duplicate.is_some() || !gaps.recent.is_empty())
    }

    /// How many blocks an acknowledgement would carry, of at most `max`.
    pub(crate) fn blocks_len(&self, max: usize) -> usize {
        self.0
            .as_ref()
            .map_or(0, |gaps| (usize::from(gaps.duplicate.is_some()) + gaps.recent.len()).min(max))
    }

    /// The blocks for an acknowledgement: a duplicate first (RFC 2883 §4), then the newest.
    pub(crate) fn blocks(&mut self, max: usize) -> SackBlocks {
        self.0.as_mut().map_or(SackBlocks::NONE, |gaps| gaps.blocks(max))
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.0 = None;
    }
}

impl Gaps {
    /// Whether one more range may be kept: `start..end` touches one that is there, or there is room.
    fn has_room_for(&self, start: Seq, end: Seq) -> bool {
        self.ranges.len() < RANGES_MAX || {
            let index = self.first_touching(start);
            self.ranges.get(index).is_some_and(|range| range.0.is_at_most(end))
        }
    }

    /// Whether all of `start..end` has arrived.
    fn contains(&self, start: Seq, end: Seq) -> bool {
        let index = self.first_touching(start);
        self.ranges.get(index).is_some_and(|r| r.0.is_at_most(start) && r.1.is_at_least(end))
    }

    /// The first range that ends at or behind `start`.
    fn first_touching(&self, start: Seq) -> usize {
        self.ranges.partition_point(|range| range.1.is_before(start))
    }

    /// Adds a range; it may touch or cover others.
    fn insert(&mut self, start: Seq, end: Seq) {
        let first = self.first_touching(start);
        let after = self.ranges.get(first..).unwrap_or_default();
        let touched = after.iter().take_while(|range| range.0.is_at_most(end)).count();
        let merged = after
            .iter()
            .take(touched)
            .fold((start, end), |merged, range| (merged.0.min(range.0), merged.1.max(range.1)));
        self.ranges.splice(first..first + touched, [merged]);
        self.report(merged);
    }

    /// The range that changed is reported first; blocks that it covers are not reported any more.
    fn report(&mut self, range: (Seq, Seq)) {
        let covered =
            |block: &(Seq, Seq)| block.0.is_at_least(range.0) && block.1.is_at_most(range.1);
        let others = self.recent.as_slice().iter().filter(|block| !covered(block));
        self.recent = std::iter::once(range).chain(others.copied()).take(BLOCKS_MAX).collect();
    }

    /// Whether nothing is left, and nothing to say.
    fn is_over(&self) -> bool {
        self.ranges.is_empty() && self.recent.is_empty() && self.duplicate.is_none()
    }

    /// Everything up to `nxt` has arrived: takes out the range that touches it, and says where it
    /// ends.
    fn take_up_to(&mut self, nxt: Seq) -> Option<Seq> {
        let end = match self.ranges.first() {
            Some(&(start, end)) if start.is_at_most(nxt) => {
                self.ranges.remove(0);
                Some(end)
            }
            _ => None,
        };
        let up_to = end.unwrap_or(nxt).max(nxt);
        if !self.recent.is_empty() {
            let above = |block: &&(Seq, Seq)| block.0.is_after(up_to);
            self.recent = self.recent.as_slice().iter().filter(above).copied().collect();
        }
        end
    }

    /// What came twice is reported in the next acknowledgement.
    fn note_duplicate(&mut self, start: Seq, end: Seq) {
        self.duplicate = Some(match self.duplicate {
            // Duplicates that touch are one.
            Some((s, e)) if start.is_at_most(e) && end.is_at_least(s) => (s.min(start), e.max(end)),
            _ => (start, end),
        });
    }

    /// RFC 2883 §4.2: of a segment that came partly before, that part is a duplicate. One block is
    /// all that can be said, so what does not touch it goes unsaid.
    fn note_overlaps(&mut self, start: Seq, end: Seq) {
        let first = self.ranges.partition_point(|range| range.1.is_at_most(start));
        for index in first..self.ranges.len() {
            let Some(&(s, e)) = self.ranges.get(index).filter(|range| range.0.is_before(end))
            else {
                return;
            };
            let (s, e) = (s.max(start), e.min(end));
            if self.duplicate.is_none_or(|(from, to)| s.is_at_most(to) && e.is_at_least(from)) {
                self.note_duplicate(s, e);
            }
        }
    }

    /// The blocks for an acknowledgement: a duplicate first (RFC 2883 §4), then the newest.
    fn blocks(&mut self, max: usize) -> SackBlocks {
        let duplicate = self.duplicate.take();
        duplicate.into_iter().chain(self.recent.as_slice().iter().copied()).take(max).collect()
    }
}
