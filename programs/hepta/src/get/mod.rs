//! `hepta get`: asks for what URLs name, and keeps what comes.
//!
//! ```text
//!   URL ─▶ Location ─▶ fetch ─▶ Client ─▶ Connection ─▶ Endpoint ─▶ socket
//!                        │
//!                        ├─ where next: redirects, repeats, what a file lacks
//!                        └─▶ Output: standard output, or FILE.part and then FILE
//! ```
//!
//! Start reading at `fetch.rs`: it is what happens to one URL. `connection.rs` drives an
//! [`Endpoint`](endpoint::Endpoint) on a socket; `resume.rs` decides whether a part goes on.
//! Every error is a [`Problem`]: what happened, what to do about it, and an exit code.

mod client;
mod connect;
mod connection;
mod fetch;
mod film;
mod location;
mod options;
mod output;
mod problem;
mod progress;
mod pushes;
mod request;
mod resume;
mod retry;
mod trust;
mod upload;

pub(crate) use options::Options;

use std::process::ExitCode;

use client::Client;
use fetch::fetch;
use problem::{Code, Problem};
use request::Asked;

use crate::network;

#[cfg(test)]
mod tests;

/// Gets every URL in turn; the exit code of the first that failed, or 0.
pub(crate) fn run(options: Options) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let problem = Problem::new(Code::Internal, format!("there is no runtime: {error}"));
            problem.print(false);
            return problem.exit_code().into();
        }
    };
    let code = runtime.block_on(get_all(&options));
    // A name that is still being looked up must not keep anybody waiting.
    runtime.shutdown_background();
    code.into()
}

async fn get_all(options: &Options) -> u8 {
    let mut first_failure = 0;
    let asked = match Asked::new(options) {
        Ok(asked) => asked,
        Err(problem) => {
            problem.print(false);
            return problem.exit_code();
        }
    };
    let network = match network::open(&options.network) {
        Ok(network) => network,
        Err(error) => {
            let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
            let problem = Problem::new(Code::Unreachable, causes.join(": "));
            problem.print(false);
            return problem.exit_code();
        }
    };
    let mut client = Client::new(options, network.clone());
    for url in &options.urls {
        if let Err(problem) = within_limit(options, fetch(&mut client, &asked, url)).await {
            client.show_film();
            problem.print(options.silent);
            if first_failure == 0 {
                first_failure = problem.exit_code();
            }
        }
    }
    client.close();
    let film = client.into_film();
    if let Some(network) = network {
        network.finish().await;
        if let Some(mut film) = film {
            film.print_end();
        }
    }
    first_failure
}

async fn within_limit(
    options: &Options,
    work: impl Future<Output = Result<(), Problem>>,
) -> Result<(), Problem> {
    let Some(limit) = options.max_time else { return work.await };
    let late = |_| {
        Problem::new(Code::TimedOut, format!("it took longer than {} s", limit.as_secs_f64()))
            .hint("allow more with --max-time SECONDS")
    };
    tokio::time::timeout(limit, work).await.map_err(late)?
}
