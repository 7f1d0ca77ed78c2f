mod addresses;
mod claims;
mod messages;
mod routers;

use std::net::Ipv6Addr;
use std::time::Duration;

use base::xray::{self, Film, Layer};
use base::{Cx, Instant, SipKey, Wall, World};

use crate::wire::{Opt, Preference, PrefixInformation, RouterAdvertisement};
use crate::{Autoconf, Identity, Options, Settings};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

fn v6(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

fn settings(with_temporary: bool) -> Settings {
    let identity = Identity::new(SipKey::new([7; 16]), SipKey::new([8; 16]), b"eth0");
    Settings { identity, mtu: 1500, with_temporary }
}

/// Time, chance and a film for one machine.
struct Scene {
    now: Instant,
    world: World,
    film: Film,
}

impl Scene {
    fn new() -> Self {
        xray::watch(&[Layer::Network]);
        Self { now: Instant::ORIGIN, world: World::seeded(1), film: Film::default() }
    }

    fn with<T>(&mut self, run: impl FnOnce(&mut Cx<'_>) -> T) -> T {
        let mut cx = Cx::new(self.now, Wall(0), &mut self.world).watched_by(&mut self.film);
        run(&mut cx)
    }

    /// Lets `duration` pass for a machine of routers.
    fn run(&mut self, autoconf: &mut Autoconf, duration: Duration) {
        let end = self.now.after(duration);
        while let Some(at) = autoconf.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.with(|cx| autoconf.handle_timeout(cx));
        }
        self.now = end;
    }

    /// A router says something.
    fn hear(
        &mut self,
        autoconf: &mut Autoconf,
        from: &str,
        lifetime: u16,
        options: &[Opt<'_>],
    ) -> bool {
        self.hear_all(autoconf, from, RouterAdvertisement { lifetime, ..nothing() }, options)
    }

    fn hear_all(
        &mut self,
        autoconf: &mut Autoconf,
        from: &str,
        message: RouterAdvertisement<'_>,
        options: &[Opt<'_>],
    ) -> bool {
        let mut bytes = Vec::new();
        options.iter().for_each(|option| option.emit(&mut bytes));
        let options = Options::parse(&bytes).unwrap();
        let message = RouterAdvertisement { options, ..message };
        self.with(|cx| autoconf.handle_advertisement(cx, v6(from), &message))
    }
}

/// A machine of routers that heeds them.
fn started(scene: &mut Scene, with_temporary: bool) -> Autoconf {
    let mut autoconf = Autoconf::new(settings(with_temporary));
    scene.with(|cx| autoconf.start(cx));
    autoconf
}

fn nothing() -> RouterAdvertisement<'static> {
    RouterAdvertisement {
        hop_limit: 0,
        is_managed: false,
        has_other: false,
        preference: Preference::Medium,
        lifetime: 0,
        reachable_ms: 0,
        retrans_ms: 0,
        options: Options::default(),
    }
}

fn prefix(text: &str, valid: u32, preferred: u32) -> PrefixInformation {
    let (prefix, len) = (v6(text), 64);
    PrefixInformation { prefix, len, is_on_link: true, is_autonomous: true, valid, preferred }
}
