//! Options of sockets that change what travels: IP's own, and those of listeners.

use std::time::Duration;

use host::Service;

use super::stream::Stream;
use super::{Attempt, World};
use crate::symbols::{
    IP_BIND_ADDRESS_NO_PORT, IP_MINTTL, IP_MTU_DISCOVER, IP_RECVTOS, IP_TOS, IP_TTL,
    IPV6_AUTOFLOWLABEL, IPV6_MTU_DISCOVER, IPV6_RECVTCLASS, IPV6_TCLASS, IPV6_UNICAST_HOPS, SOL_IP,
    SOL_IPV6, SOL_TCP, TCP_DEFER_ACCEPT,
};

/// Congestion's two bits of the octet in which the codepoint stands: they are TCP's to set.
const ECN_BITS: i64 = 3;

/// What a host's own packets have, if nobody says otherwise.
const HOP_LIMIT: i64 = 64;

/// What a program has set of it.
#[derive(Clone, Debug)]
pub(super) struct NetworkOptions {
    pub(super) service: Service,
    /// What is said of the path's MTU; whatever it is, the path is believed.
    discovery: i64,
    /// For how many timeouts a listener waits for data.
    pub(super) defer_accept: u8,
}

impl Default for NetworkOptions {
    fn default() -> Self {
        const WANT: i64 = 1;
        Self { service: Service::default(), discovery: WANT, defer_accept: 0 }
    }
}

impl Stream {
    /// Sets one of these; nothing for another.
    pub(super) fn set_network(
        &mut self,
        world: &mut World<'_>,
        option: (i64, i64),
        value: i64,
    ) -> Option<Attempt> {
        let network = &mut self.options.network;
        let service = &mut network.service;
        match option {
            (SOL_IPV6, IPV6_TCLASS) if !(-1..=0xff).contains(&value) => return invalid(),
            (SOL_IP, IP_TOS) | (SOL_IPV6, IPV6_TCLASS) => {
                // Linux keeps of the value what fits into the octet; -1 is the default.
                let octet = if value == -1 && option.0 == SOL_IPV6 { 0 } else { value & 0xff };
                service.dscp = ((octet & !ECN_BITS) >> 2) as u8;
            }
            (SOL_IP, IP_TTL) if value != -1 && !(1..=0xff).contains(&value) => return invalid(),
            (SOL_IPV6, IPV6_UNICAST_HOPS) if !(-1..=0xff).contains(&value) => return invalid(),
            (SOL_IP, IP_TTL) | (SOL_IPV6, IPV6_UNICAST_HOPS) => {
                service.hop_limit = u8::try_from(value).ok();
            }
            (SOL_IP, IP_MTU_DISCOVER) | (SOL_IPV6, IPV6_MTU_DISCOVER) => {
                if !(0..=5).contains(&value) {
                    return invalid();
                }
                network.discovery = value;
            }
            (SOL_IP, IP_MINTTL) if value == 0 => {}
            // There is one address, datagrams tell nothing beside their data, and labels are ours.
            (SOL_IP, IP_BIND_ADDRESS_NO_PORT | IP_RECVTOS) => {}
            (SOL_IPV6, IPV6_RECVTCLASS) => {}
            (SOL_IPV6, IPV6_AUTOFLOWLABEL) if value == 0 => {}
            (SOL_TCP, TCP_DEFER_ACCEPT) => {
                let retransmit = &world.stack.tcp.retransmit;
                let (first, most) = (retransmit.rto_initial, retransmit.rto_max);
                network.defer_accept = timeouts_in(super::stream::seconds(value), first, most);
                self.configure_listener(world);
            }
            _ => return None,
        }
        self.tell_service(world);
        Some(Attempt::Returned(0))
    }

    /// What one of these is; nothing for another.
    pub(super) fn get_network(&self, world: &World<'_>, option: (i64, i64)) -> Option<i64> {
        let NetworkOptions { service, discovery, defer_accept } = &self.options.network;
        Some(match option {
            (SOL_IP, IP_TOS) | (SOL_IPV6, IPV6_TCLASS) => i64::from(service.dscp) << 2,
            (SOL_IP, IP_TTL) | (SOL_IPV6, IPV6_UNICAST_HOPS) => {
                service.hop_limit.map_or(HOP_LIMIT, i64::from)
            }
            (SOL_IP, IP_MTU_DISCOVER) | (SOL_IPV6, IPV6_MTU_DISCOVER) => *discovery,
            (SOL_TCP, TCP_DEFER_ACCEPT) => {
                let retransmit = &world.stack.tcp.retransmit;
                let (first, most) = (retransmit.rto_initial, retransmit.rto_max);
                time_of(*defer_accept, first, most).as_secs() as i64
            }
            _ => return None,
        })
    }

    /// Tells whoever sends this socket's packets.
    pub(super) fn tell_service(&self, world: &mut World<'_>) {
        let service = self.options.network.service;
        if let Some(id) = self.connection() {
            world.stack.host.tcp_serve(id, service);
        }
        if let Some(id) = self.listener() {
            world.stack.host.tcp_listener_serve(id, service);
        }
    }

    /// Tells the listener, if this is one, what was set meanwhile.
    pub(super) fn configure_listener(&self, world: &mut World<'_>) {
        let Some(id) = self.listener() else { return };
        let config = self.options.configure(&world.stack.tcp);
        world.stack.host.tcp_configure_listener(id, config);
    }
}

fn invalid() -> Option<Attempt> {
    Some(Attempt::error("EINVAL"))
}

/// How many doubling timeouts a time is: the least that last as long.
fn timeouts_in(time: Duration, first: Duration, most: Duration) -> u8 {
    if time.is_zero() {
        return 0;
    }
    (1..u8::MAX).find(|&n| time_of(n, first, most) >= time).unwrap_or(u8::MAX)
}

/// How long so many doubling timeouts last.
fn time_of(timeouts: u8, first: Duration, most: Duration) -> Duration {
    let next = |timeout: &Duration| Some((*timeout * 2).min(most));
    std::iter::successors(Some(first), next).take(timeouts.into()).sum()
}
