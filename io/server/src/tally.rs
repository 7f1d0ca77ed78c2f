//! What happened at sockets, counted: each worker for itself, and added up for who asks.

use std::sync::atomic::{AtomicU64, Ordering};

use tls::Version;

/// A number that one thread changes and any may read.
///
/// To add is a load and a store, which no other thread waits for; two threads that add would lose
/// some of it.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds to it.
    #[inline]
    pub fn add(&self, more: u64) {
        self.set(self.get().wrapping_add(more));
    }

    /// Makes it this.
    #[inline]
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// What it is now.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counters of one worker; on lines of the processor's cache that no other worker writes to.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Tally {
    pub(crate) accepted: Counter,
    pub(crate) open: Counter,
    pub(crate) refused_by_limit: Counter,
    pub(crate) refused_by_client: Counter,
    pub(crate) refused_by_kernel: Counter,
    pub(crate) idle_sent_away: Counter,
    /// As it was at the last tick.
    pub(crate) buffers_len: Counter,
    handshakes: [Handshakes; Version::ALL.len()],
    pub(crate) handshakes_unfinished: Counter,
}

#[derive(Debug, Default)]
struct Handshakes {
    full: Counter,
    resumed: Counter,
}

/// What happened at the sockets of a server since it began.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Connections that were accepted and served.
    pub accepted: u64,
    /// Connections that are there now.
    pub open: u64,
    /// Connections that were refused because a worker had as many as it may have.
    pub refused_by_limit: u64,
    /// Connections that were refused because their client had as many as it may have.
    pub refused_by_client: u64,
    /// Connections that were refused because the kernel had no descriptor or no memory for them.
    pub refused_by_kernel: u64,
    /// Idle connections that were ended to make room.
    pub idle_sent_away: u64,
    /// Bytes that connections hold now, or did a moment ago: see
    /// [`Limits::buffers_len_max`](crate::Limits::buffers_len_max).
    pub buffers_len: u64,
    /// Handshakes of TLS that were finished, for each of [`Version::ALL`].
    pub handshakes: [HandshakeCounts; Version::ALL.len()],
    /// Connections that ended before their handshake was finished.
    pub handshakes_unfinished: u64,
}

/// Handshakes of one version of TLS that were finished.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct HandshakeCounts {
    /// Those of new sessions.
    pub full: u64,
    /// Those that resumed an earlier session.
    pub resumed: u64,
}

impl Tally {
    /// A handshake was finished.
    pub(crate) fn add_handshake(&self, facts: &tls::Facts) {
        let of_version = Version::ALL.iter().zip(&self.handshakes);
        for (_, handshakes) in of_version.filter(|(version, _)| **version == facts.version) {
            let counter = if facts.resumed { &handshakes.resumed } else { &handshakes.full };
            counter.add(1);
        }
    }

    /// Adds this worker's part to `counts`.
    pub(crate) fn add_to(&self, counts: &mut Counts) {
        let Self {
            accepted,
            open,
            refused_by_limit,
            refused_by_client,
            refused_by_kernel,
            idle_sent_away,
            buffers_len,
            handshakes,
            handshakes_unfinished,
        } = self;
        counts.accepted += accepted.get();
        counts.open += open.get();
        counts.refused_by_limit += refused_by_limit.get();
        counts.refused_by_client += refused_by_client.get();
        counts.refused_by_kernel += refused_by_kernel.get();
        counts.idle_sent_away += idle_sent_away.get();
        counts.buffers_len += buffers_len.get();
        for (sum, part) in counts.handshakes.iter_mut().zip(handshakes) {
            sum.full += part.full.get();
            sum.resumed += part.resumed.get();
        }
        counts.handshakes_unfinished += handshakes_unfinished.get();
    }
}
