mod addresses;
mod headers;
mod parts;
mod paths;
mod routes;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use base::xray::{self, Film, Layer};
use base::{Cx, Instant, SipKey, Wall, World};
use proptest::prelude::*;

const KEY: SipKey = SipKey::new([7; 16]);

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Calls `run` at `ms`, and returns what it says with the film.
fn at<T>(ms: u64, film: &mut Film, run: impl FnOnce(&mut Cx<'_>) -> T) -> T {
    xray::watch(&[Layer::Network]);
    let mut world = World::seeded(1);
    run(&mut Cx::new(Instant::from_millis(ms), Wall(0), &mut world).watched_by(film))
}

fn any_v4() -> impl Strategy<Value = Ipv4Addr> {
    any::<u32>().prop_map(Ipv4Addr::from_bits)
}

fn any_v6() -> impl Strategy<Value = Ipv6Addr> {
    any::<u128>().prop_map(Ipv6Addr::from_bits)
}
