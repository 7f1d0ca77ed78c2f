//! From the command line to workers, and back at the end.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use base::xray;
use files::Root;
use server::{Config, FilmPrinter, Server, Stop};
use tokio::signal::unix::{SignalKind, signal};

use super::access_log::{AccessLog, Target};
use super::representation::Representation;
use super::site::Site;
use crate::cli::ServeOptions;

/// Serves until a signal says otherwise.
pub(crate) fn run(options: &ServeOptions) -> anyhow::Result<()> {
    let workers = options.workers.map_or_else(cores, |n| usize::from(n.get()));
    let directory = options.directory.clone();
    let log = match &options.access_log {
        Some(path) => Target::open(path)
            .with_context(|| format!("the access log {} cannot be opened", path.display()))?,
        None => Target::Nowhere,
    };
    Root::<()>::open(&directory, files::Config::default(), |_| ())
        .with_context(|| format!("{} cannot be served", directory.display()))?;

    if let Some(layers) = &options.film {
        xray::watch(layers);
    }
    let config = Config {
        http1: Arc::default(),
        limits: server::Limits::default(),
        film: options.film.is_some().then(|| Arc::new(FilmPrinter::to_stderr())),
    };
    let mut places = Vec::new();
    for &address in &options.listen {
        let listener = server::bind(address, workers)
            .with_context(|| format!("cannot listen at {address}"))?;
        announce(listener.address);
        places.push((listener, None));
    }
    let server = Server::start(&config, places, move |_| {
        let root = Root::open(&directory, files::Config::default(), Representation::of)?;
        Ok(Site::new(root, AccessLog::new(log.clone())))
    })?;
    wait_for_signal(&server)?;
    server.wait()?;
    Ok(())
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn announce(address: SocketAddr) {
    anstream::println!("  http://{address}/");
}

fn wait_for_signal(server: &Server) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        server.stop(Stop::Gracefully);
        anyhow::Ok(())
    })
}
