//! How much of a lossy path a stream uses: ours in virtual time, or the kernel's over the same cable in
//! real time. `bench/goodput` runs both.
//!
//! ```text
//! goodput ours LOSS BYTES SEEDS         plays SEEDS transfers; prints bits a second of each
//! goodput cable TAP TAP LOSS SEED       joins two TAP devices by the cable, until its input ends
//! ```
//!
//! LOSS is the chance that a frame is lost, of ten thousand, each way.

#![allow(clippy::print_stdout, reason = "it is a program")]

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use base::{Instant, TxBuf};
use net::{Mode, Port, PortConfig, Tap};
use sim::programs::{Client, Plan, Server};
use sim::{Cable, Net, Weather};

/// A path of some hundred kilometres: 50 Mbit/s, 20 ms there and back, and a queue of as much.
fn weather(loss: u32) -> Weather {
    let delay = Duration::from_millis(10);
    Weather { delay, rate: Some(50_000_000), queue: 125_000, loss, ..Weather::default() }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |n: usize| args.get(n).and_then(|text| text.parse::<u64>().ok());
    match (args.first().map(String::as_str), number(1), number(2), number(3), number(4)) {
        (Some("ours"), Some(loss), Some(bytes), Some(seeds), None) => {
            (1..=seeds).for_each(|seed| println!("{:.0}", ours(loss as u32, bytes, seed)));
        }
        (Some("cable"), None, None, Some(loss), Some(seed)) => {
            let [_, one, other, ..] = args.as_slice() else { return };
            join([one, other], loss as u32, seed);
        }
        _ => println!("goodput ours LOSS BYTES SEEDS | goodput cable TAP TAP LOSS SEED"),
    }
}

/// One transfer between two hosts of ours; bits a second.
fn ours(loss: u32, bytes: u64, seed: u64) -> f64 {
    let mut net = Net::new(seed);
    let (client, server) = (net.add_host(|_| ()), net.add_host(|_| ()));
    let ends = [(client, "10.0.1.1/24"), (server, "10.0.1.2/24")];
    net.join(ends, 1500, [weather(loss), weather(loss)]);
    let read = (1 << 20, Duration::ZERO);
    let begins = Instant::ORIGIN;
    let plan = Plan { stream: 1, up: bytes, down: 0, write_len: 65_536, read, begins };
    let at = |ip: [u8; 4]| SocketAddr::new(IpAddr::V4(Ipv4Addr::from(ip)), 80);
    net.start(server, Box::new(Server::new(at([0; 4]), [plan])));
    net.start(client, Box::new(Client::new(at([10, 0, 1, 2]), plan)));
    let mut done = None;
    let end = Instant::ORIGIN.after(Duration::from_secs(3600));
    let played = net.run_until(end, |net| {
        if net.is_done() {
            done.get_or_insert_with(|| net.now());
        }
        Ok(done.is_some())
    });
    played.unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
    let took = done.map_or(Duration::MAX, |at| at.since(Instant::ORIGIN));
    bytes as f64 * 8.0 / took.as_secs_f64()
}

/// Joins two devices by the cable, in real time, until nobody keeps our input open.
fn join(names: [&str; 2], loss: u32, seed: u64) {
    // What the cable loses are segments, each by itself.
    let config = PortConfig { has_offloads: false, ..PortConfig::default() };
    let mut taps = names.map(|name| Tap::open(name, Mode::Tap, config).expect("a TAP device"));
    let mut cables = [seed, seed + 1].map(|seed| Cable::new(weather(loss), seed));
    let is_over = Arc::new(AtomicBool::new(false));
    let ends = Arc::clone(&is_over);
    thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0]);
        ends.store(true, Ordering::Relaxed);
    });
    println!("ready");
    let began = std::time::Instant::now();
    let (mut buffer, mut out) = (vec![0; 65_536], TxBuf::new());
    while !is_over.load(Ordering::Relaxed) {
        let now = Instant::ORIGIN.after(began.elapsed());
        let mut is_idle = true;
        for (tap, cable) in taps.iter_mut().zip(&mut cables) {
            while let Ok(Some(received)) = tap.receive(&mut buffer) {
                is_idle = false;
                cable.send(now, buffer.get(..received.len).unwrap_or_default());
            }
        }
        // What went in at one end comes out at the other.
        for (tap, cable) in taps.iter_mut().rev().zip(&mut cables) {
            while let Some(frame) = cable.receive(now) {
                is_idle = false;
                out.clear();
                out.append(&frame);
                let _ = tap.send(&out);
            }
        }
        if is_idle {
            thread::sleep(Duration::from_micros(50));
        }
    }
}
