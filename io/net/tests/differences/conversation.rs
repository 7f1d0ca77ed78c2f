//! What a strange peer sends, and what the program above does: all of it from one seed.

use std::fmt;
use std::time::Duration;

use base::Rng;
use tcp::Flags;

/// A conversation.
pub(crate) struct Conversation {
    pub(crate) seed: u64,
    /// Whether it is played over IPv6.
    pub(crate) is_v6: bool,
    pub(crate) role: Role,
    pub(crate) steps: Vec<Step>,
}

/// Which end is played to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    /// It listens.
    Server,
    /// It connects.
    Client,
}

/// Something happens, a while after what came before.
pub(crate) struct Step {
    pub(crate) wait: Duration,
    pub(crate) action: Action,
}

pub(crate) enum Action {
    Peer(Piece),
    Program(Verb),
}

/// What the program does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verb {
    Connect,
    Write(usize),
    Read,
    ShutDown,
    Close,
}

/// A segment of the peer's. Numbers count from the SYN of who they belong to.
pub(crate) struct Piece {
    pub(crate) flags: Flags,
    pub(crate) seq: i64,
    pub(crate) ack: i64,
    pub(crate) len: usize,
    pub(crate) window: u16,
    pub(crate) urgent: u16,
    /// How much the timestamp lies behind the peer's clock; nothing for none.
    pub(crate) age: Option<u32>,
    pub(crate) sack: Vec<(i64, i64)>,
    /// In a SYN: the largest segment, the scale, selective acknowledgements.
    pub(crate) offer: Option<Offer>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer {
    pub(crate) mss: Option<u16>,
    pub(crate) scale: Option<u8>,
    pub(crate) sack: bool,
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program(verb) => write!(f, "{verb:?}"),
            Self::Peer(piece) => {
                let Piece { flags, seq, ack, len, window, urgent, age, sack, offer } = piece;
                write!(f, "< {flags:?} {seq}:{}({len}) ack {ack} win {window}", seq + *len as i64)?;
                write!(f, " age {age:?} sack {sack:?} urg {urgent} {offer:?}")
            }
        }
    }
}

/// How the peer is when all goes well, and what it thinks it has sent and got.
struct Writer {
    rng: Rng,
    steps: Vec<Step>,
    offer: Offer,
    has_timestamps: bool,
    /// The next number that is new.
    nxt: i64,
    /// Behind what the program wrote, with its SYN and FIN.
    written: i64,
    /// What was acknowledged of it.
    una: i64,
    is_over: bool,
    has_finished: bool,
    /// What was said is answered after a moment of the kernel's clock: nothing may follow at once.
    settles: bool,
}

/// From here on seeds are of conversations in which much is sent, and acknowledged bit by bit.
pub(crate) const BULK: u64 = 1_000_000;

/// From here on they are the same once more, over IPv6.
pub(crate) const OVER_V6: u64 = 10_000_000;

impl Conversation {
    pub(crate) fn from_seed(seed: u64) -> Self {
        let is_v6 = seed >= OVER_V6;
        let of_v4 = if is_v6 { seed - OVER_V6 } else { seed };
        let same = if of_v4 >= BULK { Self::bulk(of_v4) } else { Self::odd(of_v4) };
        Self { seed, is_v6, ..same }
    }

    /// A strange peer, who says anything.
    fn odd(seed: u64) -> Self {
        let mut rng = Rng::seeded(seed.wrapping_mul(0x9e37_79b9).wrapping_add(7));
        // The first numbers of near seeds are near.
        let _ = (0..8).map(|_| rng.below(2)).sum::<u32>();
        let role = if rng.below(2) == 0 { Role::Server } else { Role::Client };
        let mut pick = |from: &[u16]| from[rng.below(from.len() as u32) as usize];
        let mss = Some(pick(&[1460, 1000, 536, 100])).filter(|_| pick(&[0, 1, 1, 1]) == 1);
        let scale = Some(pick(&[0, 2, 7, 14]) as u8).filter(|_| pick(&[0, 1]) == 1);
        let offer = Offer { mss, scale, sack: pick(&[0, 1, 1]) == 1 };
        let has_timestamps = pick(&[0, 1]) == 1;
        let mut writer = Writer::new(rng, offer, has_timestamps);
        match role {
            Role::Server => writer.be_served(),
            Role::Client => writer.be_connected_to(),
        }
        let count = 6 + writer.below(10);
        for _ in 0..count {
            if writer.is_over {
                break;
            }
            writer.go_on();
        }
        Self { seed, is_v6: false, role, steps: writer.steps }
    }
}

impl Conversation {
    /// A peer that takes much, a little at a time, and not always in order.
    fn bulk(seed: u64) -> Self {
        let mut rng = Rng::seeded(seed.wrapping_mul(0x9e37_79b9).wrapping_add(7));
        let _ = (0..8).map(|_| rng.below(2)).sum::<u32>();
        let mut pick = |from: &[u16]| from[rng.below(from.len() as u32) as usize];
        let mss = pick(&[1460, 1000, 536]);
        let offer = Offer { mss: Some(mss), scale: Some(7), sack: pick(&[0, 1, 1]) == 1 };
        let has_timestamps = pick(&[0, 1]) == 1;
        let mut writer = Writer::new(rng, offer, has_timestamps);
        writer.take_bit_by_bit(i64::from(mss) - if has_timestamps { 12 } else { 0 });
        Self { seed, is_v6: false, role: Role::Server, steps: writer.steps }
    }
}

impl Writer {
    /// Nothing said yet.
    fn new(rng: Rng, offer: Offer, has_timestamps: bool) -> Self {
        Self {
            rng,
            steps: Vec::new(),
            offer,
            has_timestamps,
            nxt: 1,
            written: 1,
            una: 1,
            is_over: false,
            has_finished: false,
            settles: false,
        }
    }

    /// `segment` is how much each of ours carries.
    fn take_bit_by_bit(&mut self, segment: i64) {
        let step = |action| Step { wait: Duration::from_millis(40), action };
        self.say(Flags::SYN, |piece| (piece.seq, piece.ack) = (0, 0));
        self.say(Flags::ACK, |_| {});
        for step in &mut self.steps {
            step.wait = Duration::from_millis(40);
        }
        // As much as the kernel's buffer takes at first: where it cuts what waits is not to be seen.
        const WRITTEN: i64 = 24;
        self.steps.push(step(Action::Program(Verb::Write((WRITTEN * segment) as usize))));
        // What has certainly left: the first window, and one for each that arrived.
        let mut sent = 10;
        let (mut taken, mut beyond_gap) = (0, 0);
        while self.steps.len() < 24 && taken < WRITTEN {
            let wait = [0, 0, 0, 1, 3, 40][self.below(6) as usize];
            let before = self.steps.len();
            match self.below(8) {
                0 | 1 if self.offer.sack && beyond_gap == 0 && taken + 4 < sent => {
                    // The next is missing: what is behind it comes one by one.
                    beyond_gap = (1 + self.below((sent - taken - 1) as u32 - 1)).min(5);
                    let start = self.una + segment;
                    for n in 1..=beyond_gap {
                        let end = start + n * segment;
                        self.say(Flags::ACK, |piece| piece.sack = vec![(start, end)]);
                    }
                }
                _ => {
                    // The gap is filled, and what came behind it is there.
                    let n = match std::mem::take(&mut beyond_gap) {
                        0 => (1 + self.below(3)).min(sent - taken),
                        beyond => 1 + beyond,
                    };
                    let n = n.min(WRITTEN - taken);
                    taken += n;
                    sent = (sent + n).min(WRITTEN);
                    self.una += n * segment;
                    self.say(Flags::ACK, |_| {});
                }
            }
            for (n, step) in self.steps[before..].iter_mut().enumerate() {
                step.wait = Duration::from_millis(if n == 0 { wait } else { 0 });
            }
        }
    }

    fn below(&mut self, n: u32) -> i64 {
        i64::from(self.rng.below(n))
    }

    fn happens(&mut self, one_in: u32) -> bool {
        self.rng.below(one_in) == 0
    }

    /// Most things follow at once; some when delayed acknowledgements are out, and before or between
    /// timeouts. The round trip of the handshake has another length, for timers follow it.
    fn push(&mut self, action: Action) {
        let later = if self.steps.len() < 3 { 40 } else { 140 };
        let is_later = self.happens(3) || std::mem::take(&mut self.settles);
        let wait = if is_later { later } else { 1 };
        self.steps.push(Step { wait: Duration::from_millis(wait), action });
    }

    fn say(&mut self, flags: Flags, change: impl FnOnce(&mut Piece)) {
        let age = self.has_timestamps.then_some(0);
        let offer = flags.has(Flags::SYN).then_some(self.offer);
        let (ack, window) = (self.una, if self.offer.scale.is_some() { 2000 } else { 30_000 });
        let seq = self.nxt;
        let (len, urgent, sack) = (0, 0, Vec::new());
        let mut piece = Piece { flags, seq, ack, len, window, urgent, age, sack, offer };
        change(&mut piece);
        self.push(Action::Peer(piece));
    }

    fn be_served(&mut self) {
        let len = if self.happens(8) { 10 } else { 0 };
        self.say(Flags::SYN, |piece| (piece.seq, piece.ack, piece.len) = (0, 0, len));
        if self.happens(6) {
            self.say(Flags::SYN, |piece| (piece.seq, piece.ack) = (0, 0));
        }
        match self.below(12) {
            0 => self.say(Flags::ACK, |piece| piece.ack = 77),
            1 => self.say(Flags::SYN, |piece| piece.seq = 50),
            2 => self.say(Flags::RST, |piece| piece.seq = 99_000),
            3 => self.say(Flags::ACK, |piece| piece.seq = 99_000),
            4 => self.say(Flags::NONE, |piece| piece.len = 5),
            _ => {}
        }
        let (len, push) = if self.happens(4) { (300, Flags::PSH) } else { (0, Flags::NONE) };
        self.say(Flags::ACK | push, |piece| piece.len = len);
        self.nxt += len as i64;
    }

    fn be_connected_to(&mut self) {
        self.steps.push(Step { wait: Duration::ZERO, action: Action::Program(Verb::Connect) });
        match self.below(10) {
            0 => self.say(Flags::SYN | Flags::ACK, |piece| (piece.seq, piece.ack) = (0, 5)),
            1 => self.say(Flags::ACK, |piece| piece.ack = 9),
            2 => self.say(Flags::RST, |piece| piece.seq = 0),
            3 => self.say(Flags::FIN, |piece| piece.seq = 0),
            _ => {}
        }
        self.settles = true;
        if self.happens(10) {
            // Both have sent a SYN.
            self.say(Flags::SYN, |piece| (piece.seq, piece.ack) = (0, 0));
        }
        self.say(Flags::SYN | Flags::ACK, |piece| (piece.seq, piece.ack) = (0, 1));
        if self.happens(8) {
            self.say(Flags::SYN | Flags::ACK, |piece| (piece.seq, piece.ack) = (0, 1));
        }
    }

    fn go_on(&mut self) {
        match self.below(24) {
            0..=3 => self.write(),
            4 => self.push(Action::Program(Verb::Read)),
            5 => self.leave(),
            6..=9 => self.send_data(),
            10..=12 => self.acknowledge(),
            13 => self.say_out_of_order(),
            14 => self.say_again(),
            15 => self.finish(),
            16 => self.reset(),
            17 => self.say_syn(),
            18 => self.say_without_ack(),
            19 => self.say_late(),
            20 => self.change_window(),
            21 => self.claim_selectively(),
            22 => self.say_urgent(),
            _ => self.say_out_of_window(),
        }
    }

    fn write(&mut self) {
        let n = [1, 50, 700, 1460, 3000][self.below(5) as usize];
        if !self.has_finished {
            self.written += n as i64;
        }
        self.push(Action::Program(Verb::Write(n)));
    }

    fn leave(&mut self) {
        let verb = if self.happens(3) { Verb::Close } else { Verb::ShutDown };
        if !self.has_finished {
            self.has_finished = true;
            self.written += 1;
        }
        self.push(Action::Program(verb));
    }

    fn send_data(&mut self) {
        let len = [1, 87, 500, 1000, 1460][self.below(5) as usize];
        let push = if self.happens(2) { Flags::PSH } else { Flags::NONE };
        self.say(Flags::ACK | push, |piece| piece.len = len);
        self.nxt += len as i64;
    }

    fn acknowledge(&mut self) {
        let ack = match self.below(8) {
            0 => self.written + 500,
            1 => self.una - 1,
            2 => -100_000,
            3 | 4 => self.una + (self.written - self.una) / 2,
            _ => self.written,
        };
        if (self.una..=self.written).contains(&ack) {
            self.una = ack;
        }
        self.say(Flags::ACK, |piece| piece.ack = ack);
    }

    fn say_out_of_order(&mut self) {
        let gap = 1 + self.below(3000);
        let len = 1 + self.below(1400) as usize;
        self.say(Flags::ACK, |piece| (piece.seq, piece.len) = (piece.seq + gap, len));
    }

    fn say_again(&mut self) {
        let back = self.below(self.nxt.clamp(1, 2000) as u32);
        let len = 1 + self.below(1400);
        let end = self.nxt - back + len;
        self.say(Flags::ACK, |piece| (piece.seq, piece.len) = (piece.seq - back, len as usize));
        self.nxt = self.nxt.max(end);
    }

    fn finish(&mut self) {
        let (gap, len) = match self.below(4) {
            0 => (500, 0),
            1 => (0, 200),
            _ => (0, 0),
        };
        self.say(Flags::FIN | Flags::ACK, |piece| (piece.seq, piece.len) = (piece.seq + gap, len));
        if gap == 0 {
            self.nxt += len as i64 + 1;
        }
        self.settles = true;
    }

    fn reset(&mut self) {
        let offset = [0, 1, -1, 5000, 900_000][self.below(5) as usize];
        let ack = if self.happens(2) { Flags::ACK } else { Flags::NONE };
        self.say(Flags::RST | ack, |piece| piece.seq += offset);
        self.is_over = offset == 0;
    }

    fn say_syn(&mut self) {
        let ack = if self.happens(2) { Flags::ACK } else { Flags::NONE };
        let seq = [0, self.nxt, self.nxt + 100, 900_000][self.below(4) as usize];
        self.say(Flags::SYN | ack, |piece| piece.seq = seq);
    }

    fn say_without_ack(&mut self) {
        let flags = [Flags::NONE, Flags::PSH, Flags::FIN, Flags::URG][self.below(4) as usize];
        let offset = [0, 0, 900_000][self.below(3) as usize];
        let len = self.below(2) as usize * 50;
        self.say(flags, |piece| (piece.seq, piece.len) = (piece.seq + offset, len));
    }

    fn say_late(&mut self) {
        let age = [None, Some(5000), Some(1)][self.below(3) as usize];
        let age = age.filter(|_| self.has_timestamps);
        let len = self.below(3) as usize * 100;
        self.say(Flags::ACK, |piece| (piece.age, piece.len) = (age, len));
    }

    fn change_window(&mut self) {
        let window = [0, 1, 100, 1000, 65_535][self.below(5) as usize];
        let ack = if self.happens(2) { self.una } else { self.written };
        self.una = ack;
        self.say(Flags::ACK, |piece| (piece.window, piece.ack) = (window, ack));
    }

    fn claim_selectively(&mut self) {
        let start = self.una - 50 + self.below(1500);
        let end = start + 1 + self.below(2000);
        let ack = if self.happens(3) { self.written } else { self.una };
        self.una = ack;
        self.say(Flags::ACK, |piece| (piece.sack, piece.ack) = (vec![(start, end)], ack));
    }

    fn say_urgent(&mut self) {
        let urgent = [0, 1, 50, 3000][self.below(4) as usize];
        let len = self.below(2) as usize * 100;
        self.say(Flags::ACK | Flags::URG, |piece| (piece.urgent, piece.len) = (urgent, len));
        self.nxt += len as i64;
    }

    fn say_out_of_window(&mut self) {
        let seq = [-1, -5000, 900_000][self.below(3) as usize];
        let len = [0, 0, 1, 100][self.below(4) as usize];
        self.say(Flags::ACK, |piece| (piece.seq, piece.len) = (piece.seq + seq, len));
    }
}
