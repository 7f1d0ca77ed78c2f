//! What the user has still to learn.

use std::collections::VecDeque;

use message::{Event, ExchangeId};

type Learnt = (ExchangeId, Event);

/// Events, in order. There is room for two without memory of its own, because most messages say two
/// things at once: a head, and that it is all. Nothing is moved from one place to the other: the
/// places take turns.
#[derive(Debug, Default)]
pub(crate) struct Events {
    places: [Option<Learnt>; 2],
    /// Whether the second place is in front.
    is_turned: bool,
    others: VecDeque<Learnt>,
}

impl Events {
    #[inline]
    pub(crate) fn push(&mut self, id: ExchangeId, event: Event) {
        let learnt = (id, event);
        let (front, back) = self.places();
        if front.is_none() {
            *front = Some(learnt);
        } else if back.is_none() {
            *back = Some(learnt);
        } else {
            self.others.push_back(learnt);
        }
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Learnt> {
        let (front, _) = self.places();
        let first = front.take()?;
        self.is_turned = !self.is_turned;
        if self.others.capacity() > 0 {
            self.move_up();
        }
        Some(first)
    }

    /// What comes next.
    pub(crate) fn first(&self) -> Option<&Learnt> {
        let [first, second] = &self.places;
        if self.is_turned { second.as_ref() } else { first.as_ref() }
    }

    /// The place in front, and the one behind it.
    #[inline]
    fn places(&mut self) -> (&mut Option<Learnt>, &mut Option<Learnt>) {
        let [first, second] = &mut self.places;
        if self.is_turned { (second, first) } else { (first, second) }
    }

    #[cold]
    fn move_up(&mut self) {
        let next = self.others.pop_front();
        let (_, back) = self.places();
        *back = next;
        if self.others.is_empty() {
            // An idle connection keeps no memory.
            self.others = VecDeque::new();
        }
    }
}
