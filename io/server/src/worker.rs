use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use base::{Instant, TxQueue, Wheel, World};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

use crate::Clock;
use crate::connection::Connection;
use crate::handler::Handler;
use crate::registry::{Key, Registry};
use crate::server::{Config, Socket, Stop};

/// How exact time limits are. None is shorter than some seconds.
const TICK: Duration = Duration::from_millis(250);

/// How much is read at once: what a socket's buffer holds of a fast upload, or four records.
const SCRATCH_LEN: usize = 64 * 1024;

/// How long a worker waits before it tries again to accept, when it cannot.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How many idle connections are sent away when there are no descriptors left.
const EVICTED_AT_ONCE: usize = 32;

/// What a client hears for whom there is no room.
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 57\r\n\
    Retry-After: 1\r\n\
    Connection: close\r\n\
    \r\n\
    503 Service Unavailable: too many connections; try again\n";

/// One thread's share of a server: its listeners, its connections and all they need.
pub(crate) struct Worker<H> {
    pub(crate) config: Config,
    pub(crate) handler: H,
    pub(crate) clock: Clock,
    pub(crate) desk: RefCell<Desk>,
    pub(crate) registry: RefCell<Registry>,
    pub(crate) is_stopping: Cell<bool>,
    /// Some idle connections have been asked to go.
    is_evicting: Cell<bool>,
    wheel: RefCell<Wheel<Key>>,
    /// Wakes the ticker when there is something to wait for.
    wheel_is_set: Notify,
    all_gone: Notify,
    connections: Cell<u64>,
    /// How many workers there are, so that no two give the same number to a connection.
    workers: u64,
    /// A descriptor kept for the day when there are none.
    spare: RefCell<Option<File>>,
}

/// What the connection whose turn it is works with; the next one finds it as it was.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) world: World,
    pub(crate) scratch: Box<[u8]>,
    pub(crate) out: TxQueue,
}

impl<H: Handler> Worker<H> {
    /// Serves until told to stop.
    pub(crate) async fn run(
        (number, workers): (usize, usize),
        config: Config,
        handler: H,
        sockets: Vec<Socket>,
        mut stopped: watch::Receiver<Stop>,
    ) -> io::Result<()> {
        let worker = Rc::new(Self::new(number, workers as u64, config, handler));
        let mut acceptors = Vec::new();
        for (socket, _, tls) in sockets {
            let listener = TcpListener::from_std(socket)?;
            acceptors.push(tokio::task::spawn_local(Rc::clone(&worker).accept_from(listener, tls)));
        }
        let ticker = tokio::task::spawn_local(Rc::clone(&worker).tick());

        let _ = stopped.wait_for(|stop| *stop != Stop::No).await;
        for acceptor in acceptors {
            acceptor.abort();
        }
        worker.is_stopping.set(true);
        worker.registry.borrow().wake_all();
        tokio::select! {
            () = worker.wait_until_all_gone() => {}
            _ = stopped.wait_for(|stop| *stop == Stop::Now) => {}
        }
        ticker.abort();
        worker.handler.tick();
        Ok(())
    }

    fn new(number: usize, workers: u64, config: Config, handler: H) -> Self {
        let clock = Clock::start();
        let seed = clock.wall(clock.now()).0 as u64 ^ ((number as u64) << 48);
        Self {
            config,
            handler,
            clock,
            desk: RefCell::new(Desk {
                world: World::seeded(seed),
                scratch: vec![0; SCRATCH_LEN].into(),
                out: TxQueue::new(),
            }),
            registry: RefCell::default(),
            is_stopping: Cell::new(false),
            is_evicting: Cell::new(false),
            wheel: RefCell::new(Wheel::new(TICK)),
            wheel_is_set: Notify::new(),
            all_gone: Notify::new(),
            connections: Cell::new(number as u64),
            workers,
            spare: RefCell::new(open_spare()),
        }
    }

    /// A number for the next connection; no two of a server are the same.
    pub(crate) fn next_connection(&self) -> u64 {
        let number = self.connections.get() + 1;
        self.connections.set(self.connections.get() + self.workers);
        number
    }

    /// Wakes the connection at `at`.
    pub(crate) fn wake_at(&self, at: Instant, key: Key) {
        let mut wheel = self.wheel.borrow_mut();
        if wheel.is_empty() {
            self.wheel_is_set.notify_one();
        }
        wheel.set(at, key);
    }

    /// Whether an idle connection is asked to go.
    #[inline]
    pub(crate) fn wants_gone(&self, key: Key) -> bool {
        self.is_evicting.get() && self.registry.borrow_mut().is_evicted(key)
    }

    fn evict_idle(&self, count: usize) -> usize {
        self.is_evicting.set(true);
        self.registry.borrow_mut().evict_idle(count)
    }

    pub(crate) fn forget(&self, key: Key) {
        let mut registry = self.registry.borrow_mut();
        registry.remove(key);
        if registry.len() == 0 {
            self.all_gone.notify_one();
        }
    }

    async fn wait_until_all_gone(&self) {
        while self.registry.borrow().len() > 0 {
            self.all_gone.notified().await;
        }
    }

    /// Lets time pass for connections and for the handler.
    async fn tick(self: Rc<Self>) {
        let mut woken = Vec::new();
        loop {
            if self.wheel.borrow().is_empty() {
                self.handler.tick();
                self.wheel_is_set.notified().await;
            }
            tokio::time::sleep(TICK).await;
            self.clock.adjust();
            self.handler.tick();
            self.wheel.borrow_mut().expire(self.clock.now(), &mut woken);
            let mut registry = self.registry.borrow_mut();
            for key in woken.drain(..) {
                registry.wake(key);
            }
        }
    }

    async fn accept_from(self: Rc<Self>, listener: TcpListener, tls: Option<tls::ServerConfig>) {
        loop {
            match listener.accept().await {
                Ok((stream, address)) => self.begin(stream, address, tls.as_ref()),
                Err(error) => self.handle_accept_error(&listener, &error, tls.is_some()).await,
            }
        }
    }

    fn begin(
        self: &Rc<Self>,
        mut stream: TcpStream,
        address: SocketAddr,
        tls: Option<&tls::ServerConfig>,
    ) {
        let is_full = self.registry.borrow().len() >= self.config.limits.connections_max;
        if is_full && self.evict_idle(1) == 0 {
            tracing::warn!(%address, "refused: too many connections");
            refuse(&mut stream, tls.is_some());
            return;
        }
        match Connection::new(Rc::clone(self), stream, address, tls) {
            Ok(connection) => drop(tokio::task::spawn_local(connection)),
            Err(fault) => tracing::error!(%address, ?fault, "no session for a new connection"),
        }
    }

    /// RFC 9110 §15.6.4: whoever cannot be served is told so, which takes a descriptor too.
    async fn handle_accept_error(
        &self,
        listener: &TcpListener,
        error: &io::Error,
        is_secure: bool,
    ) {
        if !is_exhausted(error) {
            // The peer went away before we came; the listener is as good as before.
            tracing::debug!(%error, "a connection ended before it was accepted");
            return;
        }
        let evicted = self.evict_idle(EVICTED_AT_ONCE);
        tracing::warn!(%error, evicted, "no descriptors left; idle connections are sent away");
        self.spare.borrow_mut().take();
        if let Ok(Ok((mut stream, _))) =
            tokio::time::timeout(Duration::ZERO, listener.accept()).await
        {
            refuse(&mut stream, is_secure);
        }
        *self.spare.borrow_mut() = open_spare();
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

fn open_spare() -> Option<File> {
    File::open("/dev/null").ok()
}

/// Says no in a few bytes, which fit any socket's buffer; over TLS, by closing.
fn refuse(stream: &mut TcpStream, is_secure: bool) {
    if !is_secure {
        let _ = stream.try_write(REFUSAL);
        let _ = rustix::net::shutdown(&*stream, rustix::net::Shutdown::Write);
        let mut request = [0; 4096];
        let _ = stream.try_read(&mut request);
    }
}

fn is_exhausted(error: &io::Error) -> bool {
    use rustix::io::Errno;
    Errno::from_io_error(error)
        .is_some_and(|e| matches!(e, Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM))
}
