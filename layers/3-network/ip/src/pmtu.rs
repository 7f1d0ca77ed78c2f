//! How long packets may be on the way to somebody. (RFC 1191, RFC 8201)
//!
//! What a router says is believed for a while and then forgotten, so that a longer path is found
//! again. The table is bounded; whoever was told of longest ago makes room.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use base::{Cx, Instant, SipKey};

use crate::xray::Seen;
use crate::{v4, v6};

/// How long a path's MTU is believed. (RFC 1191 §6.3: ten minutes; RFC 8201 §4: no less than five)
const LIFETIME: Duration = Duration::from_secs(600);

/// How many paths are known at once: 4096 entries of some 64 bytes are 256 KiB.
const PATHS_MAX: usize = 4096;

/// What we believe at least of an IPv4 path: the largest packet that everybody must take (576,
/// RFC 1122 §3.3.2) with room for options. Below that, packets are cut instead: no real path is so
/// narrow, and a liar could make us send a packet for every few bytes. (RFC 5927 §7.2)
const V4_FLOOR: usize = 552;

/// RFC 1191 §7: the MTUs that links have, for routers that say only that it was too long.
const PLATEAUS: [usize; 10] = [32_000, 17_914, 8_166, 4_352, 2_002, 1_492, 1_006, 508, 296, 68];

/// What is known of paths.
#[derive(Debug)]
pub struct PathMtus {
    paths: HashMap<IpAddr, Path, SipKey>,
    /// In the order in which they were told of, which is that in which they end.
    order: VecDeque<(Instant, IpAddr)>,
}

#[derive(Clone, Copy, Debug)]
struct Path {
    mtu: usize,
    ends: Instant,
}

/// What [`PathMtus::handle_too_big`] has made of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Packets are to be no longer than this from now on.
    Narrower(usize),
    /// Nothing new, or nothing to be believed.
    Ignored,
}

impl PathMtus {
    /// Nothing known yet. The key is a secret.
    pub fn new(key: SipKey) -> Self {
        Self { paths: HashMap::with_hasher(key), order: VecDeque::new() }
    }

    /// A router has said that a packet of `sent_len` bytes to `to` was longer than `told` bytes, the
    /// most it can pass on (zero if it did not say).
    ///
    /// Whoever calls has made sure that the packet was ours. (RFC 5927 §4)
    pub fn handle_too_big(
        &mut self,
        cx: &mut Cx<'_>,
        to: IpAddr,
        told: usize,
        sent_len: usize,
        link_mtu: usize,
    ) -> Verdict {
        let before = self.find(cx.now(), to).unwrap_or(link_mtu);
        let told = match told {
            // RFC 1191 §5: an old router does not say; the next plateau below is a good guess.
            0 => PLATEAUS.into_iter().find(|plateau| *plateau < sent_len).unwrap_or(v4::MTU_MIN),
            told => told,
        };
        let mtu = match to {
            IpAddr::V4(_) => told.max(V4_FLOOR),
            // RFC 8201 §4: less than the least MTU is no reason to send less.
            IpAddr::V6(_) => told.max(v6::MTU_MIN),
        };
        // RFC 1191 §3, RFC 8201 §4: such a message never raises it.
        if mtu >= before {
            return Verdict::Ignored;
        }
        cx.note(|| Seen::PathMtu { to, mtu, before });
        self.insert(cx.now(), to, mtu);
        Verdict::Narrower(mtu)
    }

    /// The most bytes that a packet to `to` may have, if the path takes less than the link.
    #[inline]
    pub fn find(&self, now: Instant, to: IpAddr) -> Option<usize> {
        // Almost always nobody's path is narrow.
        if self.paths.is_empty() {
            return None;
        }
        self.paths.get(&to).filter(|path| path.ends > now).map(|path| path.mtu)
    }

    /// How many paths are known.
    pub fn len(&self) -> usize {
        self.paths.len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    fn insert(&mut self, now: Instant, to: IpAddr, mtu: usize) {
        let ends = now.after(LIFETIME);
        self.paths.insert(to, Path { mtu, ends });
        self.order.push_back((ends, to));
        // One more goes than came, so both stay as small as they should be.
        for _ in 0..2 {
            match self.order.front() {
                Some(&(ends, _)) if ends <= now || self.order.len() > PATHS_MAX => {}
                _ => break,
            }
            let Some((ends, to)) = self.order.pop_front() else { break };
            if self.paths.get(&to).is_some_and(|path| path.ends == ends) {
                self.paths.remove(&to);
            }
        }
    }
}
