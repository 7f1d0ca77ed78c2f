use base::{Cx, Instant};

use crate::Seq;
use crate::spare::{self, Lent};

/// What has been sent and is not acknowledged: one entry for each segment, or super-segment.
///
/// Entries are in the order of sequence numbers and touch each other; a selective acknowledgement
/// that ends inside of one cuts it. Four counts are kept in segments, as RFC 6675 §4 needs them
/// for its *pipe*.
#[derive(Debug, Default)]
pub(crate) struct Scoreboard {
    entries: Lent<Sent>,
    /// Everything that is not cumulatively acknowledged.
    packets: u32,
    /// Of these, what the peer says it has.
    sacked: u32,
    /// Of these, what is thought to be lost, retransmitted or not.
    lost: u32,
    /// Of these, what is on its way once more.
    retransmitted: u32,
    /// No entry before this one is lost and waiting.
    lost_hint: u32,
}

/// One entry of the scoreboard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) start: Seq,
    /// Behind the last number, those of SYN and FIN included.
    pub(crate) end: Seq,
    /// When it was last sent.
    pub(crate) at: Instant,
    /// How many segments had been delivered by then.
    pub(crate) delivered: u32,
    /// How large its segments are, in bytes of payload.
    pub(crate) mss: u16,
    pub(crate) marks: Marks,
}

/// What is known of an entry.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Marks(u8);

impl Marks {
    /// The peer has it, behind a hole.
    pub(crate) const SACKED: Self = Self(1);
    /// It is thought to be lost.
    pub(crate) const LOST: Self = Self(1 << 1);
    /// It is on its way once more.
    pub(crate) const RETRANSMITTED: Self = Self(1 << 2);
    /// It was sent more than once, so its round trip is ambiguous (Karn).
    pub(crate) const AMBIGUOUS: Self = Self(1 << 3);
    /// It is, or begins with, our SYN.
    pub(crate) const SYN: Self = Self(1 << 4);
    /// It ends with our FIN.
    pub(crate) const FIN: Self = Self(1 << 5);
    /// It ends where a write did.
    pub(crate) const PUSH: Self = Self(1 << 6);

    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl Sent {
    pub(crate) const fn has(&self, mark: Marks) -> bool {
        self.marks.has(mark)
    }

    /// How many bytes of payload it has.
    #[inline]
    pub(crate) fn payload_len(&self) -> u32 {
        let controls = u32::from(self.has(Marks::SYN)) + u32::from(self.has(Marks::FIN));
        (self.end - self.start) - controls
    }

    /// How many segments it is.
    #[inline]
    pub(crate) fn segments(&self) -> u32 {
        self.payload_len().div_ceil(u32::from(self.mss.max(1))).max(1)
    }

    /// Whether it was sent after what was sent at `at` and ended at `end` (RFC 8985 §6.2 step 2).
    pub(crate) fn is_sent_after(&self, at: Instant, end: Seq) -> bool {
        self.at > at || (self.at == at && self.end.is_after(end))
    }
}

impl Scoreboard {
    /// How many segments are not cumulatively acknowledged.
    pub(crate) const fn packets(&self) -> u32 {
        self.packets
    }

    /// How many of them the peer has behind a hole.
    pub(crate) const fn sacked(&self) -> u32 {
        self.sacked
    }

    /// How many of them are thought to be lost.
    pub(crate) const fn lost(&self) -> u32 {
        self.lost
    }

    /// How many of them are on their way once more.
    pub(crate) const fn retransmitted(&self) -> u32 {
        self.retransmitted
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn front(&self) -> Option<&Sent> {
        self.entries.front()
    }

    pub(crate) fn back(&self) -> Option<&Sent> {
        self.entries.back()
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Sent> {
        self.entries.get(index)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// What was sent for the first time.
    pub(crate) fn push(&mut self, cx: &mut Cx<'_>, sent: Sent) {
        spare::lend(cx, &mut self.entries);
        debug_assert!(self.entries.back().is_none_or(|last| last.end == sent.start));
        self.packets += sent.segments();
        self.entries.push_back(sent);
    }

    /// Adds to the last entry what was sent in the same burst, as if it had left as one; says whether
    /// that could be done.
    pub(crate) fn extend(&mut self, more: &Sent) -> bool {
        let Some(last) = self.entries.back().copied() else { return false };
        let is_one = last.end == more.start
            && last.at == more.at
            && last.mss == more.mss
            && last.marks == Marks::default()
            && last.payload_len().is_multiple_of(u32::from(last.mss.max(1)));
        if is_one {
            let index = self.entries.len() - 1;
            self.update(index, |last| {
                last.end = more.end;
                last.marks = more.marks;
            });
        }
        is_one
    }

    /// Takes out what stands before `una`; an entry that it cuts loses its first part. `each` sees
    /// every part that is gone.
    #[inline]
    pub(crate) fn acknowledge(&mut self, cx: &mut Cx<'_>, una: Seq, mut each: impl FnMut(&Sent)) {
        let mut gone = 0_u32;
        while let Some(first) = self.entries.front().copied() {
            if !first.start.is_before(una) {
                break;
            }
            if first.end.is_after(una) {
                self.trim_first(first, una, &mut each);
                break;
            }
            self.count_off(&first);
            self.entries.pop_front();
            each(&first);
            gone += 1;
        }
        self.lost_hint = self.lost_hint.saturating_sub(gone);
        if self.entries.is_empty() {
            debug_assert!(self.packets == 0 && self.sacked == 0 && self.lost == 0);
            self.lost_hint = 0;
            spare::take_back(cx, &mut self.entries);
        }
    }

    /// Takes off the front of the first entry. Whole segments of a super-segment are gone with it; a
    /// part of one is not, for the segment is still on its way.
    fn trim_first(&mut self, first: Sent, una: Seq, each: &mut impl FnMut(&Sent)) {
        let rest = Sent { start: una, marks: first.marks.without(Marks::SYN), ..first };
        let gone = first.segments() - rest.segments();
        self.count_off(&first);
        self.count_on(&rest);
        if let Some(entry) = self.entries.front_mut() {
            *entry = rest;
        }
        if gone > 0 {
            let end = first.start + gone * u32::from(first.mss);
            let marks = first.marks.without(Marks::FIN).without(Marks::PUSH);
            each(&Sent { end: end.min(una), marks, ..first });
        }
    }

    fn count_off(&mut self, sent: &Sent) {
        let n = sent.segments();
        self.packets -= n;
        self.sacked -= if sent.has(Marks::SACKED) { n } else { 0 };
        self.lost -= if sent.has(Marks::LOST) { n } else { 0 };
        self.retransmitted -= if sent.has(Marks::RETRANSMITTED) { n } else { 0 };
    }

    fn count_on(&mut self, sent: &Sent) {
        let n = sent.segments();
        self.packets += n;
        self.sacked += if sent.has(Marks::SACKED) { n } else { 0 };
        self.lost += if sent.has(Marks::LOST) { n } else { 0 };
        self.retransmitted += if sent.has(Marks::RETRANSMITTED) { n } else { 0 };
    }

    /// Cuts an entry in two at `at`, which stands inside of it.
    pub(crate) fn split(&mut self, index: usize, at: Seq) {
        let Some(whole) = self.entries.get(index).copied() else { return };
        debug_assert!(at.is_after(whole.start) && at.is_before(whole.end));
        let first_marks = whole.marks.without(Marks::FIN).without(Marks::PUSH);
        let first = Sent { end: at, marks: first_marks, ..whole };
        let second = Sent { start: at, marks: whole.marks.without(Marks::SYN), ..whole };
        self.count_off(&whole);
        self.count_on(&first);
        self.count_on(&second);
        if let Some(entry) = self.entries.get_mut(index) {
            *entry = first;
        }
        self.entries.insert(index + 1, second);
        if self.lost_hint as usize > index {
            self.lost_hint += 1;
        }
    }

    /// Makes one of an entry and the one behind it, which the peer does not have either.
    pub(crate) fn merge(&mut self, index: usize) {
        let (Some(first), Some(second)) =
            (self.entries.get(index).copied(), self.entries.get(index + 1).copied())
        else {
            return;
        };
        debug_assert!(!first.has(Marks::SACKED) && !second.has(Marks::SACKED));
        self.count_off(&first);
        self.count_off(&second);
        let mut marks = first.marks;
        for mark in [Marks::AMBIGUOUS, Marks::FIN, Marks::PUSH] {
            marks = if second.has(mark) { marks.with(mark) } else { marks };
        }
        let whole = Sent { end: second.end, marks, ..first };
        self.count_on(&whole);
        self.entries.remove(index + 1);
        if let Some(entry) = self.entries.get_mut(index) {
            *entry = whole;
        }
        if self.lost_hint as usize > index {
            self.lost_hint -= 1;
        }
    }

    /// The first entry that ends behind `seq`.
    pub(crate) fn find(&self, seq: Seq) -> usize {
        self.entries.partition_point(|sent| sent.end.is_at_most(seq))
    }

    /// Lets `change` change an entry, and keeps count.
    pub(crate) fn update(&mut self, index: usize, change: impl FnOnce(&mut Sent)) {
        let Some(before) = self.entries.get(index).copied() else { return };
        let mut after = before;
        change(&mut after);
        self.count_off(&before);
        self.count_on(&after);
        if let Some(entry) = self.entries.get_mut(index) {
            *entry = after;
        }
        if after.has(Marks::LOST) && !after.has(Marks::RETRANSMITTED) {
            self.lost_hint = self.lost_hint.min(index as u32);
        }
    }

    /// Lets `change` change every entry.
    pub(crate) fn update_all(&mut self, mut change: impl FnMut(usize, &mut Sent)) {
        for index in 0..self.entries.len() {
            self.update(index, |sent| change(index, sent));
        }
    }

    /// The first entry that is lost and not on its way again.
    pub(crate) fn next_lost(&mut self) -> Option<usize> {
        let waits = |sent: &Sent| {
            sent.has(Marks::LOST) && !sent.has(Marks::RETRANSMITTED) && !sent.has(Marks::SACKED)
        };
        if self.lost == 0 {
            return None;
        }
        let from = (self.lost_hint as usize).min(self.entries.len());
        let found = self.entries.range(from..).position(waits).map(|n| from + n);
        self.lost_hint = found.unwrap_or(self.entries.len()) as u32;
        found
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Sent> {
        self.entries.iter()
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self, cx: &mut Cx<'_>) {
        self.entries.clear();
        spare::take_back(cx, &mut self.entries);
        *self = Self::default();
    }
}
