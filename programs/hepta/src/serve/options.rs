//! The command line of `hepta serve`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use base::xray::Layer;
use clap::{Args, ValueHint};
use server::Address;

use super::default_site;
use crate::certificates::Pair;
use crate::cli::{DEFAULT_FILM, parse_layer};
use crate::config::{
    AccessLog, Action, FilesSettings, Limits, Listen, LogPlace, PathPattern, Route, Settings, Site,
    Steps, Tls,
};
use crate::network::{self, Probe, Wanted};

/// What a configuration file says, and so the command line does not.
const SAID_IN_THE_FILE: [&str; 16] = [
    "directory",
    "listen",
    "workers",
    "busy_poll",
    "access_log",
    "tls",
    "cert",
    "request_line_max",
    "head_max",
    "fields_max",
    "requests_max",
    "connections_max",
    "timeout_idle",
    "timeout_head",
    "timeout_write",
    "grace",
];

/// Put a directory on the web
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hepta serve                        Hepta's own small site, at http://localhost:8080/
  hepta serve ~/site --listen 80     a directory, at port 80 of this machine only
  hepta serve ~/site --tls           over TLS, with a certificate made for localhost
  hepta serve ~/site --listen 0.0.0.0:443 --cert site.pem --key site.key
  hepta serve --config hepta.kdl     several sites, as a file describes them
  hepta serve --film                 and what happens on each connection, layer by layer
  hepta serve ~/site --net tap0 --address 10.77.0.2/24
                                     over hepta's own network stack, without the kernel's TCP")]
pub(crate) struct Options {
    /// The directory to serve; Hepta's own small site when none is named
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) directory: Option<PathBuf>,

    /// Serve what this file describes; `hepta check --keys` says what can stand there
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath,
          conflicts_with_all = SAID_IN_THE_FILE)]
    pub(crate) config: Option<PathBuf>,

    /// Where to listen: ADDRESS:PORT, [IPV6]:PORT, or PORT on this machine only; repeatable
    ///
    /// Without it: port 8080 of this machine, or 8443 with TLS. With --net these are addresses of our
    /// own network, and PORT is that port at all of them.
    #[allow(rustdoc::broken_intra_doc_links, reason = "this is the text of --help")]
    #[arg(long, short, value_name = "ADDR", value_parser = parse_place)]
    pub(crate) listen: Vec<Place>,

    /// How many threads serve; one for each core unless told otherwise, and one over a device that has one
    /// queue (--net)
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<NonZeroU16>,

    /// How long a worker with nothing to do looks for more before it sleeps
    ///
    /// An answer comes sooner by the time it takes to wake a core, and a core is busy that long after
    /// each request.
    #[arg(long, value_name = "MICROSECONDS", default_value_t = 0)]
    pub(crate) busy_poll: u64,

    /// Add a line for each request to FILE; `-` is standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) access_log: Option<PathBuf>,

    /// Speak TLS, with a certificate for localhost from an authority made once on this machine
    #[arg(long, help_heading = "TLS")]
    pub(crate) tls: bool,

    /// Speak TLS with this certificate and its chain (PEM); repeatable, each with its --key
    #[arg(long, value_name = "FILE", requires = "key", value_hint = ValueHint::FilePath, help_heading = "TLS")]
    pub(crate) cert: Vec<PathBuf>,

    /// The private key of the --cert before it (PEM)
    #[arg(long, value_name = "FILE", requires = "cert", value_hint = ValueHint::FilePath, help_heading = "TLS")]
    pub(crate) key: Vec<PathBuf>,

    /// Print what happens on each connection, layer by layer
    ///
    /// LAYERS is a list of: transport, session, presentation, application; with --net also physical,
    /// link, network.
    #[arg(long, value_name = "LAYERS", num_args = 0..=1, require_equals = true,
          value_delimiter = ',', default_missing_value = DEFAULT_FILM, value_parser = parse_layer,
          help_heading = "Seeing")]
    pub(crate) film: Option<Vec<Layer>>,

    /// The longest request line, in bytes; a longer one is answered with 414
    #[arg(long, value_name = "BYTES", default_value_t = http1::Config::default().request_line_len_max, help_heading = "Limits")]
    pub(crate) request_line_max: usize,

    /// The longest head of a request, in bytes; a longer one is answered with 431
    #[arg(long, value_name = "BYTES", default_value_t = http1::Config::default().head_len_max, help_heading = "Limits")]
    pub(crate) head_max: usize,

    /// How many fields a request may have; more are answered with 431
    #[arg(long, value_name = "N", default_value_t = http1::Config::default().fields_max, help_heading = "Limits")]
    pub(crate) fields_max: usize,

    /// How many requests a connection may make
    #[arg(long, value_name = "N", default_value_t = http1::Config::default().requests_max, help_heading = "Limits")]
    pub(crate) requests_max: u32,

    /// How many connections each worker keeps; then idle ones go, else the next is refused with 503
    #[arg(long, value_name = "N", default_value_t = server::Limits::default().connections_max, help_heading = "Limits")]
    pub(crate) connections_max: usize,

    /// How long a connection may be silent between requests
    #[arg(long, value_name = "SECONDS", default_value_t = http1::Config::default().timeout_idle.as_secs(), help_heading = "Limits")]
    pub(crate) timeout_idle: u64,

    /// How long a request's head may take; a slower one is answered with 408
    #[arg(long, value_name = "SECONDS", default_value_t = http1::Config::default().timeout_head.as_secs(), help_heading = "Limits")]
    pub(crate) timeout_head: u64,

    /// How long a client may take nothing of what is sent to it
    #[arg(long, value_name = "SECONDS", default_value_t = server::Limits::default().timeout_write.as_secs(), help_heading = "Limits")]
    pub(crate) timeout_write: u64,

    /// How long running requests may go on after a signal to stop
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().grace.as_secs(), help_heading = "Limits")]
    pub(crate) grace: u64,

    #[command(flatten)]
    pub(crate) network: network::Options,

    /// Ask on the link whether somebody has our addresses, before they are used (RFC 5227)
    ///
    /// The server runs meanwhile; it takes four to seven seconds. If somebody has one, it is not used,
    /// and the log says who it is.
    #[arg(
        long,
        value_name = "WHEN",
        requires = "net",
        value_enum,
        default_value_t,
        help_heading = "Our own network"
    )]
    pub(crate) probe: Probe,
}

impl Options {
    /// Whether only who started us can say where to listen.
    pub(crate) fn has_no_place(&self) -> bool {
        self.config.is_none() && self.listen.is_empty()
    }

    /// The network of our own that sites are served over, if it is to be one.
    ///
    /// # Errors
    ///
    /// It cannot be; the message says what would be right.
    pub(crate) fn own_network(&self) -> anyhow::Result<Option<Wanted>> {
        let wanted = self.network.wanted()?;
        Ok(wanted.map(|wanted| Wanted { probe: self.probe, ..wanted }))
    }

    /// What a file would have to say for the same: one directory, under every name.
    pub(crate) fn to_settings(&self) -> anyhow::Result<Settings> {
        let directory = match &self.directory {
            Some(directory) => directory.clone(),
            None => default_site::directory()?,
        };
        let files = FilesSettings { has_listing: true, ..FilesSettings::new(directory) };
        let route = Route {
            path: PathPattern::Below(String::new()),
            method: None,
            steps: Steps::default(),
            action: Action::Files(files),
        };
        let tls = self.tls_settings()?;
        let default = [Place::Local(if tls.is_some() { 8443 } else { 8080 })];
        let places = if self.listen.is_empty() { &default[..] } else { &self.listen };
        let listen = places
            .iter()
            .cloned()
            .map(|place| Listen { tls: tls.clone(), ..Listen::at(place) })
            .collect();
        Ok(Settings {
            listen,
            admin: None,
            net: self.own_network()?,
            workers: self.workers,
            busy_poll: Duration::from_micros(self.busy_poll),
            identity: None,
            pid_file: None,
            access_log: self.access_log.as_deref().map(log_at),
            limits: self.limits(),
            sites: Vec::new(),
            default: Some(Site { routes: vec![route], ..Site::default() }),
            shown: String::new(),
        })
    }

    fn tls_settings(&self) -> anyhow::Result<Option<Tls>> {
        if self.cert.len() != self.key.len() {
            bail!("give each --cert its --key, in the same order");
        }
        if !self.cert.is_empty() {
            let pairs = self.cert.iter().zip(&self.key).map(|(certificate, key)| Pair {
                certificate: certificate.clone(),
                key: key.clone(),
            });
            return Ok(Some(Tls::Pairs(pairs.collect())));
        }
        Ok(self.tls.then_some(Tls::Local))
    }

    fn limits(&self) -> Limits {
        Limits {
            http1: http1::Config {
                request_line_len_max: self.request_line_max,
                head_len_max: self.head_max,
                fields_max: self.fields_max,
                requests_max: self.requests_max,
                timeout_idle: Duration::from_secs(self.timeout_idle),
                timeout_head: Duration::from_secs(self.timeout_head),
                ..http1::Config::default()
            },
            http2: Some(http2::Config {
                head_len_max: u32::try_from(self.head_max).unwrap_or(u32::MAX),
                fields_max: self.fields_max,
                timeout_head: Duration::from_secs(self.timeout_head),
                ..http2::Config::default()
            }),
            sockets: server::Limits {
                timeout_write: Duration::from_secs(self.timeout_write),
                connections_max: self.connections_max,
                ..server::Limits::default()
            },
            grace: Duration::from_secs(self.grace),
        }
    }
}

fn log_at(path: &Path) -> AccessLog {
    AccessLog::to(match path.to_str() {
        Some("-") => LogPlace::Stdout,
        _ => LogPlace::File(path.into()),
    })
}

/// Where to listen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// At one address.
    Address(Address),
    /// At a port of this machine, over IPv4 and, where there is one, IPv6.
    Local(u16),
}

impl Place {
    /// The addresses, with the one first that must work.
    pub(crate) fn addresses(&self) -> (Address, Option<SocketAddr>) {
        match self {
            Self::Address(address) => (address.clone(), None),
            Self::Local(port) => {
                let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, *port));
                (Address::Ip(SocketAddr::from((Ipv4Addr::LOCALHOST, *port))), Some(v6))
            }
        }
    }
}

pub(crate) fn parse_place(text: &str) -> Result<Place, String> {
    if let Ok(port) = text.parse() {
        return Ok(Place::Local(port));
    }
    if let Ok(address) = text.parse() {
        return Ok(Place::Address(Address::Ip(address)));
    }
    if let Some(path) = text.strip_prefix("unix:").filter(|path| !path.is_empty()) {
        return Ok(Place::Address(Address::Unix(path.into())));
    }
    let hint = match text.rsplit_once(':') {
        Some(("localhost", port)) if port.parse::<u16>().is_ok() => {
            return Ok(Place::Local(port.parse().unwrap_or(0)));
        }
        Some(("*" | "", port)) => {
            format!("0.0.0.0:{port} is every address of IPv4, [::]:{port} every one of IPv6")
        }
        _ if text.parse::<IpAddr>().is_ok() => "a port is missing, as in 127.0.0.1:8080".to_owned(),
        _ => "write 127.0.0.1:8080, [::1]:8080, localhost:8080, 8080 or unix:PATH".to_owned(),
    };
    Err(hint)
}
