//! From the command line to workers, and back at the end.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use base::xray;
use files::Root;
use server::{Config, FilmPrinter, Listener, Server, Stop};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::access_log::{AccessLog, Target};
use super::options::{Options, Place};
use super::sites::Sites;
use crate::certificates::{Pair, Store, local_ca};
use crate::cli::counted;
use crate::config::{self, Action, Listen, Settings, Tls};

/// How often the files of certificates are looked at.
const RELOAD_INTERVAL: Duration = Duration::from_secs(1);

/// Serves until a signal says otherwise.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let settings = match &options.config {
        Some(path) => config::load(path)?,
        None => options.to_settings()?,
    };
    let workers = settings.workers.map_or_else(cores, |n| usize::from(n.get()));
    let mut secrets = Secrets::default();
    let places = listen(&settings, workers, &mut secrets)?;
    let addresses: Vec<_> =
        places.iter().map(|(listener, tls)| (listener.address, tls.is_some())).collect();

    if let Some(layers) = &options.film {
        xray::watch(layers);
    }
    let (grace, shown) = (settings.limits.grace, title(options, &settings));
    let listen = settings.listen.clone();
    let film = options.film.is_some().then(|| Arc::new(FilmPrinter::to_stderr()));
    let (config, make_sites) = prepare(settings, film.clone())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(workers * BLOCKING_THREADS_MAX)
        .build()?;
    let server = {
        let _runtime = runtime.enter();
        Server::start(config, places, make_sites)?
    };
    runtime.block_on(async {
        // Who reads the address may send a signal at once.
        let mut signals = Signals::listen()?;
        announce(&shown, &addresses);
        if let Some(advice) = &secrets.advice {
            anstream::println!("{advice}");
        }
        loop {
            match wait(&server, &mut secrets.stores, &mut signals).await {
                Next::Stop => break,
                Next::Reload => match reload(options, &listen, film.clone(), &server) {
                    Ok(what) => tracing::info!("{what}"),
                    Err(error) => tracing::error!("everything stays as it is: {error:#}"),
                },
            }
        }
        stop(grace, &server, &mut signals).await;
        anyhow::Ok(())
    })?;
    server.wait()?;
    Ok(())
}

/// How many threads may work beside each worker, at what takes long and waits for nobody.
const BLOCKING_THREADS_MAX: usize = 2;

/// What workers are given: looked through, so that what is wrong is said before anything changes.
fn prepare(
    settings: Settings,
    film: Option<Arc<FilmPrinter>>,
) -> anyhow::Result<(Config, impl Fn(usize) -> io::Result<Sites> + Send + Sync + 'static)> {
    check_directories(&settings)?;
    let log = match &settings.access_log {
        Some(path) => Target::open(path)
            .with_context(|| format!("cannot write the access log {}", path.display()))?,
        None => Target::Nowhere,
    };
    let http1 = Arc::new(settings.limits.http1.clone());
    let config = Config { http1, limits: settings.limits.sockets, film };
    Ok((config, move |_| Sites::open(&settings, AccessLog::new(log.clone()))))
}

/// Reads the configuration anew, and serves by it if nothing is wrong with it.
fn reload(
    options: &Options,
    listen: &[Listen],
    film: Option<Arc<FilmPrinter>>,
    server: &Server<Sites>,
) -> anyhow::Result<&'static str> {
    let Some(file) = &options.config else {
        return Ok("there is no configuration file to read anew");
    };
    let settings = config::load(file)?;
    let is_elsewhere = settings.listen != listen;
    let (config, make_sites) = prepare(settings, film)?;
    server.change(config, make_sites);
    if is_elsewhere {
        tracing::warn!("listeners and their certificates change when the server is started anew");
    }
    Ok("the configuration was read anew")
}

/// What cannot be served is said before anything is started.
fn check_directories(settings: &Settings) -> anyhow::Result<()> {
    let routes = settings.sites.iter().chain(&settings.default).flat_map(|site| &site.routes);
    for route in routes {
        if let Action::Files(files) = &route.action {
            check_directory(&files.directory)?;
        }
    }
    Ok(())
}

fn check_directory(directory: &Path) -> anyhow::Result<()> {
    let shown = directory.display();
    let hint = || match std::fs::metadata(directory) {
        Ok(found) if found.is_file() => format!("{shown} is a file; serve the directory it is in"),
        _ => format!("cannot serve {shown}"),
    };
    Root::<()>::open(directory, files::Config::default(), |_| ()).with_context(hint)?;
    Ok(())
}

/// What is served, in a few words.
fn title(options: &Options, settings: &Settings) -> String {
    if let Some(file) = &options.config {
        return format!("{} of {}", counted(settings.sites.len(), "site"), file.display());
    }
    let routes = settings.default.iter().flat_map(|site| &site.routes);
    let directory = routes.into_iter().find_map(|route| match &route.action {
        Action::Files(files) => Some(&files.directory),
        _ => None,
    });
    directory.map_or_else(String::new, |path| {
        path.canonicalize().unwrap_or_else(|_| path.clone()).display().to_string()
    })
}

/// Certificates, and what is to be said about them.
#[derive(Default)]
struct Secrets {
    stores: Vec<Store>,
    advice: Option<String>,
}

impl Secrets {
    fn open(&mut self, tls: &Tls) -> anyhow::Result<tls::ServerConfig> {
        let pairs = match tls {
            Tls::Pairs(pairs) => pairs.clone(),
            Tls::Local => vec![self.local_pair()?],
        };
        let store = Store::open(pairs)?;
        let config = tls::ServerConfig::new(store.certificates(), &tls::ServerOptions::default())
            .map_err(|fault| anyhow::anyhow!("TLS cannot be spoken: {fault}"))?;
        self.stores.push(store);
        Ok(config)
    }

    fn local_pair(&mut self) -> anyhow::Result<Pair> {
        let local = local_ca::prepare(&local_ca::Place::of_this_machine()?)?;
        self.advice = Some(if local.is_new {
            local_ca::how_to_trust(&local.ca)
        } else {
            let names = local.names.join(", ");
            let ca = local.ca.display();
            format!("The certificate, for {names}, is from this machine's own authority, {ca}")
        });
        Ok(local.pair)
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn listen(
    settings: &Settings,
    workers: usize,
    secrets: &mut Secrets,
) -> anyhow::Result<Vec<server::Place>> {
    let default = [Listen { place: Place::Local(8080), tls: None }];
    let all = if settings.listen.is_empty() { &default[..] } else { &settings.listen };
    let mut places = Vec::new();
    for listen in all {
        let tls = listen.tls.as_ref().map(|tls| secrets.open(tls)).transpose()?;
        let (address, also) = listen.place.addresses();
        let listener = bind(address, workers)?;
        // A port that the kernel chose is the same for both.
        let also = also.map(|also| SocketAddr::new(also.ip(), listener.address.port()));
        places.push((listener, tls.clone()));
        // Not every machine has IPv6, and nobody asked for it by name.
        let also = also.and_then(|also| server::bind(also, workers).ok());
        places.extend(also.map(|listener| (listener, tls)));
    }
    Ok(places)
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

fn announce(title: &str, addresses: &[(SocketAddr, bool)]) {
    let bold = anstyle::Style::new().bold();
    let link = anstyle::AnsiColor::Cyan.on_default().underline();
    anstream::println!("{bold}Hepta{bold:#} serves {title}\n");
    for (address, is_secure) in addresses {
        let scheme = if *is_secure { "https" } else { "http" };
        anstream::println!("  {link}{scheme}://{address}/{link:#}");
    }
    anstream::println!("\nPress Ctrl-C to stop.");
}

/// The signals that a server hears.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Next {
    Stop,
    Reload,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { interrupt, terminate, hangup: signal(SignalKind::hangup())? })
    }

    async fn next(&mut self) -> Next {
        tokio::select! {
            _ = self.interrupt.recv() => Next::Stop,
            _ = self.terminate.recv() => Next::Stop,
            _ = self.hangup.recv() => Next::Reload,
        }
    }
}

/// Waits for a signal, or for the server to end.
async fn wait(server: &Server<Sites>, stores: &mut [Store], signals: &mut Signals) -> Next {
    let mut reload = tokio::time::interval(RELOAD_INTERVAL);
    loop {
        tokio::select! {
            next = signals.next() => return next,
            _ = reload.tick() => {
                for store in &mut *stores {
                    store.reload_if_changed();
                }
                if server.has_ended() {
                    return Next::Stop;
                }
            }
        }
    }
}

/// Lets running requests finish, until the time is over or a second signal comes.
async fn stop(grace: Duration, server: &Server<Sites>, signals: &mut Signals) {
    server.stop(Stop::Gracefully);
    let mut poll = tokio::time::interval(Duration::from_millis(20));
    let mut grace = std::pin::pin!(tokio::time::sleep(grace));
    loop {
        tokio::select! {
            next = signals.next() => if next == Next::Stop {
                break;
            },
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
