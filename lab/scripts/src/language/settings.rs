//! What options of a script, and of whoever runs it, set.

use std::net::IpAddr;
use std::path::PathBuf;

use crate::language::lexer::{Lexer, Token};
use crate::language::script::Micros;
use crate::position::{Parsed, Position, Refusal};

/// Which addresses programs and packets have.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum IpVersion {
    /// IPv4.
    #[default]
    V4,
    /// Programs have IPv6 sockets, packets are IPv4 (RFC 4291 §2.5.5.2).
    V4Mapped,
    /// IPv6.
    V6,
}

impl IpVersion {
    /// The version of that name: `ipv4`, `ipv4-mapped-ipv6`, `ipv6`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "ipv4" => Some(Self::V4),
            "ipv4-mapped-ipv6" => Some(Self::V4Mapped),
            "ipv6" => Some(Self::V6),
            _ => None,
        }
    }

    /// Whether packets are IPv6.
    pub(crate) const fn is_v6_on_the_wire(self) -> bool {
        matches!(self, Self::V6)
    }
}

/// How a script is played.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Nothing until somebody says so, or the script shows for whom it was written.
    pub(crate) profile: Option<tcp::Profile>,
    pub(crate) ip_version: IpVersion,
    /// How far from its time something may happen.
    pub(crate) tolerance: Micros,
    /// The same in hundredths of the time since the event before, in thousandths.
    pub(crate) tolerance_per_mille: i64,
    pub(crate) bind_port: u16,
    pub(crate) connect_port: u16,
    pub(crate) local_ip: Option<IpAddr>,
    pub(crate) remote_ip: Option<IpAddr>,
    pub(crate) mtu: u16,
    /// One step of the clock in timestamps, in microseconds; with 0 it is not looked at.
    pub(crate) timestamp_tick: i64,
    /// Whether echoes that no packet of ours had are computed.
    pub(crate) scales_echoes: bool,
    /// Whether each segment stands in the script by itself.
    pub(crate) strict_segments: bool,
    /// Whether the script is only read.
    pub(crate) dry_run: bool,
    /// Commands to be run before the script.
    pub(crate) init_scripts: Vec<String>,
    /// Where scripts of the shell are looked for.
    pub(crate) directory: Option<PathBuf>,
    /// Whether a packet that is not as it should be ends the script.
    pub(crate) forgives_packets: bool,
    /// Whether a call that does something else ends the script.
    pub(crate) forgives_calls: bool,
}

impl Default for Settings {
    /// As packetdrill: four milliseconds, or an eighth of the time since the event before.
    fn default() -> Self {
        Self {
            profile: None,
            ip_version: IpVersion::default(),
            tolerance: 4000,
            tolerance_per_mille: 125,
            bind_port: 8080,
            connect_port: 8080,
            local_ip: None,
            remote_ip: None,
            mtu: 1500,
            timestamp_tick: 0,
            scales_echoes: false,
            strict_segments: false,
            dry_run: false,
            init_scripts: Vec::new(),
            directory: None,
            forgives_packets: false,
            forgives_calls: false,
        }
    }
}

/// The profile of that name.
pub fn profile_named(name: &str) -> Option<tcp::Profile> {
    match name {
        "linux" => Some(tcp::Profile::Linux),
        "freebsd" => Some(tcp::Profile::FreeBsd),
        "hepta" => Some(tcp::Profile::Hepta),
        _ => None,
    }
}

/// Reads the options at the beginning of a script.
pub(crate) fn read(lexer: &mut Lexer<'_>, settings: &mut Settings) -> Parsed<()> {
    while let Token::Option(_) = lexer.peek()? {
        let (at, Token::Option(name)) = lexer.take()? else { break };
        let value = if lexer.is_directly_followed_by('=') {
            lexer.expect('=')?;
            Some(read_value(lexer)?)
        } else {
            None
        };
        if name == "define" {
            let (name, value) = value
                .as_deref()
                .and_then(|value| value.split_once('='))
                .filter(|(name, _)| !name.is_empty())
                .ok_or_else(|| Refusal::new(at, "--define needs NAME=VALUE"))?;
            lexer.define(name.to_owned(), value.to_owned());
            continue;
        }
        settings.set(at, &name, value.as_deref())?;
    }
    Ok(())
}

/// The value of an option: a text in quotes, or what stands there up to a blank.
fn read_value(lexer: &mut Lexer<'_>) -> Parsed<String> {
    if lexer.is_directly_followed_by('"') {
        let (at, token) = lexer.take()?;
        let Token::Text(text) = token else { return Err(Refusal::new(at, "expected a text")) };
        return String::from_utf8(text).map_err(|_| Refusal::new(at, "no text"));
    }
    let (at, raw) = lexer.take_raw();
    if raw.is_empty() {
        return Err(Refusal::new(at, "'=' without a value"));
    }
    Ok(raw)
}

impl Settings {
    /// Sets what an option says.
    pub(crate) fn set(&mut self, at: Position, name: &str, value: Option<&str>) -> Parsed<()> {
        let bad =
            || Refusal::new(at, format!("--{name} cannot be '{}'", value.unwrap_or_default()));
        let Some(value) = value else { return self.set_flag(at, name) };
        match name {
            "ip_version" => self.ip_version = IpVersion::named(value).ok_or_else(bad)?,
            "profile" => self.profile = Some(profile_named(value).ok_or_else(bad)?),
            "bind_port" => self.bind_port = port(value).ok_or_else(bad)?,
            "connect_port" => self.connect_port = port(value).ok_or_else(bad)?,
            "local_ip" => self.local_ip = Some(value.parse().map_err(|_| bad())?),
            "remote_ip" => {
                let address = value.split_once('/').map_or(value, |(address, _)| address);
                self.remote_ip = Some(address.parse().map_err(|_| bad())?);
            }
            "mtu" => self.mtu = value.parse().ok().filter(|mtu| *mtu >= 68).ok_or_else(bad)?,
            // How a device cut what comes in: we take it whole.
            "mss" => {
                value.parse().ok().filter(|mss: &u16| *mss > 0).ok_or_else(bad)?;
            }
            "tolerance_usecs" => {
                let tolerance = value.parse().ok().filter(|tolerance| *tolerance > 0);
                self.tolerance = tolerance.ok_or_else(bad)?;
            }
            "tolerance_percent" => {
                let percent = value.parse::<f64>().ok();
                let percent = percent.filter(|percent| (0.0..=100.0).contains(percent));
                self.tolerance_per_mille = (percent.ok_or_else(bad)? * 10.0) as i64;
            }
            "tcp_ts_tick_usecs" => {
                let tick = value.parse().ok().filter(|tick| (0..=1_000_000).contains(tick));
                self.timestamp_tick = tick.ok_or_else(bad)?;
            }
            "non_fatal" => self.set_forgiven(value).ok_or_else(bad)?,
            "init_scripts" => {
                self.init_scripts.extend(value.split(',').map(|name| name.trim().to_owned()));
            }
            "code_format" if value == "python" => {}
            "code_command" if value.contains("python") => {}
            "code_sockopt" if value == "TCP_INFO" => {}
            // Nothing of ours depends on them: there is one link, and it has no speed.
            "gateway_ip" | "netmask_ip" | "speed" => {}
            "code_format" | "code_command" | "code_sockopt" => return Err(bad()),
            _ => return unknown(at, name, true),
        }
        Ok(())
    }

    /// `packet`, `syscall` or both: what else would end the script is only told.
    fn set_forgiven(&mut self, value: &str) -> Option<()> {
        for kind in value.split([',', ' ']).filter(|kind| !kind.is_empty()) {
            match kind {
                "packet" => self.forgives_packets = true,
                "syscall" => self.forgives_calls = true,
                _ => return None,
            }
        }
        Some(())
    }

    fn set_flag(&mut self, at: Position, name: &str) -> Parsed<()> {
        match name {
            "tcp_ts_ecr_scaled" => self.scales_echoes = true,
            "strict_segments" => self.strict_segments = true,
            "dry_run" => self.dry_run = true,
            // How much is said, and when memory is given back.
            "verbose" | "debug" | "send_omit_free" => {}
            // Every packet of the peer's finds its way to us.
            "is_anyip" => {}
            _ => return unknown(at, name, false),
        }
        Ok(())
    }

    /// Whether programs run on FreeBSD.
    pub(crate) fn is_freebsd(&self) -> bool {
        self.profile == Some(tcp::Profile::FreeBsd)
    }

    /// Our address.
    pub(crate) fn local(&self) -> IpAddr {
        let default = match self.ip_version.is_v6_on_the_wire() {
            true => IpAddr::from([0xfd3d, 0xfa7b, 0xd17d, 0, 0, 0, 0, 2]),
            false => IpAddr::from([192, 168, 0, 2]),
        };
        self.local_ip.unwrap_or(default)
    }

    /// The peer's address.
    pub(crate) fn remote(&self) -> IpAddr {
        let default = match self.ip_version.is_v6_on_the_wire() {
            true => IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]),
            false => IpAddr::from([192, 0, 2, 1]),
        };
        self.remote_ip.unwrap_or(default)
    }

    /// Whether the settings fit one another.
    pub(crate) fn check(&self, at: Position) -> Parsed<()> {
        let is_v6 = self.ip_version.is_v6_on_the_wire();
        if self.local().is_ipv6() != is_v6 || self.remote().is_ipv6() != is_v6 {
            return Err(Refusal::new(at, "the addresses are not of --ip_version"));
        }
        if is_v6 && self.mtu < 1280 {
            return Err(Refusal::new(at, "IPv6 needs an MTU of 1280 bytes"));
        }
        Ok(())
    }
}

fn port(value: &str) -> Option<u16> {
    value.parse().ok().filter(|port| *port > 0)
}

/// Options that packetdrill has and we do not, with the reason.
const REFUSED: [(&str, &str); 9] = [
    ("wire_client", REMOTE),
    ("wire_server", REMOTE),
    ("wire_server_ip", REMOTE),
    ("wire_server_at", REMOTE),
    ("wire_server_port", REMOTE),
    ("wire_client_dev", REMOTE),
    ("wire_server_dev", REMOTE),
    ("so_filename", SHARED_OBJECT),
    ("so_flags", SHARED_OBJECT),
];

const REMOTE: &str = "both ends are in one process, in virtual time";
const SHARED_OBJECT: &str = "what is played to is our own TCP, and nothing is loaded";

/// An option that cannot be set like this.
fn unknown(at: Position, name: &str, has_value: bool) -> Parsed<()> {
    const WITH_VALUE: [&str; 15] = [
        "ip_version",
        "profile",
        "bind_port",
        "connect_port",
        "local_ip",
        "remote_ip",
        "mtu",
        "mss",
        "tolerance_usecs",
        "tolerance_percent",
        "tcp_ts_tick_usecs",
        "init_scripts",
        "non_fatal",
        "define",
        "speed",
    ];
    const WITHOUT: [&str; 5] =
        ["tcp_ts_ecr_scaled", "strict_segments", "dry_run", "verbose", "is_anyip"];
    let what = match REFUSED.iter().find(|(refused, _)| *refused == name) {
        Some((_, why)) => format!("option --{name} is not supported: {why}"),
        None if !has_value && WITH_VALUE.contains(&name) => {
            format!("option --{name} needs a value")
        }
        None if has_value && WITHOUT.contains(&name) => format!("option --{name} takes no value"),
        None => format!("option --{name} is unknown"),
    };
    Err(Refusal::new(at, what))
}
