//! Asking again and again: when, and what came of it.

use std::io::{self, Write as _};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ::net::{EchoSocket, Stack};
use anstyle::AnsiColor;
use anyhow::anyhow;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use super::options::Options;
use super::statistics::{Statistics, millis};
use crate::network::Network;

/// How many questions may be under way in a flood: a batch of what both stacks keep.
const FLOOD_WINDOW: usize = 64;

/// How many may be under way else: `--timeout` by `--interval` can be a large number.
const WINDOW_MAX: usize = 1024;

/// The header of an echo, in bytes. (RFC 792)
const HEADER_LEN: usize = 8;

/// Who asks.
#[derive(Clone, Debug)]
pub(super) enum Asker {
    /// Our own stack.
    Ours(Stack),
    /// The kernel.
    Kernel(Arc<EchoSocket>),
}

/// What became of a question.
enum Outcome {
    Answered(Duration),
    Failed(io::Error),
    TimedOut,
}

/// All the questions to one host.
pub(super) struct Session<'a> {
    options: &'a Options,
    to: IpAddr,
    asker: Asker,
    data: Arc<[u8]>,
    under_way: JoinSet<(u64, Outcome)>,
    statistics: Statistics,
}

impl Asker {
    async fn ask(&self, to: IpAddr, number: u64, data: &[u8]) -> io::Result<Duration> {
        match self {
            Self::Ours(stack) => stack.ping(to, data).await,
            Self::Kernel(socket) => socket.ask(number as u16, data).await,
        }
    }
}

impl<'a> Session<'a> {
    pub(super) fn new(options: &'a Options, to: IpAddr, asker: Asker) -> Self {
        // A pattern in which a shifted or damaged byte is seen in a capture.
        let data = (0..options.size).map(|n| n as u8).collect();
        let (under_way, statistics) = (JoinSet::new(), Statistics::default());
        Self { options, to, asker, data, under_way, statistics }
    }

    /// Asks until all questions are asked and answered, or somebody presses Ctrl-C; whether anybody
    /// answered.
    pub(super) async fn run(&mut self, network: Option<&Network>) -> anyhow::Result<bool> {
        let over = network.map_or("the kernel's network", |network| network.device());
        let (to, size) = (self.to, self.options.size);
        say(format_args!("PING {to} with {size} bytes of data, over {over}\n"))?;
        let began = Instant::now();
        let ended = self.ask_all().await;
        let summary = self.statistics.summary(began.elapsed());
        ended?;
        say(format_args!("\n--- {to} ping statistics ---\n{summary}"))?;
        Ok(self.statistics.received > 0)
    }

    async fn ask_all(&mut self) -> anyhow::Result<()> {
        let mut ticks = tokio::time::interval(self.options.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let interrupted = tokio::signal::ctrl_c();
        tokio::pin!(interrupted);
        loop {
            let has_more = self.options.count().is_none_or(|count| self.statistics.sent < count);
            if !has_more && self.under_way.is_empty() {
                return Ok(());
            }
            let may_ask = has_more && self.under_way.len() < self.window();
            if may_ask && self.options.flood {
                self.ask();
                continue;
            }
            tokio::select! {
                Some(done) = self.under_way.join_next() => {
                    let (number, outcome) = done.map_err(|error| anyhow!("a question was lost: {error}"))?;
                    self.take(number, outcome)?;
                }
                _ = ticks.tick(), if may_ask => self.ask(),
                _ = &mut interrupted => return Ok(()),
            }
        }
    }

    /// How many questions may be under way. A flood begins with one: while a neighbour is being looked
    /// for, few packets wait for it.
    fn window(&self) -> usize {
        let is_first = self.statistics.sent == self.under_way.len() as u64;
        match self.options.flood {
            true if is_first => 1,
            true => FLOOD_WINDOW,
            false => WINDOW_MAX,
        }
    }

    fn ask(&mut self) {
        self.statistics.sent += 1;
        let number = self.statistics.sent;
        let (asker, to, data) = (self.asker.clone(), self.to, Arc::clone(&self.data));
        let timeout = self.options.timeout;
        self.under_way.spawn(async move {
            let outcome = match tokio::time::timeout(timeout, asker.ask(to, number, &data)).await {
                Ok(Ok(took)) => Outcome::Answered(took),
                Ok(Err(error)) => Outcome::Failed(error),
                Err(_) => Outcome::TimedOut,
            };
            (number, outcome)
        });
    }

    fn take(&mut self, number: u64, outcome: Outcome) -> io::Result<()> {
        if let Outcome::Answered(took) = outcome {
            self.statistics.add(took);
        }
        if !self.options.prints_answers() {
            return Ok(());
        }
        let (to, len) = (self.to, HEADER_LEN + self.data.len());
        let (green, red) = (AnsiColor::Green.on_default(), AnsiColor::Red.on_default());
        match outcome {
            Outcome::Answered(took) => {
                let took = millis(took);
                say(format_args!(
                    "{len} bytes from {to}: seq={number} time={green}{took:.3} ms{green:#}\n"
                ))
            }
            Outcome::Failed(error) => {
                let why = plain(&error);
                say(format_args!("{red}not delivered{red:#} to {to}: seq={number} {why}\n"))
            }
            Outcome::TimedOut => {
                let waited = self.options.timeout.as_secs_f64();
                say(format_args!(
                    "{red}no answer{red:#} from {to}: seq={number} within {waited} s\n"
                ))
            }
        }
    }
}

/// The error without its number.
pub(super) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

/// Prints, in colours where they are wanted.
fn say(text: std::fmt::Arguments<'_>) -> io::Result<()> {
    let mut out = anstream::stdout();
    out.write_fmt(text)?;
    out.flush()
}
