//! What stands behind a key: how each kind of value is written, and what it means.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use base::Mac;
use ipnet::IpNet;
use kdl::KdlValue;
use message::Status;

use super::access_log::LogPlace;
use crate::network::{self, Given};
use crate::serve::Place;

/// A kind of value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Text,
    /// A text that is shown to nobody.
    Secret,
    Path,
    Count,
    Size,
    Time,
    Flag,
    Address,
    Status,
    Network,
    /// The name of an interface.
    Device,
    /// An address of ours, and how many of its bits name its network, or where addresses come from.
    Given,
    Ip,
    /// A hardware address.
    Mac,
    Log,
    /// Who may do what with a file.
    Mode,
}

/// A value that was understood.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Value {
    Text(String),
    Path(PathBuf),
    Number(u64),
    Time(Duration),
    Flag(bool),
    Address(Place),
    Status(Status),
    Network(IpNet),
    Given(Given),
    Ip(IpAddr),
    Mac(Mac),
    Log(LogPlace),
}

impl Value {
    pub(super) fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

impl Kind {
    /// How such a value is written, for people.
    pub(crate) const fn shape(self) -> &'static str {
        match self {
            Self::Text => "text in quotes",
            Self::Secret => "text in quotes, which is shown to nobody",
            Self::Path => "a path in quotes",
            Self::Count => "a number",
            Self::Size => "a number of bytes, or \"8KiB\", \"1MiB\"",
            Self::Time => "a time, as \"500ms\", \"15s\", \"2m\", \"1h\" or \"30d\"",
            Self::Flag => "#true or #false",
            Self::Address => "\"ADDRESS:PORT\", a port of this machine, or \"unix:PATH\"",
            Self::Status => "a status, as 404",
            Self::Network => "an address or a network, as \"192.0.2.7\" or \"2001:db8::/32\"",
            Self::Device => "the name of an interface in quotes, as \"tap0\"",
            Self::Given => {
                "an address and how many of its bits name its network, as \"10.77.0.2/24\" or \"fd77::2/64\"; \"auto\" \
                 or \"dhcp\""
            }
            Self::Ip => "an address, as \"10.77.0.1\" or \"fd77::1\"",
            Self::Mac => "a hardware address, as \"02:00:5e:10:00:01\"",
            Self::Mode => "permissions in octal and in quotes, as \"660\"",
            Self::Log => "a path in quotes, \"-\" for standard output, or \"off\"",
        }
    }

    /// Reads a value; what was wrong with it otherwise.
    pub(super) fn read(self, value: &KdlValue) -> Result<Value, String> {
        let wrong = || format!("this takes {}", self.shape());
        match self {
            Self::Text | Self::Secret => value.as_string().map(|text| Value::Text(text.to_owned())),
            Self::Path => value.as_string().map(|text| Value::Path(text.into())),
            Self::Flag => value.as_bool().map(Value::Flag),
            Self::Count => number(value).map(Value::Number),
            Self::Size => number(value).or_else(|| size(value.as_string()?)).map(Value::Number),
            Self::Time => value.as_string().and_then(time).map(Value::Time),
            Self::Status => {
                let code = number(value).and_then(|code| u16::try_from(code).ok());
                code.and_then(Status::new).map(Value::Status)
            }
            Self::Network => value.as_string().and_then(network_of).map(Value::Network),
            Self::Device => return read_with(self, value, network::parse_device).map(Value::Text),
            Self::Given => return read_with(self, value, network::parse_given).map(Value::Given),
            Self::Ip => value.as_string().and_then(|text| text.parse().ok()).map(Value::Ip),
            Self::Mac => value.as_string().and_then(|text| text.parse().ok()).map(Value::Mac),
            Self::Mode => value.as_string().and_then(mode).map(Value::Number),
            Self::Log => value.as_string().map(LogPlace::parse).map(Value::Log),
            Self::Address => return address(value).map(Value::Address),
        }
        .ok_or_else(wrong)
    }
}

/// Reads a text as the command line does.
fn read_with<T>(
    kind: Kind,
    value: &KdlValue,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<T, String> {
    parse(value.as_string().ok_or_else(|| format!("this takes {}", kind.shape()))?)
}

fn number(value: &KdlValue) -> Option<u64> {
    u64::try_from(value.as_integer()?).ok()
}

fn size(text: &str) -> Option<u64> {
    let (number, unit) = split_unit(text)?;
    let factor = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

fn time(text: &str) -> Option<Duration> {
    let (number, unit) = split_unit(text)?;
    match unit {
        "us" => Some(Duration::from_micros(number)),
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3600).map(Duration::from_secs),
        "d" => number.checked_mul(86400).map(Duration::from_secs),
        _ => None,
    }
}

/// Three octal digits; four with a zero in front, as it is often written.
fn mode(text: &str) -> Option<u64> {
    let digits = if text.len() == 4 { text.strip_prefix('0')? } else { text };
    let is_octal = digits.len() == 3 && digits.bytes().all(|b| matches!(b, b'0'..=b'7'));
    u64::from_str_radix(digits, 8).ok().filter(|_| is_octal)
}

fn split_unit(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    Some((number.parse().ok()?, unit.trim_start()))
}

pub(super) fn network_of(text: &str) -> Option<IpNet> {
    let of_one = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse::<IpNet>().ok().map(|network| network.trunc()).or_else(of_one)
}

fn address(value: &KdlValue) -> Result<Place, String> {
    if let Some(port) = number(value) {
        let port = u16::try_from(port).map_err(|_| "ports are numbers below 65536".to_owned())?;
        return Ok(Place::Local(port));
    }
    let text = value.as_string().ok_or_else(|| format!("this takes {}", Kind::Address.shape()))?;
    crate::serve::parse_place(text)
}
