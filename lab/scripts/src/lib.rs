//! Written conversations: scripts in packetdrill's language (google's dialect), played against our own
//! TCP in virtual time.
//!
//! ```text
//!   0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3           a program calls
//!  +0 bind(3, ..., ...) = 0
//!  +0 listen(3, 1) = 0
//! +.1 < S 0:0(0) win 32792 <mss 1460>                     a packet comes in
//!  +0 > S. 0:0(0) ack 1 <...>                             a packet must go out, now
//! +.1 < . 1:1(0) ack 1 win 257
//!  +0 accept(3, ..., ...) = 4
//!  +0 %{ assert tcpi_snd_cwnd == 10 }%                    what can be seen is looked at
//! ```
//!
//! ```text
//!   text ─▶ language (lexer, parser) ─▶ Script ─▶ run ─▶ Outcome
//!                                                  │ sockets: calls, numbers, errors
//!                                                  │ track: numbers of the script ⇄ of the wire
//!                                                  │ packet: build, read, compare, show
//!                                                  ▼
//!                                                stack: a host with one link, and a clock
//! ```
//!
//! Start reading at [`run`] and in `run/mod.rs`; `docs/scripts.md` says what of the language is here and
//! what differs. A script that says something unknown is refused before anything happens, so that none
//! passes by being misread.
//!
//! Not here: MPTCP, tunnels, protocols but TCP and UDP, other people's scripts.

mod info;
mod language;
mod packet;
mod position;
mod python;
mod run;
mod shell;
mod sockets;
mod stack;
mod symbols;
mod sysctl;
mod timing;
mod track;

use std::path::Path;

pub use language::settings::{IpVersion, profile_named};
pub use position::{Position, Refusal};

/// How scripts are played.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Words that stand for something else: `-D NAME=VALUE`.
    pub defines: Vec<(String, String)>,
    /// Options that are stronger than the script's, as it would have them: name and value.
    pub settings: Vec<(String, Option<String>)>,
    /// Whether the outcome has a film of the stack.
    pub is_watched: bool,
    /// Whether the outcome has a capture of what went over the link.
    pub is_captured: bool,
    /// Whether packets that left after the last one that the script has are nobody's business, as in
    /// packetdrill; otherwise they fail it.
    pub allows_trailing_packets: bool,
}

/// What became of a script.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Whether it passed.
    pub verdict: Verdict,
    /// What would have ended it if it had not been forgiven (`--non_fatal`).
    pub warnings: Vec<Failure>,
    /// What the stack said of itself, if that was asked for.
    pub film: String,
    /// What went over the link, as a pcapng file, if that was asked for.
    pub capture: Vec<u8>,
}

/// Whether a script passed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// All went as the script says.
    Passed,
    /// Something did not.
    Failed(Failure),
    /// It says something that we do not know or do not have.
    Refused(Refusal),
}

/// Where and how something went otherwise than the script says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// Which event.
    pub at: Position,
    /// What happened.
    pub what: String,
}

impl From<Verdict> for Outcome {
    /// Nothing was played, or nobody watched.
    fn from(verdict: Verdict) -> Self {
        Self { verdict, warnings: Vec::new(), film: String::new(), capture: Vec::new() }
    }
}

impl Outcome {
    /// Whether all went as the script says.
    pub fn is_passed(&self) -> bool {
        self.verdict == Verdict::Passed
    }

    /// What is to be said of the script `name`, in lines.
    pub fn describe(&self, name: &str) -> String {
        let warnings: String = self
            .warnings
            .iter()
            .map(|Failure { at, what }| format!("{name}:{at}: warning: {what}\n"))
            .collect();
        let verdict = match &self.verdict {
            Verdict::Passed => format!("{name}: ok"),
            Verdict::Failed(Failure { at, what }) => format!("{name}:{at}: {what}"),
            Verdict::Refused(Refusal { at, what }) => format!("{name}:{at}: refused: {what}"),
        };
        warnings + &verdict
    }
}

/// Plays the script that `text` is.
pub fn run(text: &str, options: &Options) -> Outcome {
    run_in(text, options, None)
}

/// What the script sets by other scripts is looked for from `directory` on.
fn run_in(text: &str, options: &Options, directory: Option<&Path>) -> Outcome {
    let defines = options.defines.iter().cloned().collect();
    match language::parse(text, defines, &options.settings, directory) {
        Ok(script) => run::play(&script, options),
        Err(refusal) => Verdict::Refused(refusal).into(),
    }
}

/// Looks through settings before any script is played with them.
///
/// # Errors
/// What is wrong with the first that no script could have.
pub fn check_settings(settings: &[(String, Option<String>)]) -> Result<(), String> {
    let mut scratch = language::settings::Settings::default();
    for (name, value) in settings {
        let set = scratch.set(Position::default(), name, value.as_deref());
        set.map_err(|refusal| refusal.what)?;
    }
    Ok(())
}

/// Plays the script in a file.
///
/// # Errors
/// When it cannot be read, or is no text.
pub fn run_file(path: &Path, options: &Options) -> std::io::Result<Outcome> {
    Ok(run_in(&std::fs::read_to_string(path)?, options, path.parent()))
}
