//! Random conversations, played to the kernel's TCP over a TUN device and to ours with Linux' values.
//!
//! ```text
//!                     ┌─▶ kernel, in a namespace, in real time ─▶ what it says ─┐
//!   seed ─▶ Conversation                                                        ├─▶ the first difference:
//!                     └─▶ our host, at the same instants ───────▶ what it says ─┘   explained, or a bug
//! ```
//!
//! Each conversation is what a strange peer sends and what the program above does, from one seed
//! (`conversation.rs`). The kernel goes first; the instants at which things really happened are those at
//! which they happen to our host, in virtual time. Both answers are made comparable (`segment.rs`): numbers
//! count from each side's SYN, clocks do not count. Where they differ for a reason that we stand by, the
//! reason is in `explained.rs`, and the rest of that conversation is not compared.
//!
//! It takes root, `unshare`, `ip` and `/dev/net/tun`, and says so where they are missing.
//! `HEPTA_DIFFERENCES=17 cargo test -p hepta-net --test differences -- --nocapture` shows one, with
//! `FILM=1` also what our host says of itself;
//! `HEPTA_DIFFERENCES=1000..1500` plays others; from 1,000,000 on they are of much that is sent, and from
//! 10,000,000 on the same over IPv6.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod conversation;
mod explained;
mod kernel;
mod ours;
mod segment;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Command;

use conversation::{BULK, Conversation, OVER_V6};
use segment::Said;

/// Says that the test runs in its namespace.
const INSIDE: &str = "HEPTA_NET_INSIDE";

/// How many odd conversations there are in every run, and how many in which much is sent.
const CONVERSATIONS: u64 = 120;
const BULKS: u64 = 40;

/// How many of each are played once more over IPv6: TCP is the same, only what is below it is another.
const OVER_V6_EACH: u64 = 30;

/// A busy machine is late, and then timers come before what they should come after: what differs is
/// played again so often, a little slower each time.
const REPEATS: u32 = 5;

/// What became of a conversation.
enum Verdict {
    Same,
    Explained(&'static str),
    Differs(String),
}

#[test]
fn we_answer_as_the_kernel_does() {
    const NAME: &str = "we_answer_as_the_kernel_does";
    if std::env::var_os(INSIDE).is_some() {
        return compare();
    }
    let probe = Command::new("unshare").args(["--net", "test", "-w", "/dev/net/tun"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped {NAME}: it takes root, unshare and /dev/net/tun");
        return;
    }
    let this = std::env::current_exe().unwrap();
    let inside = Command::new("unshare")
        .arg("--net")
        .arg(this)
        .args(["--exact", NAME, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .status();
    assert!(inside.unwrap().success(), "{NAME} inside its namespace");
}

fn seeds() -> Vec<u64> {
    let Ok(text) = std::env::var("HEPTA_DIFFERENCES") else {
        let over_v6 = (0..OVER_V6_EACH).chain(BULK..BULK + OVER_V6_EACH).map(|n| OVER_V6 + n);
        return (0..CONVERSATIONS).chain(BULK..BULK + BULKS).chain(over_v6).collect();
    };
    let number = |text: &str| text.parse::<u64>().expect("HEPTA_DIFFERENCES is SEED or FIRST..END");
    match text.split_once("..") {
        Some((first, end)) => (number(first)..number(end)).collect(),
        None => vec![number(&text)],
    }
}

fn compare() {
    let seeds = seeds();
    let total = seeds.len();
    let is_one = total == 1;
    let mut left: Vec<Conversation> = seeds.into_iter().map(Conversation::from_seed).collect();
    let mut kernel = kernel::Kernel::new();
    let mut reasons: BTreeMap<&str, u32> = BTreeMap::new();
    let mut same = 0;
    let mut differing = Vec::new();
    for repeat in 0..REPEATS {
        differing.clear();
        let mut again = Vec::new();
        for (conversation, film) in kernel.play(left, repeat) {
            let ours = ours::play(&conversation, &film.instants);
            if is_one {
                eprintln!("{}", describe(&conversation, &film.said, &ours));
            }
            match verdict(&conversation, &film.said, &ours) {
                Verdict::Same => same += 1,
                Verdict::Explained(why) => *reasons.entry(why).or_default() += 1,
                Verdict::Differs(how) => {
                    differing.push(how);
                    again.push(conversation);
                }
            }
        }
        left = again;
        if left.is_empty() {
            break;
        }
    }
    eprintln!("{total} conversations: {same} the same");
    for (why, times) in &reasons {
        eprintln!("  {times} differ: {why}");
    }
    let count = differing.len();
    assert!(differing.is_empty(), "{count} differ without a reason\n\n{}", differing.join("\n"));
}

/// The first difference decides: what follows it follows from it.
fn verdict(conversation: &Conversation, kernel: &[Vec<Said>], ours: &[Vec<Said>]) -> Verdict {
    // What one says just before the end, and the other would just after, is the same.
    let (theirs, own) = (kernel.concat(), ours.concat());
    let shorter = theirs.len().min(own.len());
    let last = kernel.last().map_or(0, Vec::len).max(ours.last().map_or(0, Vec::len));
    if theirs[..shorter] == own[..shorter] && theirs.len().max(own.len()) - shorter <= last {
        return Verdict::Same;
    }
    let Some(at) = (0..kernel.len()).find(|&n| kernel[n] != ours[n]) else {
        return Verdict::Same;
    };
    match explained::why(conversation, at, kernel, ours) {
        Some(why) => Verdict::Explained(why),
        None => Verdict::Differs(describe(conversation, &kernel[..=at], &ours[..=at])),
    }
}

fn describe(conversation: &Conversation, kernel: &[Vec<Said>], ours: &[Vec<Said>]) -> String {
    let version = if conversation.is_v6 { "IPv6" } else { "IPv4" };
    let mut text = format!("seed {}, {version}: {:?}\n", conversation.seed, conversation.role);
    for (n, (theirs, ours)) in kernel.iter().zip(ours).enumerate() {
        let step = &conversation.steps[n];
        let _ = writeln!(text, "  {n:2} +{:?} {:?}", step.wait, step.action);
        if theirs == ours {
            list(&mut text, "       ", theirs);
        } else {
            list(&mut text, " kernel", theirs);
            list(&mut text, "   ours", ours);
        }
    }
    text
}

fn list(text: &mut String, who: &str, said: &[Said]) {
    for said in said {
        let _ = writeln!(text, "   {who} > {said:?}");
    }
}
