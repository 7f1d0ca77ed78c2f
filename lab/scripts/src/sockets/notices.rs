//! Error queues: what became of what was sent. (Linux' `msg_zerocopy.rst` and `timestamping.rst`)

use std::collections::VecDeque;

use base::Instant;
use tcp::Connection;

use super::errno;
use crate::language::messages::Notice;
use crate::stack::ErrorIn;
use crate::symbols::{
    SCM_TSTAMP_ACK, SCM_TSTAMP_SCHED, SCM_TSTAMP_SND, SO_EE_CODE_ZEROCOPY_COPIED,
    SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6, SO_EE_ORIGIN_TIMESTAMPING, SO_EE_ORIGIN_ZEROCOPY,
    SOF_TIMESTAMPING_OPT_ID, SOF_TIMESTAMPING_OPT_TSONLY, SOF_TIMESTAMPING_SOFTWARE,
    SOF_TIMESTAMPING_TX_ACK, SOF_TIMESTAMPING_TX_SCHED, SOF_TIMESTAMPING_TX_SOFTWARE,
};

/// Every flag that is understood: those of receiving and of hardware change nothing here.
pub(super) const TIMESTAMPING_KNOWN: i64 = 0xfff;

/// Which flags a call may give by itself.
const GENERATES: i64 =
    SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_ACK;

/// How many entries a queue may have: as many calls as a script can make.
const QUEUE_MAX: usize = 100_000;

/// An entry of a queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) notice: Notice,
    /// When it was, for who wants to know.
    pub(super) at: Option<Instant>,
    /// The bytes themselves come with it, and nobody has room for them.
    pub(super) is_cut: bool,
    /// How much is quoted of what was sent.
    pub(super) quoted: usize,
}

impl Entry {
    /// Whether a router or a host says it.
    pub(super) fn is_icmp(&self) -> bool {
        matches!(self.notice.origin, SO_EE_ORIGIN_ICMP | SO_EE_ORIGIN_ICMP6)
    }
}

/// What was sent and is still to be told of.
#[derive(Clone, Copy, Debug)]
struct Pending {
    /// How many bytes were written when it was.
    end: u64,
    /// The call's number, or the place of its last byte.
    id: u32,
    /// What is still to come of it; nothing for what was not copied.
    wanted: i64,
    flags: i64,
}

/// What a socket has to tell.
#[derive(Debug, Default)]
pub(super) struct Notices {
    queue: VecDeque<Entry>,
    pending: VecDeque<Pending>,
    written: u64,
    /// The number of the next call without a copy.
    next_copy: u32,
    timestamping: i64,
    /// From where bytes are counted.
    base: u64,
}

impl Notices {
    /// SO_TIMESTAMPING.
    pub(super) fn set_timestamping(&mut self, flags: i64, connection: Option<&Connection>) {
        if flags & SOF_TIMESTAMPING_OPT_ID != 0 && self.timestamping & SOF_TIMESTAMPING_OPT_ID == 0
        {
            self.base = self.written.saturating_sub(outstanding(connection));
        }
        self.timestamping = flags;
    }

    /// So many bytes were written by one call; `timestamping` is what that call says of itself.
    pub(super) fn wrote(&mut self, n: usize, is_uncopied: bool, timestamping: Option<i64>) {
        if n == 0 || self.pending.len() >= QUEUE_MAX {
            return;
        }
        self.written += n as u64;
        let end = self.written;
        if is_uncopied {
            let id = self.next_copy;
            self.next_copy = self.next_copy.wrapping_add(1);
            self.pending.push_back(Pending { end, id, wanted: 0, flags: 0 });
        }
        let flags = match timestamping {
            Some(own) => self.timestamping & !GENERATES | own & GENERATES,
            None => self.timestamping,
        };
        let wanted = flags & GENERATES;
        if wanted != 0 {
            let id =
                if flags & SOF_TIMESTAMPING_OPT_ID != 0 { (end - 1 - self.base) as u32 } else { 0 };
            self.pending.push_back(Pending { end, id, wanted, flags });
        }
    }

    /// Looks at how far the connection is; whether there is news.
    pub(super) fn update(&mut self, connection: Option<&Connection>, now: Instant) -> bool {
        if self.pending.is_empty() {
            return false;
        }
        let before = self.queue.len();
        let acknowledged = self.written.saturating_sub(outstanding(connection));
        let unsent = connection.map_or(0, |connection| connection.unsent() as u64);
        let sent = self.written.saturating_sub(unsent);
        let mut pending = std::mem::take(&mut self.pending);
        pending.retain_mut(|one| {
            if one.wanted == 0 {
                if acknowledged >= one.end {
                    self.push_copy(one.id);
                }
                return acknowledged < one.end;
            }
            let steps = [
                (SOF_TIMESTAMPING_TX_SCHED, SCM_TSTAMP_SCHED, sent),
                (SOF_TIMESTAMPING_TX_SOFTWARE, SCM_TSTAMP_SND, sent),
                (SOF_TIMESTAMPING_TX_ACK, SCM_TSTAMP_ACK, acknowledged),
            ];
            for (flag, info, reached) in steps {
                if one.wanted & flag != 0 && reached >= one.end {
                    one.wanted &= !flag;
                    self.push_time(one, info, now);
                }
            }
            one.wanted != 0
        });
        self.pending = pending;
        self.queue.len() > before
    }

    /// Calls that follow one another share an entry.
    fn push_copy(&mut self, id: u32) {
        let id = i64::from(id);
        if let Some(last) = self.queue.back_mut()
            && last.notice.origin == SO_EE_ORIGIN_ZEROCOPY
            && last.notice.data + 1 == id
        {
            last.notice.data = id;
            return;
        }
        let notice = Notice {
            errno: 0,
            origin: SO_EE_ORIGIN_ZEROCOPY,
            kind: 0,
            code: SO_EE_CODE_ZEROCOPY_COPIED,
            info: id,
            data: id,
        };
        self.queue.push_back(Entry { notice, at: None, is_cut: false, quoted: 0 });
    }

    fn push_time(&mut self, of: &Pending, info: i64, now: Instant) {
        let notice = Notice {
            errno: errno("ENOMSG").unwrap_or_default(),
            origin: SO_EE_ORIGIN_TIMESTAMPING,
            kind: 0,
            code: 0,
            info,
            data: of.id.into(),
        };
        let at = (of.flags & SOF_TIMESTAMPING_SOFTWARE != 0).then_some(now);
        self.queue.push_back(Entry {
            notice,
            at,
            is_cut: of.flags & SOF_TIMESTAMPING_OPT_TSONLY == 0,
            quoted: 0,
        });
    }

    /// A router or a host says that a packet did not arrive, which is the error `errno` (Linux'
    /// `IP_RECVERR`).
    pub(super) fn push_icmp(&mut self, errno: i64, error: ErrorIn) {
        let ErrorIn { is_v6, kind, code, quoted } = error;
        let notice = Notice {
            errno,
            origin: if is_v6 { SO_EE_ORIGIN_ICMP6 } else { SO_EE_ORIGIN_ICMP },
            kind: kind.into(),
            code: code.into(),
            info: 0,
            data: 0,
        };
        if self.queue.len() < QUEUE_MAX {
            self.queue.push_back(Entry { notice, at: None, is_cut: false, quoted });
        }
    }

    /// Nobody wants to hear any more what routers and hosts say.
    pub(super) fn forget_icmp(&mut self) {
        self.queue.retain(|entry| !entry.is_icmp());
    }

    /// Whether somebody should read.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The oldest entry.
    pub(super) fn take(&mut self) -> Option<Entry> {
        self.queue.pop_front()
    }
}

/// How much was written and is not acknowledged; a connection that is gone holds nothing.
fn outstanding(connection: Option<&Connection>) -> u64 {
    connection.map_or(0, |connection| connection.unacknowledged() as u64)
}
