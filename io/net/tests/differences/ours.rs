//! Our host, in virtual time.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use base::xray::{Film, Watching};
use base::{Cx, Instant, TxBuf, Wall, World};
use host::{Config, Host, InterfaceConfig, ListenerId, TcpId};
use ip::{Cidr, InterfaceId, Prefix, Route};
use neighbor::Claim;
use phys::RxFrame;

use crate::conversation::{Action, Conversation, Role, Verb};
use crate::segment::{Peer, Said, parse, peer, target};

/// When conversations begin: late enough that no clock stands near zero.
const BEGINNING: Instant = Instant::from_millis(1_000_000);

struct Ours {
    host: Host,
    world: World,
    now: Instant,
    link: InterfaceId,
    out: TxBuf,
    is_v6: bool,
    peer: Peer,
    role: Role,
    listener: Option<ListenerId>,
    stream: Option<TcpId>,
    said: Vec<Vec<Said>>,
    /// What our host says of itself, if somebody wants to see it.
    film: Option<(Film, Watching)>,
}

/// Plays a conversation, each step at its instant; what was said after each.
pub(crate) fn play(conversation: &Conversation, instants: &[Duration]) -> Vec<Vec<Said>> {
    let mut ours = Ours::new(conversation);
    for (n, at) in instants.iter().enumerate() {
        ours.pass_until(BEGINNING.after(*at));
        if let Some(step) = conversation.steps.get(n) {
            ours.said.push(Vec::new());
            ours.act(&step.action, *at);
            ours.settle();
        }
    }
    ours.said
}

impl Ours {
    fn new(conversation: &Conversation) -> Self {
        let mut config = Config::new([7; 16]);
        config.tcp.each = tcp::Config::profile(tcp::Profile::Linux);
        config.tcp.each.retransmit.tail_loss_probe = false;
        config.tcp.each.congestion.algorithm = tcp::Algorithm::NewReno;
        let mut host = Host::new(config);
        let link = host.add_interface(InterfaceConfig::point_to_point("tun0", 1500)).unwrap();
        let mut world = World::seeded(conversation.seed);
        let mut cx = Cx::new(BEGINNING, Wall(0), &mut world);
        let is_v6 = conversation.is_v6;
        let (len, all, any) = match is_v6 {
            false => (24, Prefix::ALL_V4, Ipv4Addr::UNSPECIFIED.into()),
            true => (64, Prefix::ALL_V6, Ipv6Addr::UNSPECIFIED.into()),
        };
        let cidr = Cidr::new(target(is_v6), len).unwrap();
        host.add_address(&mut cx, link, cidr, Claim::Silent).unwrap();
        host.add_route(Route::on_link(all, link)).unwrap();
        let at = SocketAddr::new(any, 80);
        let listener = match conversation.role {
            Role::Server => Some(host.tcp_listen(at, 128).unwrap()),
            Role::Client => None,
        };
        let mut ours = Self {
            host,
            world,
            now: BEGINNING,
            link,
            out: TxBuf::new(),
            is_v6,
            peer: Peer::new(is_v6, (80, 10_000)),
            role: conversation.role,
            listener,
            stream: None,
            said: Vec::new(),
            film: std::env::var_os("FILM").map(|_| (Film::default(), Watching::begin())),
        };
        ours.settle();
        ours
    }

    fn with<T>(&mut self, run: impl FnOnce(&mut Cx<'_>, &mut Host) -> T) -> T {
        let mut cx = Cx::new(self.now, Wall(0), &mut self.world);
        if let Some((film, _)) = &mut self.film {
            cx = cx.watched_by(film);
        }
        let result = run(&mut cx, &mut self.host);
        if let Some((film, _)) = &mut self.film {
            eprint!("{}", film.take());
        }
        result
    }

    fn pass_until(&mut self, at: Instant) {
        while let Some(next) = self.host.poll_timeout().filter(|next| *next <= at) {
            self.now = self.now.max(next);
            self.with(|cx, host| host.handle_timeout(cx));
            self.settle();
        }
        self.now = at;
    }

    fn act(&mut self, action: &Action, at: Duration) {
        match action {
            Action::Peer(piece) => {
                let mut packet = TxBuf::new();
                self.peer.write(piece, at, &mut packet);
                let link = self.link;
                self.with(|cx, host| host.handle_frame(cx, link, &RxFrame::new(packet.as_slice())));
            }
            Action::Program(Verb::Connect) => {
                let to = SocketAddr::new(peer(self.is_v6), self.peer.ports.1);
                self.stream = Some(self.with(|cx, host| host.tcp_connect(cx, None, to).unwrap()));
            }
            Action::Program(verb) => {
                if let Some(id) = self.stream {
                    self.with(|cx, host| match *verb {
                        Verb::Write(n) => drop(host.tcp_write_slice(cx, id, &vec![0; n])),
                        Verb::Read => while host.tcp_read(cx, id, &mut [0; 65_536]) > 0 {},
                        Verb::ShutDown => host.tcp_shut_down(cx, id),
                        Verb::Close => drop(host.tcp_close(cx, id)),
                        Verb::Connect => {}
                    });
                }
            }
        }
    }

    /// Everything that is said now is said.
    fn settle(&mut self) {
        let mut out = std::mem::take(&mut self.out);
        loop {
            let frame = self.with(|cx, host| host.poll_frame(cx, &mut out));
            if frame.is_some() {
                out.finish_checksum();
                let (header, len, ecn) = parse(out.as_slice()).expect("it is a segment");
                if self.role == Role::Client {
                    self.peer.ports.0 = header.source;
                }
                let said = self.peer.read(&header, len, ecn);
                self.said.last_mut().expect("nothing is said before the first step").push(said);
            } else if self.host.poll_event().is_none() {
                break;
            }
        }
        self.out = out;
        if let Some(id) = self.listener.and_then(|listener| self.host.tcp_accept(listener)) {
            self.stream = Some(id);
        }
    }
}
