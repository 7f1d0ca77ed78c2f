//! Identifications of packets that may be cut. (RFC 6864, RFC 7739)

use std::net::IpAddr;

use base::SipKey;

use crate::protocol::Protocol;

/// How many counters there are: a packet to one of 1024 destinations tells nobody how many went to
/// the others. 1024 × 4 bytes are 4 KiB.
const COUNTERS: usize = 1024;

/// Gives out identifications.
///
/// RFC 6864 §4.3: the same may not come again for the same source, destination and protocol while
/// fragments live. RFC 7739 §5.3: and nobody may guess the next one. So it is a counter, shared by
/// destinations that fall together, plus an offset that depends on all three and a secret.
#[derive(Debug)]
pub struct Identifications {
    key: SipKey,
    counters: Vec<u32>,
}

impl Identifications {
    /// Identifications that follow from a secret.
    pub fn new(key: SipKey) -> Self {
        Self { key, counters: vec![0; COUNTERS] }
    }

    /// The next one; IPv4 uses the lowest 16 bits.
    pub fn next(&mut self, source: IpAddr, destination: IpAddr, protocol: Protocol) -> u32 {
        let mut flow = [0; 33];
        for (place, address) in flow.as_chunks_mut::<16>().0.iter_mut().zip([source, destination]) {
            *place = match address {
                IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
                IpAddr::V6(address) => address.octets(),
            };
        }
        flow[32] = protocol.0;
        let hash = self.key.hash(&flow);
        let Some(counter) = self.counters.get_mut(hash as usize % COUNTERS) else { return 0 };
        *counter = counter.wrapping_add(1);
        counter.wrapping_add((hash >> 32) as u32)
    }
}
