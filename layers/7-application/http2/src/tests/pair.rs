//! Our client and our server, and what their users want of each other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use base::{Cx, Instant, TxQueue, Wall, World};
use message::{
    Event, ExchangeId, Fields, Head, Method, Name, Request, Reset, Response, Status, Target,
    Version,
};

use crate::{Closing, Config, Connection};

/// One exchange that is to take place.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) upload: Vec<u8>,
    pub(super) download: Vec<u8>,
    /// Whether lengths are announced.
    pub(super) says_length: bool,
    pub(super) has_trailers: bool,
    pub(super) urgency: u8,
    pub(super) incremental: bool,
    /// How much is handed in at a time.
    pub(super) step: usize,
}

/// One end and its user.
pub(super) struct End {
    pub(super) connection: Connection,
    world: World,
    inbox: Vec<u8>,
    /// Bytes that it has sent.
    pub(super) sent: Vec<u8>,
    /// What it still has to send, by exchange.
    outgoing: BTreeMap<u64, Outgoing>,
    /// What came, by exchange.
    pub(super) came: BTreeMap<u64, Came>,
}

struct Outgoing {
    rest: Vec<u8>,
    step: usize,
    trailers: Option<Fields>,
    waits: bool,
}

/// What came of one message.
#[derive(Debug, Default)]
pub(super) struct Came {
    pub(super) heads: usize,
    pub(super) body: Vec<u8>,
    pub(super) trailers: usize,
    pub(super) is_complete: bool,
    pub(super) is_reset: bool,
}

impl End {
    fn new(make: impl FnOnce(&mut Cx<'_>) -> Connection, seed: u64) -> Self {
        let mut world = World::seeded(seed);
        let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut world);
        let connection = make(&mut cx);
        Self {
            connection,
            world,
            inbox: Vec::new(),
            sent: Vec::new(),
            outgoing: BTreeMap::new(),
            came: BTreeMap::new(),
        }
    }

    pub(super) fn server(config: Config) -> Self {
        Self::new(|cx| Connection::server(cx, Arc::new(config)), 1)
    }

    pub(super) fn client(config: Config) -> Self {
        Self::new(|cx| Connection::client(cx, Arc::new(config)), 2)
    }

    pub(super) fn call<T>(
        &mut self,
        now: Duration,
        act: impl FnOnce(&mut Connection, &mut Cx<'_>) -> T,
    ) -> T {
        let now = Instant::from_nanos(u64::try_from(now.as_nanos()).unwrap());
        let mut cx = Cx::new(now, Wall(0), &mut self.world);
        act(&mut self.connection, &mut cx)
    }

    fn transmit(&mut self, now: Duration) {
        let mut bytes = Vec::new();
        self.call(now, |c, cx| {
            let mut out = TxQueue::new();
            while c.poll_transmit(cx, &mut out) {
                while let Some(chunk) = out.pop() {
                    bytes.extend_from_slice(chunk.as_bytes().unwrap());
                }
            }
        });
        self.sent.extend_from_slice(&bytes);
    }

    /// Takes bytes; whether all of them were taken is not its matter.
    fn receive(&mut self, now: Duration, bytes: &[u8]) {
        self.inbox.extend_from_slice(bytes);
        loop {
            let inbox = std::mem::take(&mut self.inbox);
            let taken = self.call(now, |c, cx| c.handle_bytes(cx, &inbox));
            self.inbox = inbox[taken..].to_vec();
            self.transmit(now);
            if taken == 0 || self.inbox.is_empty() {
                break;
            }
        }
    }

    fn events(&mut self) -> Vec<(ExchangeId, Event)> {
        std::iter::from_fn(|| self.connection.poll_event()).collect()
    }

    fn note(&mut self, id: ExchangeId, event: &Event) {
        let came = self.came.entry(id.0).or_default();
        assert!(!came.is_complete && !came.is_reset, "{event:?} behind the end of {}", id.0);
        match event {
            Event::Head(_) => came.heads += 1,
            Event::Data(chunk) => came.body.extend_from_slice(chunk.as_bytes().unwrap()),
            Event::Trailers(_) => came.trailers += 1,
            Event::End => came.is_complete = true,
            Event::Reset(_) => came.is_reset = true,
            Event::Informational(_) | Event::Promise(_) => {}
        }
    }

    fn begin(&mut self, id: u64, body: &[u8], wish: &Wish) {
        let trailers =
            wish.has_trailers.then(|| [("x-sum", "1"), ("host", "no")].into_iter().collect());
        let outgoing = Outgoing { rest: body.to_vec(), step: wish.step, trailers, waits: false };
        self.outgoing.insert(id, outgoing);
    }

    /// Hands in as much as there is room for; who has none waits to be told.
    fn go_on(&mut self, now: Duration) {
        while let Some(id) = self.connection.poll_room() {
            if let Some(outgoing) = self.outgoing.get_mut(&id.0) {
                outgoing.waits = false;
            }
        }
        let ids: Vec<u64> = self.outgoing.keys().copied().collect();
        for id in ids {
            let mut outgoing = self.outgoing.remove(&id).unwrap();
            let is_over = self.call(now, |c, cx| {
                let id = ExchangeId(id);
                while !outgoing.rest.is_empty() && !outgoing.waits {
                    let room = usize::try_from(c.room(cx, id)).unwrap();
                    if room == 0 {
                        outgoing.waits = true;
                        break;
                    }
                    let len = outgoing.rest.len().min(room).min(outgoing.step);
                    let part: Vec<u8> = outgoing.rest.drain(..len).collect();
                    c.send(cx, id, Event::Data(part.into()));
                }
                if !outgoing.rest.is_empty() {
                    return false;
                }
                if let Some(trailers) = outgoing.trailers.take() {
                    c.send(cx, id, Event::Trailers(trailers));
                }
                c.send(cx, id, Event::End);
                true
            });
            if !is_over {
                self.outgoing.insert(id, outgoing);
            }
        }
    }
}

/// Both, and the network between.
pub(super) struct Pair {
    pub(super) client: End,
    pub(super) server: End,
    pub(super) now: Duration,
    wishes: Vec<Wish>,
    opened: BTreeMap<u64, usize>,
    /// Those that are still to be opened.
    waiting: VecDeque<usize>,
    /// How many bytes go at a time.
    cuts: Vec<usize>,
    cut: usize,
}

impl Pair {
    pub(super) fn new(client: Config, server: Config, wishes: Vec<Wish>, cuts: Vec<usize>) -> Self {
        let waiting = (0..wishes.len()).collect();
        Self {
            waiting,
            client: End::client(client),
            server: End::server(server),
            now: Duration::ZERO,
            wishes,
            opened: BTreeMap::new(),
            cuts,
            cut: 0,
        }
    }

    /// Lets everything happen that wants to; panics when it does not come to an end.
    pub(super) fn run(&mut self) {
        for _ in 0..100_000 {
            if !self.step() {
                return;
            }
        }
        panic!("this does not end");
    }

    pub(super) fn step(&mut self) -> bool {
        let mut moved = self.open_next();
        self.client.go_on(self.now);
        self.server.go_on(self.now);
        self.client.transmit(self.now);
        self.server.transmit(self.now);
        moved |= self.carry(true);
        moved |= self.carry(false);
        self.now += Duration::from_micros(50);
        moved | self.handle_client() | self.handle_server()
    }

    fn carry(&mut self, up: bool) -> bool {
        let (from, to) = if up {
            (&mut self.client, &mut self.server)
        } else {
            (&mut self.server, &mut self.client)
        };
        if from.sent.is_empty() {
            return false;
        }
        let len = self.cuts[self.cut % self.cuts.len()].min(from.sent.len());
        self.cut += 1;
        let bytes: Vec<u8> = from.sent.drain(..len).collect();
        to.receive(self.now, &bytes);
        true
    }

    fn open_next(&mut self) -> bool {
        if !self.client.connection.is_reusable() {
            return false;
        }
        let Some(next) = self.waiting.pop_front() else { return false };
        let wish = &self.wishes[next];
        let method = if wish.upload.is_empty() { Method::Get } else { Method::Post };
        let target = Target::origin(&format!("/{next}")).unwrap();
        let mut fields: Fields = [("Host", "x"), ("Cookie", "a=b")].into_iter().collect();
        fields.push("X-Capital", "Yes");
        if wish.says_length && !wish.upload.is_empty() {
            fields.push(Name::ContentLength, wish.upload.len().to_string());
        }
        let i = if wish.incremental { ", i" } else { "" };
        fields.push(Name::Priority, format!("u={}{i}", wish.urgency));
        let request = Request { method, target, version: Version::HTTP_11, fields };
        let id = self.client.call(self.now, |c, cx| c.open(cx, request)).unwrap();
        self.opened.insert(id.0, next);
        let wish = wish.clone();
        self.client.begin(id.0, &wish.upload, &wish);
        true
    }

    fn handle_client(&mut self) -> bool {
        let events = self.client.events();
        let any = !events.is_empty();
        for (id, event) in events {
            if let Event::Reset(Reset { untouched: true, .. }) = event {
                // It came before the server had said how many it takes.
                let number = self.opened.remove(&id.0).unwrap();
                self.waiting.push_back(number);
                self.client.outgoing.remove(&id.0);
                continue;
            }
            self.client.note(id, &event);
            if let Event::Data(chunk) = event {
                let len = chunk.len() as usize;
                self.client.call(self.now, |c, cx| c.release(cx, id, len));
            }
        }
        any
    }

    fn handle_server(&mut self) -> bool {
        let events = self.server.events();
        let any = !events.is_empty();
        for (id, event) in events {
            self.server.note(id, &event);
            match event {
                Event::Head(Head::Request(request)) => {
                    assert_eq!(request.authority().unwrap().host, "x");
                    assert_eq!(request.fields.get(Name::Cookie), Some(&b"a=b"[..]));
                    assert_eq!(request.fields.get_named("x-capital").next(), Some(&b"Yes"[..]));
                    self.server.call(self.now, |c, cx| c.read_body(cx, id));
                }
                Event::Data(chunk) => {
                    let len = chunk.len() as usize;
                    self.server.call(self.now, |c, cx| c.release(cx, id, len));
                }
                Event::End => self.respond(id),
                _ => {}
            }
        }
        any
    }

    /// When all of a request is here, it is answered.
    fn respond(&mut self, id: ExchangeId) {
        let Some(&number) = self.opened.get(&id.0) else { return };
        let wish = self.wishes[number].clone();
        let mut fields: Fields = [("Content-Type", "text/plain")].into_iter().collect();
        if wish.says_length {
            fields.push(Name::ContentLength, wish.download.len().to_string());
        }
        let response = Response::new(Status::OK, fields);
        self.server.call(self.now, |c, cx| c.send(cx, id, Event::Head(Head::Response(response))));
        self.server.begin(id.0, &wish.download, &wish);
    }

    /// Every wish has come true, and nothing is left.
    pub(super) fn check(&self) {
        assert_eq!(self.opened.len(), self.wishes.len(), "some were never asked");
        for (id, number) in &self.opened {
            let wish = &self.wishes[*number];
            let (up, down) = (&self.server.came[id], &self.client.came[id]);
            for (came, wanted) in [(up, &wish.upload), (down, &wish.download)] {
                assert!(came.is_complete && !came.is_reset, "{id}: {came:?}");
                assert_eq!(came.heads, 1);
                assert_eq!(&came.body, wanted, "{id}");
                assert_eq!(came.trailers, usize::from(wish.has_trailers));
            }
        }
        for end in [&self.client, &self.server] {
            assert!(end.connection.is_idle());
            assert_eq!(end.connection.closing(), Closing::Open);
        }
    }
}
