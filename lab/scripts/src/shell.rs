//! Commands in back quotes: what they set is set, what means nothing here is ignored, and everything
//! else is refused.
//!
//! Nothing is ever run.

use std::path::Path;
use std::time::Duration;

use crate::position::{Parsed, Position, Refusal};
use crate::sysctl;

/// A command of a script.
#[derive(Clone, Debug, Default)]
pub(crate) struct Command {
    /// What it sets, in order: names of the kernel and values.
    pub(crate) settings: Vec<(String, String)>,
    /// How long packets on the link may be from now on.
    pub(crate) mtu: Option<u16>,
    /// How long it takes.
    pub(crate) sleeps: Duration,
}

/// How long a script of the shell may be that is read: the longest that people write have a tenth of it.
const SCRIPT_LEN_MAX: u64 = 64 << 10;

/// How deep scripts may call one another.
const DEPTH_MAX: usize = 4;

/// What packetdrill's `defaults.sh` sets, as far as it means something to us.
const DEFAULTS: [(&str, &str); 14] = [
    ("net.ipv4.tcp_rmem", "4096 540000 15728640"),
    ("net.ipv4.tcp_wmem", "4096 262144 4194304"),
    ("net.ipv4.tcp_timestamps", "1"),
    ("net.ipv4.tcp_syn_retries", "5"),
    ("net.ipv4.tcp_synack_retries", "5"),
    ("net.ipv4.tcp_frto", "2"),
    ("net.ipv4.tcp_sack", "1"),
    ("net.ipv4.tcp_dsack", "1"),
    ("net.ipv4.tcp_reordering", "3"),
    ("net.ipv4.tcp_congestion_control", "cubic"),
    ("net.ipv4.tcp_slow_start_after_idle", "0"),
    ("net.ipv4.tcp_early_retrans", "4"),
    ("net.ipv4.tcp_recovery", "1"),
    ("net.ipv4.tcp_ecn", "0"),
];

/// Reads a command, which stands `at` with its quote. Scripts that it calls are looked for from
/// `directory` on.
pub(crate) fn parse(at: Position, text: &str, directory: Option<&Path>) -> Parsed<Command> {
    let mut reader = Reader { at, directory, depth: 0, command: Command::default() };
    reader.read(text)?;
    Ok(reader.command)
}

struct Reader<'a> {
    at: Position,
    directory: Option<&'a Path>,
    /// How many scripts have called one another.
    depth: usize,
    command: Command,
}

/// Words, with quotes taken off and comments left out.
fn words_of(step: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in step.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

impl Reader<'_> {
    fn read(&mut self, text: &str) -> Parsed<()> {
        let lines = text.replace("\\\n", " ").replace("> /dev/null", ">/dev/null");
        let lines = lines.lines().filter(|line| !line.trim_start().starts_with('#'));
        for step in lines.flat_map(|line| line.split(';')).flat_map(|part| part.split("&&")) {
            let words = words_of(step);
            let words: Vec<&str> =
                words.iter().map(String::as_str).filter(|w| !is_quiet(w)).collect();
            self.read_step(&words)?;
        }
        Ok(())
    }

    fn bad(&self, what: String) -> Refusal {
        Refusal::new(self.at, what)
    }

    /// Sets `name`, if that can be set here: it is tried out, so that nothing unknown is found later.
    fn set(&mut self, name: &str, value: &str) -> Parsed<()> {
        let (name, value) = (name.replace('/', "."), arithmetic(value));
        let mut scratch = tcp::Config::default();
        sysctl::set(&mut scratch, &name, &value).map_err(|what| self.bad(what))?;
        self.command.settings.push((name, value));
        Ok(())
    }

    fn read_step(&mut self, words: &[&str]) -> Parsed<()> {
        let unknown = || format!("command '{}' is not supported", words.join(" "));
        match words {
            [] | ["true" | ":"] | ["set", ..] | ["exit", "0"] => Ok(()),
            ["sysctl", rest @ ..] => self.read_sysctl(rest),
            ["echo", value, ">", path] | ["echo", "-n", value, ">", path] => {
                let name = path.strip_prefix("/proc/sys/");
                self.set(name.ok_or_else(|| self.bad(unknown()))?, value)
            }
            // Connections that were before leave nothing here, and there is one queue without a rate.
            ["ip", "tcp_metrics", "flush" | "delete" | "show", ..]
            | ["tc", "qdisc", "add" | "replace" | "change" | "del" | "show", ..] => Ok(()),
            ["sleep" | "usleep", time] => self.read_sleep(words, time),
            ["kldload" | "kldunload" | "kldstat" | "modprobe" | "insmod" | "lsmod", ..] => Ok(()),
            // What only shows something, if nobody looks at it.
            [
                "ss" | "nstat" | "netstat" | "cat" | "date" | "dmesg" | "uname" | "ifconfig",
                rest @ ..,
            ] if shows_only(words, rest) => Ok(()),
            [
                "ip",
                "addr" | "address" | "route" | "link" | "-s" | "-d",
                "show" | "list" | "get",
                ..,
            ]
            | ["ip", "addr" | "address" | "route" | "link"] => Ok(()),
            ["echo", rest @ ..] if !rest.iter().any(|word| word.contains(['|', '>'])) => Ok(()),
            // Nothing is ever put together or cut for us.
            ["ethtool", "-K" | "-k" | "-C" | "-G", ..] => Ok(()),
            ["ip", "route" | "-6" | "-4", rest @ ..] => {
                let rest = rest.strip_prefix(&["route"]).unwrap_or(rest);
                let ["add" | "change" | "replace" | "append", rest @ ..] = rest else {
                    return Err(self.bad(unknown()));
                };
                self.read_route(rest).ok_or_else(|| self.bad(unknown()))?
            }
            ["ip", "link", "set", "dev", "tun0", "mtu", mtu]
            | ["ip", "link", "set", "tun0", "mtu", mtu]
            | ["ifconfig", "tun0", "mtu", mtu] => {
                self.set_mtu(mtu).ok_or_else(|| self.bad(unknown()))
            }
            ["ip", "link", "set", "dev", "tun0" | "lo", "up" | "txqueuelen" | "qlen", ..]
            | ["ip", "link", "set", "tun0" | "lo", "up"] => Ok(()),
            ["sh" | "bash" | "python" | "python3", script, rest @ ..] | [script, rest @ ..] => {
                self.read_script(script, rest)?.ok_or_else(|| self.bad(unknown()))
            }
        }
    }

    fn read_sleep(&mut self, words: &[&str], time: &str) -> Parsed<()> {
        // An hour: no script waits longer.
        const SLEEP_MAX: f64 = 3600.0;
        let unit = if words.first() == Some(&"usleep") { 1e-6 } else { 1.0 };
        let seconds = time.parse::<f64>().ok().map(|time| time * unit);
        let seconds = seconds.filter(|seconds| (0.0..=SLEEP_MAX).contains(seconds));
        let seconds = seconds.ok_or_else(|| self.bad(format!("cannot sleep '{time}'")))?;
        self.command.sleeps += Duration::from_secs_f64(seconds);
        Ok(())
    }

    fn set_mtu(&mut self, mtu: &str) -> Option<()> {
        let mtu = mtu.parse().ok().filter(|mtu| *mtu >= 68)?;
        self.command.mtu = Some(mtu);
        Some(())
    }

    /// What a route says of connections; where it leads is not changed by it: there is one link.
    fn read_route(&mut self, words: &[&str]) -> Option<Parsed<()>> {
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            match *word {
                "via" | "dev" | "src" | "proto" | "scope" | "metric" | "table" | "pref" => {
                    rest.next()?;
                }
                // The route's destination.
                word if word == "default" || word.contains(['.', ':', '/']) => {}
                "mtu" => {
                    let value = rest.next().filter(|value| **value != "lock");
                    let value = value.or_else(|| rest.next())?;
                    self.set_mtu(value)?;
                }
                name => {
                    let value = rest.next()?;
                    if let Err(refusal) = self.set(&format!("{}{name}", sysctl::ROUTE), value) {
                        return Some(Err(refusal));
                    }
                }
            }
        }
        Some(Ok(()))
    }

    /// Scripts that come with collections. One that is there is read, as long as it says what a command
    /// may say; else some are known by their names: one sets what everybody expects, others what they
    /// are told, and one undoes that.
    fn read_script(&mut self, script: &str, rest: &[&str]) -> Parsed<Option<()>> {
        if rest.is_empty() && self.read_file(script).is_some() {
            return Ok(Some(()));
        }
        let name = script.rsplit('/').next().unwrap_or(script);
        match (name, rest) {
            ("defaults.sh", []) => {
                for (name, value) in DEFAULTS {
                    self.set(name, value)?;
                }
            }
            ("set_sysctls.py" | "set_sysctls.sh", settings) if !settings.is_empty() => {
                for setting in settings {
                    let Some((path, value)) = setting.split_once('=') else { return Ok(None) };
                    self.set(path.strip_prefix("/proc/sys/").unwrap_or(path), value)?;
                }
            }
            (name, []) if name.starts_with("sysctl_restore") => {}
            _ => return Ok(None),
        }
        Ok(Some(()))
    }

    /// Reads a script that is there; nothing if it is not, or says what is not known here.
    fn read_file(&mut self, script: &str) -> Option<()> {
        if !script.ends_with(".sh") || self.depth >= DEPTH_MAX {
            return None;
        }
        let path = self.directory?.join(script);
        let len = std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_file)?.len();
        let text =
            if len <= SCRIPT_LEN_MAX { std::fs::read_to_string(&path).ok()? } else { return None };
        let mut inner = Reader {
            at: self.at,
            directory: self.directory,
            depth: self.depth + 1,
            command: Command::default(),
        };
        inner.read(&text).ok()?;
        self.command.settings.append(&mut inner.command.settings);
        self.command.mtu = inner.command.mtu.or(self.command.mtu);
        self.command.sleeps += inner.command.sleeps;
        Some(())
    }

    fn read_sysctl(&mut self, words: &[&str]) -> Parsed<()> {
        let mut count = 0;
        let mut only_shows = false;
        for word in words {
            match *word {
                "-q" | "-w" | "-qw" | "-wq" | "-e" | "-eq" | "-qe" => {}
                // Prints values: nobody looks at them.
                "-n" => only_shows = true,
                word => match word.split_once('=') {
                    Some((name, value)) => {
                        self.set(name, value)?;
                        count += 1;
                    }
                    None if (only_shows && !word.starts_with('-')) || word.contains('.') => {
                        count += 1;
                    }
                    None => return Err(self.bad(format!("sysctl: '{word}' sets nothing"))),
                },
            }
        }
        match count {
            0 => Err(self.bad("sysctl: nothing is set".to_owned())),
            _ => Ok(()),
        }
    }
}

/// Where what a command says goes: nowhere.
fn is_quiet(word: &str) -> bool {
    matches!(
        word,
        "/dev/null"
            | ">/dev/null"
            | "2>&1"
            | "2>/dev/null"
            | "&>/dev/null"
            | ">&/dev/null"
            | "1>&2"
    )
}

/// Whether a command's output goes nowhere that could matter, and it changes nothing.
fn shows_only(words: &[&str], rest: &[&str]) -> bool {
    let changes = words.first() == Some(&"ifconfig") && rest.len() > 1;
    !changes && !rest.iter().any(|word| word.contains(['|', '>']))
}

/// `$((15*1024))` or `$[15*1024]` in a value: products only.
fn arithmetic(value: &str) -> String {
    let mut result = value.to_owned();
    for (open, close) in [("$((", "))"), ("$[", "]")] {
        while let Some((before, rest)) = result.split_once(open)
            && let Some((inside, after)) = rest.split_once(close)
        {
            let product = inside
                .split('*')
                .try_fold(1u64, |product, factor| product.checked_mul(factor.trim().parse().ok()?));
            let Some(product) = product else { break };
            result = format!("{before}{product}{after}");
        }
    }
    result
}
