use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use base::{Instant, Rng};

/// How badly one direction of a cable behaves. Chances are per ten thousand.
#[derive(Clone, Debug)]
pub struct Weather {
    /// The least time a frame takes.
    pub delay: Duration,
    /// How much longer it may take; what is more than the time between frames reorders.
    pub jitter: Duration,
    /// Bits a second; nothing means that it takes no time to put a frame on the cable.
    pub rate: Option<u64>,
    /// How many bytes may wait for their turn when there is a rate; the rest is lost.
    pub queue: usize,
    /// Chance that a frame is lost.
    pub loss: u32,
    /// Chance that a loss takes those behind it too: the mean length of such a row, less one.
    pub burst: u32,
    /// Chance that a frame arrives twice.
    pub duplicate: u32,
    /// Chance that a bit of a packet is turned, behind the link's own check.
    pub corrupt: u32,
    /// When nothing arrives.
    pub outages: Vec<(Instant, Instant)>,
}

impl Default for Weather {
    /// A fair day: a millisecond, and nothing is lost.
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(1),
            jitter: Duration::ZERO,
            rate: None,
            queue: usize::MAX,
            loss: 0,
            burst: 0,
            duplicate: 0,
            corrupt: 0,
            outages: Vec::new(),
        }
    }
}

/// One direction of a cable. What is put in at one end comes out at the other, or not.
#[derive(Debug)]
pub struct Cable {
    weather: Weather,
    rng: Rng,
    in_flight: BinaryHeap<Reverse<(Instant, u64, Vec<u8>)>>,
    /// When the last frame that waits will have been put on the cable.
    busy_until: Instant,
    is_in_burst: bool,
    sent: u64,
    lost: u64,
}

impl Cable {
    /// A cable whose weather follows from `seed`.
    pub fn new(weather: Weather, seed: u64) -> Self {
        Self {
            weather,
            rng: Rng::seeded(seed),
            in_flight: BinaryHeap::new(),
            busy_until: Instant::ORIGIN,
            is_in_burst: false,
            sent: 0,
            lost: 0,
        }
    }

    /// Puts a frame in at `now`.
    pub fn send(&mut self, now: Instant, frame: &[u8]) {
        let Some(leaves) = self.take_turn(now, frame.len()) else {
            self.lost += 1;
            return;
        };
        let copies = 1 + usize::from(self.happens(self.weather.duplicate));
        for _ in 0..copies {
            let is_out = self.weather.outages.iter().any(|(a, b)| (*a..*b).contains(&leaves));
            if self.is_lost() || is_out {
                self.lost += 1;
                continue;
            }
            let mut frame = frame.to_vec();
            if self.happens(self.weather.corrupt) {
                self.damage(&mut frame);
            }
            let jitter = self.weather.jitter.as_nanos() as u64;
            let jitter = jitter / 1024 * u64::from(self.rng.below(1024));
            let arrives = leaves.after(self.weather.delay + Duration::from_nanos(jitter));
            self.sent += 1;
            self.in_flight.push(Reverse((arrives, self.sent, frame)));
        }
    }

    /// When the next frame comes out.
    pub fn next(&self) -> Option<Instant> {
        self.in_flight.peek().map(|Reverse((at, ..))| *at)
    }

    /// The next frame that is out by `now`.
    pub fn receive(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.next().filter(|at| *at <= now)?;
        self.in_flight.pop().map(|Reverse((.., frame))| frame)
    }

    /// How many frames were lost.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// When the frame will be on the cable, unless the queue is full.
    fn take_turn(&mut self, now: Instant, len: usize) -> Option<Instant> {
        let Some(rate) = self.weather.rate else { return Some(now) };
        let waiting = self.busy_until.since(now).as_nanos() as u64 / 8 * rate / 1_000_000_000;
        if waiting as usize + len > self.weather.queue {
            return None;
        }
        let takes = Duration::from_nanos(len as u64 * 8 * 1_000_000_000 / rate);
        self.busy_until = self.busy_until.max(now).after(takes);
        Some(self.busy_until)
    }

    fn is_lost(&mut self) -> bool {
        let goes_on = self.is_in_burst && self.happens(self.weather.burst);
        self.is_in_burst = goes_on || self.happens(self.weather.loss);
        self.is_in_burst
    }

    fn happens(&mut self, chance: u32) -> bool {
        chance > 0 && self.rng.below(10_000) < chance
    }

    /// Turns one bit of a packet of IP. A link's own check finds what happens on the cable; this is
    /// what happens in the memory of a router (RFC 1071's reason to be). ARP has no check of its own.
    fn damage(&mut self, frame: &mut [u8]) {
        const HEADER: usize = 14;
        let is_arp = frame.get(12..14) == Some(&[0x08, 0x06]);
        let Some(len) = frame.len().checked_sub(HEADER).filter(|len| *len > 0 && !is_arp) else {
            return;
        };
        let at = HEADER + self.rng.below(len as u32) as usize;
        if let Some(byte) = frame.get_mut(at) {
            *byte ^= 1 << self.rng.below(8);
        }
    }
}
