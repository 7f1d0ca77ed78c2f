//! `--net` and what belongs to it: a network stack of our own, for the commands that can use one.
//!
//! ```text
//!   --net tap0 --address 10.77.0.2/24 ─▶ open ─▶ Network { stack } ─▶ sockets
//! ```

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::net::{Builder, Inlet, Loss, Resolver, Stack};
use anyhow::{Context as _, anyhow, bail, ensure};
use clap::{Args, ValueHint};
use host::{AutoConfig, Config, DnsServer, DnsSource};
use ip::{Cidr, InterfaceId, Kind, Prefix, Route};
use neighbor::Claim;
use server::NetworkSettings;

use self::device::{Device, Queue};
use self::lease::Lease;

mod auto;
mod device;
mod kernel;
mod lease;
mod machine;
mod waiting;
mod wanted;

pub(crate) use self::wanted::{Given, MTU_DEFAULT, MTU_MIN, Part, Probe, Wanted};

#[cfg(test)]
mod tests;

/// How long an interface's name may be. (`IFNAMSIZ` without the zero)
const NAME_LEN_MAX: usize = 15;

/// How long a goodbye may take: the way there and back, once around the world.
const FINISH_TIME_MAX: Duration = Duration::from_millis(500);

/// How often it is looked whether it was said.
const FINISH_LOOK: Duration = Duration::from_millis(5);

/// The options of every command that can use our own stack.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Our own network")]
#[group(skip)]
pub(crate) struct Options {
    /// Use hepta's own network stack, over this TAP or TUN device, instead of the kernel's
    ///
    /// The device is made if it is not there and we may; one that `hepta net up` has made stays, and
    /// has the kernel at its other end. A new one is TUN if its name begins so, else TAP. Another
    /// interface that carries Ethernet is shared with the kernel (AF_PACKET): then our addresses
    /// must not be the kernel's.
    #[arg(long = "net", value_name = "DEVICE", value_parser = parse_device)]
    pub(crate) net: Option<String>,
    /// Our address there, and how many of its bits name the network: 10.77.0.2/24, fd77::2/64
    ///
    /// `dhcp` gets one from a server of DHCP, with its gateway and servers of names, and gives it back in
    /// the end. `auto` makes those of IPv6 that routers offer, and goes by what they say. May be given
    /// several times.
    #[arg(long = "address", value_name = "ADDRESS/PREFIX|auto|dhcp", requires = "net", value_parser = parse_given)]
    pub(crate) address: Vec<Given>,
    /// Who passes on what is for other networks; one for each version of IP
    #[arg(long = "gateway", value_name = "ADDRESS", requires = "net")]
    pub(crate) gateway: Vec<IpAddr>,
    /// Who is asked for the addresses of names, over this network; may be given several times
    ///
    /// A server of DHCP tells that too. Where nobody is known, the system looks names up.
    #[arg(long = "dns", value_name = "ADDRESS", requires = "net")]
    pub(crate) dns: Vec<IpAddr>,
    /// The longest packet that the device takes, in bytes
    #[arg(long, value_name = "BYTES", requires = "net", default_value_t = MTU_DEFAULT,
          value_parser = clap::value_parser!(u16).range(i64::from(MTU_MIN)..))]
    pub(crate) mtu: u16,
    /// Write every frame that goes over the device to FILE too, for Wireshark and its kind (pcapng)
    #[arg(long, value_name = "FILE", requires = "net", value_hint = ValueHint::FilePath)]
    pub(crate) capture: Option<PathBuf>,
}

/// A stack of our own that runs.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    pub(crate) stack: Stack,
    device: String,
    resolver: Resolver,
    /// Given back when nobody uses the network any more.
    _lease: Option<Arc<Lease>>,
}

/// Stacks of our own that the workers of a server are to run, each at a queue of one device.
pub(crate) struct ForServer {
    /// One for each worker.
    pub(crate) networks: Vec<server::Network>,
    /// What its device is called.
    pub(crate) device: String,
    /// Our interface there.
    pub(crate) interface: InterfaceId,
    /// Whether others than this machine's kernel may be on its link.
    pub(crate) is_shared: bool,
    /// Whether it carries Ethernet.
    pub(crate) has_ethernet: bool,
    /// What a server of DHCP has given us.
    pub(crate) leased: Option<IpAddr>,
}

/// Which addresses of a name are wanted.
#[derive(Args, Clone, Copy, Debug, Default)]
#[group(skip)]
pub(crate) struct Family {
    /// IPv4 only
    #[arg(short = '4', long = "ipv4", conflicts_with = "only_v6")]
    only_v4: bool,
    /// IPv6 only
    #[arg(short = '6', long = "ipv6")]
    only_v6: bool,
}

impl Options {
    /// The network that they describe; nothing, if they leave all to the kernel.
    ///
    /// # Errors
    /// It cannot be; the message says what would be right.
    pub(crate) fn wanted(&self) -> anyhow::Result<Option<Wanted>> {
        let Some(device) = self.net.clone() else { return Ok(None) };
        if self.address.is_empty() {
            bail!(
                "--net {device} has no address of ours: add --address 10.77.0.2/24, or another of its network, \
                 --address auto, or --address dhcp"
            );
        }
        let fixed = self.address.iter().filter_map(|given| match given {
            Given::Fixed(cidr) => Some(*cidr),
            Given::Auto | Given::Dhcp => None,
        });
        let wanted = Wanted {
            device,
            addresses: fixed.collect(),
            auto: self.address.contains(&Given::Auto),
            dhcp: self.address.contains(&Given::Dhcp),
            gateways: self.gateway.clone(),
            routes: Vec::new(),
            neighbors: Vec::new(),
            dns: self.dns.clone(),
            mtu: self.mtu,
            capture: self.capture.clone(),
            // Who runs a command does not want to wait for some seconds; a server need not.
            probe: Probe::Never,
        };
        match wanted.wrong().into_iter().next() {
            None => Ok(Some(wanted)),
            Some(wrong) => match wrong.hint {
                None => bail!("{}", wrong.what),
                Some(hint) => bail!("{}: {hint}", wrong.what),
            },
        }
    }
}

/// Starts the stack that the options describe; nothing, if they leave all to the kernel.
pub(crate) fn open(options: &Options) -> anyhow::Result<Option<Network>> {
    let Some(wanted) = options.wanted()? else { return Ok(None) };
    let (device, config) = prepare(&wanted)?;
    let mut builder = Builder::new(config);
    let (name, mac) = (device.name.clone(), device.mac(&wanted));
    let (is_shared, has_ethernet) = (device.is_shared, device.has_ethernet());
    let interface = builder.add_port(&name, mac, device.port)?;
    let settings = wanted.settings(is_shared, has_ethernet, interface)?;
    fill(&mut builder, interface, &name, settings)?;
    let stack = builder.start().context("the stack cannot be started")?;
    let lease = wanted.dhcp.then(|| Lease::wait(&stack, interface, &name)).transpose()?;
    if wanted.auto {
        auto::wait(&stack, interface, &name);
    }
    stack.with(|cx, host| {
        for address in options.dns.iter().copied() {
            let (source, ends) = (DnsSource::Operator, base::Instant::NEVER);
            let server = DnsServer { address, interface, source, ends };
            ensure!(host.add_dns_server(cx.now(), server), "there are too many servers of names");
        }
        Ok(())
    })?;
    stack.hear_losses(tell_loss);
    let resolver = Resolver::new(&stack);
    Ok(Some(Network { stack, device: name, resolver, _lease: lease.map(Arc::new) }))
}

/// The same for so many workers of a server as somebody `asked` for, which run a stack each by themselves:
/// otherwise for one on each core, if the device has queues for them, and nothing wants a single one.
pub(crate) fn for_server(wanted: &Wanted, asked: Option<usize>) -> anyhow::Result<ForServer> {
    check(wanted)?;
    let config = config()?;
    // One file has the frames of one queue.
    let is_for_one = wanted.capture.is_some();
    let workers = asked.unwrap_or_else(|| if is_for_one { 1 } else { cores() });
    if workers == 1 {
        return for_one(&config, wanted);
    }
    ensure!(!is_for_one, "a capture has the frames of one worker: leave one of the two away");
    match Device::open_queues(&wanted.device, usize::from(wanted.mtu), workers)? {
        Some(queues) => for_several(&config, queues, wanted),
        None if asked.is_none() => for_one(&config, wanted),
        None => bail!(
            "{workers} workers are one for each queue of {0}, which has one: leave `workers` away, or make {0} anew \
             with `hepta net up`",
            wanted.device
        ),
    }
}

fn for_one(config: &Config, wanted: &Wanted) -> anyhow::Result<ForServer> {
    let network = server::Network::new(config.clone());
    let mut of = of_worker(network, open_device(wanted)?, None, wanted)?;
    of.wait_for_lease(wanted)?;
    Ok(of)
}

fn for_several(config: &Config, queues: Vec<Queue>, wanted: &Wanted) -> anyhow::Result<ForServer> {
    let mut all: Option<ForServer> = None;
    for (device, inlet) in queues {
        // The secret is the same for all, as the addresses are that follow from it.
        let mut network = server::Network::new(config.clone());
        if all.is_some() {
            network.follow();
        }
        let of = of_worker(network, device, inlet, wanted)?;
        match &mut all {
            None => all = Some(of),
            Some(all) => all.networks.extend(of.networks),
        }
    }
    let mut all = all.context("there are no workers")?;
    all.wait_for_lease(wanted)?;
    Ok(all)
}

/// How many threads can run at once.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl ForServer {
    /// Waits for what a server of DHCP gives, if it is asked.
    fn wait_for_lease(&mut self, wanted: &Wanted) -> anyhow::Result<()> {
        if wanted.dhcp {
            let limit = lease::TIME_PROBED_MAX;
            let leased = server::wait_for_lease(&mut self.networks, self.interface, limit)?;
            let leased = leased.ok_or_else(|| lease::nobody_gave(&self.device, limit))?;
            self.leased = Some(leased.address());
        }
        Ok(())
    }
}

fn of_worker(
    mut network: server::Network,
    device: Device,
    inlet: Option<Inlet>,
    wanted: &Wanted,
) -> anyhow::Result<ForServer> {
    let (is_shared, has_ethernet) = (device.is_shared, device.has_ethernet());
    let (name, mac) = (device.name.clone(), device.mac(wanted));
    let interface = network.add_port(&name, mac, device.port)?;
    if let Some(inlet) = inlet {
        network.add_inlet(interface, Box::new(inlet));
    }
    network
        .set_up(interface, wanted.settings(is_shared, has_ethernet, interface)?)
        .with_context(|| format!("{name} cannot be used so"))?;
    let (networks, device, leased) = (vec![network], name, None);
    Ok(ForServer { networks, device, interface, is_shared, has_ethernet, leased })
}

/// Opens what is wanted.
fn prepare(wanted: &Wanted) -> anyhow::Result<(Device, Config)> {
    check(wanted)?;
    Ok((open_device(wanted)?, config()?))
}

/// Refuses addresses that the kernel has.
pub(crate) fn check(wanted: &Wanted) -> anyhow::Result<()> {
    for own in &wanted.addresses {
        if let Some(interface) = kernel::interface_with(own.address()) {
            bail!(
                "{} is this machine's own address, on {interface}: take another one of {}",
                own.address(),
                own.network()
            );
        }
    }
    Ok(())
}

fn open_device(wanted: &Wanted) -> anyhow::Result<Device> {
    let mut device = Device::open(&wanted.device, usize::from(wanted.mtu))?;
    if let Some(file) = &wanted.capture {
        device = device
            .captured(file)
            .with_context(|| format!("frames cannot be written to {}", file.display()))?;
    }
    Ok(device)
}

fn config() -> anyhow::Result<Config> {
    let mut secret = [0; 16];
    rustix::rand::getrandom(&mut secret, rustix::rand::GetRandomFlags::empty())
        .map_err(|error| anyhow!("the system has no random numbers: {error}"))?;
    let stable_secret = machine::stable_secret();
    Ok(Config { stable_secret, ..Config::new(secret) })
}

/// Gives a stack what is wanted at its device.
fn fill(
    stack: &mut Builder,
    id: InterfaceId,
    name: &str,
    settings: NetworkSettings,
) -> anyhow::Result<()> {
    // A command has neither neighbours nor (see `open`) servers of names set up here.
    let NetworkSettings { addresses, routes, auto, dhcp, neighbors: _, dns: _ } = settings;
    for (address, claim) in addresses {
        stack
            .add_address(id, address, claim)
            .with_context(|| format!("{name} cannot have the address {address}"))?;
    }
    for route in routes {
        stack.add_route(route).with_context(|| format!("{name} has no way to {}", route.to))?;
    }
    if let Some(auto) = auto {
        stack.autoconfigure(id, auto)?;
    }
    if let Some(dhcp) = dhcp {
        stack.dhcp(id, dhcp)?;
    }
    Ok(())
}

impl Wanted {
    /// The same in the words of who sets up a stack, for an interface of a device on whose link others
    /// than this machine's kernel may be, or not.
    ///
    /// # Errors
    /// The device is none on which addresses come by themselves.
    pub(crate) fn settings(
        &self,
        is_shared: bool,
        has_ethernet: bool,
        interface: InterfaceId,
    ) -> anyhow::Result<NetworkSettings> {
        let claim = |is_v6| self.probe.claim(is_shared, is_v6);
        let by_itself = [(self.auto, "auto"), (self.dhcp, "dhcp")];
        if let Some((_, word)) = by_itself.iter().find(|(is_wanted, _)| *is_wanted && !has_ethernet)
        {
            bail!(
                "{} carries no Ethernet, so there is no address \"{word}\" on it; use a TAP device, or say \
                 --address 10.77.0.2/24",
                self.device
            );
        }
        let addresses = self.addresses.iter().map(|own| (*own, claim(own.address().is_ipv6())));
        let gateways = self.gateways.iter().map(|gateway| {
            let all = if gateway.is_ipv4() { Prefix::ALL_V4 } else { Prefix::ALL_V6 };
            Route::via(all, interface, *gateway)
        });
        let routes = self.routes.iter().map(|(to, via)| match via {
            Some(via) => Route::via(*to, interface, *via),
            None => Route::on_link(*to, interface),
        });
        // What is on the link leads to gateways.
        let (on_link, behind): (Vec<_>, Vec<_>) =
            routes.chain(gateways).partition(|route| route.gateway.is_none());
        let auto = AutoConfig { with_temporary: false, claim: claim(true) };
        // A server may give an address that somebody has whom it does not know.
        let claim_leased = if self.probe == Probe::Never { Claim::Announce } else { Claim::Probe };
        Ok(NetworkSettings {
            addresses: addresses.collect(),
            routes: on_link.into_iter().chain(behind).collect(),
            neighbors: self.neighbors.clone(),
            dns: self.dns.clone(),
            auto: self.auto.then_some(auto),
            dhcp: self.dhcp.then(|| lease::config(claim_leased)),
        })
    }
}

/// Who uses the network hears why nothing goes any more.
fn tell_loss(address: IpAddr, why: Loss) {
    match why {
        Loss::Taken { by: Some(by) } => {
            tracing::warn!("{address} is ours no longer: {by} has it, too");
        }
        Loss::Taken { by: None } => {
            tracing::warn!("{address} is ours no longer: somebody else has it, too");
        }
        Loss::NotOffered => {
            tracing::warn!("{address} is ours no longer: no router offers its network any more");
        }
    }
}

impl Network {
    /// What the device is called.
    pub(crate) fn device(&self) -> &str {
        &self.device
    }

    /// The address of ours from which `to` is reached.
    ///
    /// # Errors
    /// There is none; the message says what would make one.
    pub(crate) fn source_for(&self, to: IpAddr) -> anyhow::Result<IpAddr> {
        let (device, version) = (&self.device, if to.is_ipv4() { "IPv4" } else { "IPv6" });
        self.stack.with(|_, host| {
            if let Some(source) = host.source_for(to).filter(|_| host.route_to(to).is_some()) {
                return Ok(source);
            }
            // The loopback, which every stack has, leads nowhere.
            let mut own = host.addresses().iter().filter(|own| own.interface != ::host::LOOPBACK);
            let has_version = own.any(|own| own.cidr.address().is_ipv4() == to.is_ipv4());
            Err(match has_version {
                true => anyhow!("{to} is not on the network of {device}: say with --gateway who passes packets on"),
                false => anyhow!("{to} is {version}, and {device} has no address of it: add one with --address"),
            })
        })
    }

    /// Waits until connections that were closed have said goodbye, but not long: our stack ends with
    /// the program, and peers would have to find out by themselves.
    pub(crate) async fn finish(&self) {
        let began = Instant::now();
        while began.elapsed() < FINISH_TIME_MAX
            && self.stack.with(|_, host| host.tcp_connections().next().is_some())
        {
            tokio::time::sleep(FINISH_LOOK).await;
        }
    }

    /// Whether somebody is known who knows names.
    fn knows_servers(&self) -> bool {
        self.stack.with(|cx, host| host.dns_servers(cx.now(), None).next().is_some())
    }

    /// What is wrong with the device, if it takes nothing.
    pub(crate) fn complaint(&self) -> Option<String> {
        let counts = self.stack.counts();
        let device = &self.device;
        if counts.lost > 0 && counts.received == 0 {
            return Some(format!(
                "{device} took nothing of what was sent: its other end is down; give the kernel an address there \
                 with `hepta net up {device} ADDRESS/PREFIX`"
            ));
        }
        (counts.sent > 0 && counts.received == 0)
            .then(|| format!("nothing at all came from {device}: is anybody at its other end?"))
    }
}

/// The addresses of a host, by its name or as it is written, the one to try first in front. Over a
/// network of our own its servers of names are asked; where it knows none, or there is no such network,
/// the system looks.
///
/// # Errors
/// There is no such name, or nobody says.
pub(crate) async fn addresses(
    host: &str,
    port: u16,
    network: Option<&Network>,
) -> io::Result<Vec<SocketAddr>> {
    if let Some(network) = network.filter(|network| network.knows_servers()) {
        let found = network.resolver.look_up(host).await?;
        return Ok(found.into_iter().map(|ip| SocketAddr::new(ip, port)).collect());
    }
    Ok(tokio::net::lookup_host((host, port)).await?.collect())
}

/// The address of a host, by its name or as it is written.
pub(crate) async fn look_up(
    host: &str,
    port: u16,
    family: Family,
    network: Option<&Network>,
) -> anyhow::Result<SocketAddr> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let found = addresses(bare, port, network).await.map_err(|error| {
        let text = error.to_string();
        let why = text.rsplit(": ").next().unwrap_or(&text).to_owned();
        anyhow!("no address is known for {host}: {why}; check its spelling, or give an address")
    })?;
    let is_wanted = |at: &SocketAddr| match family {
        Family { only_v4: true, .. } => at.is_ipv4(),
        Family { only_v6: true, .. } => at.is_ipv6(),
        Family { .. } => true,
    };
    let all: Vec<SocketAddr> = found.into_iter().filter(is_wanted).collect();
    let is_reached =
        |at: &&SocketAddr| network.is_none_or(|network| network.source_for(at.ip()).is_ok());
    let chosen = all.iter().find(is_reached).or_else(|| all.first());
    let version = if family.only_v4 { "IPv4" } else { "IPv6" };
    chosen.copied().with_context(|| format!("{host} has no address of {version}"))
}

/// Reads the name of an interface.
pub(crate) fn parse_device(name: &str) -> Result<String, String> {
    let is_good = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b':');
    if name.is_empty() || name.len() > NAME_LEN_MAX || matches!(name, "." | "..") {
        return Err(format!(
            "the name of an interface has 1 to {NAME_LEN_MAX} letters, as in tap0"
        ));
    }
    if name.starts_with('-') || !name.bytes().all(is_good) {
        return Err(
            "the name of an interface has no blanks, slashes, colons, or - in front".to_owned()
        );
    }
    Ok(name.to_owned())
}

/// Reads an address with its prefix, or where one is to come from.
pub(crate) fn parse_given(text: &str) -> Result<Given, String> {
    match text {
        "auto" => Ok(Given::Auto),
        "dhcp" => Ok(Given::Dhcp),
        _ => parse_address(text).map(Given::Fixed),
    }
}

/// Reads an address with its prefix.
pub(crate) fn parse_address(text: &str) -> Result<Cidr, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        let len = if address.is_ipv4() { 24 } else { 64 };
        return Err(format!("say how many bits name the network, as in {address}/{len}"));
    }
    text.parse().map_err(|error: base::Malformed| format!("{}, as in 10.77.0.2/24", error.what))
}

/// Refuses what no host can have.
pub(crate) fn check_host(address: Cidr) -> anyhow::Result<()> {
    let kind = Kind::of(address.address());
    ensure!(kind.may_be_source(), "{address} is for {kind}: no host can have it");
    let (network, own) = (address.network(), address.address());
    if let Some(everybody) = network.broadcast() {
        ensure!(
            own != network.network(),
            "{address} is the network itself: take another host part"
        );
        ensure!(
            own != IpAddr::V4(everybody),
            "{address} is everybody in {network}: take another host part"
        );
    }
    Ok(())
}
