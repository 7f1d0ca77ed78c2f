//! Commands in back quotes: what they set is set, what means nothing here is ignored, and everything
//! else is refused.
//!
//! Nothing is ever run.

use crate::position::{Parsed, Position, Refusal};
use crate::sysctl;

/// A command of a script.
#[derive(Clone, Debug, Default)]
pub(crate) struct Command {
    /// What it sets, in order: names of the kernel and values.
    pub(crate) settings: Vec<(String, String)>,
    /// How long packets on the link may be from now on.
    pub(crate) mtu: Option<u16>,
    /// It is one that only FreeBSD has.
    pub(crate) is_freebsd: bool,
}

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

/// Reads a command, which stands `at` with its quote.
pub(crate) fn parse(at: Position, text: &str) -> Parsed<Command> {
    let mut command = Command::default();
    let lines = text.replace("\\\n", " ");
    let steps = lines.split(['\n', ';']).flat_map(|line| line.split("&&"));
    for step in steps {
        let words = words_of(step);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        read_step(at, &words, &mut command)?;
    }
    // What is set is tried out, so that nothing unknown is found later.
    let mut scratch = tcp::Config::default();
    for (name, value) in &command.settings {
        command.is_freebsd |= sysctl::is_freebsd(name);
        sysctl::set(&mut scratch, name, value).map_err(|what| Refusal::new(at, what))?;
    }
    Ok(command)
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

fn read_step(at: Position, words: &[&str], command: &mut Command) -> Parsed<()> {
    let unknown = || Refusal::new(at, format!("command '{}' is not supported", words.join(" ")));
    match words {
        [] | ["true" | ":"] | ["set", "-e"] => Ok(()),
        ["sysctl", rest @ ..] => read_sysctl(at, rest, command),
        ["echo", value, ">", path] | ["echo", "-n", value, ">", path] => {
            let name = path.strip_prefix("/proc/sys/").ok_or_else(unknown)?;
            command.settings.push((name.replace('/', "."), (*value).to_owned()));
            Ok(())
        }
        // Connections that were before leave nothing here, and there is one queue without a rate.
        ["ip", "tcp_metrics", "flush", ..] | ["tc", "qdisc", "add" | "replace" | "del", ..] => {
            Ok(())
        }
        ["sleep", _] => Ok(()),
        ["kldload" | "kldunload", ..] => {
            command.is_freebsd = true;
            Ok(())
        }
        // What only shows something, if nobody looks at it.
        ["ss" | "nstat" | "netstat" | "cat" | "date", rest @ ..] if !rest.contains(&"|") => Ok(()),
        ["echo", rest @ ..] if !rest.iter().any(|word| word.contains(['|', '>'])) => Ok(()),
        // Nothing is ever put together or cut for us.
        ["ethtool", "-K", ..] => Ok(()),
        ["ip", "route", "add" | "change" | "replace", rest @ ..] => {
            read_route(rest, command).ok_or_else(unknown)
        }
        ["ip", "link", "set", "dev", "tun0", "mtu", mtu] | ["ifconfig", "tun0", "mtu", mtu] => {
            command.mtu = mtu.parse().ok().filter(|mtu| *mtu >= 68);
            command.mtu.map(|_| ()).ok_or_else(unknown)
        }
        [script, rest @ ..] => read_script(script, rest, command).ok_or_else(unknown),
    }
}

/// What a route says of connections; where it leads is not changed by it: there is one link.
fn read_route(words: &[&str], command: &mut Command) -> Option<()> {
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match *word {
            "via" | "dev" | "src" | "proto" | "scope" | "metric" => {
                rest.next()?;
            }
            // The route's destination.
            word if word == "default" || word.contains(['.', ':', '/']) => {}
            name => {
                let value = rest.next()?;
                command.settings.push((format!("{}{name}", sysctl::ROUTE), (*value).to_owned()));
            }
        }
    }
    Some(())
}

/// Scripts that come with collections: one sets what everybody expects, others what they are told, and
/// one undoes that.
fn read_script(script: &str, rest: &[&str], command: &mut Command) -> Option<()> {
    let name = script.rsplit('/').next().unwrap_or(script);
    match (name, rest) {
        ("defaults.sh", []) => {
            let defaults = DEFAULTS.map(|(name, value)| (name.to_owned(), value.to_owned()));
            command.settings.extend(defaults);
        }
        ("set_sysctls.py" | "set_sysctls.sh", settings) if !settings.is_empty() => {
            for setting in settings {
                let (path, value) = setting.split_once('=')?;
                let name = path.strip_prefix("/proc/sys/").unwrap_or(path);
                command.settings.push((name.replace('/', "."), value.to_owned()));
            }
        }
        (name, []) if name.starts_with("sysctl_restore") => {}
        _ => return None,
    }
    Some(())
}

fn read_sysctl(at: Position, words: &[&str], command: &mut Command) -> Parsed<()> {
    let mut count = 0;
    for word in words {
        match *word {
            "-q" | "-w" | "-qw" | "-wq" | "-e" | "-n" => {}
            // Where what it says goes.
            ">" | "/dev/null" | ">/dev/null" | "2>&1" | "2>/dev/null" | "&>/dev/null" => {}
            word => {
                let (name, value) = word
                    .split_once('=')
                    .ok_or_else(|| Refusal::new(at, format!("sysctl: '{word}' sets nothing")))?;
                command.settings.push((name.replace('/', "."), arithmetic(value)));
                count += 1;
            }
        }
    }
    match count {
        0 => Err(Refusal::new(at, "sysctl: nothing is set")),
        _ => Ok(()),
    }
}

/// `$((15*1024))` in a value: products only.
fn arithmetic(value: &str) -> String {
    let mut result = value.to_owned();
    while let Some((before, rest)) = result.split_once("$((")
        && let Some((inside, after)) = rest.split_once("))")
    {
        let product = inside
            .split('*')
            .try_fold(1u64, |product, factor| product.checked_mul(factor.trim().parse().ok()?));
        let Some(product) = product else { break };
        result = format!("{before}{product}{after}");
    }
    result
}
