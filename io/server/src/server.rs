use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::clients::Clients;
use crate::film::FilmPrinter;
use crate::handler::Handler;
use crate::inbox::{Inbox, Letter};
use crate::listen::{Listener, ListeningSocket};
use crate::network::{Network, NetworkSettings};
use crate::observer::Observer;
use crate::tally::Tally;
use crate::worker::Worker;

/// What an operator may choose.
#[derive(Clone, Debug)]
pub struct Config {
    /// How HTTP is spoken, with its limits and times.
    pub http: endpoint::Config,
    /// Limits and times of sockets.
    pub limits: Limits,
    /// How long a worker with nothing to do looks for more before it sleeps; zero for not at all.
    pub busy_poll: Duration,
    /// Who prints the films of connections, if somebody watches.
    pub film: Option<Arc<FilmPrinter>>,
}

/// Limits and times of sockets.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a peer may take nothing of what is to be sent.
    pub timeout_write: Duration,
    /// How many connections a worker keeps; the next one is answered with 503.
    pub connections_max: usize,
    /// How many connections a client may have over all workers; the next one is answered with 503.
    /// Whom a proxy announces is counted as the client that it is; the proxy itself may have as many
    /// as it likes.
    pub connections_per_client_max: Option<usize>,
    /// How many bytes the connections of a worker hold together from one turn to the next: what was
    /// read and not taken, and what was made and not sent. The closer they come to it, the less each
    /// may hold, down to 16 KiB.
    pub buffers_len_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout_write: Duration::from_secs(30),
            connections_max: 100_000,
            connections_per_client_max: None,
            buffers_len_max: 256 * 1024 * 1024,
        }
    }
}

/// Threads that serve.
pub struct Server<H> {
    threads: Vec<JoinHandle<io::Result<()>>>,
    inboxes: Vec<Arc<Inbox<H>>>,
    tallies: Vec<Arc<Tally>>,
}

/// What workers serve by: the configuration, and how each makes its handler.
pub(crate) struct Setup<H> {
    pub(crate) config: Config,
    pub(crate) make_handler: Arc<MakeHandler<H>>,
}

type MakeHandler<H> = dyn Fn(usize) -> io::Result<H> + Send + Sync;

impl<H> Clone for Setup<H> {
    fn clone(&self) -> Self {
        Self { config: self.config.clone(), make_handler: Arc::clone(&self.make_handler) }
    }
}

/// Whether, and how, to stop.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stop {
    /// Serve.
    No,
    /// Accept nothing more; another program does that now. Whoever is here may finish what runs, and
    /// if nothing does, ask once more.
    HandedOver,
    /// Accept nothing more, finish what runs, and end.
    Gracefully,
    /// End.
    Now,
}

/// An address to serve at, and how.
pub struct Place {
    /// The address and its sockets.
    pub listener: Listener,
    /// The sessions of TLS that begin there; in clear text without.
    pub tls: Option<tls::ServerConfig>,
    /// The proxies that say who their clients are (the PROXY protocol); nobody else is believed.
    pub announcers: Option<Announcers>,
}

/// Whether a peer is a proxy that says first who its client is; one that comes by a socket in the
/// file system has no address.
pub type Announcers = Arc<dyn Fn(Option<SocketAddr>) -> bool + Send + Sync>;

impl<H: Handler> Server<H> {
    /// Starts `workers` threads that serve at `places`; `make_handler` is called once in each, with
    /// the worker's number. When this returns, all of them serve.
    ///
    /// What handlers promise may use the runtime in which this is called, but not to wait in their
    /// threads for it: each of them is woken when what it waits for is there.
    ///
    /// # Errors
    ///
    /// A thread could not be started, or a handler could not be made.
    ///
    /// # Panics
    ///
    /// There is no runtime.
    pub fn start(
        config: Config,
        workers: usize,
        places: Vec<Place>,
        make_handler: impl Fn(usize) -> io::Result<H> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let networks = (0..workers).map(|_| None).collect();
        Self::start_with(config, networks, places, Arc::new(make_handler))
    }

    /// Starts a worker for each of `networks`, who has it for his own: nobody else comes there. It
    /// listens at those of `places` that are a network's of our own. Otherwise as
    /// [`start`](Self::start); [`change`](Self::change) may change the places, and what was
    /// [set up](Network::set_up) of the networks.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start), and when a port of a network cannot be waited for.
    ///
    /// # Panics
    ///
    /// There is no runtime.
    pub fn start_on(
        config: Config,
        networks: Vec<Network>,
        places: Vec<Place>,
        make_handler: impl Fn(usize) -> io::Result<H> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let networks = networks.into_iter().map(Some).collect();
        Self::start_with(config, networks, places, Arc::new(make_handler))
    }

    fn start_with(
        config: Config,
        networks: Vec<Option<Network>>,
        places: Vec<Place>,
        make_handler: Arc<MakeHandler<H>>,
    ) -> io::Result<Self> {
        let workers = networks.len();
        let setup = Setup { config, make_handler };
        let by_worker = split(places, workers)?;
        let inboxes = (0..workers).map(|_| Inbox::new().map(Arc::new));
        let inboxes = inboxes.collect::<io::Result<Vec<_>>>()?;
        let mut server = Self { threads: Vec::new(), inboxes, tallies: Vec::new() };
        let (ready, are_ready) = mpsc::channel();
        let clients = Arc::new(Clients::default());
        for (number, (sockets, network)) in by_worker.into_iter().zip(networks).enumerate() {
            let mut others = server.inboxes.clone();
            let inbox = others.remove(number);
            let tally = Arc::new(Tally::default());
            server.tallies.push(Arc::clone(&tally));
            let (setup, ready, runtime) = (setup.clone(), ready.clone(), Handle::current());
            let clients = Arc::clone(&clients);
            let thread = std::thread::Builder::new().name(format!("worker-{number}"));
            server.threads.push(thread.spawn(move || {
                let _runtime = runtime.enter();
                let _departure = network.is_some().then(|| Departure(others.clone()));
                let worker = Worker::new(
                    (number, workers),
                    setup,
                    (sockets, network),
                    (inbox, others),
                    tally,
                    clients,
                )?;
                // Nobody can have stopped listening: it goes on when all have spoken or ended.
                let _ = ready.send(());
                drop(ready);
                worker.run()
            })?);
        }
        drop(ready);
        if are_ready.iter().count() < workers {
            // One has ended already, and says why; the others need not go on.
            server.stop(Stop::Now);
            server.wait()?;
            return Err(io::Error::other("a worker ended before it served"));
        }
        Ok(server)
    }

    /// Has every worker serve at other places, by another configuration and with another handler
    /// from now on. What is under way is finished; connections stay, with the limits of HTTP that
    /// they began with, also those from places that are no more. A network of the workers' own is what
    /// `network` says from then on, if it says something.
    ///
    /// A worker that cannot make its handler keeps the one it has, and says so in the log.
    ///
    /// # Errors
    ///
    /// There are no descriptors left for the places; then nothing changes.
    pub fn change(
        &self,
        config: Config,
        places: Vec<Place>,
        network: Option<&NetworkSettings>,
        make_handler: impl Fn(usize) -> io::Result<H> + Send + Sync + 'static,
    ) -> io::Result<()> {
        let setup = Setup { config, make_handler: Arc::new(make_handler) };
        let by_worker = split(places, self.inboxes.len())?;
        // The first last: what comes of it, and it tells the others, is news to nobody who knows nothing of
        // this.
        for (inbox, sockets) in self.inboxes.iter().zip(by_worker).rev() {
            inbox.put(Letter::Change(setup.clone(), sockets, network.cloned().map(Box::new)));
        }
        Ok(())
    }

    /// What tells of this server.
    pub fn observer(&self) -> Observer<H> {
        Observer::new(self.inboxes.clone(), self.tallies.clone())
    }

    /// Says whether, and how, to stop.
    pub fn stop(&self, how: Stop) {
        for inbox in &self.inboxes {
            inbox.put(Letter::Stop(how));
        }
    }

    /// Whether a worker has ended already.
    pub fn has_ended(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Whether every worker has ended.
    pub fn have_all_ended(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// Waits until every worker has ended.
    ///
    /// # Errors
    ///
    /// The first error with which a worker ended.
    pub fn wait(self) -> io::Result<()> {
        for thread in self.threads {
            thread.join().unwrap_or_else(|_| Err(io::Error::other("a worker panicked")))?;
        }
        Ok(())
    }
}

/// A listening socket of a worker.
pub(crate) struct Socket {
    pub(crate) socket: ListeningSocket,
    pub(crate) tls: Option<tls::ServerConfig>,
    pub(crate) announcers: Option<Announcers>,
}

impl Socket {
    /// Whether somebody at this address has to say first who the client is.
    pub(crate) fn expects_announcement(&self, from: Option<SocketAddr>) -> bool {
        self.announcers.as_ref().is_some_and(|is_one| is_one(from))
    }
}

/// Tells the others, when it is dropped, that a worker with a network of its own has ended, however it came
/// to that.
struct Departure<H>(Vec<Arc<Inbox<H>>>);

impl<H> Drop for Departure<H> {
    fn drop(&mut self) {
        for other in &self.0 {
            other.put(Letter::Left);
        }
    }
}

/// Gives each worker its sockets of each place.
fn split(places: Vec<Place>, workers: usize) -> io::Result<Vec<Vec<Socket>>> {
    let mut by_worker: Vec<Vec<Socket>> = (0..workers).map(|_| Vec::new()).collect();
    for Place { listener, tls, announcers } in places {
        for (all, sockets) in by_worker.iter_mut().zip(listener.split(workers)?) {
            all.extend(sockets.into_iter().map(|socket| Socket {
                socket,
                tls: tls.clone(),
                announcers: announcers.clone(),
            }));
        }
    }
    Ok(by_worker)
}
