//! The options of `hepta ping`.

use std::time::Duration;

use clap::{Args, ValueHint};

use crate::network;

/// The most data that fits into a packet of IPv4, behind both headers.
const SIZE_MAX: i64 = 65_535 - 20 - 8;

/// How many questions a flood has unless told otherwise: a second or so of them.
const FLOOD_COUNT: u64 = 10_000;

const AFTER_HELP: &str = "\
Over the kernel's network it needs no rights where net.ipv4.ping_group_range includes this user's \
group, else CAP_NET_RAW. Ctrl-C ends it, and prints the statistics.

Exit codes:
   0  somebody answered
   1  nobody answered
   2  nobody could be asked: the options make no sense, no such host, a right is missing

Examples:
  hepta ping localhost -c 3
  hepta ping 10.77.0.1 --net tap0 --address 10.77.0.2/24 --size 1472";

/// Ask whether a host is there, and how long the way there and back takes
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Options {
    /// Whom to ask: a name or an address
    #[arg(value_hint = ValueHint::Hostname)]
    pub(super) host: String,

    /// How often to ask; until Ctrl-C unless given
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// How long to wait between two questions
    #[arg(short, long, value_name = "SECONDS", default_value = "1", value_parser = parse_seconds)]
    pub(super) interval: Duration,
    /// How many bytes of data to send, and to have sent back
    #[arg(short, long, value_name = "BYTES", default_value_t = 56, value_parser = clap::value_parser!(u16).range(0..=SIZE_MAX))]
    pub(super) size: u16,
    /// How long to wait for each answer
    #[arg(short = 'W', long, value_name = "SECONDS", default_value = "2", value_parser = parse_seconds)]
    pub(super) timeout: Duration,
    /// Ask as fast as answers come, with at most 64 questions under way; 10000 times unless --count
    /// says otherwise
    #[arg(short, long, conflicts_with = "interval")]
    pub(super) flood: bool,
    /// Print the statistics only
    #[arg(short, long)]
    quiet: bool,

    #[command(flatten)]
    pub(super) family: network::Family,
    #[command(flatten)]
    pub(super) network: network::Options,
}

impl Options {
    /// How many questions there are; nothing for no end.
    pub(super) fn count(&self) -> Option<u64> {
        self.count.or_else(|| self.flood.then_some(FLOOD_COUNT))
    }

    /// Whether each answer is worth a line.
    pub(super) fn prints_answers(&self) -> bool {
        !self.quiet && !self.flood
    }
}

/// Reads a time: at least a millisecond, at most a day.
pub(super) fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds, as in 0.2".to_owned())?;
    if (0.001..=86_400.0).contains(&seconds) {
        return Ok(Duration::from_secs_f64(seconds));
    }
    Err("at least 0.001 and at most 86400 seconds; --flood waits for nothing".to_owned())
}
