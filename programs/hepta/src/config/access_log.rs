//! What the file says of access logs.

use std::num::NonZeroU32;
use std::path::PathBuf;

use super::problem::{At, Problem, Problems};
use super::template::Template;
use super::tree::{Node, one};

/// The smallest file that is worth its rotation.
const ROTATED_LEN_MIN: u64 = 1024;

/// How many files may be kept: each is renamed at each rotation.
const KEEP_MAX: u64 = 1000;

/// How many files are kept unless told otherwise: those of a week, if there is one a day.
const KEEP: u32 = 7;

/// A log of requests.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct AccessLog {
    pub(crate) place: LogPlace,
    pub(crate) format: LogFormat,
    /// Of the requests that succeeded, one of so many has a line.
    pub(crate) sample: NonZeroU32,
    pub(crate) rotate: Option<Rotate>,
}

/// Where lines go.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum LogPlace {
    Nowhere,
    Stdout,
    File(PathBuf),
}

/// What a line is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum LogFormat {
    /// As most servers write it, with the seconds it took at the end.
    Combined,
    /// An object.
    Json,
    Line(Template),
}

/// When a file is full, and how many full ones are kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Rotate {
    pub(crate) len_max: u64,
    pub(crate) keep: u32,
}

impl LogPlace {
    /// What is written behind `access-log`.
    pub(super) fn parse(text: &str) -> Self {
        match text {
            "-" => Self::Stdout,
            "off" => Self::Nowhere,
            path => Self::File(path.into()),
        }
    }
}

impl AccessLog {
    /// A line for each request, in the combined format.
    pub(crate) const fn to(place: LogPlace) -> Self {
        Self { place, format: LogFormat::Combined, sample: NonZeroU32::MIN, rotate: None }
    }
}

/// The log that a block asks for; `known` are those that others asked for.
pub(super) fn access_log(
    block: &[Node],
    known: &mut Vec<AccessLog>,
    problems: &mut Problems,
) -> Option<AccessLog> {
    let node = one(block, "access-log")?;
    let place = node.log_place("file")?.clone();
    if place == LogPlace::Nowhere && !node.block.is_empty() {
        problems.push(Problem::at(&node.at, "there is no log that this could be about"));
    }
    let mut log = AccessLog::to(place);
    if let Some((text, at)) = text_of(&node.block, "format") {
        log.format = format(text, at, problems)?;
    }
    if let Some(sample) = one(&node.block, "sample") {
        log.sample = self::sample(sample, problems)?;
    }
    if let Some(rotate) = one(&node.block, "rotate") {
        log.rotate = self::rotate(rotate, &log.place, problems);
    }
    let is_file = matches!(log.place, LogPlace::File(_));
    if is_file && known.iter().any(|other| other.place == log.place && *other != log) {
        let problem = Problem::at(&node.at, "another log goes to this file in another way");
        problems.push(problem.with_hint("give both the same braces, or each a file of its own"));
    }
    known.push(log.clone());
    Some(log)
}

fn text_of<'n>(block: &'n [Node], key: &'n str) -> Option<(&'n str, &'n At)> {
    one(block, key)?.texts(key).next()
}

fn format(text: &str, at: &At, problems: &mut Problems) -> Option<LogFormat> {
    match text {
        "combined" => return Some(LogFormat::Combined),
        "json" => return Some(LogFormat::Json),
        _ => {}
    }
    let template = match Template::parse_line(text) {
        Ok(template) => template,
        Err((what, hint)) => {
            problems.push(Problem::at(at, what).with_hint(hint));
            return None;
        }
    };
    if text.chars().any(|c| c.is_control() && c != '\t') {
        problems.push(Problem::at(at, "there are control characters in it"));
    }
    if !template.has_facts() {
        let problem = Problem::at(at, "this says nothing of a request");
        let hint = "write \"combined\", \"json\" or a line such as \"{address} {target} {status}\"";
        problems.push(problem.with_hint(hint));
    }
    Some(LogFormat::Line(template))
}

fn sample(node: &Node, problems: &mut Problems) -> Option<NonZeroU32> {
    let sample = u32::try_from(node.number("sample")?).ok().and_then(NonZeroU32::new);
    if sample.is_none() {
        problems.push(Problem::at(&node.at, "it is one of at least one request"));
    }
    sample
}

fn rotate(node: &Node, place: &LogPlace, problems: &mut Problems) -> Option<Rotate> {
    if *place == LogPlace::Stdout {
        problems.push(Problem::at(&node.at, "standard output has no other file to go on in"));
    }
    let Some(len_max) = node.number("size") else {
        let problem = Problem::at(&node.at, "`rotate` lacks its size");
        problems.push(problem.with_hint("write size=\"100MiB\" behind it"));
        return None;
    };
    if len_max < ROTATED_LEN_MIN {
        problems.push(Problem::at(&node.at, "a file has at least 1KiB before it is rotated"));
    }
    let keep = node.number("keep").unwrap_or_else(|| KEEP.into());
    if !(1..=KEEP_MAX).contains(&keep) {
        let what = format!("at least one file is kept, and at most {KEEP_MAX}");
        problems.push(Problem::at(&node.at, what));
    }
    Some(Rotate { len_max, keep: u32::try_from(keep).unwrap_or(KEEP) })
}
