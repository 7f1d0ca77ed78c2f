//! Bodies that come in. No handler of this step reads one; it may ask how long one is that does not say so.

use message::ExchangeId;

use super::exchange::State;
use super::{Connection, Turn};
use crate::transport::Transport;

impl<T: Transport> Connection<T> {
    /// Whether the ends of requests matter.
    #[inline]
    pub(super) fn takes_bodies(&self) -> bool {
        self.busy.as_ref().is_some_and(|busy| busy.takes_bodies)
    }

    /// Counts a part of a body whose length the handler asked for, and forgets it; no part is the end.
    #[cold]
    pub(super) fn take_body<H>(
        &mut self,
        turn: &mut Turn<'_, H>,
        id: ExchangeId,
        part: Option<u64>,
    ) {
        if let Some(len) = part {
            self.endpoint.release(&mut turn.cx, id, len as usize);
        }
        let exchanges = self.busy.as_mut().map(|busy| &mut busy.exchanges);
        let Some(exchanges) = exchanges else { return };
        let Some(exchange) = exchanges.get_mut(id) else { return };
        let State::TakingBody { most, is_over } = &mut exchange.state else { return };
        exchange.notes.add_to_body(part.unwrap_or_default());
        *is_over |= part.is_none() || exchange.notes.body_len().is_some_and(|len| len > *most);
        if *is_over {
            exchanges.wake(id);
        }
    }
}
