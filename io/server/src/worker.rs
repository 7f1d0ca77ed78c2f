use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use base::xray::Film;
use base::{Cx, Instant, TxQueue, Wheel, World};
use rustix::event::Timespec;
use rustix::rand::{GetRandomFlags, getrandom};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};

pub(crate) use self::accepting::refuse;
use self::accepting::{NoRoom, Unannounced, open_spare};
use self::telling::Films;
use crate::Clock;
use crate::budget::Budget;
use crate::clients::Clients;
use crate::connection::{Connection, Occasion, Then};
use crate::handler::{Handler, Listening};
use crate::inbox::{Inbox, Letter};
use crate::network::{Network, NetworkSettings, Stack};
use crate::poller::{News, Poller, Ready, Source};
use crate::registry::{Key, Registry};
use crate::server::{Config, Setup, Socket, Stop};
use crate::tally::Tally;
use crate::transport::Stream;

mod accepting;
mod own;
mod telling;

/// How exact time limits are. None is shorter than some seconds.
const TICK: Duration = Duration::from_millis(250);

/// How much is read at once: what a socket's buffer holds of a fast upload, or four records.
const SCRATCH_LEN: usize = 64 * 1024;

/// One thread's share of a server: its listeners, its connections and all they need.
///
/// It waits for one thing only, its poller: that tells which connections have news, who wants to be
/// accepted, what other threads have to say and when time has passed. It gives each connection
/// concerned its turn, and waits again.
pub(crate) struct Worker<H> {
    number: usize,
    /// How many workers there are, so that no two give the same number to a connection.
    workers: u64,
    serving: RefCell<Serving<H>>,
    pub(crate) clock: Clock,
    pub(crate) desk: RefCell<Desk>,
    /// What other threads tell.
    pub(crate) inbox: Arc<Inbox<H>>,
    /// Where the other workers are told something, and how many of them have ended.
    others: Vec<Arc<Inbox<H>>>,
    others_left: Cell<usize>,
    clients: Arc<Clients>,
    /// What its connections may hold together.
    pub(crate) budget: Rc<Budget>,
    /// What happened at its sockets.
    pub(crate) tally: Arc<Tally>,
    /// Empty when it is to stop.
    listeners: RefCell<Vec<Socket>>,
    is_listening_paused: Cell<bool>,
    connections: RefCell<Registry<Connection<Stream>>>,
    poller: Poller,
    /// Connections that had more to do when their turn was over.
    unfinished: RefCell<Vec<Key>>,
    wheel: RefCell<Wheel<Key>>,
    /// Rings once, a tick after it was set: an idle worker has none running.
    timer: OwnedFd,
    is_ticking: Cell<bool>,
    stop: Cell<Stop>,
    accepted: Cell<u64>,
    no_room: NoRoom,
    unannounced: Unannounced,
    pub(crate) films: Films,
    spare: RefCell<Option<File>>,
    /// The network stack of its own, if it has one.
    stack: Option<Rc<Stack>>,
    /// Memory for who has news of it.
    own_news: RefCell<Vec<(Key, Ready)>>,
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
    /// A worker that has all it needs to serve.
    pub(crate) fn new(
        (number, workers): (usize, usize),
        setup: Setup<H>,
        (listeners, network): (Vec<Socket>, Option<Network>),
        (inbox, others): (Arc<Inbox<H>>, Vec<Arc<Inbox<H>>>),
        tally: Arc<Tally>,
        clients: Arc<Clients>,
    ) -> io::Result<Self> {
        let mut seed = [0; 8];
        getrandom(&mut seed, GetRandomFlags::empty())?;
        let poller = Poller::new()?;
        let stack = network.map(|network| Stack::new(network, &poller)).transpose()?;
        let clock = stack.as_ref().map_or_else(Clock::start, |stack| stack.clock());
        let budget = Budget::new(setup.config.limits.buffers_len_max);
        let serving = Serving::new(setup, number, &poller, 0)?;
        let timer_flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = timerfd_create(TimerfdClockId::Monotonic, timer_flags)?;
        poller.add_source(&*inbox, Source::Inbox)?;
        poller.add_source(&timer, Source::Timer)?;
        let worker = Self {
            number,
            workers: workers as u64,
            serving: RefCell::new(serving),
            clock,
            desk: RefCell::new(Desk {
                world: World::seeded(u64::from_ne_bytes(seed)),
                scratch: vec![0; SCRATCH_LEN].into(),
                out: TxQueue::new(),
            }),
            inbox,
            others,
            others_left: Cell::new(0),
            tally,
            clients,
            budget,
            listeners: RefCell::default(),
            is_listening_paused: Cell::new(false),
            connections: RefCell::new(Registry::new()),
            poller,
            unfinished: RefCell::default(),
            wheel: RefCell::new(Wheel::new(TICK)),
            timer,
            is_ticking: Cell::new(false),
            stop: Cell::new(Stop::No),
            accepted: Cell::new(number as u64),
            no_room: NoRoom::default(),
            unannounced: Unannounced::default(),
            films: Films::default(),
            spare: RefCell::new(open_spare()),
            stack,
            own_news: RefCell::default(),
        };
        worker.start_listening(&listeners)?;
        worker.listeners.replace(listeners);
        Ok(worker)
    }

    /// Serves until told to stop.
    ///
    /// # Errors
    ///
    /// The network of its own is gone, or never was its own.
    pub(crate) fn run(&self) -> io::Result<()> {
        let mut news = News::new();
        let mut due = Vec::new();
        let mut is_busy = false;
        while !self.is_over() {
            // Those that have more to do are not all there is.
            if self.unfinished.borrow().is_empty() && !self.has_own_news() {
                // Who was only told the time meets nobody soon.
                let looks = std::mem::take(&mut is_busy);
                let busy_poll = looks.then(|| self.serving.borrow().config.busy_poll);
                self.poller.take(&mut news, busy_poll.unwrap_or_default());
            } else {
                self.poller.take_now(&mut news);
            }
            is_busy |= news.tell_of_somebody();
            std::mem::swap(&mut due, &mut self.unfinished.borrow_mut());
            for source in news.sources() {
                match source {
                    Source::Handler(number) => self.serving.borrow().hear(number),
                    Source::Timer => self.tick(&mut due),
                    Source::Inbox => self.read_letters(&mut due),
                    Source::Listener(_) => {}
                    Source::Port(_) | Source::Deadline => self.hear_of_stack(source),
                }
            }
            for (key, ready) in news.connections() {
                self.give_turn(key, Occasion::News(ready));
            }
            // Several promises of one connection mostly come true together.
            due.dedup();
            for key in due.drain(..) {
                self.give_turn(key, Occasion::Due);
            }
            for source in news.sources() {
                if let Source::Listener(index) = source {
                    // As many new ones as others had their turn: neither waits for long.
                    self.accept(index, news.len());
                }
            }
            self.give_own_turns();
        }
        self.no_room.report();
        self.unannounced.report();
        self.serving.borrow().handler.tick();
        self.end_own()
    }

    fn is_over(&self) -> bool {
        match self.stop.get() {
            Stop::No => self.has_lost_network(),
            Stop::HandedOver | Stop::Gracefully => {
                self.connections.borrow().len() == 0 && self.is_own_finished()
            }
            Stop::Now => true,
        }
    }

    /// Does what other threads ask for; adds the connections to `due` whose turn it is.
    fn read_letters(&self, due: &mut Vec<Key>) {
        for letter in self.inbox.take() {
            match letter {
                Letter::Due(key, exchange) => {
                    let mut connections = self.connections.borrow_mut();
                    if let Some(connection) = connections.get_mut(key) {
                        connection.wake(exchange);
                        due.push(key);
                    }
                }
                Letter::Change(setup, sockets, network) => {
                    self.change(setup, sockets, network.as_deref());
                }
                Letter::Stop(how) => self.leave(how),
                Letter::List(most, reply) => {
                    // Who asked may be gone.
                    let _ = reply.send(self.list(most));
                }
                Letter::Look(look) => self.look_at_network(look),
                Letter::Lease(interface, leased) => self.follow_lease(interface, leased.as_ref()),
                Letter::Left => self.others_left.set(self.others_left.get() + 1),
                Letter::BeginFilm(wanted) => self.begin_film(wanted),
                Letter::EndFilm(number) => self.end_film(number),
            }
        }
    }

    /// Serves by what the operator wants now.
    fn change(&self, setup: Setup<H>, sockets: Vec<Socket>, network: Option<&NetworkSettings>) {
        if self.stop.get() != Stop::No {
            return;
        }
        if let (Some(stack), Some(network)) = (&self.stack, network) {
            stack.change(network);
        }
        let next_source = {
            let now = self.serving.borrow();
            now.first_source + now.listens.len() as u32
        };
        let buffers_len_max = setup.config.limits.buffers_len_max;
        match Serving::new(setup, self.number, &self.poller, next_source) {
            Ok(serving) => {
                self.budget.allow(buffers_len_max);
                let before = self.serving.replace(serving);
                before.handler.tick();
                self.replace_listeners(sockets);
                self.close_aside(before);
            }
            Err(error) => tracing::error!(%error, "a worker serves as before"),
        }
    }

    /// Forgets what was served by before. The kernel takes milliseconds to close each source that
    /// tells of changes of files; a thread of its own waits for that, so that nobody else does.
    fn close_aside(&self, before: Serving<H>) {
        let mut sources = Vec::new();
        for Listening { source, .. } in &before.listens {
            self.poller.forget_source(source);
            sources.extend(source.try_clone());
        }
        drop(before);
        // Without a thread they are closed here.
        let _ = std::thread::Builder::new().name("closing".into()).spawn(move || drop(sources));
    }

    /// Accepts nobody any more, and has everybody finish.
    fn leave(&self, how: Stop) {
        self.stop.set(how);
        self.drop_listeners();
        // Nobody can be refused this.
        let _ = self.listen_own(&[]);
        let occasion = match how {
            Stop::HandedOver => Occasion::WindDown,
            _ => Occasion::Leave,
        };
        let everybody = self.connections.borrow().keys();
        for key in everybody {
            self.give_turn(key, occasion);
        }
    }

    /// Lets time pass for connections and for the handler; adds the connections to `due` whose turn
    /// it is.
    fn tick(&self, due: &mut Vec<Key>) {
        self.is_ticking.set(false);
        self.clock.adjust();
        self.resume_listening();
        self.no_room.report();
        self.unannounced.report();
        self.tally.buffers_len.set(self.budget.held());
        self.serving.borrow().handler.tick();
        let is_idle = {
            let mut wheel = self.wheel.borrow_mut();
            wheel.expire(self.clock.now(), due);
            wheel.is_empty()
        };
        if !is_idle {
            self.start_ticking();
        }
    }

    /// Has a tick come.
    fn start_ticking(&self) {
        if self.is_ticking.replace(true) {
            return;
        }
        let timer = Itimerspec {
            it_interval: Timespec::default(),
            it_value: Timespec { tv_sec: 0, tv_nsec: i64::from(TICK.subsec_nanos()) },
        };
        if let Err(error) = timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &timer) {
            tracing::error!(%error, "time limits do not hold: the timer cannot be set");
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
        self.wheel.borrow_mut().set(at, key);
        self.start_ticking();
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
            Ok(Then::WaitForRoom) => match self.watch_for_room(connection.stream(), key) {
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
        self.tally.open.set(connections.len() as u64);
    }
}

impl<H: Handler> Serving<H> {
    fn new(setup: Setup<H>, worker: usize, poller: &Poller, first_source: u32) -> io::Result<Self> {
        let handler = (setup.make_handler)(worker)?;
        let listens = handler.listens();
        for (listening, number) in listens.iter().zip(first_source..) {
            poller.add_source(&listening.source, Source::Handler(number))?;
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
