mod conversations;
mod hostile;
mod options;

use std::net::Ipv4Addr;
use std::time::Duration;

use base::xray::{self, Film, Layer};
use base::{Cx, Instant, Mac, TxBuf, Wall, World};

use crate::wire::{Header, Kind, Options, option};
use crate::{Client, Config, Event, State};

const MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);
const US: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// A client, its clock, and what it has said.
struct Play {
    now: Instant,
    world: World,
    film: Film,
    client: Client,
    /// Messages that the client has sent and nobody has looked at: when, to whom, which bytes.
    sent: Vec<(Instant, Ipv4Addr, Vec<u8>)>,
    events: Vec<Event>,
}

/// What a server adds to an answer, or says in another way.
type Changes<'a> = &'a [(u8, &'a [u8])];

impl Play {
    /// A client that begins at once.
    fn new() -> Self {
        Self::with(Config { start_delay_max: Duration::ZERO, ..Config::default() })
    }

    fn with(config: Config) -> Self {
        xray::watch(&Layer::ALL);
        let client = Client::new(config, MAC, 1500);
        let (now, world, film) = (Instant::ORIGIN, World::seeded(1), Film::default());
        let mut play = Self { now, world, film, client, sent: Vec::new(), events: Vec::new() };
        play.tell(|client, cx| client.start(cx));
        play.run(Duration::ZERO);
        play
    }

    /// The same, up to an address that is in use, with these options in the server's answers.
    fn bound(changes: Changes<'_>) -> Self {
        let mut play = Self::new();
        play.answer(Kind::Offer, changes);
        play.answer(Kind::Ack, changes);
        play.tell(|client, cx| client.handle_claimed(cx));
        assert_eq!(play.client.state(), State::Bound, "{}", play.film.text);
        play.sent.clear();
        play.events.clear();
        play
    }

    fn tell(&mut self, run: impl FnOnce(&mut Client, &mut Cx<'_>)) {
        let mut cx = Cx::new(self.now, Wall(0), &mut self.world).watched_by(&mut self.film);
        run(&mut self.client, &mut cx);
        let mut out = TxBuf::new();
        while let Some(outgoing) = self.client.poll_transmit(&mut cx, &mut out) {
            self.sent.push((self.now, outgoing.destination, out.as_slice().to_vec()));
            out.clear();
        }
        self.events.extend(std::iter::from_fn(|| self.client.poll_event()));
    }

    /// Lets `duration` pass.
    fn run(&mut self, duration: Duration) {
        let end = self.now.after(duration);
        while let Some((at, _)) = self.client.poll_timeout().filter(|(at, _)| *at <= end) {
            self.now = at.max(self.now);
            self.tell(|client, cx| client.handle_timeout(cx));
        }
        self.now = end;
    }

    fn run_secs(&mut self, secs: u64) {
        self.run(Duration::from_secs(secs));
    }

    /// What a server answers to the conversation at hand: for an hour, in a network of 256. An empty
    /// value leaves an option out.
    fn answer(&mut self, kind: Kind, changes: Changes<'_>) {
        let bytes = reply(kind, self.client.xid, US, changes);
        self.tell(|client, cx| client.handle_message(cx, SERVER, &bytes));
    }

    /// The last message that was sent.
    fn last(&self) -> (Header, Options<'_>) {
        let (_, _, bytes) = self.sent.last().expect("something was sent");
        Header::parse(bytes).unwrap()
    }

    /// When each message was sent, in seconds, what it was, and to whom.
    fn times(&self) -> Vec<(u64, Kind, Ipv4Addr)> {
        let of = |(at, to, bytes): &(Instant, Ipv4Addr, Vec<u8>)| {
            let kind = Header::parse(bytes).unwrap().1.kind().unwrap();
            (at.since(Instant::ORIGIN).as_secs(), kind, *to)
        };
        self.sent.iter().map(of).collect()
    }
}

/// A server's message.
fn reply(kind: Kind, xid: u32, yiaddr: Ipv4Addr, changes: Changes<'_>) -> Vec<u8> {
    let kind = [kind.number()];
    let (server, hour) = (SERVER.octets(), 3600u32.to_be_bytes());
    let mut options: Vec<(u8, &[u8])> = vec![
        (option::MESSAGE_TYPE, &kind),
        (option::SERVER_ID, &server),
        (option::LEASE_TIME, &hour),
        (option::SUBNET_MASK, &[255, 255, 255, 0]),
    ];
    options.retain(|(code, _)| !changes.iter().any(|(other, _)| other == code));
    options.extend_from_slice(changes);
    let header = Header { is_reply: true, yiaddr, ..Header::request(xid, MAC) };
    let mut out = TxBuf::new();
    header.emit(options, &mut out);
    out.as_slice().to_vec()
}
