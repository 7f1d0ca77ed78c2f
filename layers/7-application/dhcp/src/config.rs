use std::net::Ipv4Addr;
use std::time::Duration;

use base::Mac;

/// The longest identifier of a node, in bytes. (RFC 8415 §11.1: 128, and two for its type)
const DUID_LEN_MAX: usize = 130;

/// What an operator may choose.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who we are to servers; otherwise [`ClientId::of_link`].
    pub client_id: Option<ClientId>,
    /// What we call ourselves, for servers that enter it into the DNS. (RFC 2132 §3.14)
    pub host_name: Option<String>,
    /// The address that we had, with time left: it is asked for first. (RFC 2131 §3.2)
    pub known: Option<Ipv4Addr>,
    /// How long we would like to have an address; the server decides.
    pub lease_time: Option<Duration>,
    /// The longest random wait before the first message.
    pub start_delay_max: Duration,
    /// Whether answers must be sent to everybody: for links that bring us nothing else before we have
    /// an address. (RFC 2131 §4.1)
    pub needs_broadcast: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            client_id: None,
            host_name: None,
            known: None,
            lease_time: None,
            //= exception: RFC 2131 §4.4.1: it asks for one to ten seconds, so that a building whose
            // power came back does not ask at once. Servers answer thousands a second, and people
            // wait: one second spreads enough.
            start_delay_max: Duration::from_secs(1),
            needs_broadcast: false,
        }
    }
}

/// Who a client is, to servers. They give the same identifier the same address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClientId(Vec<u8>);

impl ClientId {
    /// The node `duid` (RFC 8415 §11) and its interface `iaid`: the same node is known by the same
    /// name to servers of IPv6. (RFC 4361 §6.1) Nothing, if the former is longer than it may be.
    pub fn node(iaid: u32, duid: &[u8]) -> Option<Self> {
        let is_good = !duid.is_empty() && duid.len() <= DUID_LEN_MAX;
        is_good.then(|| Self([&[255], &iaid.to_be_bytes()[..], duid].concat()))
    }

    /// The node that is known by this hardware address, for who keeps nothing from run to run: a DUID
    /// of the third type. (RFC 4361 §6.1, RFC 8415 §11.4)
    pub fn of_link(mac: Mac) -> Self {
        let [_, _, i, a, x, d] = mac.0;
        let duid = [&[0, 3, 0, 1], &mac.0[..]].concat();
        Self([&[255, i, a, x, d], &duid[..]].concat())
    }

    /// The hardware address alone, as RFC 2131 has it: for servers that were told of it.
    /// (RFC 2132 §9.14)
    pub fn hardware(mac: Mac) -> Self {
        Self([&[1], &mac.0[..]].concat())
    }

    /// The bytes of the option.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}
