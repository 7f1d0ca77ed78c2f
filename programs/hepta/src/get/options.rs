//! The options of `hepta get`.

use std::num::ParseFloatError;
use std::path::PathBuf;
use std::time::Duration;

use base::xray::Layer;
use clap::{Args, ValueHint};

use crate::cli::{DEFAULT_FILM, parse_layer};
use crate::network;

const AFTER_HELP: &str = "\
A URL without a scheme is https://, but http:// for localhost and addresses of this machine. A \
fragment is never sent. A host name with other letters than ASCII is given in its xn-- form.

Exit codes (those of curl, where it has them):
   0  all is well                         28  a time limit passed
   2  the options make no sense           33  the file cannot be continued
   3  the URL cannot be used              35  no TLS session
   6  no such host                        47  too many redirects, or one that is refused
   7  no connection                       52  no answer came
   8  the answer cannot be understood     56  the connection broke
  18  the body is not complete            60  the certificate is not to be trusted
  22  a status of 400 or more (--fail, or when a file was to be written)
  23  the body cannot be written          61  the content coding is unknown or damaged
  26  what was to be sent cannot be read";

/// Get what URLs name
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Options {
    /// What to get
    #[arg(required = true, value_name = "URL", value_hint = ValueHint::Url)]
    pub(super) urls: Vec<String>,

    /// The method; GET unless something else follows from other options
    #[arg(short = 'X', long = "request", value_name = "METHOD", help_heading = "Request")]
    pub(super) method: Option<String>,
    /// Add a field; it replaces ours of the same name. 'Name:' only takes ours away
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", help_heading = "Request")]
    pub(super) fields: Vec<String>,
    /// Send DATA, or what is in @FILE, or in standard input with @-; with POST unless -X says
    /// otherwise
    #[arg(short, long, value_name = "DATA", help_heading = "Request")]
    pub(super) data: Option<String>,
    /// Ask for the head only
    #[arg(short = 'I', long, help_heading = "Request", conflicts_with_all = ["data", "method"])]
    pub(super) head: bool,
    /// Ask for these bytes only: 0-99, 500-, -100, or several with commas between them
    #[arg(long, value_name = "RANGES", allow_hyphen_values = true, help_heading = "Request")]
    pub(super) range: Option<String>,
    /// Ask for the body in fewer bytes (br, zstd, gzip), and decode it
    #[arg(long, help_heading = "Request")]
    pub(super) compressed: bool,
    /// Say who we are, with Basic authentication
    #[arg(short, long, value_name = "NAME:PASSWORD", help_heading = "Request")]
    pub(super) user: Option<String>,

    /// Write the body to FILE (by way of FILE.part); - is standard output, a terminal too
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub(super) output: Option<PathBuf>,
    /// Write each body to a file that is called like the last part of the URL's path
    #[arg(short = 'O', long, conflicts_with = "output", help_heading = "Output")]
    pub(super) remote_name: bool,
    /// Go on where FILE.part ends, if it is still a part of the same; else begin anew
    #[arg(short = 'C', long = "continue", conflicts_with_all = ["range", "compressed", "data"], help_heading = "Output")]
    pub(super) resume: bool,
    /// Print the head of each response too, to standard output
    #[arg(short, long, help_heading = "Output")]
    pub(super) include: bool,
    /// Print nothing but bodies: no progress, no notes, no errors
    #[arg(short, long, help_heading = "Output")]
    pub(super) silent: bool,
    /// Fail with a status of 400 or more, without the body
    #[arg(short, long, help_heading = "Output")]
    pub(super) fail: bool,
    /// Print what happens, layer by layer; the same as --film
    #[arg(short, long, help_heading = "Output")]
    pub(super) verbose: bool,
    /// Print what happens in these layers
    #[arg(long, value_name = "LAYERS", num_args = 0..=1, require_equals = true, value_delimiter = ',', default_missing_value = DEFAULT_FILM, value_parser = parse_layer, help_heading = "Output")]
    pub(super) film: Option<Vec<Layer>>,

    /// Follow redirects with every method; GET and HEAD do without
    #[arg(short = 'L', long, help_heading = "Connection", overrides_with = "no_location")]
    pub(super) location: bool,
    /// Follow no redirects
    #[arg(long, help_heading = "Connection", overrides_with = "location")]
    pub(super) no_location: bool,
    /// How many redirects to follow
    #[arg(long, value_name = "N", default_value_t = 10, help_heading = "Connection")]
    pub(super) max_redirects: u32,
    /// Follow redirects from https:// to http:// too
    #[arg(long, help_heading = "Connection")]
    pub(super) allow_clear_redirect: bool,
    /// How often to try again what may work later
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Connection")]
    pub(super) retry: u32,
    /// How long a connection may take, with the look-up of the name and TLS
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = parse_seconds, help_heading = "Connection")]
    pub(super) connect_timeout: Duration,
    /// How long nothing may come or go; 0 for as long as it takes
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = parse_seconds, help_heading = "Connection")]
    pub(super) stall_timeout: Duration,
    /// How long each URL may take, with redirects and repeats
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds, help_heading = "Connection")]
    pub(super) max_time: Option<Duration>,

    /// Trust the certificates in FILE (PEM), and no others
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "TLS")]
    pub(super) cacert: Option<PathBuf>,
    /// Trust any certificate, but say what is wrong with it
    #[arg(short = 'k', long, help_heading = "TLS")]
    pub(super) insecure: bool,

    /// Speak HTTP/1.1 also to who speaks HTTP/2
    #[arg(long = "http1.1")]
    pub(super) http1_only: bool,

    #[command(flatten)]
    pub(super) network: network::Options,
    /// Let the server push what it thinks we will need, and say what that was; nothing of it is kept
    #[arg(long, conflicts_with = "http1_only")]
    pub(super) push: bool,
}

impl Options {
    /// The layers to film.
    pub(super) fn film_layers(&self) -> Option<Vec<Layer>> {
        let usual = || DEFAULT_FILM.split(',').flat_map(parse_layer).collect();
        self.film.clone().or_else(|| self.verbose.then(usual))
    }
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|error: ParseFloatError| error.to_string())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}
