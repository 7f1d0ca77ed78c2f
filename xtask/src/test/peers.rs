//! The programs that the tests talk to.

use std::process::{Command, Stdio};

use crate::{Outcome, term, tree};

#[cfg(test)]
mod tests;

/// One thing the tests need.
struct Peer {
    /// Its Debian package.
    package: &'static str,
    /// Any of these programs will do.
    programs: &'static [&'static str],
    /// What the program must be able to do besides being there.
    probe: Option<&'static [&'static str]>,
    /// Whether `--quick` does without it.
    is_slow: bool,
}

impl Peer {
    const fn new(package: &'static str, programs: &'static [&'static str]) -> Self {
        Self { package, programs, probe: None, is_slow: false }
    }
}

/// Everything the tests need.
const PEERS: [Peer; 24] = [
    Peer::new("curl", &["curl"]),
    Peer::new("nginx-light", &["nginx"]),
    Peer::new("openssl", &["openssl"]),
    Peer::new("gzip", &["gzip"]),
    Peer::new("brotli", &["brotli"]),
    Peer::new("zstd", &["zstd"]),
    Peer::new("python3", &["/usr/bin/python3"]),
    Peer {
        probe: Some(&["-c", "import httpx"]),
        ..Peer::new("python3-httpx", &["/usr/bin/python3"])
    },
    Peer { probe: Some(&["-c", "import h2"]), ..Peer::new("python3-h2", &["/usr/bin/python3"]) },
    Peer::new("nghttp2-client", &["nghttp", "h2load"]),
    Peer::new("wrk", &["wrk"]),
    Peer::new("nftables", &["nft"]),
    Peer::new("nmap", &["nmap"]),
    Peer::new("dnsmasq-base", &["dnsmasq", "/usr/sbin/dnsmasq"]),
    Peer::new("hping3", &["hping3"]),
    Peer::new("iperf3", &["iperf3"]),
    Peer::new("iproute2", &["ip", "bridge", "ss"]),
    Peer::new("iputils-ping", &["ping"]),
    Peer::new("radvd", &["radvd"]),
    Peer::new("nghttp2-server", &["nghttpd"]),
    Peer::new("systemd", &["/lib/systemd/systemd"]),
    Peer::new("systemd-container", &["systemd-nspawn"]),
    Peer { is_slow: true, ..Peer::new("nodejs", &["node", "nodejs"]) },
    Peer { is_slow: true, ..Peer::new("chromium", &["chromium", "chromium-browser"]) },
];

/// Sees to it that every peer is here, or says what to install.
pub(super) fn ensure(may_install: bool, quick: bool) -> Outcome {
    let missing = missing(quick);
    if missing.is_empty() {
        term::say("every peer is here");
        return Ok(());
    }
    let by_hand = format!("sudo apt-get install --no-install-recommends {}", missing.join(" "));
    let is_debian = std::fs::read_to_string("/etc/os-release").is_ok_and(|text| is_debian(&text));
    let how = match (may_install, is_debian, privilege()) {
        (false, ..) => Err("--no-install was given"),
        (_, false, _) => {
            Err("this is neither Debian nor Ubuntu, where these are the packages' names")
        }
        (.., None) => Err("only root may install, and sudo would ask for a password"),
        (.., Some(prefix)) => Ok(prefix),
    };
    let prefix = match how {
        Ok(prefix) => prefix,
        Err(why) => return Err(vec![format!("missing ({why}); run: {by_hand}")]),
    };
    term::say(format_args!("installing {}", missing.join(", ")));
    install(prefix, &missing).map_err(|why| vec![why, format!("by hand: {by_hand}")])?;
    match self::missing(quick).as_slice() {
        [] => Ok(()),
        still => Err(vec![format!("installed, but still not here: {}", still.join(", "))]),
    }
}

/// The packages of the peers that are not here.
fn missing(quick: bool) -> Vec<&'static str> {
    PEERS
        .iter()
        .filter(|peer| !(quick && peer.is_slow || is_here(peer)))
        .map(|p| p.package)
        .collect()
}

fn is_here(peer: &Peer) -> bool {
    let find = |name: &&str| tree::program(name);
    let Some(program) = peer.programs.iter().find_map(find) else { return false };
    let Some(args) = peer.probe else { return true };
    let mut probe = Command::new(program);
    probe.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}

/// Whether `/etc/os-release` speaks of Debian or something made from it.
fn is_debian(os_release: &str) -> bool {
    let mut fields = os_release.lines().filter_map(|line| line.split_once('='));
    fields.any(|(name, value)| {
        matches!(name, "ID" | "ID_LIKE")
            && value.trim_matches('"').split(' ').any(|id| matches!(id, "debian" | "ubuntu"))
    })
}

/// The words to put before a command so that root runs it, if that needs no password.
fn privilege() -> Option<&'static [&'static str]> {
    let says = |command: &str, args: &[&str]| {
        let output = Command::new(command).args(args).stdin(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    if says("id", &["-u"]).as_deref() == Some("0") {
        return Some(&[]);
    }
    says("sudo", &["-n", "true"]).map(|_| ["sudo", "-n"].as_slice())
}

fn install(prefix: &[&str], packages: &[&str]) -> Result<(), String> {
    let update: &[&str] = &["apt-get", "update", "-q"];
    let mut install = vec!["apt-get", "install", "-q", "-y", "--no-install-recommends"];
    install.extend(packages);
    for command in [update, &install] {
        let words: Vec<&str> = prefix
            .iter()
            .chain(&["env", "DEBIAN_FRONTEND=noninteractive"])
            .chain(command)
            .copied()
            .collect();
        let Some((program, args)) = words.split_first() else { continue };
        let status = Command::new(program).args(args).stdin(Stdio::null()).status();
        if !status.is_ok_and(|status| status.success()) {
            return Err(format!("{} failed; see above", command.join(" ")));
        }
    }
    Ok(())
}
