//! The terminal: how keys come from it.

use std::io::{self, IsTerminal as _, Read as _};
use std::thread;

use rustix::termios::{OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use tokio::sync::mpsc;

/// Ctrl-], which never goes to the server.
pub(super) const ESCAPE: u8 = 0x1d;

/// How much is read at once: a pipe's worth of input, or a long line.
const READ_LEN: usize = 64 * 1024;

/// How the terminal hands keys over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mode {
    /// Whole lines, which it shows and lets be corrected.
    Lines,
    /// Each key at once, without showing it.
    Keys,
}

/// The terminal of standard input; as it was, when this is dropped.
#[derive(Debug)]
pub(super) struct Terminal {
    before: Termios,
    mode: Option<Mode>,
}

impl Terminal {
    /// The terminal, if standard input is one.
    pub(super) fn open() -> Option<Self> {
        let stdin = io::stdin();
        let before = stdin.is_terminal().then(|| tcgetattr(&stdin).ok()).flatten()?;
        Some(Self { before, mode: None })
    }

    /// Changes how keys come.
    pub(super) fn set(&mut self, mode: Mode) -> io::Result<()> {
        if self.mode.replace(mode) == Some(mode) {
            return Ok(());
        }
        let mut settings = self.before.clone();
        match mode {
            // The escape hands a line over like its end does.
            Mode::Lines => settings.special_codes[SpecialCodeIndex::VEOL] = ESCAPE,
            Mode::Keys => {
                let output = settings.output_modes;
                settings.make_raw();
                // Lines of ours still begin at the left.
                settings.output_modes = output;
            }
        }
        Ok(tcsetattr(io::stdin(), OptionalActions::Now, &settings)?)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

/// What is read from standard input, piece by piece, until its end. A thread waits for it: a terminal
/// cannot be made not to block without all programs on it noticing.
pub(super) fn keyboard() -> mpsc::Receiver<Vec<u8>> {
    let (send, receive) = mpsc::channel(1);
    thread::spawn(move || {
        let mut buffer = vec![0; READ_LEN];
        loop {
            match io::stdin().lock().read(&mut buffer) {
                Ok(0) => return,
                Ok(len) => {
                    let piece = buffer.get(..len).unwrap_or_default().to_vec();
                    if send.blocking_send(piece).is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    });
    receive
}
