//! A network namespace for a test: nothing outside sees it.

use std::process::Command;
use std::time::Duration;

use tokio::time::timeout;

/// Says that the test runs in its namespace.
const INSIDE: &str = "HEPTA_NET_INSIDE";

/// How long a test may take, on a machine with other things to do.
const LASTS_AT_MOST: Duration = Duration::from_secs(60);

/// Runs `test` in a namespace of its own, by starting this program once more in it; says so if that
/// is not permitted.
pub(crate) fn in_namespace(name: &str, test: impl Future<Output = ()>) {
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { timeout(LASTS_AT_MOST, test).await }).expect("it hangs");
        return;
    }
    let probe = Command::new("unshare").args(["--net", "test", "-w", "/dev/net/tun"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped {name}: it takes root, unshare and /dev/net/tun");
        return;
    }
    let this = std::env::current_exe().unwrap();
    let status = Command::new("unshare")
        .arg("--net")
        .arg(this)
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(status.success(), "{name} inside its namespace");
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
