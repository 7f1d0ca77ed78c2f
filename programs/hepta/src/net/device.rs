//! `hepta net up` and `hepta net down`: devices that stay, made and taken away by `ip`.
//!
//! Each command is printed before it is run, so that nobody wonders what was done to the machine.

use std::io;
use std::process::Command;

use anyhow::{Context as _, anyhow, bail, ensure};
use clap::{Args, ValueHint};
use ip::Cidr;

use crate::network;

/// Make a TAP device that stays, and give the kernel's end of it an address
///
/// Prints each command that it runs. Takes root, or CAP_NET_ADMIN.
#[derive(Args, Debug)]
pub(super) struct UpOptions {
    /// What to call it
    #[arg(value_parser = network::parse_device)]
    name: String,

    /// The kernel's addresses there; ours are others of the same networks
    #[arg(value_name = "ADDRESS/PREFIX", required = true, value_parser = network::parse_address)]
    addresses: Vec<Cidr>,

    /// A TUN device: packets of IP without Ethernet
    #[arg(long)]
    tun: bool,

    /// Who may use it without being root
    #[arg(long, value_name = "USER", value_hint = ValueHint::Username)]
    user: Option<String>,

    /// The longest packet that it takes, in bytes
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u16).range(576..))]
    mtu: Option<u16>,

    /// Print the commands, and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// Take a TAP or TUN device away, with its addresses
///
/// Prints each command that it runs. Takes root, or CAP_NET_ADMIN.
#[derive(Args, Debug)]
pub(super) struct DownOptions {
    /// Which
    #[arg(value_parser = network::parse_device)]
    name: String,

    /// Print the commands, and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// Makes a device. What was begun is undone when a later step fails.
pub(super) fn up(options: &UpOptions) -> anyhow::Result<()> {
    for address in &options.addresses {
        network::check_host(*address)?;
    }
    let commands = commands_up(options);
    if options.dry_run {
        commands.iter().for_each(|command| show(command));
        return Ok(());
    }
    let name = &options.name;
    for (n, command) in commands.iter().enumerate() {
        if let Err(error) = ip(command) {
            if n > 0 {
                anstream::println!("undone:");
                ip(&command_down(name)).with_context(|| format!("{name} is left half made"))?;
            }
            return Err(error);
        }
    }
    let addresses: Vec<_> = options.addresses.iter().map(Cidr::to_string).collect();
    anstream::println!("{name} is up, and the kernel is {} there", addresses.join(" and "));
    Ok(())
}

/// Takes a device away, if it is of the kind that we make.
pub(super) fn down(options: &DownOptions) -> anyhow::Result<()> {
    let name = &options.name;
    let command = command_down(name);
    if options.dry_run {
        show(&command);
        return Ok(());
    }
    let described = run(&words(&["-details", "-json", "link", "show", "dev", name]))?;
    let kind = kind_of(&described).with_context(|| format!("`ip` says nothing of {name}"))?;
    ensure!(kind == "tun", "{name} is no TAP or TUN device: it stays as it is");
    ip(&command)?;
    anstream::println!("{name} is gone");
    Ok(())
}

pub(super) fn commands_up(options: &UpOptions) -> Vec<Vec<String>> {
    let name = options.name.as_str();
    let mode = if options.tun { "tun" } else { "tap" };
    // Whoever has several workers has a queue for each; who has one opens one.
    let mut add = words(&["tuntap", "add", "dev", name, "mode", mode, "multi_queue"]);
    if let Some(user) = &options.user {
        add.extend(words(&["user", user]));
    }
    let mut commands = vec![add];
    if let Some(mtu) = options.mtu {
        commands.push(words(&["link", "set", "dev", name, "mtu", &mtu.to_string()]));
    }
    for address in &options.addresses {
        let mut add = words(&["address", "add", &address.to_string(), "dev", name]);
        if address.address().is_ipv6() {
            // Nobody else is there yet whom the kernel could ask whether he has it.
            add.push("nodad".to_owned());
        }
        commands.push(add);
    }
    commands.push(words(&["link", "set", "dev", name, "up"]));
    commands
}

fn command_down(name: &str) -> Vec<String> {
    words(&["link", "delete", "dev", name])
}

/// What kind of interface `ip -details -json link show` describes.
pub(super) fn kind_of(described: &[u8]) -> Option<String> {
    let links: serde_json::Value = serde_json::from_slice(described).ok()?;
    let link = links.get(0)?;
    // An interface of the machine itself has no kind.
    let kind = link.pointer("/linkinfo/info_kind").and_then(serde_json::Value::as_str);
    Some(kind.unwrap_or_default().to_owned())
}

/// Prints a command and runs it.
fn ip(args: &[String]) -> anyhow::Result<()> {
    show(args);
    run(args).map(|_| ())
}

fn show(args: &[String]) {
    anstream::println!("  ip {}", args.join(" "));
}

/// Runs a command; what it printed.
fn run(args: &[String]) -> anyhow::Result<Vec<u8>> {
    let output = match Command::new("ip").args(args).output() {
        Ok(output) => output,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            bail!("there is no command `ip`: install iproute2, or do the same with another tool")
        }
        Err(error) => return Err(anyhow!(error).context("`ip` cannot be run")),
    };
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim().lines().last().unwrap_or("nothing");
    if said.contains("not permitted") {
        bail!("that takes root, or CAP_NET_ADMIN (`ip` said: {said})");
    }
    if said.contains("busy") {
        bail!("there is a device of that name, or somebody uses it (`ip` said: {said})");
    }
    bail!("`ip {}` failed: {said}", args.join(" "))
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}
