//! The command line: what all commands share.

use std::path::PathBuf;

use base::xray::Layer;
use clap::builder::styling::{AnsiColor, Styles};
use clap::{CommandFactory, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

use crate::{config, control, get, lab, net, passwd, ping, serve, telnet};

/// The layers that a film shows unless told otherwise.
pub(crate) const DEFAULT_FILM: &str =
    "physical,link,network,transport,session,presentation,application";

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

/// A web server that owns its protocols and can show each of them at work.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, styles = STYLES, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(Box<serve::Options>),
    Get(Box<get::Options>),
    Ping(Box<ping::Options>),
    Telnet(Box<telnet::Options>),
    Net(Box<net::Options>),
    Lab(Box<lab::Options>),
    /// Look through a configuration file without serving it
    ///
    /// Says what is wrong, where, and what would be right.
    Check {
        /// The file
        #[arg(default_value = "hepta.kdl", value_hint = ValueHint::FilePath)]
        file: PathBuf,

        /// Print every key that there is, and what it is for
        #[arg(long, exclusive = true)]
        keys: bool,
    },
    /// Have a server read its configuration anew
    ///
    /// The file is looked through first: if something is wrong, it is said here, and nothing changes.
    Reload(control::Options),
    /// Have a server hand over to its program as it is now, without losing a connection
    ///
    /// For a new version: replace the program's file, then upgrade.
    Upgrade(control::Options),
    /// Make the hash of a password, for `basic-auth` in a configuration
    ///
    /// The password is asked for, or read from standard input: the hash is of argon2id.
    Passwd(passwd::Options),
    /// Print a script that completes hepta's commands in a shell
    Completions {
        /// For which shell
        shell: Shell,
    },
    /// Write hepta's manual pages
    Man {
        /// Where to
        #[arg(default_value = ".", value_hint = ValueHint::DirPath)]
        directory: PathBuf,
    },
}

/// Reads the name of a layer, in any case.
pub(crate) fn parse_layer(name: &str) -> Result<Layer, String> {
    let known = |layer: &Layer| format!("{layer:?}").eq_ignore_ascii_case(name);
    Layer::ALL.into_iter().find(known).ok_or_else(|| {
        "the layers are physical, link, network, transport, session, presentation, application"
            .to_owned()
    })
}

/// Says whether a configuration is in order.
pub(crate) fn check(file: &std::path::Path) -> anyhow::Result<()> {
    let settings = config::check(file)?;
    anstream::println!("{} is in order: {}", file.display(), extent(&settings));
    Ok(())
}

/// How much a configuration says; the default is a site as others.
pub(crate) fn extent(settings: &config::Settings) -> String {
    let sites = settings.sites.iter().chain(&settings.default);
    let routes = sites.clone().map(|site| site.routes.len()).sum();
    format!("{} with {}", counted(sites.count(), "site"), counted(routes, "route"))
}

/// `1 site`, `2 sites`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}

/// Prints a script for `shell` to standard output.
pub(crate) fn print_completions(shell: Shell) {
    clap_complete::generate(shell, &mut Cli::command(), "hepta", &mut std::io::stdout());
}

/// Writes a manual page for each command to `directory`.
pub(crate) fn write_manual(directory: &std::path::Path) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    clap_mangen::generate_to(Cli::command(), directory)
}
