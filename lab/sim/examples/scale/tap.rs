//! The same flood for real: raw frames through the kernel and a TAP device to our host, while the
//! kernel's own TCP connects to it.

use std::io::Read as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant as Clock};

use base::{Cx, Instant, Mac, Rng, TxBuf, Wall, World};
use host::{Config, Event, Host, InterfaceConfig, ListenerId, TcpEvent};
use ip::{Prefix, Route};
use neighbor::Claim;
use net::{Mode, PacketSocket, Port, PortConfig, Tap};

use super::flood::{Attack, BATCH, GREETING, PORT};

/// The kernel's address on the device, and ours.
const KERNEL: [u8; 4] = [10, 77, 0, 1];
const OURS: [u8; 4] = [10, 77, 0, 2];
const OUR_MAC: Mac = Mac([2, 0, 0, 0, 0, 2]);

/// How many clients there are, and how often each connects: one of them every 20 ms. They wait for long,
/// for the kernel's SYN goes again after 1, 2, 3 and 4 seconds.
const CLIENTS: u32 = 64;
const INTERVAL: Duration = Duration::from_millis(20 * CLIENTS as u64);
const PATIENCE: Duration = Duration::from_secs(8);

/// What the threads tell each other.
#[derive(Default)]
struct Shared {
    /// No client begins any more; and then, nothing does.
    has_enough: AtomicBool,
    is_over: AtomicBool,
    sent: AtomicU64,
    refused: AtomicU64,
    received: AtomicU64,
    nanos: AtomicU64,
}

pub(crate) fn run(name: &str, rate: u64, seconds: u64) {
    let shared = Arc::new(Shared::default());
    let tap = Tap::open(name, Mode::Tap, PortConfig::default())
        .expect("a TAP device, made and brought up before");
    let server = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || serve(tap, &shared))
    };
    // The kernel has asked who we are before the flood begins.
    connect().expect("nobody disturbs the first");
    let (before, began) = (nanos(&shared), Clock::now());
    let attacker = {
        let (shared, name) = (Arc::clone(&shared), name.to_owned());
        thread::spawn(move || attack(&name, rate, &shared))
    };
    let clients: Vec<_> = (0..CLIENTS)
        .map(|n| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || connect_on_and_on(INTERVAL * n / CLIENTS, &shared))
        })
        .collect();
    let mut memory = Vec::new();
    for _ in 0..seconds {
        thread::sleep(Duration::from_secs(1));
        memory.push(super::resident());
    }
    let took = began.elapsed().as_secs_f64();
    let used = nanos(&shared) - before;
    let counts = [&shared.sent, &shared.refused, &shared.received];
    let [sent, refused, received] = counts.map(|count| count.load(Ordering::Relaxed));
    shared.has_enough.store(true, Ordering::Relaxed);
    let mut times: Vec<Duration> =
        clients.into_iter().flat_map(|client| client.join().expect("it ends")).collect();
    times.sort_unstable();
    let failed = times.iter().filter(|time| **time == Duration::MAX).count();
    let at = |share: f64| {
        times.get((times.len() as f64 * share) as usize).map_or(0.0, |time| {
            if *time == Duration::MAX { -1.0 } else { time.as_secs_f64() * 1e3 }
        })
    };
    shared.is_over.store(true, Ordering::Relaxed);
    attacker.join().expect("it ends");
    let half_open = server.join().expect("it ends");
    println!(
        "{{\"sent_per_second\": {:.0}, \"refused\": {refused}, \"arrived_per_second\": {:.0}, \
         \"ns_per_frame\": {:.0}, \"clients\": {}, \"failed\": {failed}, \"p50_ms\": {:.1}, \
         \"p99_ms\": {:.1}, \"half_open\": {half_open}, \"resident\": {memory:?}}}",
        sent as f64 / took,
        received as f64 / took,
        used as f64 / received.max(1) as f64,
        times.len(),
        at(0.5),
        at(0.99),
    );
}

fn nanos(shared: &Shared) -> u64 {
    shared.nanos.load(Ordering::Relaxed)
}

/// Connects every so often; how long each took, and the longest time there is for those that failed.
fn connect_on_and_on(first: Duration, shared: &Shared) -> Vec<Duration> {
    thread::sleep(first);
    let mut times = Vec::new();
    while !shared.has_enough.load(Ordering::Relaxed) {
        let took = connect();
        times.push(took.unwrap_or(Duration::MAX));
        thread::sleep(INTERVAL.saturating_sub(took.unwrap_or_default()));
    }
    times
}

/// A client of the kernel's: how long until it had read the greeting, if it could.
fn connect() -> Option<Duration> {
    let began = Clock::now();
    let at = std::net::SocketAddr::new(OURS.into(), PORT);
    let mut stream = TcpStream::connect_timeout(&at, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut greeting = Vec::new();
    stream.read_to_end(&mut greeting).ok()?;
    (greeting == GREETING).then(|| began.elapsed())
}

/// Sends SYNs at this rate, as far as the machine does.
fn attack(name: &str, rate: u64, shared: &Shared) {
    let mut socket = PacketSocket::open(name, PortConfig::default()).expect("the device is there");
    let mut attack = Attack { rng: Rng::seeded(1), is_on_link: false, made: 0 };
    // Made before, for making them takes longer than sending them; a hundred thousand flows are many
    // more than are kept half open.
    let frames: Vec<TxBuf> = (0..100_000)
        .map(|_| {
            let mut frame = TxBuf::new();
            frame.clear();
            frame.append(&attack.syn_to(OURS, OUR_MAC));
            frame
        })
        .collect();
    let began = Clock::now();
    let mut next = frames.iter().cycle();
    while !shared.is_over.load(Ordering::Relaxed) {
        let due = (began.elapsed().as_nanos() as u64).saturating_mul(rate) / 1_000_000_000;
        let sent = shared.sent.load(Ordering::Relaxed) + shared.refused.load(Ordering::Relaxed);
        for frame in next.by_ref().take(due.saturating_sub(sent).min(1000) as usize) {
            let count = if socket.send(frame).is_ok() { &shared.sent } else { &shared.refused };
            count.fetch_add(1, Ordering::Relaxed);
        }
        if due <= sent {
            thread::sleep(Duration::from_micros(100));
        }
    }
}

/// Our host on the device: greets whoever connects. Says how many half-open connections were left.
fn serve(mut tap: Tap, shared: &Shared) -> usize {
    let (mut world, began) = (World::seeded(1), Clock::now());
    let now = || Instant::from_millis(1000).after(began.elapsed());
    let mut host = Host::new(Config::new([7; 16]));
    let interface = InterfaceConfig::on("tap0", OUR_MAC, tap.device());
    let id = host.add_interface(interface).expect("it is the first");
    let own = ip::Cidr::new(OURS.into(), 24).expect("a prefix that there is");
    host.add_address(&mut Cx::new(now(), Wall(0), &mut world), id, own, Claim::Silent)
        .expect("it is the first");
    host.add_route(Route::via(Prefix::ALL_V4, id, KERNEL.into())).expect("it is on the link");
    let local = std::net::SocketAddr::new([0; 4].into(), PORT);
    let listener = host.tcp_listen(local, 4096).expect("nobody listens there");
    let (mut buffer, mut out) = (vec![0; phys::FRAME_LEN_MAX], TxBuf::new());
    while !shared.is_over.load(Ordering::Relaxed) {
        let mut cx = Cx::new(now(), Wall(0), &mut world);
        let mut count = 0;
        while count < BATCH as u64
            && let Ok(Some(received)) = tap.receive(&mut buffer)
        {
            host.handle_frame(&mut cx, id, &received.frame(&buffer));
            count += 1;
        }
        host.handle_timeout(&mut cx);
        while let Some(event) = host.poll_event() {
            hear(&mut cx, &mut host, listener, event);
        }
        while host.poll_frame(&mut cx, &mut out).is_some() {
            // What the kernel does not take is lost, as on any cable.
            let _ = tap.send(&out);
        }
        shared.received.fetch_add(count, Ordering::Relaxed);
        shared.nanos.store(super::cpu_nanos(), Ordering::Relaxed);
        if count == 0 {
            thread::sleep(Duration::from_micros(20));
        }
    }
    host.tcp_listener(listener).map_or(0, |(_, listener)| listener.half_open())
}

fn hear(cx: &mut Cx<'_>, host: &mut Host, listener: ListenerId, event: Event) {
    let Event::Tcp(TcpEvent::Acceptable(_)) = event else { return };
    while let Some(id) = host.tcp_accept(listener) {
        host.tcp_write_slice(cx, id, &GREETING);
        host.tcp_close(cx, id);
    }
}
