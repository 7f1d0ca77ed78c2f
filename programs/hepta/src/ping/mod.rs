//! `hepta ping`: asks whether somebody is there, over our own stack or the kernel's.
//!
//! ```text
//!   Session ── when to ask, what came ─▶ Asker ─▶ Stack::ping, or EchoSocket
//!      └─▶ Statistics ─▶ the last two lines
//! ```
//!
//! Start reading at [`Session::run`].

mod options;
mod session;
mod statistics;

pub(crate) use options::Options;

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

use ::net::EchoSocket;
use anyhow::anyhow;

use crate::network;
use session::{Asker, Session, plain};

#[cfg(test)]
mod tests;

/// The exit status when nobody answered.
const NOBODY: u8 = 1;

/// The exit status when nobody could be asked.
const NOT_ASKED: u8 = 2;

/// Pings; the exit status is that of other programs of this name.
pub(crate) fn run(options: &Options) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            crate::report(&error.into());
            return NOT_ASKED.into();
        }
    };
    let done = runtime.block_on(ping(options));
    // A name that is still being looked up must not keep anybody waiting.
    runtime.shutdown_background();
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => NOBODY.into(),
        // Who closed the pipe knows why (`hepta ping HOST | head`); nothing is said.
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            crate::report(&error);
            NOT_ASKED.into()
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Whether somebody answered.
async fn ping(options: &Options) -> anyhow::Result<bool> {
    let network = network::open(&options.network)?;
    let to = network::look_up(&options.host, 0, options.family, network.as_ref()).await?;
    let asker = match &network {
        Some(network) => {
            network.source_for(to.ip())?;
            Asker::Ours(network.stack.clone())
        }
        None => Asker::Kernel(EchoSocket::open(to).map_err(|error| not_opened(to, &error))?),
    };
    let mut session = Session::new(options, to.ip(), asker);
    let has_answer = session.run(network.as_ref()).await?;
    if let Some(complaint) = network.filter(|_| !has_answer).and_then(|own| own.complaint()) {
        tracing::warn!("{complaint}");
    }
    Ok(has_answer)
}

/// What is missing, and what to do about it.
fn not_opened(to: SocketAddr, error: &io::Error) -> anyhow::Error {
    let version = if to.is_ipv4() { "IPv4" } else { "IPv6" };
    match error.kind() {
        io::ErrorKind::PermissionDenied => anyhow!(
            "this user may not send echoes: have root set net.ipv4.ping_group_range to include its group (`sysctl \
             net.ipv4.ping_group_range='0 2147483647'`), or run this with CAP_NET_RAW"
        ),
        io::ErrorKind::Unsupported => anyhow!("the kernel of this machine speaks no {version}"),
        _ => anyhow!("the kernel knows no way to {}: {}", to.ip(), plain(error)),
    }
}
