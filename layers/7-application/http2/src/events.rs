//! What the user has still to learn.

use std::collections::VecDeque;

use message::Event;

/// Something to learn of an exchange.
#[derive(Debug)]
pub(crate) enum Learnt {
    Event(Event),
    /// What is in the stream's buffer when it is asked for. So the parts of a body that came in many
    /// small frames are one.
    Body,
}

/// Events, in order.
#[derive(Debug, Default)]
pub(crate) struct Events {
    queue: VecDeque<(u32, Learnt)>,
}

impl Events {
    #[inline]
    pub(crate) fn push(&mut self, id: u32, event: Event) {
        self.queue.push_back((id, Learnt::Event(event)));
    }

    pub(crate) fn push_body(&mut self, id: u32) {
        self.queue.push_back((id, Learnt::Body));
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<(u32, Learnt)> {
        self.queue.pop_front()
    }

    /// Gives memory back, when nothing is to be learnt.
    pub(crate) fn let_go(&mut self) {
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
    }

    /// Takes back what nobody has learnt yet of an exchange that is over; whether its beginning was
    /// among it, so that the user never hears of it. What is looked for stands near the end.
    pub(crate) fn forget(&mut self, id: u32) -> bool {
        let is_head = |learnt: &Learnt| matches!(learnt, Learnt::Event(Event::Head(_)));
        let head = self.queue.iter().rposition(|(of, learnt)| *of == id && is_head(learnt));
        if let Some(first) = head {
            let mut at = 0;
            self.queue.retain(|(of, _)| {
                at += 1;
                *of != id || at <= first
            });
        }
        head.is_some()
    }
}
