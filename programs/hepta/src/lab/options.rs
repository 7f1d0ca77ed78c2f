//! The options of `hepta lab run`: ours, and those of packetdrill, so that what calls packetdrill can
//! call this.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueHint};

const AFTER_HELP: &str = "\
Options with an underscore are packetdrill's. A script may begin with them too; where both say \
something, what stands here counts.

Exit codes:
   0  all scripts passed
   1  one did not, could not be read, or says something that is not known here
   2  nothing was played: the options make no sense

Examples:
  hepta lab run handshake.pkt
  hepta lab run -v --profile freebsd -D PORT=80 handshake.pkt
  hepta lab run --ip_version=ipv6 --json scripts/";

const OF_PACKETDRILL: &str = "Options of packetdrill";

/// Play conversations written in packetdrill's language
///
/// Each is played to our own TCP in virtual time: an hour takes no time, and it goes the same way
/// every time. A line for each says whether it went as it says, or where not, what was expected and
/// what came.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Run {
    /// Scripts, and directories in which all that end in .pkt are played
    #[arg(value_name = "FILE|DIRECTORY", required = true, value_hint = ValueHint::AnyPath)]
    pub(super) paths: Vec<PathBuf>,

    /// Whose TCP to be, as far as systems differ: initial values, timers, the order of options;
    /// linux, unless the script shows that it was written for freebsd
    #[arg(long, value_name = "SYSTEM", value_parser = ["linux", "freebsd", "hepta"])]
    profile: Option<String>,
    /// A word of the scripts that stands for something else
    #[arg(short = 'D', long, value_name = "NAME=VALUE", value_parser = parse_define)]
    define: Vec<(String, String)>,
    /// Show what the stack does, note by note
    #[arg(short, long)]
    verbose: bool,
    /// Print only what did not pass, and the summary
    #[arg(short, long)]
    pub(super) quiet: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Write what goes over the link as pcapng; for one script
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) pcap: Option<PathBuf>,
    /// How many scripts to play at once; as many as there are processors unless given
    #[arg(short, long, value_name = "N")]
    pub(super) jobs: Option<NonZeroUsize>,
    /// Packets that leave behind the last one of a script do not fail it, as with packetdrill
    #[arg(long, alias = "allow_trailing_packets")]
    allow_trailing_packets: bool,

    #[command(flatten, next_help_heading = OF_PACKETDRILL)]
    packetdrill: Packetdrill,
}

#[derive(Args, Debug)]
struct Packetdrill {
    /// Which addresses programs and packets have: ipv4, ipv4-mapped-ipv6, ipv6
    #[arg(long = "ip_version", value_name = "VERSION")]
    ip_version: Option<String>,
    /// Our address
    #[arg(long = "local_ip", value_name = "ADDRESS")]
    local_ip: Option<String>,
    /// The peer's address, perhaps with a prefix
    #[arg(long = "remote_ip", value_name = "ADDRESS")]
    remote_ip: Option<String>,
    /// The port that sockets are bound to
    #[arg(long = "bind_port", value_name = "PORT")]
    bind_port: Option<String>,
    /// The port that sockets connect to
    #[arg(long = "connect_port", value_name = "PORT")]
    connect_port: Option<String>,
    /// The longest packet of the link
    #[arg(long, value_name = "BYTES")]
    mtu: Option<String>,
    /// How many microseconds early or late is in time
    #[arg(long = "tolerance_usecs", alias = "tolerance", value_name = "US")]
    tolerance_usecs: Option<String>,
    /// The same in hundredths of the time since the event before
    #[arg(long = "tolerance_percent", value_name = "PERCENT")]
    tolerance_percent: Option<String>,
    /// How long a step of timestamps is; compares them, with 0 not
    #[arg(long = "tcp_ts_tick_usecs", value_name = "US")]
    tcp_ts_tick_usecs: Option<String>,
    /// Compute echoes of timestamps that were not seen
    #[arg(long = "tcp_ts_ecr_scaled")]
    tcp_ts_ecr_scaled: bool,
    /// Do not take segments that follow one another for one
    #[arg(long = "strict_segments")]
    strict_segments: bool,
    /// What only is warned of: packet, syscall
    #[arg(long = "non_fatal", value_name = "KINDS")]
    non_fatal: Option<String>,
    /// Commands to be read before each script
    #[arg(long = "init_scripts", value_name = "FILES")]
    init_scripts: Option<String>,
    /// Read the scripts, and play none
    #[arg(long = "dry_run")]
    dry_run: bool,

    // What changes nothing here, and what is refused with a reason.
    #[arg(long = "gateway_ip", hide = true)]
    gateway_ip: Option<String>,
    #[arg(long = "netmask_ip", hide = true)]
    netmask_ip: Option<String>,
    #[arg(long, hide = true)]
    speed: Option<String>,
    #[arg(long, hide = true)]
    mss: Option<String>,
    #[arg(long = "code_command", hide = true)]
    code_command: Option<String>,
    #[arg(long = "code_format", hide = true)]
    code_format: Option<String>,
    #[arg(long = "code_sockopt", hide = true)]
    code_sockopt: Option<String>,
    #[arg(long = "is_anyip", hide = true)]
    is_anyip: bool,
    #[arg(long = "send_omit_free", hide = true)]
    send_omit_free: bool,
    #[arg(long, hide = true)]
    debug: bool,
    #[arg(long = "wire_client", hide = true)]
    wire_client: bool,
    #[arg(long = "wire_server", hide = true)]
    wire_server: bool,
    #[arg(long = "wire_server_ip", hide = true)]
    wire_server_ip: Option<String>,
    #[arg(long = "wire_server_at", hide = true)]
    wire_server_at: Option<String>,
    #[arg(long = "wire_server_port", hide = true)]
    wire_server_port: Option<String>,
    #[arg(long = "wire_client_dev", hide = true)]
    wire_client_dev: Option<String>,
    #[arg(long = "wire_server_dev", hide = true)]
    wire_server_dev: Option<String>,
    #[arg(long = "so_filename", hide = true)]
    so_filename: Option<String>,
    #[arg(long = "so_flags", hide = true)]
    so_flags: Option<String>,
}

impl Run {
    /// How the scripts are to be played.
    pub(super) fn for_scripts(&self) -> scripts::Options {
        let mut settings = self.packetdrill.settings();
        settings.extend(self.profile.clone().map(|name| ("profile".to_owned(), Some(name))));
        scripts::Options {
            defines: self.define.clone(),
            settings,
            is_watched: self.verbose,
            is_captured: self.pcap.is_some(),
            allows_trailing_packets: self.allow_trailing_packets,
        }
    }
}

impl Packetdrill {
    /// Those that were given, by the names that scripts have for them.
    fn settings(&self) -> Vec<(String, Option<String>)> {
        let values = [
            ("ip_version", &self.ip_version),
            ("local_ip", &self.local_ip),
            ("remote_ip", &self.remote_ip),
            ("gateway_ip", &self.gateway_ip),
            ("netmask_ip", &self.netmask_ip),
            ("bind_port", &self.bind_port),
            ("connect_port", &self.connect_port),
            ("mtu", &self.mtu),
            ("mss", &self.mss),
            ("speed", &self.speed),
            ("tolerance_usecs", &self.tolerance_usecs),
            ("tolerance_percent", &self.tolerance_percent),
            ("tcp_ts_tick_usecs", &self.tcp_ts_tick_usecs),
            ("non_fatal", &self.non_fatal),
            ("init_scripts", &self.init_scripts),
            ("code_command", &self.code_command),
            ("code_format", &self.code_format),
            ("code_sockopt", &self.code_sockopt),
            ("wire_server_ip", &self.wire_server_ip),
            ("wire_server_at", &self.wire_server_at),
            ("wire_server_port", &self.wire_server_port),
            ("wire_client_dev", &self.wire_client_dev),
            ("wire_server_dev", &self.wire_server_dev),
            ("so_filename", &self.so_filename),
            ("so_flags", &self.so_flags),
        ];
        let flags = [
            ("tcp_ts_ecr_scaled", self.tcp_ts_ecr_scaled),
            ("strict_segments", self.strict_segments),
            ("dry_run", self.dry_run),
            ("is_anyip", self.is_anyip),
            ("send_omit_free", self.send_omit_free),
            ("debug", self.debug),
            ("wire_client", self.wire_client),
            ("wire_server", self.wire_server),
        ];
        let values = values
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), Some(value.clone()?))));
        let flags = flags
            .into_iter()
            .filter(|(_, is_set)| *is_set)
            .map(|(name, _)| (name.to_owned(), None));
        values.chain(flags).collect()
    }
}

/// Reads `NAME=VALUE`.
fn parse_define(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("NAME=VALUE, as in PORT=80".to_owned()),
    }
}
