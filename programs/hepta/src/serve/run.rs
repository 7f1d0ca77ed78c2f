//! From the command line to workers, and back at the end.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use base::xray;
use files::Root;
use server::{Config, FilmPrinter, Limits, Listener, Server, Stop};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::access_log::{AccessLog, Target};
use super::default_site;
use super::options::{Options, Place};
use super::representation::Representation;
use super::site::Site;
use crate::certificates::{Pair, Store, local_ca};

/// How often the files of certificates are looked at.
const RELOAD_INTERVAL: Duration = Duration::from_secs(1);

/// Serves until a signal says otherwise.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let directory = match &options.directory {
        Some(directory) => directory.clone(),
        None => default_site::directory()?,
    };
    let shown = check_directory(&directory)?;
    let log = match &options.access_log {
        Some(path) => Target::open(path)
            .with_context(|| format!("cannot write the access log {}", path.display()))?,
        None => Target::Nowhere,
    };
    let mut certificates = certificates(options)?;
    let tls = certificates.as_ref().map(|(store, _)| tls_config(store)).transpose()?;
    let workers = options.workers.map_or_else(cores, |n| usize::from(n.get()));
    let listeners = listen(options, workers)?;
    let addresses: Vec<SocketAddr> = listeners.iter().map(|listener| listener.address).collect();

    if let Some(layers) = &options.film {
        xray::watch(layers);
    }
    let places = listeners.into_iter().map(|listener| (listener, tls.clone())).collect();
    let server = Server::start(&config(options), places, move |_| {
        let root = Root::open(&directory, files::Config::default(), Representation::of)?;
        Ok(Site::new(root, AccessLog::new(log.clone())))
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Who reads the address may send a signal at once.
        let mut signals = Signals::listen()?;
        announce(&shown, &addresses, tls.is_some());
        if let Some((_, Some(advice))) = &certificates {
            anstream::println!("{advice}");
        }
        let store = certificates.as_mut().map(|(store, _)| store);
        wait(options, &server, store, &mut signals).await;
        anyhow::Ok(())
    })?;
    server.wait()?;
    Ok(())
}

/// What cannot be served is said before anything is started.
fn check_directory(directory: &Path) -> anyhow::Result<String> {
    let shown = directory.display().to_string();
    let hint = || match std::fs::metadata(directory) {
        Ok(found) if found.is_file() => format!("{shown} is a file; serve the directory it is in"),
        _ => format!("cannot serve {shown}"),
    };
    Root::<()>::open(directory, files::Config::default(), |_| ()).with_context(hint)?;
    Ok(directory.canonicalize().map_or(shown, |path| path.display().to_string()))
}

fn config(options: &Options) -> Config {
    let http1 = http1::Config {
        request_line_len_max: options.request_line_max,
        head_len_max: options.head_max,
        fields_max: options.fields_max,
        requests_max: options.requests_max,
        timeout_idle: Duration::from_secs(options.timeout_idle),
        timeout_head: Duration::from_secs(options.timeout_head),
        ..http1::Config::default()
    };
    Config {
        http1: Arc::new(http1),
        limits: Limits {
            timeout_write: Duration::from_secs(options.timeout_write),
            ..Limits::default()
        },
        film: options.film.is_some().then(|| Arc::new(FilmPrinter::to_stderr())),
    }
}

/// The certificates, and what is to be said about them, if TLS is wanted.
fn certificates(options: &Options) -> anyhow::Result<Option<(Store, Option<String>)>> {
    if options.cert.len() != options.key.len() {
        bail!("give each --cert its --key, in the same order");
    }
    if !options.cert.is_empty() {
        let pairs = options.cert.iter().zip(&options.key);
        let pairs = pairs.map(|(cert, key)| Pair { certificate: cert.clone(), key: key.clone() });
        return Ok(Some((Store::open(pairs.collect())?, None)));
    }
    if !options.tls {
        return Ok(None);
    }
    let local = local_ca::prepare(&local_ca::Place::of_this_machine()?)?;
    let advice = if local.is_new {
        local_ca::how_to_trust(&local.ca)
    } else {
        let names = local.names.join(", ");
        let ca = local.ca.display();
        format!("The certificate, for {names}, is from this machine's own authority, {ca}")
    };
    Ok(Some((Store::open(vec![local.pair])?, Some(advice))))
}

fn tls_config(store: &Store) -> anyhow::Result<tls::ServerConfig> {
    tls::ServerConfig::new(store.certificates(), &tls::ServerOptions::default())
        .map_err(|fault| anyhow::anyhow!("TLS cannot be spoken: {fault}"))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn listen(options: &Options, workers: usize) -> anyhow::Result<Vec<Listener>> {
    let speaks_tls = options.tls || !options.cert.is_empty();
    let default = [Place::Local(if speaks_tls { 8443 } else { 8080 })];
    let places = if options.listen.is_empty() { &default[..] } else { &options.listen };
    let mut listeners = Vec::new();
    for place in places {
        let (address, also) = place.addresses();
        let listener = bind(address, workers)?;
        // A port that the kernel chose is the same for both.
        let also = also.map(|also| SocketAddr::new(also.ip(), listener.address.port()));
        listeners.push(listener);
        // Not every machine has IPv6, and nobody asked for it by name.
        listeners.extend(also.and_then(|also| server::bind(also, workers).ok()));
    }
    Ok(listeners)
}

fn bind(address: SocketAddr, workers: usize) -> anyhow::Result<Listener> {
    server::bind(address, workers).with_context(|| {
        let port = address.port();
        match server::bind(address, 1).map(drop).map_err(|error| error.kind()) {
            Err(io::ErrorKind::AddrInUse) => format!(
                "cannot listen at {address}: another program does; choose another port with \
                 --listen PORT, or 0 for any (`ss -ltnp sport = :{port}` shows who it is)"
            ),
            Err(io::ErrorKind::PermissionDenied) => format!(
                "cannot listen at {address}: ports below 1024 are for privileged users; choose \
                 another with --listen, or allow it with `setcap cap_net_bind_service=+ep hepta`"
            ),
            Err(io::ErrorKind::AddrNotAvailable) => {
                format!("cannot listen at {address}: this machine does not have that address")
            }
            _ => format!("cannot listen at {address}"),
        }
    })
}

fn announce(directory: &str, addresses: &[SocketAddr], is_secure: bool) {
    let scheme = if is_secure { "https" } else { "http" };
    let bold = anstyle::Style::new().bold();
    let link = anstyle::AnsiColor::Cyan.on_default().underline();
    anstream::println!("{bold}Hepta{bold:#} serves {directory}\n");
    for address in addresses {
        anstream::println!("  {link}{scheme}://{address}/{link:#}");
    }
    anstream::println!("\nPress Ctrl-C to stop.");
}

/// The signals that end a server.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Waits for a signal: the first lets running requests finish, the second does not.
async fn wait(
    options: &Options,
    server: &Server,
    mut store: Option<&mut Store>,
    signals: &mut Signals,
) {
    let mut reload = tokio::time::interval(RELOAD_INTERVAL);
    loop {
        tokio::select! {
            () = signals.next() => break,
            _ = reload.tick() => {
                if let Some(store) = &mut store {
                    store.reload_if_changed();
                }
                if server.has_ended() {
                    break;
                }
            }
        }
    }
    server.stop(Stop::Gracefully);
    let mut poll = tokio::time::interval(Duration::from_millis(20));
    let mut grace = std::pin::pin!(tokio::time::sleep(Duration::from_secs(options.grace)));
    loop {
        tokio::select! {
            () = signals.next() => break,
            () = &mut grace => {
                tracing::warn!("some requests did not finish in time");
                break;
            }
            _ = poll.tick() => if server.have_all_ended() {
                break;
            }
        }
    }
    server.stop(Stop::Now);
}
