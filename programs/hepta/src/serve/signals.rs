//! What the operator says by signals.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that a server hears.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    user_1: Signal,
    user_2: Signal,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Asked {
    /// SIGINT, SIGTERM: stop.
    Stop,
    /// SIGHUP: read the configuration anew.
    Reload,
    /// SIGUSR1: open the files of logs anew.
    Reopen,
    /// SIGUSR2: have another program take over.
    Upgrade,
}

impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            user_1: signal(SignalKind::user_defined1())?,
            user_2: signal(SignalKind::user_defined2())?,
        })
    }

    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.hangup.recv() => Asked::Reload,
            _ = self.user_1.recv() => Asked::Reopen,
            _ = self.user_2.recv() => Asked::Upgrade,
        }
    }

    /// Waits until a stop is asked for.
    pub(super) async fn stop(&mut self) {
        while self.next().await != Asked::Stop {}
    }
}
