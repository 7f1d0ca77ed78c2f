//! For how long a connection had something to do, and what it waited for meanwhile (Linux'
//! `tcpi_busy_time` and its like).

use std::time::Duration;

use base::Instant;
use tcp::Connection;

/// What a connection waits for that has something to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// Acknowledgements, or room in the congestion window.
    Busy,
    /// Room in the peer's window.
    Window,
    /// The user, who waits for room in a buffer that is too small.
    Buffer,
}

/// For how long it waited for what.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Busy {
    since: Instant,
    kind: Option<Kind>,
    /// All together.
    pub(crate) all: Duration,
    pub(crate) window: Duration,
    pub(crate) buffer: Duration,
}

impl Busy {
    /// Counts the time up to now, and looks at what is waited for from here on. `is_full` says that
    /// the user waits for room.
    pub(super) fn update(&mut self, connection: Option<&Connection>, is_full: bool, now: Instant) {
        let spent = now.since(self.since);
        self.since = now;
        match self.kind {
            None => {}
            Some(Kind::Busy) => self.all += spent,
            Some(Kind::Window) => {
                self.all += spent;
                self.window += spent;
            }
            Some(Kind::Buffer) => {
                self.all += spent;
                self.buffer += spent;
            }
        }
        self.kind = connection.and_then(|connection| kind_of(connection, is_full, now));
    }
}

fn kind_of(connection: &Connection, is_full: bool, now: Instant) -> Option<Kind> {
    let unacknowledged = connection.unacknowledged();
    if unacknowledged == 0 {
        return None;
    }
    let info = connection.info(now);
    if info.unsent == 0 {
        return Some(if is_full { Kind::Buffer } else { Kind::Busy });
    }
    let outstanding = unacknowledged as u64 - u64::from(info.unsent);
    let next = u64::from(info.unsent.min(info.mss));
    let has_quota = info.unacked + info.retransmitted < info.cwnd + info.sacked + info.lost;
    let is_shut = outstanding + next > u64::from(info.window_send);
    Some(if is_shut && has_quota { Kind::Window } else { Kind::Busy })
}
