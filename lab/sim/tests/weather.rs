//! A thousand networks in any weather, each from its seed, and each once more over IPv6.
//!
//! `HEPTA_SIM_SEED=17 cargo test -p hepta-sim` plays one of them again, with its film on standard
//! error; `HEPTA_SIM_SEEDS=5000..6000` plays others.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::env;
use std::fs;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use sim::{Broken, Outcome, Scenario, run};

/// How many threads play; virtual time does not care.
const THREADS: usize = 2;

#[test]
fn streams_arrive_whole_in_any_weather() {
    play_all(Scenario::from_seed);
}

#[test]
fn streams_arrive_whole_over_ipv6_in_any_weather() {
    play_all(|seed| Scenario::from_seed(seed).over_ipv6());
}

/// Plays the scenario of each seed.
fn play_all(scenario: impl Fn(u64) -> Scenario + Sync) {
    if let Ok(seed) = env::var("HEPTA_SIM_SEED") {
        let seed = seed.parse().expect("HEPTA_SIM_SEED is a number");
        if let Err(broken) = replay(&scenario(seed)) {
            panic!("seed {seed}: {broken}");
        }
        return;
    }
    let seeds = seeds();
    let next = AtomicU64::new(seeds.start);
    let (broken, total) = (Mutex::new(Vec::new()), Mutex::new(Outcome::default()));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    match run(&scenario(seed), false).1 {
                        Ok(outcome) => add(&mut total.lock().unwrap(), &outcome),
                        Err(why) => broken.lock().unwrap().push((seed, why)),
                    }
                }
            });
        }
    });
    let mut broken = broken.into_inner().unwrap();
    broken.sort_by_key(|(seed, _)| *seed);
    let total = total.into_inner().unwrap();
    eprintln!(
        "{} seeds: {:?} of virtual time, {} frames ({} lost), {} bytes in streams",
        seeds.end - seeds.start,
        total.took,
        total.frames,
        total.lost,
        total.bytes
    );
    for (seed, why) in &broken {
        eprintln!(
            "seed {seed}: {why}; HEPTA_SIM_SEED={seed} cargo test -p hepta-sim plays it again"
        );
    }
    if let Some((seed, _)) = broken.first() {
        let _ = replay(&scenario(*seed));
        panic!("{} seeds are broken, the first is {seed}", broken.len());
    }
    assert!(total.lost > 0 && total.took > Duration::from_secs(60));
}

/// Which seeds are played.
fn seeds() -> Range<u64> {
    let Ok(range) = env::var("HEPTA_SIM_SEEDS") else { return 0..1000 };
    let (first, end) = range.split_once("..").expect("HEPTA_SIM_SEEDS is FIRST..END");
    let number = |text: &str| text.parse().expect("HEPTA_SIM_SEEDS is two numbers");
    number(first)..number(end)
}

fn add(total: &mut Outcome, one: &Outcome) {
    let Outcome { took, frames, lost, bytes } = one;
    total.took += *took;
    total.frames += frames;
    total.lost += lost;
    total.bytes += bytes;
}

/// Plays a seed again, and writes what went over its cables and what everybody said of it.
fn replay(scenario: &Scenario) -> Result<Outcome, Broken> {
    let (net, outcome) = run(scenario, true);
    let version = if scenario.is_v6 { "v6" } else { "v4" };
    let seed = scenario.seed;
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let (capture, film) = (
        folder.join(format!("seed-{seed}-{version}.pcapng")),
        folder.join(format!("seed-{seed}-{version}.film")),
    );
    fs::write(&capture, net.capture().unwrap_or_default()).expect("a file in the target folder");
    fs::write(&film, net.film()).expect("a file in the target folder");
    eprintln!("{scenario:#?}\n{} and {} show it", capture.display(), film.display());
    outcome
}
