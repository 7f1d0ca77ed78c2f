//! A network namespace for a test: nothing outside sees it.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tokio::time::timeout;

#[path = "../family/mod.rs"]
pub(crate) mod family;

#[allow(unused_imports, reason = "some tests are of one version of IP")]
pub(crate) use family::Family;

/// Says that the test runs in its namespace.
const INSIDE: &str = "HEPTA_NET_INSIDE";

/// The version of IP that a test's namespace speaks, where it is made once for each.
const FAMILY: &str = "HEPTA_NET_FAMILY";

/// How long a test may take, on a machine with other things to do.
const LASTS_AT_MOST: Duration = Duration::from_secs(60);

/// Runs `test` in a namespace of its own, by starting this program once more in it; says so if that
/// is not permitted.
#[allow(dead_code, reason = "some tests are all over each version of IP")]
pub(crate) fn in_namespace(name: &str, test: impl Future<Output = ()>) {
    if is_inside() {
        return run(test);
    }
    if may_have_one(name) {
        run_inside(name, &mut Command::new("unshare"));
    }
}

/// The same once for each version of IP, each in a namespace of its own, at the same time.
#[allow(dead_code, reason = "some tests are of one version of IP")]
pub(crate) fn in_namespace_over_each(name: &str, test: impl AsyncFnOnce(Family)) {
    if is_inside() {
        let is_v6 = std::env::var(FAMILY).is_ok_and(|family| family == "6");
        return run(test(if is_v6 { Family::V6 } else { Family::V4 }));
    }
    if !may_have_one(name) {
        return;
    }
    thread::scope(|scope| {
        for family in ["4", "6"] {
            scope.spawn(move || run_inside(name, Command::new("unshare").env(FAMILY, family)));
        }
    });
}

fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { timeout(LASTS_AT_MOST, test).await }).expect("it hangs");
}

fn may_have_one(name: &str) -> bool {
    let probe = Command::new("unshare").args(["--net", "test", "-w", "/dev/net/tun"]).output();
    let may = probe.is_ok_and(|output| output.status.success());
    if !may {
        eprintln!("skipped {name}: it takes root, unshare and /dev/net/tun");
    }
    may
}

fn run_inside(name: &str, unshare: &mut Command) {
    unshare.arg("--net").arg(std::env::current_exe().unwrap());
    unshare.args(["--exact", name, "--nocapture", "--test-threads=1"]);
    let status = unshare.env(INSIDE, "1").status().unwrap();
    assert!(status.success(), "{name} inside its namespace: {unshare:?}");
}

/// Runs a command, which must end well; what it printed.
pub(crate) fn sh(command: &str) -> String {
    let mut words = command.split_ascii_whitespace();
    let output = Command::new(words.next().unwrap()).args(words).output().unwrap();
    let (stdout, stderr) = (&output.stdout, &output.stderr);
    let (stdout, stderr) = (String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr));
    assert!(output.status.success(), "{command}: {}\n{stdout}\n{stderr}", output.status);
    stdout.into_owned()
}

/// A namespace beside the test's own; it goes when this is dropped, with all that was moved there.
#[allow(dead_code, reason = "most tests need one namespace")]
pub(crate) struct Elsewhere(Child);

#[allow(dead_code, reason = "most tests need one namespace")]
impl Elsewhere {
    pub(crate) fn new() -> Self {
        // A namespace lives as long as somebody is in it.
        let mut sleep = Command::new("unshare");
        let this =
            Self(sleep.args(["--net", "sleep", "120"]).stdin(Stdio::null()).spawn().unwrap());
        let namespace = |of: &str| std::fs::read_link(format!("/proc/{of}/ns/net")).ok();
        let ours = namespace("self");
        while namespace(&this.0.id().to_string()) == ours {
            thread::sleep(Duration::from_millis(5));
        }
        this
    }

    /// Moves an interface there.
    pub(crate) fn take(&self, interface: &str) {
        sh(&format!("ip link set {interface} netns {}", self.0.id()));
    }

    /// What stands before a command that runs there.
    pub(crate) fn there(&self) -> String {
        format!("nsenter --net=/proc/{}/ns/net", self.0.id())
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
