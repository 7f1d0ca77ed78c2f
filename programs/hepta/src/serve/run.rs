//! From the command line to workers, and back at the end.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use base::xray;
use sd_notify::NotifyState;
use server::{Address, Config, FilmPrinter, Inherited, Server, Stop};

use super::access_log::{Logs, Writer};
use super::admin_listener::{AdminListener, Told};
use super::kept_limits::KeptLimits;
use super::listeners::{Listeners, Plan, Who};
use super::options::{Options, Place};
use super::own_network::OwnNetwork;
use super::pid_file::PidFile;
use super::privileges;
use super::signals::{Asked, Signals};
use super::sites::Sites;
use super::tally::Tallies;
use super::upgrade::{self, Itself};
use crate::admin::{Overview, State};
use crate::cli::counted;
use crate::config::{self, Action, Listen, Settings};
use crate::network;

/// How often the files of certificates are looked at.
const RELOAD_INTERVAL: Duration = Duration::from_secs(1);

/// How often workers that end are looked at.
const END_INTERVAL: Duration = Duration::from_millis(20);

/// Serves until a signal says otherwise.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let itself = Itself::look()?;
    let inherited = Inherited::take();
    let mut settings = load(options)?;
    let asked = settings.workers.map(|asked| usize::from(asked.get()));
    let own = settings.net.as_ref().map(|wanted| OwnNetwork::open(wanted, asked));
    let own = own.transpose()?;
    if options.has_no_place() && !inherited.is_empty() && own.is_none() {
        settings.listen = listen_at(&inherited, &settings);
    }
    let workers =
        own.as_ref().map_or_else(|| asked.unwrap_or_else(network::cores), |own| own.workers);
    let title = title(options, &settings, own.as_ref());
    let mut listeners = Listeners::new(workers, inherited, own);
    let plan = listeners.plan(&settings)?;
    if let Some(layers) = &options.film {
        xray::watch(layers);
    }
    let grace = settings.limits.grace;
    let pid_file = settings.pid_file.clone().map(PidFile::new);
    let film = options.film.is_some().then(|| Arc::new(FilmPrinter::to_stderr()));
    let identity = settings.identity.clone();
    let limits = KeptLimits::default().carry_over(&mut settings);
    let (tallies, told) = (Arc::new(Tallies::default()), Told::of(&settings));
    let log_writer = Writer::new();
    let logs = log_writer.open(&settings)?;
    let (config, make_sites) = prepare(settings, logs, film.clone(), &tallies)?;
    let runtime = make_runtime(workers)?;
    // Who reads the file may send a signal at once: it waits until somebody hears it.
    let mut signals = {
        let _runtime = runtime.enter();
        Signals::listen()?
    };
    let written = pid_file.as_ref().map(PidFile::write).transpose()?;
    if let Some(identity) = &identity {
        let files = log_writer.made()?.into_iter().chain(written).collect();
        privileges::give_up(identity, files, &plan.files())?;
    }
    log_writer.start()?;
    let server = {
        let _runtime = runtime.enter();
        let places = plan.places(Who::Sites)?;
        match listeners.take_networks() {
            none if none.is_empty() => Server::start(config, workers, places, make_sites)?,
            networks => Server::start_on(config, networks, places, make_sites)?,
        }
    };
    // One that waits for work from the beginning, and stays: when no more threads can be made, work
    // waits for it. Privileges were given up before: a thread that was there would have kept them.
    runtime.spawn_blocking(|| ());
    let overview = Arc::new(Overview::new(tallies, server.observer()));
    let mut admin = AdminListener::new(overview);
    {
        let _runtime = runtime.enter();
        admin.change(told, &plan)?;
    }
    listeners.adopt(plan);
    listeners.close_unasked();
    let mut running = Running {
        options,
        itself,
        film,
        grace,
        limits,
        listeners,
        pid_file,
        log_writer,
        server,
        admin,
    };
    runtime.block_on(async {
        announce(&title, &running.listeners);
        upgrade::say_ready();
        notify(&[NotifyState::Ready]);
        running.serve(&mut signals).await;
        anyhow::Ok(())
    })?;
    let (ended, admin_ended) = (running.server.wait(), running.admin.wait());
    running.log_writer.finish();
    Ok(ended.and(admin_ended)?)
}

/// What hears signals and lends threads for work that takes long, those of all workers together.
fn make_runtime(workers: usize) -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(workers * BLOCKING_THREADS_MAX)
        .thread_keep_alive(Duration::MAX)
        .build()
}

fn load(options: &Options) -> anyhow::Result<Settings> {
    let Some(path) = &options.config else { return options.to_settings() };
    let mut settings = config::load(path)?;
    if let Some(wanted) = options.own_network()? {
        ensure!(
            settings.net.is_none(),
            "--net and `net` in {} both say over which network: leave one of them away",
            path.display()
        );
        settings.net = Some(wanted);
    }
    Ok(settings)
}

/// Where to listen if only who started us says so.
fn listen_at(inherited: &Inherited, settings: &Settings) -> Vec<Listen> {
    let tls = settings.listen.first().and_then(|listen| listen.tls.clone());
    let listen = |address: &Address| Listen {
        tls: tls.clone(),
        ..Listen::at(Place::Address(address.clone()))
    };
    inherited.addresses().map(listen).collect()
}

/// A server that runs, with all that the operator can change.
struct Running<'a> {
    options: &'a Options,
    itself: Itself,
    film: Option<Arc<FilmPrinter>>,
    grace: Duration,
    limits: KeptLimits,
    listeners: Listeners,
    pid_file: Option<PidFile>,
    log_writer: Writer,
    server: Server<Sites>,
    admin: AdminListener,
}

impl Running<'_> {
    /// Does what the operator says, until the server is to end; ends it.
    async fn serve(&mut self, signals: &mut Signals) {
        loop {
            match self.wait(signals).await {
                Asked::Stop => return self.stop(signals).await,
                Asked::Reload => self.reload(),
                Asked::Reopen => self.log_writer.reopen(),
                Asked::Upgrade if self.listeners.has_own_network() => {
                    tracing::error!(
                        "this program goes on: connections over a network of our own cannot be handed over"
                    );
                }
                Asked::Upgrade => match self.itself.replace(&self.listeners).await {
                    Ok(successor) => return self.hand_over(successor, signals).await,
                    Err(error) => {
                        tracing::error!("this program goes on: {error:#}");
                        self.write_pid_file();
                    }
                },
            }
        }
    }

    /// Waits for a signal, or for the server to end.
    async fn wait(&mut self, signals: &mut Signals) -> Asked {
        let mut interval = tokio::time::interval(RELOAD_INTERVAL);
        loop {
            tokio::select! {
                asked = signals.next() => return asked,
                _ = interval.tick() => {
                    self.listeners.secrets.reload_if_changed();
                    self.log_writer.report();
                    if self.server.has_ended() {
                        return Asked::Stop;
                    }
                }
            }
        }
    }

    fn reload(&mut self) {
        if let Ok(now) = NotifyState::monotonic_usec_now() {
            notify(&[NotifyState::Reloading, now]);
        }
        let changed = self.change();
        self.admin.overview.count_reload(changed.is_ok());
        match changed {
            Ok(what) => tracing::info!("{what}"),
            Err(error) => tracing::error!("everything stays as it is: {error:#}"),
        }
        notify(&[NotifyState::Ready]);
    }

    /// Reads the configuration anew, and serves by it if nothing is wrong with it.
    fn change(&mut self) -> anyhow::Result<&'static str> {
        if self.options.config.is_none() {
            return Ok("there is no configuration file to read anew");
        }
        let mut settings = load(self.options)?;
        let limits = self.limits.carry_over(&mut settings);
        let grace = settings.limits.grace;
        let logs = self.log_writer.open(&settings)?;
        let plan = self.listeners.plan(&settings)?;
        if let Err(error) = self.change_servers(settings, logs, &plan) {
            self.listeners.undo(plan);
            return Err(error);
        }
        self.listeners.adopt(plan);
        (self.grace, self.limits) = (grace, limits);
        Ok("the configuration was read anew")
    }

    fn change_servers(
        &mut self,
        settings: Settings,
        logs: Logs,
        plan: &Plan,
    ) -> anyhow::Result<()> {
        let told = Told::of(&settings);
        let tallies = self.admin.overview.tallies();
        let (config, sites) = prepare(settings, logs, self.film.clone(), tallies)?;
        let network = self.listeners.network(plan)?;
        self.server.change(config, plan.places(Who::Sites)?, network.as_ref(), sites)?;
        if let Err(error) = self.admin.change(told, plan) {
            // It is the lesser one: what the sites are told is told already.
            tracing::error!(%error, "the admin listener stays as it was");
        }
        Ok(())
    }

    /// Says again who serves, when another program has said that it does.
    fn write_pid_file(&self) {
        if let Some(Err(error)) = self.pid_file.as_ref().map(PidFile::write) {
            tracing::error!("{error:#}");
        }
    }

    /// Lets running requests finish, until the time is over or a second signal comes.
    async fn stop(&mut self, signals: &mut Signals) {
        notify(&[NotifyState::Stopping]);
        self.admin.overview.set(State::Stopping);
        self.server.stop(Stop::Gracefully);
        tokio::select! {
            () = signals.stop() => {}
            () = tokio::time::sleep(self.grace) => {
                tracing::warn!("some requests did not finish in time");
            }
            () = self.end() => {}
        }
        self.server.stop(Stop::Now);
        self.admin.stop(Stop::Now);
        self.listeners.clean_up();
        if let Some(file) = &self.pid_file {
            file.remove();
        }
    }

    /// Finishes everything that is under way while `successor` serves: however long it takes,
    /// unless a signal comes.
    async fn hand_over(&mut self, successor: u32, signals: &mut Signals) {
        tracing::info!(successor, "another program has taken over");
        notify(&[NotifyState::MainPid(successor)]);
        self.admin.overview.set(State::HandingOver);
        self.server.stop(Stop::HandedOver);
        self.admin.stop(Stop::HandedOver);
        tokio::select! {
            () = signals.stop() => {}
            () = self.end() => {}
        }
        self.server.stop(Stop::Now);
        self.admin.stop(Stop::Now);
    }

    /// Waits until every worker has ended.
    async fn end(&self) {
        let mut interval = tokio::time::interval(END_INTERVAL);
        while !self.server.have_all_ended() {
            interval.tick().await;
        }
    }
}

/// Tells systemd, if it wants to know.
fn notify(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "systemd cannot be told");
    }
}

/// How many threads may work beside each worker, at what takes long and waits for nobody.
const BLOCKING_THREADS_MAX: usize = 2;

/// What workers are given: looked through, so that what is wrong is said before anything changes.
fn prepare(
    settings: Settings,
    logs: Logs,
    film: Option<Arc<FilmPrinter>>,
    tallies: &Arc<Tallies>,
) -> anyhow::Result<(Config, impl Fn(usize) -> io::Result<Sites> + Send + Sync + 'static)> {
    check_directories(&settings)?;
    let http = endpoint::Config {
        http1: Arc::new(settings.limits.http1.clone()),
        http2: settings.limits.http2.clone().map(Arc::new),
    };
    let (limits, busy_poll) = (settings.limits.sockets, settings.busy_poll);
    let config = Config { http, limits, busy_poll, film };
    // Nothing is counted for which nobody can ask.
    let tallies = settings.admin.is_some().then(|| Arc::clone(tallies));
    Ok((config, move |worker| Sites::open(&settings, &logs, tallies.as_deref(), worker)))
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
    files::check(directory).with_context(hint)
}

/// What is served, in a few words, and over what.
fn title(options: &Options, settings: &Settings, own: Option<&OwnNetwork>) -> String {
    let what = what_is_served(options, settings);
    match own {
        Some(own) => format!("{what} over {}, by its own network stack", own.device),
        None => what,
    }
}

fn what_is_served(options: &Options, settings: &Settings) -> String {
    if let Some(file) = &options.config {
        let sites = settings.sites.len() + usize::from(settings.default.is_some());
        return format!("{} of {}", counted(sites, "site"), file.display());
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

fn announce(title: &str, listeners: &Listeners) {
    let bold = anstyle::Style::new().bold();
    let link = anstyle::AnsiColor::Cyan.on_default().underline();
    anstream::println!("{bold}Hepta{bold:#} serves {title}\n");
    for (address, is_secure, who) in listeners.addresses() {
        let what = match who {
            Who::Sites => "",
            Who::Admin => " (admin)",
        };
        match address {
            Address::Ip(address) => {
                let scheme = if is_secure { "https" } else { "http" };
                anstream::println!("  {link}{scheme}://{address}/{link:#}{what}");
            }
            Address::Unix(_) => anstream::println!("  {address}{what}"),
        }
    }
    if let Some(notice) = listeners.notice() {
        anstream::println!("\n{notice}");
    }
    anstream::println!("\nPress Ctrl-C to stop.");
    if let Some(advice) = &listeners.secrets.advice {
        anstream::println!("{advice}");
    }
}
