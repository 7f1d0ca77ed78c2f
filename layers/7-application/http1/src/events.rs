//! What the user has still to learn.

use std::collections::VecDeque;

use message::{Event, ExchangeId};

type Learnt = (ExchangeId, Event);

/// Events, in order. There is room for two without memory of its own, because most messages say two
/// things at once: a head, and that it is all.
#[derive(Debug, Default)]
pub(crate) struct Events {
    first: Option<Learnt>,
    second: Option<Learnt>,
    others: VecDeque<Learnt>,
}

impl Events {
    #[inline]
    pub(crate) fn push(&mut self, id: ExchangeId, event: Event) {
        let learnt = (id, event);
        if self.first.is_none() {
            self.first = Some(learnt);
        } else if self.second.is_none() {
            self.second = Some(learnt);
        } else {
            self.others.push_back(learnt);
        }
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Learnt> {
        let first = self.first.take()?;
        self.first = self.second.take();
        if self.others.capacity() > 0 {
            self.move_up();
        }
        Some(first)
    }

    /// What comes next.
    pub(crate) fn first(&self) -> Option<&Learnt> {
        self.first.as_ref()
    }

    #[cold]
    fn move_up(&mut self) {
        self.second = self.others.pop_front();
        if self.others.is_empty() {
            // An idle connection keeps no memory.
            self.others = VecDeque::new();
        }
    }
}
