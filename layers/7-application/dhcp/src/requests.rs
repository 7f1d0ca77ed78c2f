//! What a client says to servers. (RFC 2131 §4.3.6, table 4; §4.4.1, table 5)

use std::net::Ipv4Addr;

use base::{Cx, Instant, TxBuf};

use crate::lease::Lease;
use crate::machine::{Client, State};
use crate::times;
use crate::wire::{Header, Kind, option};
use crate::xray::Seen;

/// What we ask servers for, in order. (RFC 2132 §9.8; RFC 3442: classless routes before routers)
const WANTED: [u8; 10] = [
    option::SUBNET_MASK,
    option::CLASSLESS_ROUTES,
    option::ROUTER,
    option::DNS_SERVERS,
    option::DOMAIN_NAME,
    option::DOMAIN_SEARCH,
    option::INTERFACE_MTU,
    option::LEASE_TIME,
    option::RENEWAL_TIME,
    option::REBINDING_TIME,
];

/// What [`Client::poll_transmit`] wrote.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Outgoing {
    /// Our address; nobody's, as long as we have none.
    pub source: Ipv4Addr,
    /// The server, or everybody on the link.
    pub destination: Ipv4Addr,
}

/// A message that is to be sent. At most three wait: what ends a lease, and what begins anew.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message {
    kind: Kind,
    xid: u32,
    secs: u16,
    /// The address that we have and answer for.
    own: Option<Ipv4Addr>,
    /// The address that is wanted or refused, in an option.
    about: Option<Ipv4Addr>,
    /// The server that is meant, in an option.
    server: Option<Ipv4Addr>,
    /// The server that alone gets it; otherwise everybody.
    to: Option<Ipv4Addr>,
}

impl Client {
    /// Writes the next message behind what `out` holds, if any, and says for whom it is.
    #[must_use]
    pub fn poll_transmit(&mut self, cx: &mut Cx<'_>, out: &mut TxBuf) -> Option<Outgoing> {
        let message = self.outgoing.pop_front()?;
        let Message { kind, xid, secs, own, about, server, to } = message;
        let source = own.filter(|_| to.is_some()).unwrap_or(Ipv4Addr::UNSPECIFIED);
        let destination = to.unwrap_or(Ipv4Addr::BROADCAST);
        cx.note(|| Seen::DhcpOut { kind, xid, to: destination });
        let is_question = matches!(kind, Kind::Discover | Kind::Request);
        // RFC 2131 §4.1: who has the address already hears what is sent to it alone.
        let wants_broadcast = self.config.needs_broadcast && is_question && own.is_none();
        let ciaddr = own.unwrap_or(Ipv4Addr::UNSPECIFIED);
        let header = Header { secs, wants_broadcast, ciaddr, ..Header::request(xid, self.mac) };
        let kind = [kind.number()];
        let (about, server) = (about.map(|ip| ip.octets()), server.map(|ip| ip.octets()));
        let len = self.message_len_max.to_be_bytes();
        let time = self.config.lease_time.map(|time| (time.as_secs() as u32).to_be_bytes());
        let name = self.config.host_name.as_deref().filter(|_| is_question).map(str::as_bytes);
        let all: [(u8, Option<&[u8]>); 8] = [
            (option::MESSAGE_TYPE, Some(&kind)),
            // RFC 4361 §6.1: in every message.
            (option::CLIENT_ID, Some(self.client_id.as_bytes())),
            (option::REQUESTED_ADDRESS, about.as_ref().map(|ip| &ip[..])),
            (option::SERVER_ID, server.as_ref().map(|ip| &ip[..])),
            (option::LEASE_TIME, time.as_ref().filter(|_| is_question).map(|time| &time[..])),
            (option::HOST_NAME, name),
            (option::MESSAGE_LEN_MAX, is_question.then_some(&len[..])),
            (option::PARAMETER_LIST, is_question.then_some(&WANTED[..])),
        ];
        header.emit(all.into_iter().filter_map(|(code, value)| Some((code, value?))), out);
        Some(Outgoing { source, destination })
    }

    /// Sends what this state has to say, and comes back when there was time for an answer.
    pub(crate) fn send(&mut self, cx: &mut Cx<'_>) {
        let (now, nth) = (cx.now(), self.sent);
        self.sent += 1;
        // RFC 2131 §4.4.1: a request says what the search for servers has said.
        if self.state != State::Requesting {
            self.secs = u16::try_from(now.since(self.began).as_secs()).unwrap_or(u16::MAX);
        }
        // Leases are counted from when they were asked for. Of requests that follow one another fast,
        // the first may be the one that is answered; between those for more time is a minute at least.
        if nth == 0 || matches!(self.state, State::Renewing | State::Rebinding) {
            self.asked = now;
        }
        let resend = now.after(times::resend_after(cx, nth));
        let kind = if self.state == State::Selecting { Kind::Discover } else { Kind::Request };
        let mut message = Message::new(kind, self.xid);
        message.secs = self.secs;
        // RFC 2131 §4.3.6, table 4: what each state says.
        self.next = Some(match (self.state, &self.held) {
            (State::Renewing, Some(held)) => {
                (message.own, message.to) = (Some(held.lease.ip()), Some(held.lease.server));
                times::renew_again(now, held.rebinding.unwrap_or(Instant::NEVER))
            }
            (State::Rebinding, Some(held)) => {
                message.own = Some(held.lease.ip());
                times::renew_again(now, held.end.unwrap_or(Instant::NEVER))
            }
            _ => {
                message.about = self.offer.as_ref().map(Lease::ip).or(self.known);
                message.server = self.offer.as_ref().map(|offer| offer.server);
                resend
            }
        });
        self.outgoing.push_back(message);
    }

    /// Somebody else has `address`, which `server` has given. (RFC 2131 §4.4.4)
    pub(crate) fn say_decline(&mut self, cx: &mut Cx<'_>, address: Ipv4Addr, server: Ipv4Addr) {
        let (about, server) = (Some(address), Some(server));
        let message = Message::new(Kind::Decline, draw_xid(cx));
        self.outgoing.push_back(Message { about, server, ..message });
    }

    /// We are done with `address`. Nobody answers. (RFC 2131 §4.4.6)
    pub(crate) fn say_release(&mut self, cx: &mut Cx<'_>, address: Ipv4Addr, server: Ipv4Addr) {
        let (own, server) = (Some(address), Some(server));
        let message = Message::new(Kind::Release, draw_xid(cx));
        self.outgoing.push_back(Message { own, server, to: server, ..message });
    }
}

impl Message {
    const fn new(kind: Kind, xid: u32) -> Self {
        Self { kind, xid, secs: 0, own: None, about: None, server: None, to: None }
    }
}

/// RFC 2131 §4.4.1: drawn at random, so that it is nobody else's.
pub(crate) fn draw_xid(cx: &mut Cx<'_>) -> u32 {
    cx.random_below(u32::MAX)
}
