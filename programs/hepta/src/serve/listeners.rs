//! Where a program listens: kept over changes of the configuration, and handed to its successor.

use std::fs::Permissions;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use server::{Address, Announcers, Inherited, Listener, NetworkSettings};
use tls::{Alpn, ClientAuth};

use super::options::Place;
use super::own_network::OwnNetwork;
use super::secrets::{Manner, Secrets};
use crate::config::{HostPattern, Listen, Proxies, Settings, Site};
use crate::network::Wanted;

/// Everything that is open.
pub(super) struct Listeners {
    workers: usize,
    /// What was there when the program started, and nobody asked for yet.
    inherited: Inherited,
    open: Vec<Open>,
    pub(super) secrets: Secrets,
    /// The network of our own at which sites are served, if there is one.
    own: Option<OwnNetwork>,
}

/// A place to listen at, as long as somebody wants it.
struct Open {
    /// As it was asked for; the port may be 0.
    asked: Address,
    listener: Listener,
    tls: Option<tls::ServerConfig>,
    announcers: Option<Announcers>,
    congestion_control: Option<String>,
    who: Who,
}

impl Open {
    /// That it may be was checked; who lost the right to it since keeps what there was.
    fn set_congestion_control(&self) {
        let result = self.listener.set_congestion_control(self.congestion_control.as_deref());
        if let Err(error) = result {
            let address = &self.listener.address;
            tracing::warn!(%error, %address, "congestion control stays as it was");
        }
    }
}

/// Who serves at a place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Who {
    Sites,
    Admin,
}

/// What is to be open from now on.
#[derive(Default)]
pub(super) struct Plan {
    open: Vec<Open>,
    secrets: Secrets,
    /// What the network of our own is to be, if there is one.
    net: Option<Wanted>,
}

impl Listeners {
    /// Nothing is open but what was `inherited`.
    pub(super) fn new(workers: usize, inherited: Inherited, own: Option<OwnNetwork>) -> Self {
        Self { workers, inherited, open: Vec::new(), secrets: Secrets::default(), own }
    }

    /// The networks of our own, for the workers that are to run them; none if it is the kernel's.
    pub(super) fn take_networks(&mut self) -> Vec<server::Network> {
        self.own.as_mut().map(OwnNetwork::take).unwrap_or_default()
    }

    /// Whether there is a network of our own, whose connections nobody can take over.
    pub(super) const fn has_own_network(&self) -> bool {
        self.own.is_some()
    }

    /// What people who start it should know of the network.
    pub(super) fn notice(&self) -> Option<String> {
        self.own.as_ref().and_then(OwnNetwork::notice)
    }

    /// Opens what the settings ask for and is not open yet. Until [`adopt`](Self::adopt) is called,
    /// everything else stays open too.
    ///
    /// # Errors
    ///
    /// What cannot be opened, and what to do about it; then nothing has changed.
    pub(super) fn plan(&mut self, settings: &Settings) -> anyhow::Result<Plan> {
        OwnNetwork::check_change(self.own.as_ref(), settings.net.as_ref())?;
        let mut plan = Plan { net: settings.net.clone(), ..Plan::default() };
        match self.fill(&mut plan, settings) {
            Ok(()) => Ok(plan),
            Err(error) => {
                self.undo(plan);
                Err(error)
            }
        }
    }

    /// Puts back what a plan took, and closes what it opened.
    pub(super) fn undo(&mut self, plan: Plan) {
        self.secrets.take_back(plan.secrets);
    }

    fn fill(&mut self, plan: &mut Plan, settings: &Settings) -> anyhow::Result<()> {
        let default = [Listen::at(Place::Local(8080))];
        let all = if settings.listen.is_empty() { &default[..] } else { &settings.listen };
        let alpn = match settings.limits.http2 {
            Some(_) => vec![Alpn::H2, Alpn::Http11],
            None => vec![Alpn::Http11],
        };
        let client_auth = settings.sites.iter().filter_map(client_auth).collect();
        let manner = Manner { alpn, client_auth };
        for listen in all {
            self.add(plan, listen, &manner, Who::Sites)?;
        }
        if let Some(admin) = &settings.admin {
            let manner = Manner { client_auth: Vec::new(), ..manner };
            self.add(plan, &admin.listen, &manner, Who::Admin)?;
        }
        Ok(())
    }

    /// Opens a place, at both of its addresses if it has two.
    fn add(
        &mut self,
        plan: &mut Plan,
        listen: &Listen,
        manner: &Manner,
        who: Who,
    ) -> anyhow::Result<()> {
        let tls = listen.tls.as_ref();
        let tls = tls.map(|tls| plan.secrets.open(tls, manner, &mut self.secrets)).transpose()?;
        let announcers = listen.proxies.clone().map(Proxies::into_announcers);
        let open = |asked, listener| Open {
            asked,
            listener,
            tls: tls.clone(),
            announcers: announcers.clone(),
            congestion_control: listen.congestion_control.clone(),
            who,
        };
        if let (Some(own), Some(wanted), Who::Sites) = (&self.own, &plan.net, who)
            && let Some(places) = own.places(&listen.place, wanted)
        {
            for asked in places.into_iter().map(Address::Ip) {
                let listener = self.own_listener(plan, &asked)?;
                plan.open.push(open(asked, listener));
            }
            return Ok(());
        }
        let (asked, also) = listen.place.addresses();
        let listener = self.listener(plan, &asked, who)?;
        let port = listener.address.port();
        if let Some(mode) = listen.mode {
            set_mode(&listener, mode)?;
        }
        plan.open.push(open(asked, listener));
        // A port that the kernel chose is the same for both. Not every machine has IPv6, and nobody
        // asked for it by name.
        let also = also.zip(port).map(|(also, port)| SocketAddr::new(also.ip(), port));
        if let Some(asked) = also.map(Address::Ip)
            && let Ok(listener) = self.listener(plan, &asked, who)
        {
            plan.open.push(open(asked, listener));
        }
        Ok(())
    }

    /// The sockets for an address: those that are open, or were open when the program began, or new
    /// ones.
    fn listener(&mut self, plan: &Plan, asked: &Address, who: Who) -> anyhow::Result<Listener> {
        let is_planned = |open: &&Open| {
            plan.open.iter().any(|planned| planned.listener.address == open.listener.address)
        };
        let open = self.open.iter().find(|open| open.asked == *asked && !is_planned(open));
        if let Some(open) = open {
            return Ok(open.listener.try_clone()?);
        }
        let workers = match who {
            Who::Sites => self.workers,
            Who::Admin => 1,
        };
        match self.inherited.remove(asked) {
            Some(listener) => Ok(listener),
            None => bind(asked, workers),
        }
    }

    /// What listens at an address of our own network.
    fn own_listener(&mut self, plan: &Plan, asked: &Address) -> anyhow::Result<Listener> {
        let (Some(own), Some(wanted)) = (&mut self.own, &plan.net) else {
            bail!("there is no network of our own")
        };
        let Address::Ip(address) = *asked else { bail!("{asked} is the kernel's") };
        let is_twice = plan.open.iter().any(|open| open.asked == *asked && address.port() != 0);
        ensure!(!is_twice, "cannot listen at {asked} twice");
        match self.open.iter().find(|open| open.asked == *asked && open.who == Who::Sites) {
            Some(open) => Ok(open.listener.try_clone()?),
            None => own.listen(address, wanted),
        }
    }

    /// Makes the plan what is open; what it does not have is closed.
    pub(super) fn adopt(&mut self, plan: Plan) {
        let Plan { open, secrets, net } = plan;
        open.iter().for_each(Open::set_congestion_control);
        let before = std::mem::replace(&mut self.open, open);
        self.secrets = secrets;
        if let (Some(own), Some(net)) = (&mut self.own, net) {
            own.adopt(net);
        }
        for gone in before {
            if !self.open.iter().any(|open| open.listener.address == gone.listener.address) {
                remove_file(&gone.listener);
            }
        }
    }

    /// Closes what was there when the program started and nobody asked for.
    pub(super) fn close_unasked(&mut self) {
        for listener in std::mem::take(&mut self.inherited).into_rest() {
            tracing::warn!(address = %listener.address, "nobody asked to listen there");
        }
    }

    /// Every address, whether TLS is spoken there, and who serves there.
    pub(super) fn addresses(&self) -> Vec<(Address, bool, Who)> {
        let of = |open: &Open| {
            let (is_secure, who) = (open.tls.is_some(), open.who);
            let shown = match (&self.own, &open.listener.address, who) {
                (Some(own), Address::Ip(address), Who::Sites) => {
                    own.shown(*address).into_iter().map(Address::Ip).collect()
                }
                (_, address, _) => vec![address.clone()],
            };
            shown.into_iter().map(move |address| (address, is_secure, who))
        };
        self.open.iter().flat_map(of).collect()
    }

    /// What the workers are told of a network of our own, for it to be what a plan says.
    pub(super) fn network(&self, plan: &Plan) -> anyhow::Result<Option<NetworkSettings>> {
        let both = self.own.as_ref().zip(plan.net.as_ref());
        both.map(|(own, wanted)| own.settings(wanted)).transpose()
    }

    /// Every socket, for the program that takes over, and whether it is lent.
    pub(super) fn sockets(&self) -> io::Result<Vec<(OwnedFd, bool)>> {
        let mut sockets = Vec::new();
        for Open { listener, .. } in &self.open {
            let of_listener = listener.try_clone()?.into_sockets();
            sockets.extend(of_listener.into_iter().map(|socket| (socket, listener.is_lent)));
        }
        Ok(sockets)
    }

    /// Takes away what would be left in the file system.
    pub(super) fn clean_up(&self) {
        for open in &self.open {
            remove_file(&open.listener);
        }
    }
}

impl Plan {
    /// The sockets in the file system that are ours.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let file = |open: &Open| match &open.listener {
            Listener { address: Address::Unix(path), is_lent: false, .. } => Some(path.clone()),
            _ => None,
        };
        self.open.iter().filter_map(file).collect()
    }

    /// The places where these serve.
    pub(super) fn places(&self, who: Who) -> io::Result<Vec<server::Place>> {
        let place = |open: &Open| {
            let listener = open.listener.try_clone()?;
            Ok(server::Place {
                listener,
                tls: open.tls.clone(),
                announcers: open.announcers.clone(),
            })
        };
        self.open.iter().filter(|open| open.who == who).map(place).collect()
    }
}

/// Whose certificates clients may show under a site's names.
fn client_auth(site: &Site) -> Option<ClientAuth> {
    (!site.authorities.is_empty()).then(|| ClientAuth {
        names: site.names.iter().map(HostPattern::shown).collect(),
        authorities: site.authorities.clone(),
    })
}

/// Says who may connect to a socket in the file system, unless it is somebody else's.
fn set_mode(listener: &Listener, mode: u32) -> anyhow::Result<()> {
    if let (Address::Unix(path), false) = (&listener.address, listener.is_lent) {
        std::fs::set_permissions(path, Permissions::from_mode(mode))
            .with_context(|| format!("cannot say who may connect to {}", path.display()))?;
    }
    Ok(())
}

/// Takes a socket's file away, unless somebody else goes on with it: nobody would find the way to
/// systemd any more.
fn remove_file(listener: &Listener) {
    if let (Address::Unix(path), false) = (&listener.address, listener.is_lent) {
        let _ = std::fs::remove_file(path);
    }
}

fn bind(address: &Address, workers: usize) -> anyhow::Result<Listener> {
    server::bind(address, workers).map_err(|error| {
        let shown = format!("cannot listen at {address}");
        let hint = match (address, error.kind()) {
            (Address::Ip(ip), io::ErrorKind::AddrInUse) => format!(
                "{shown}: another program does, or this one for something else; choose another port \
                 (--listen, or `listen` in the configuration), or 0 for any (`ss -ltnp sport = :{}` \
                 shows who it is)",
                ip.port()
            ),
            (Address::Ip(_), io::ErrorKind::PermissionDenied) => format!(
                "{shown}: ports below 1024 are for privileged users; choose another (--listen, or \
                 `listen` in the configuration), start as root with `user` there, or allow it with \
                 `setcap cap_net_bind_service=+ep hepta`"
            ),
            (Address::Ip(_), io::ErrorKind::AddrNotAvailable) => {
                format!("{shown}: this machine does not have that address")
            }
            (Address::Unix(path), io::ErrorKind::AddrInUse) => format!(
                "{shown}: another program does, or it is no socket (`ss -lxp src {}` shows who it is)",
                path.display()
            ),
            _ => shown,
        };
        anyhow::Error::new(error).context(hint)
    })
}
