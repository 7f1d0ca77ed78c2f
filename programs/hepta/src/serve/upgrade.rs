//! Another program takes over: the same command, with our sockets.

use std::ffi::OsString;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context as _, bail};
use command_fds::{CommandFdExt as _, FdMapping};

use super::listeners::Listeners;

/// Where a successor says that it serves.
const READY: &str = "HEPTA_READY";

/// How long a successor may take until it serves.
const START_MAX: Duration = Duration::from_secs(60);

/// How often a successor is looked at while it starts.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// What sockets are called that are handed over and belong to somebody else.
const LENT: &str = "lent";

/// Where descriptors begin that are handed over (`sd_listen_fds(3)`).
const FIRST_DESCRIPTOR: i32 = 3;

/// The command that this program was started with, as it was then: its file may be another one by
/// the time of an upgrade, which is the point of it.
pub(super) struct Itself {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl Itself {
    pub(super) fn look() -> std::io::Result<Self> {
        let arguments = std::env::args_os().skip(1).collect();
        Ok(Self { program: std::env::current_exe()?, arguments })
    }

    /// Starts it once more with all sockets, and waits until it serves; its number.
    ///
    /// # Errors
    ///
    /// It did not start, or ended, or does not serve in time. Then it is gone, and we go on.
    pub(super) async fn replace(&self, listeners: &Listeners) -> anyhow::Result<u32> {
        let directory = tempfile::Builder::new().prefix("hepta-").tempdir()?;
        let path = directory.path().join("ready");
        let ready = tokio::net::UnixDatagram::bind(&path)?;
        let mut child = self.start(listeners, &path)?;
        match wait(&ready, &mut child).await {
            Ok(()) => Ok(child.id()),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    fn start(&self, listeners: &Listeners, ready: &Path) -> anyhow::Result<Child> {
        let sockets = listeners.sockets()?;
        let count = sockets.len();
        let names: Vec<_> = sockets
            .iter()
            .map(|(_, is_lent)| if *is_lent { LENT } else { server::GIVEN })
            .collect();
        let mappings = (FIRST_DESCRIPTOR..)
            .zip(sockets)
            .map(|(child_fd, (parent_fd, _))| FdMapping { parent_fd, child_fd });
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env("LISTEN_FDS", count.to_string())
            .env_remove("LISTEN_PID")
            .env("LISTEN_FDNAMES", names.join(":"))
            .env(READY, ready)
            .fd_mappings(mappings.collect())?;
        let shown = self.program.display();
        command.spawn().with_context(|| format!("cannot start {shown}"))
    }
}

async fn wait(ready: &tokio::net::UnixDatagram, child: &mut Child) -> anyhow::Result<()> {
    let mut look = tokio::time::interval(LOOK_INTERVAL);
    let mut end = std::pin::pin!(tokio::time::sleep(START_MAX));
    loop {
        let mut word = [0; 1];
        tokio::select! {
            heard = ready.recv(&mut word) => {
                heard?;
                return Ok(());
            }
            () = &mut end => bail!("the new program does not serve after {START_MAX:?}"),
            _ = look.tick() => if let Some(status) = child.try_wait()? {
                bail!("the new program ended before it served: {status}");
            }
        }
    }
}

/// Tells whoever we replace that we serve.
pub(super) fn say_ready() {
    let Some(path) = std::env::var_os(READY) else { return };
    let sent = UnixDatagram::unbound().and_then(|socket| socket.send_to(b"!", path));
    if let Err(error) = sent {
        tracing::error!(%error, "the program before us cannot be told that we serve");
    }
}
