//! The units of `docs/systemd`, by systemd itself: in a container that shares nothing with this machine
//! but its programs, which can only be read there.

use std::fs::File;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use peers::{Finished, Site, run, tool, until};
use rustix::process::{Pid, Signal, kill_process};

use crate::HEPTA;

/// Where the units are.
const UNITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/systemd");

/// What would wait for a network or for somebody at a keyboard.
const NOT_STARTED: [&str; 6] = [
    "systemd-firstboot",
    "systemd-networkd-wait-online",
    "ifupdown-wait-online",
    "NetworkManager-wait-online",
    "networking",
    "nftables",
];

/// A container: nothing in it is this machine's but `/usr`, and what it writes is gone at its end.
fn nspawn() -> Command {
    let mut nspawn = tool("systemd-nspawn");
    nspawn.args(["--quiet", "--register=no", "--keep-unit", "--private-network"]);
    nspawn.args(["--directory=/", "--volatile=yes"]);
    let number = STARTED.fetch_add(1, Ordering::Relaxed);
    nspawn.arg(format!("--machine=hepta-{}-{number}", std::process::id()));
    nspawn
}

/// Gives each container a name of its own.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// A systemd that runs, and what stands in its `/etc/hepta`.
struct Container {
    site: Site,
    nspawn: Child,
}

impl Container {
    /// Starts systemd with some of our units, of which it enables all, and with a site in `/etc/hepta`;
    /// nothing where nobody may.
    fn start(units: &[&str], site: Site) -> Option<Self> {
        if !run(nspawn().args(["--", "/usr/bin/true"])).status.success() {
            eprintln!("skipped: it takes root, and leave to start a container");
            return None;
        }
        let readable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(site.root(), readable).unwrap();
        let console = File::create(site.path("console")).unwrap();
        let mut nspawn = nspawn();
        let mut bind = |from: &Path, to: &str| {
            nspawn.arg(format!("--bind-ro={}:{to}", from.display()));
        };
        bind(Path::new(HEPTA).parent().unwrap(), "/usr/local/bin");
        bind(site.root(), "/etc/hepta");
        for unit in units {
            let text = std::fs::canonicalize(format!("{UNITS}/{unit}")).unwrap();
            bind(&text, &format!("/etc/systemd/system/{unit}"));
        }
        for unit in NOT_STARTED {
            bind(Path::new("/dev/null"), &format!("/etc/systemd/system/{unit}.service"));
        }
        nspawn.args(["--boot", "--", "--unit=basic.target"]);
        nspawn.stdin(Stdio::null()).stdout(console.try_clone().unwrap()).stderr(console);
        let nspawn = nspawn.spawn().unwrap();
        let mut container = Self { site, nspawn };
        until("systemd has started", || {
            let has_ended = container.nspawn.try_wait().unwrap().is_some();
            assert!(!has_ended, "{}", container.console());
            container.leader()?;
            let state = container.run(&["systemctl", "is-active", "basic.target"]);
            state.status.success().then_some(())
        });
        Some(container)
    }

    /// The process that is systemd.
    fn leader(&self) -> Option<Pid> {
        let children = format!("/proc/{0}/task/{0}/children", self.nspawn.id());
        let children = std::fs::read_to_string(children).ok()?;
        Pid::from_raw(children.split_whitespace().next()?.parse().ok()?)
    }

    /// What systemd has said so far.
    fn console(&self) -> String {
        std::fs::read_to_string(self.site.path("console")).unwrap_or_default()
    }

    /// Runs a program in the container.
    fn run(&self, words: &[&str]) -> Finished {
        let leader = self.leader().expect("it runs").as_raw_pid();
        let mut command = Command::new("nsenter");
        command.args(["--target", &leader.to_string()]);
        command.args(["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--"]);
        run(command.args(words))
    }

    fn systemctl(&self, words: &[&str]) {
        let finished = self.run(&[&["systemctl"], words].concat());
        let said = || self.journal();
        assert!(finished.status.success(), "{words:?}: {}\n{}", finished.stderr, said());
    }

    /// A property of a unit.
    fn show(&self, unit: &str, property: &str) -> String {
        let text = self.run(&["systemctl", "show", "--value", "-p", property, unit]).ok().text();
        text.trim().to_owned()
    }

    /// What a page says.
    fn get(&self, path: &str) -> String {
        let url = format!("http://127.0.0.1{path}");
        self.run(&["curl", "-sS", "--max-time", "10", &url]).ok().text()
    }

    /// What our units have said.
    fn journal(&self) -> String {
        let units = ["-u", "hepta", "-u", "hepta-hardened", "-u", "hepta.socket"];
        self.run(&[&["journalctl", "--no-pager"], &units[..]].concat()).ok().text()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // With systemd ends whatever it has started, and then nspawn; not the other way round.
        match self.leader() {
            Some(leader) => drop(kill_process(leader, Signal::KILL)),
            None => drop(self.nspawn.kill()),
        }
        let _ = self.nspawn.wait();
    }
}

/// A site in the container, with a symbolic link.
fn site(configuration: &str) -> Site {
    let site = Site::new().with("www/index.html", "home\n").with("www/old/page.html", "page\n");
    symlink("old/page.html", site.path("www/linked.html")).unwrap();
    site.with("hepta.kdl", configuration)
}

#[test]
fn the_units_start_reload_upgrade_and_stop() {
    let text = "listen \"127.0.0.1:80\"\ndefault { files \"www\" }\n";
    let Some(container) =
        Container::start(&["hepta.service", "hepta-hardened.service"], site(text))
    else {
        return;
    };
    for unit in ["hepta", "hepta-hardened"] {
        container.site.write("hepta.kdl", text);
        // It has started when it serves.
        container.systemctl(&["start", unit]);
        assert_eq!(container.get("/"), "home\n", "{unit}");
        assert_eq!(container.get("/linked.html"), "page\n", "{unit}");
        // A reload is over when what was read anew is served.
        container.site.write("hepta.kdl", text.replace("files \"www\"", "respond 200 \"two\\n\""));
        container.systemctl(&["reload", unit]);
        until("the new configuration is served", || (container.get("/") == "two\n").then_some(()));
        let before = container.show(unit, "MainPID");
        container.systemctl(&["kill", "--kill-who=main", "--signal=USR2", unit]);
        let successor = until("another process is the service", || {
            let now = container.show(unit, "MainPID");
            (now != before).then_some(now)
        });
        assert_eq!(container.get("/"), "two\n", "{unit}");
        container.systemctl(&["kill", "--kill-who=main", "--signal=KILL", unit]);
        until("it is started again", || {
            let now = container.show(unit, "MainPID");
            (now != successor && container.show(unit, "ActiveState") == "active").then_some(())
        });
        assert_eq!(container.show(unit, "NRestarts"), "1", "{unit}");
        assert_eq!(container.get("/"), "two\n", "{unit}");
        container.systemctl(&["stop", unit]);
        assert_eq!(container.show(unit, "Result"), "success", "{unit}");
    }
    let journal = container.journal();
    assert!(journal.contains("the configuration was read anew"), "{journal}");
    assert!(!journal.contains("WARN"), "{journal}");
}

#[test]
fn the_hardened_unit_has_a_user_and_places_of_its_own() {
    let site = site(
        r#"listen "127.0.0.1:80"
        access-log "/var/log/hepta/access.log"
        admin "unix:/run/hepta/admin.sock"
        default { files "www" }"#,
    );
    let Some(container) = Container::start(&["hepta-hardened.service"], site) else { return };
    container.systemctl(&["start", "hepta-hardened"]);
    assert_eq!(container.get("/"), "home\n");
    let pid = container.show("hepta-hardened", "MainPID");
    let user = container.run(&["ps", "-o", "uid=", "-p", &pid]).ok().text();
    assert!(user.trim().parse::<u32>().unwrap() >= 61_184, "a dynamic user: {user}");
    until("the log is written", || {
        let log = container.run(&["cat", "/var/log/hepta/access.log"]).text();
        log.contains("GET / HTTP/1.1").then_some(())
    });
    let metrics =
        ["curl", "-sS", "--unix-socket", "/run/hepta/admin.sock", "http://localhost/metrics"];
    let metrics = container.run(&metrics).ok().text();
    assert!(metrics.contains("hepta_requests_total"), "{metrics}");
}

#[test]
fn sockets_wake_the_service() {
    let site = site("listen \"0.0.0.0:80\"\ndefault { files \"www\" }\n");
    let Some(container) = Container::start(&["hepta.service", "hepta.socket"], site) else {
        return;
    };
    container.systemctl(&["start", "hepta.socket"]);
    assert_eq!(container.show("hepta", "ActiveState"), "inactive");
    assert_eq!(container.get("/"), "home\n", "who comes first waits for it");
    let before = container.show("hepta", "MainPID");
    assert_ne!(before, "0");
    container.systemctl(&["restart", "hepta"]);
    assert_eq!(container.get("/"), "home\n");
    assert_ne!(container.show("hepta", "MainPID"), before);
    container.systemctl(&["stop", "hepta"]);
    assert_eq!(container.get("/"), "home\n", "the port is systemd's, and stays");
}
