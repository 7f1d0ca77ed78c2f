use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::time::Duration;

use base::xray::Film;
use base::{Cx, Instant, TxQueue, Wheel, World};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, SocketFlags};
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{Notify, watch};

use crate::Clock;
use crate::connection::{Connection, Occasion, Then};
use crate::handler::{Handler, Listening};
use crate::poller::{News, Poller, listen_to};
use crate::registry::{Key, Registry};
use crate::server::{Config, Setup, Socket, Stop};

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
///
/// Connections are no tasks of the runtime. The worker asks its poller which of them have news, and
/// gives each of these its turn; so it does with those whose time has passed.
pub(crate) struct Worker<H> {
    number: usize,
    /// How many workers there are, so that no two give the same number to a connection.
    workers: u64,
    serving: RefCell<Serving<H>>,
    pub(crate) clock: Clock,
    pub(crate) desk: RefCell<Desk>,
    /// Connections that are to have their turn because something promised is there.
    pub(crate) due: UnboundedSender<Key>,
    connections: RefCell<Registry<Connection<TcpStream>>>,
    poller: Poller,
    /// Connections that had more to do when their turn was over.
    unfinished: RefCell<Vec<Key>>,
    wheel: RefCell<Wheel<Key>>,
    /// Wakes the ticker when there is something to wait for.
    wheel_is_set: Notify,
    all_gone: Notify,
    accepted: Cell<u64>,
    /// A descriptor kept for the day when there are none.
    spare: RefCell<Option<File>>,
}

/// What a worker serves by, until the operator changes it.
pub(crate) struct Serving<H> {
    pub(crate) config: Config,
    pub(crate) handler: H,
    listens: Vec<Listening>,
    /// The number by which the poller tells of the first of them.
    first_source: u32,
}

/// What the connection whose turn it is works with; the next one finds it as it was.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) world: World,
    pub(crate) scratch: Box<[u8]>,
    pub(crate) out: TxQueue,
}

impl<H: Handler> Worker<H> {
    /// A worker that has all it needs to serve, and what it is promised.
    pub(crate) fn new(
        (number, workers): (usize, usize),
        setup: Setup<H>,
    ) -> io::Result<(Rc<Self>, UnboundedReceiver<Key>)> {
        let clock = Clock::start();
        let seed = clock.wall(clock.now()).0 as u64 ^ ((number as u64) << 48);
        let poller = Poller::new()?;
        let serving = Serving::new(setup, number, &poller, 0)?;
        let (due, promised) = mpsc::unbounded_channel();
        let worker = Self {
            number,
            workers: workers as u64,
            serving: RefCell::new(serving),
            clock,
            desk: RefCell::new(Desk {
                world: World::seeded(seed),
                scratch: vec![0; SCRATCH_LEN].into(),
                out: TxQueue::new(),
            }),
            due,
            connections: RefCell::new(Registry::new()),
            poller,
            unfinished: RefCell::default(),
            wheel: RefCell::new(Wheel::new(TICK)),
            wheel_is_set: Notify::new(),
            all_gone: Notify::new(),
            accepted: Cell::new(number as u64),
            spare: RefCell::new(open_spare()),
        };
        Ok((Rc::new(worker), promised))
    }

    /// Serves until told to stop.
    pub(crate) async fn run(
        self: Rc<Self>,
        promised: UnboundedReceiver<Key>,
        sockets: Vec<Socket>,
        setups: watch::Receiver<Setup<H>>,
        mut stopped: watch::Receiver<Stop>,
    ) -> io::Result<()> {
        let mut acceptors = Vec::new();
        for (socket, _, tls) in sockets {
            let listener = listen_to(socket)?;
            acceptors.push(tokio::task::spawn_local(Rc::clone(&self).accept_from(listener, tls)));
        }
        let mut serving = tokio::task::spawn_local(Rc::clone(&self).serve());
        let others = [
            tokio::task::spawn_local(Rc::clone(&self).keep_promises(promised)),
            tokio::task::spawn_local(Rc::clone(&self).hear_changes(setups)),
            tokio::task::spawn_local(Rc::clone(&self).tick()),
        ];

        tokio::select! {
            _ = stopped.wait_for(|stop| *stop != Stop::No) => {}
            ended = &mut serving => return Err(ended.unwrap_or_else(io::Error::other)),
        }
        for acceptor in acceptors {
            acceptor.abort();
        }
        let everybody = self.connections.borrow().keys();
        for key in everybody {
            self.give_turn(key, Occasion::Leave);
        }
        tokio::select! {
            () = self.wait_until_all_gone() => {}
            _ = stopped.wait_for(|stop| *stop == Stop::Now) => {}
        }
        for task in others {
            task.abort();
        }
        serving.abort();
        self.serving.borrow().handler.tick();
        Ok(())
    }

    /// Serves by what the operator wants now.
    async fn hear_changes(self: Rc<Self>, mut setups: watch::Receiver<Setup<H>>) {
        while setups.changed().await.is_ok() {
            let setup = setups.borrow_and_update().clone();
            let next_source = {
                let now = self.serving.borrow();
                now.first_source + now.listens.len() as u32
            };
            match Serving::new(setup, self.number, &self.poller, next_source) {
                Ok(serving) => {
                    let before = self.serving.replace(serving);
                    before.handler.tick();
                }
                Err(error) => tracing::error!(%error, "a worker serves as before"),
            }
        }
    }

    /// A number for the next connection; no two of a server are the same.
    pub(crate) fn next_connection(&self) -> u64 {
        let number = self.accepted.get() + 1;
        self.accepted.set(self.accepted.get() + self.workers);
        number
    }

    /// What a connection lends its layers now; with a film, they are watched.
    pub(crate) fn cx<'a>(
        &self,
        world: &'a mut World,
        connection: u64,
        film: Option<&'a mut Film>,
    ) -> Cx<'a> {
        let now = self.clock.now();
        let cx = Cx::new(now, self.clock.wall(now), world).in_connection(connection);
        match film {
            Some(film) => cx.watched_by(film),
            None => cx,
        }
    }

    /// Wakes the connection at `at`.
    pub(crate) fn wake_at(&self, at: Instant, key: Key) {
        let mut wheel = self.wheel.borrow_mut();
        if wheel.is_empty() {
            self.wheel_is_set.notify_one();
        }
        wheel.set(at, key);
    }

    /// Gives every connection that has news its turn, as long as the worker lives; why it cannot go
    /// on.
    async fn serve(self: Rc<Self>) -> io::Error {
        let poller = match self.poller.listener() {
            Ok(poller) => poller,
            Err(error) => return error,
        };
        let mut news = News::new();
        let mut again = Vec::new();
        loop {
            if self.unfinished.borrow().is_empty() {
                let mut ready = match poller.readable().await {
                    Ok(ready) => ready,
                    Err(error) => return error,
                };
                if self.poller.take(&mut news) {
                    ready.clear_ready();
                }
            } else {
                // Those that have more to do are not all there is.
                tokio::task::yield_now().await;
                self.poller.take(&mut news);
            }
            std::mem::swap(&mut again, &mut self.unfinished.borrow_mut());
            for source in news.sources() {
                self.serving.borrow().hear(source);
            }
            for (key, ready) in news.connections() {
                self.give_turn(key, Occasion::News(ready));
            }
            for key in again.drain(..) {
                self.give_turn(key, Occasion::Due);
            }
        }
    }

    /// Gives every connection its turn for which something promised is there.
    async fn keep_promises(self: Rc<Self>, mut promised: UnboundedReceiver<Key>) {
        while let Some(key) = promised.recv().await {
            self.give_turn(key, Occasion::Due);
        }
    }

    #[inline]
    fn give_turn(&self, key: Key, occasion: Occasion) {
        let Some(mut connection) = self.connections.borrow_mut().take(key) else { return };
        // Whatever goes wrong in a handler ends one connection, not all of them.
        let then = panic::catch_unwind(AssertUnwindSafe(|| {
            let serving = self.serving.borrow();
            connection.turn(self, &serving, &mut self.desk.borrow_mut(), key, occasion)
        }));
        match then {
            Ok(Then::Wait) => self.connections.borrow_mut().put_back(key, connection),
            Ok(Then::WaitForRoom) => match self.poller.tell_room(connection.stream(), key) {
                Ok(()) => self.connections.borrow_mut().put_back(key, connection),
                Err(error) => {
                    tracing::warn!(%error, "a connection ends: its socket cannot be watched");
                    self.forget(key);
                }
            },
            Ok(Then::GoOn) => {
                self.connections.borrow_mut().put_back(key, connection);
                self.unfinished.borrow_mut().push(key);
            }
            Ok(Then::End) => self.forget(key),
            Err(_) => {
                tracing::error!("a connection ends: its handler panicked");
                self.desk.borrow_mut().out = TxQueue::new();
                self.forget(key);
            }
        }
    }

    fn forget(&self, key: Key) {
        let mut connections = self.connections.borrow_mut();
        connections.remove(key);
        if connections.len() == 0 {
            self.all_gone.notify_one();
        }
    }

    async fn wait_until_all_gone(&self) {
        while self.connections.borrow().len() > 0 {
            self.all_gone.notified().await;
        }
    }

    /// Lets time pass for connections and for the handler.
    async fn tick(self: Rc<Self>) {
        let mut woken = Vec::new();
        loop {
            if self.wheel.borrow().is_empty() {
                self.serving.borrow().handler.tick();
                self.wheel_is_set.notified().await;
            }
            tokio::time::sleep(TICK).await;
            self.clock.adjust();
            self.serving.borrow().handler.tick();
            self.wheel.borrow_mut().expire(self.clock.now(), &mut woken);
            for key in woken.drain(..) {
                self.give_turn(key, Occasion::Due);
            }
        }
    }

    async fn accept_from(
        self: Rc<Self>,
        listener: AsyncFd<TcpListener>,
        tls: Option<tls::ServerConfig>,
    ) {
        while let Ok(mut ready) = listener.readable().await {
            match accept(listener.get_ref()) {
                Ok((stream, address)) => self.begin(stream, address, tls.as_ref()),
                Err(Errno::AGAIN) => ready.clear_ready(),
                Err(errno) => {
                    self.handle_accept_error(listener.get_ref(), errno, tls.is_some()).await
                }
            }
        }
    }

    fn begin(&self, stream: TcpStream, address: SocketAddr, tls: Option<&tls::ServerConfig>) {
        let limits = self.serving.borrow().config.limits;
        let is_full = self.connections.borrow().len() >= limits.connections_max;
        if is_full && self.evict_idle(1) == 0 {
            tracing::warn!(%address, "refused: too many connections");
            refuse(&stream, tls.is_some());
            return;
        }
        let key = self.connections.borrow_mut().reserve();
        if let Err(error) = self.poller.add(&stream, key) {
            tracing::warn!(%address, %error, "refused: the kernel cannot watch one more socket");
            refuse(&stream, tls.is_some());
            return self.forget(key);
        }
        let begun = Connection::new(self, &self.serving.borrow(), stream, address, tls);
        match begun {
            Ok(connection) => {
                self.connections.borrow_mut().put_back(key, Box::new(connection));
                self.give_turn(key, Occasion::Due);
            }
            Err(fault) => {
                tracing::error!(%address, ?fault, "no session for a new connection");
                self.forget(key);
            }
        }
    }

    /// Ends up to `count` connections on which nothing is under way; says how many.
    fn evict_idle(&self, count: usize) -> usize {
        let mut evicted = 0;
        while evicted < count {
            let idle = self.connections.borrow_mut().find_next(Connection::is_idle);
            let Some(key) = idle else { break };
            self.give_turn(key, Occasion::Leave);
            evicted += 1;
        }
        evicted
    }

    /// RFC 9110 §15.6.4: whoever cannot be served is told so, which takes a descriptor too.
    async fn handle_accept_error(&self, listener: &TcpListener, errno: Errno, is_secure: bool) {
        if !matches!(errno, Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) {
            // The peer went away before we came; the listener is as good as before.
            tracing::debug!(error = %errno, "a connection ended before it was accepted");
            return;
        }
        let evicted = self.evict_idle(EVICTED_AT_ONCE);
        tracing::warn!(error = %errno, evicted, "no descriptors left; idle connections are sent away");
        if evicted > 0 {
            return;
        }
        self.spare.borrow_mut().take();
        if let Ok((stream, _)) = accept(listener) {
            refuse(&stream, is_secure);
        }
        *self.spare.borrow_mut() = open_spare();
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

impl<H: Handler> Serving<H> {
    fn new(setup: Setup<H>, worker: usize, poller: &Poller, first_source: u32) -> io::Result<Self> {
        let handler = (setup.make_handler)(worker)?;
        let listens = handler.listens();
        for (listening, number) in listens.iter().zip(first_source..) {
            poller.add_source(&listening.source, number)?;
        }
        Ok(Self { config: setup.config, handler, listens, first_source })
    }

    /// Something is to be heard from this source, unless it is one of those before.
    fn hear(&self, source: u32) {
        let index = source.checked_sub(self.first_source);
        if let Some(listening) = index.and_then(|index| self.listens.get(index as usize)) {
            (listening.hear)();
        }
    }
}

fn open_spare() -> Option<File> {
    File::open("/dev/null").ok()
}

/// A socket that waits for nothing, and who is at the other end.
fn accept(listener: &TcpListener) -> rustix::io::Result<(TcpStream, SocketAddr)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (socket, address) = rustix::net::acceptfrom_with(listener, flags)?;
    let address = address.and_then(|address| SocketAddr::try_from(address).ok());
    Ok((socket.into(), address.ok_or(Errno::CONNABORTED)?))
}

/// Says no in a few bytes, which fit any socket's buffer; over TLS, by closing.
fn refuse(stream: &TcpStream, is_secure: bool) {
    if !is_secure {
        let _ = rustix::net::send(stream, REFUSAL, SendFlags::NOSIGNAL);
        let _ = rustix::net::shutdown(stream, Shutdown::Write);
        // What is unread when a socket closes makes the kernel reset, and the answer is lost.
        let _ = rustix::net::recv(stream, &mut [0; 4096], RecvFlags::empty());
    }
}
