mod announcement;
mod exchange;
mod exchanges;
mod facts;
mod film;
mod request_body;
mod transfer;

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Waker;

use base::xray::Film;
use base::{Cx, Instant, TxQueue};
use endpoint::{Closing, Endpoint};
use message::{ExchangeId, Pace};

use self::exchanges::Exchanges;
use crate::budget::Held;
use crate::clients::Presence;
use crate::handler::{Handler, Notes, Peer, Vitals};
use crate::inbox;
use crate::poller::Ready;
use crate::registry::Key;
use crate::server::Socket;
use crate::transport::Transport;
use crate::worker::{Desk, Serving, Worker};
use crate::xray::{Or, Seen, Why};

/// How much of a connection's film is kept until it is printed.
const FILM_LEN_MAX: usize = 256 * 1024;

/// How many bytes one turn moves at most; then it is the others' turn.
const TURN_LEN_MAX: usize = 2 * 1024 * 1024;

/// A connection: a socket below, an [`Endpoint`] on it, exchanges above.
///
/// It gets its turn when its socket has news, when its time limit passes, when a promised answer is
/// there, or when the worker stops. Each time it does all that can be done, in one order: what came
/// in goes up, what is answered goes down, then one write, then one read. A connection that waits
/// holds no buffers.
pub(crate) struct Connection<T> {
    stream: T,
    endpoint: Endpoint,
    /// Who is at the other end.
    address: Option<SocketAddr>,
    number: u64,
    /// Whether a proxy says first who the client is.
    is_announced: bool,
    /// Whether its handshake of TLS is still to be counted.
    awaits_handshake: bool,
    /// What is under way; nothing while the connection is idle.
    busy: Option<Box<Busy>>,
    /// Nothing, but for those that are filmed or counted.
    aside: Option<Box<Aside>>,
    /// When the wheel will wake us, if it will.
    armed: Instant,
    ready: Ready,
    hears_of_room: bool,
    is_corked: bool,
    has_eof: bool,
    has_finished: bool,
    /// Whether the peer has to keep a pace that is not the same for all.
    has_own_pace: bool,
}

/// What few connections have.
#[derive(Default)]
struct Aside {
    film: Option<Box<Film>>,
    /// Counts it among its client's.
    _presence: Option<Presence>,
}

/// What a connection holds only while something is under way.
#[derive(Default)]
struct Busy {
    /// Bytes that were read and not taken.
    inbox: Vec<u8>,
    /// Bytes that the socket did not take yet.
    unsent: Option<Unsent>,
    exchanges: Exchanges,
    /// Whether the length of a body was asked for.
    takes_bodies: bool,
    /// Whether the kernel was told that more follows at once, which may turn out not to be so.
    holds_back: bool,
    /// How much of the worker's memory that is.
    held: Option<Held>,
}

/// What the socket did not take yet.
struct Unsent {
    queue: TxQueue,
    /// When the peer must have taken something.
    deadline: Instant,
    /// What had been written and had not arrived when the deadline was set.
    in_flight_len: Option<u32>,
}

/// What a connection works with while it is its turn.
pub(crate) struct Turn<'a, H> {
    worker: &'a Worker<H>,
    serving: &'a Serving<H>,
    key: Key,
    cx: Cx<'a>,
    scratch: &'a mut [u8],
    out: &'a mut TxQueue,
    /// How many bytes may still be moved.
    left: usize,
}

impl<H: 'static> Turn<'_, H> {
    /// What gives the connection its turn when something that was promised for this exchange is
    /// there.
    fn waker(&self, exchange: ExchangeId) -> Waker {
        inbox::waker(self.key, exchange, &self.worker.inbox)
    }
}

/// Why it is a connection's turn.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Occasion {
    /// Its socket has news.
    News(Ready),
    /// Its time limit may have passed, a promised answer may be there, or it had more to do.
    Due,
    /// Another program takes over: the next request is the last.
    WindDown,
    /// The worker stops, or needs its place: what is under way is finished.
    Leave,
}

/// What is to become of a connection after its turn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Then {
    /// It waits for news.
    Wait,
    /// It waits for news, and for the first time also for room to write.
    WaitForRoom,
    /// It could have done more, and goes on when the others had their turn.
    GoOn,
    /// It is over.
    End,
}

impl<T: Transport> Connection<T> {
    pub(crate) fn new<H: Handler>(
        worker: &Worker<H>,
        serving: &Serving<H>,
        mut stream: T,
        address: Option<SocketAddr>,
        is_announced: bool,
        listener: &Socket,
    ) -> Result<Self, tls::Fault> {
        let number = worker.next_connection();
        let tls = listener.tls.as_ref();
        let mut film = serving.config.film.is_some().then(|| Box::new(Film::bounded(FILM_LEN_MAX)));
        if let Some(film) = &mut film {
            film.append(&stream.take_film());
        }
        let mut desk = worker.desk.borrow_mut();
        let mut cx = worker.cx(&mut desk.world, number, film.as_deref_mut());
        cx.note(|| Seen::Accepted { from: Or(address), with_tls: tls.is_some() });
        let endpoint = Endpoint::server(&mut cx, &serving.config.http, tls)?;
        Ok(Self {
            stream,
            endpoint,
            address,
            number,
            is_announced,
            awaits_handshake: tls.is_some(),
            busy: None,
            aside: film.map(|film| Box::new(Aside { film: Some(film), _presence: None })),
            armed: Instant::NEVER,
            // A new socket has room.
            ready: Ready::TO_WRITE,
            hears_of_room: false,
            is_corked: false,
            has_eof: false,
            has_finished: false,
            has_own_pace: false,
        })
    }

    /// Does all that can be done now, given why it is its turn.
    pub(crate) fn turn<H: Handler>(
        &mut self,
        worker: &Worker<H>,
        serving: &Serving<H>,
        desk: &mut Desk,
        key: Key,
        occasion: Occasion,
    ) -> Then {
        let mut film = self.aside.as_mut().and_then(|aside| aside.film.take());
        if let Some(film) = &mut film {
            film.append(&self.stream.take_film());
        }
        let cx = worker.cx(&mut desk.world, self.number, film.as_deref_mut());
        let (scratch, out) = (&mut *desk.scratch, &mut desk.out);
        let mut turn = Turn { worker, serving, key, cx, scratch, out, left: TURN_LEN_MAX };
        match occasion {
            Occasion::News(news) => self.ready |= news,
            Occasion::Due => {}
            Occasion::WindDown => self.endpoint.wind_down(&mut turn.cx),
            Occasion::Leave => self.endpoint.shut_down(&mut turn.cx),
        }
        let ended = self.do_all(&mut turn).err();
        if self.awaits_handshake {
            self.end_handshake(worker, serving, ended.is_some());
        }
        match ended {
            Some(why) => self.say_goodbye(&mut turn, why),
            None => {
                self.arm(&turn);
                self.let_go();
                self.count_held(worker);
            }
        }
        let then = match ended {
            Some(_) => Then::End,
            None if turn.left == 0 && self.could_do_more() => Then::GoOn,
            None if !self.hears_of_room && self.unsent().is_some() => {
                self.hears_of_room = true;
                Then::WaitForRoom
            }
            None => Then::Wait,
        };
        if film.is_some() {
            self.aside().film = film;
            self.show_film(worker, &serving.config, key, then == Then::End);
        }
        then
    }

    /// Who is at the other end.
    #[inline]
    fn peer<'a>(
        &'a self,
        exchange: ExchangeId,
        notes: &'a Notes,
        vitals: Option<&'a dyn Vitals>,
    ) -> Peer<'a> {
        let Self { address, number, .. } = *self;
        let is_secure = self.endpoint.is_secure();
        let tls = if is_secure { self.endpoint.facts().tls } else { None };
        Peer { address, connection: number, exchange, is_secure, tls, notes, vitals }
    }

    /// Counts the handshake if it is finished now, or never will be. Then it is known to which site
    /// the peer wants to come.
    fn end_handshake<H: Handler>(
        &mut self,
        worker: &Worker<H>,
        serving: &Serving<H>,
        has_ended: bool,
    ) {
        match self.endpoint.facts().tls {
            Some(facts) => {
                worker.tally.add_handshake(facts);
                let pace = serving.handler.pace(facts.server_name.as_deref());
                self.keep_pace(ExchangeId(0), pace);
            }
            None if has_ended => {
                worker.tally.handshakes_unfinished.add(1);
                // Strangers do this all the time; who looks for the reason of one turns it on.
                if let Some(fault) = self.endpoint.fault() {
                    tracing::debug!(client = ?Or(self.address), %fault, "no TLS handshake");
                }
            }
            None => return,
        }
        self.awaits_handshake = false;
    }

    /// Has the peer keep this pace, or the one that is the same for all.
    #[inline(always)]
    fn keep_pace(&mut self, exchange: ExchangeId, pace: Option<Arc<Pace>>) {
        if self.has_own_pace || pace.is_some() {
            self.has_own_pace = pace.is_some();
            self.endpoint.keep_pace(exchange, pace);
        }
    }

    /// Counts it among its client's as long as it lives, if they are counted.
    pub(crate) fn keep(&mut self, presence: Option<Presence>) {
        if presence.is_some() {
            self.aside()._presence = presence;
        }
    }

    fn aside(&mut self) -> &mut Aside {
        self.aside.get_or_insert_default()
    }

    /// The socket.
    pub(crate) const fn stream(&self) -> &T {
        &self.stream
    }

    fn do_all<H: Handler>(&mut self, turn: &mut Turn<'_, H>) -> Result<(), Why> {
        self.let_time_pass(turn);
        if self.is_write_stalled(turn) {
            return Err(Why::WriteStalled);
        }
        if !self.hear_announcement(turn)? {
            return self.attend(turn, 0);
        }
        if !self.is_at_rest() {
            self.attend(turn, 0)?;
        }
        while let Some(read) = self.read(turn)? {
            if read == 0 {
                self.handle_eof(turn);
            } else {
                turn.cx.note(|| Seen::Read { len: read });
            }
            self.attend(turn, read)?;
        }
        Ok(())
    }

    /// Does what can be done with what is here, `read` fresh bytes included.
    fn attend<H: Handler>(&mut self, turn: &mut Turn<'_, H>, mut read: usize) -> Result<(), Why> {
        loop {
            // Who does not take what there is gets no more of it.
            let is_full = self.unsent().is_some() || self.go_up(turn, read);
            self.go_down(turn);
            self.write(turn).map_err(|_| Why::Broken)?;
            self.close_if_due(turn)?;
            // What was sent has made room for more.
            let has_more = is_full || self.endpoint.has_more();
            if self.unsent().is_some() || !(self.go_on(turn) || has_more) {
                return Ok(());
            }
            read = 0;
        }
    }

    /// Whether nothing is to be done before the peer says something.
    fn is_at_rest(&self) -> bool {
        self.is_idle() && self.endpoint.closing() == Closing::Open
    }

    /// Whether no exchange is under way and nothing is held: the connection could be spared.
    pub(crate) fn is_idle(&self) -> bool {
        self.busy.is_none() && self.endpoint.is_idle()
    }

    /// What was read, and what was left before, goes up as far as it is wanted; whether it stopped
    /// because enough answers wait to be sent.
    fn go_up<H: Handler>(&mut self, turn: &mut Turn<'_, H>, read: usize) -> bool {
        let scratch = std::mem::take(&mut turn.scratch);
        let mut waiting =
            self.busy.as_mut().map_or_else(Vec::new, |b| std::mem::take(&mut b.inbox));
        let fresh = scratch.get_mut(..read).unwrap_or_default();
        let bytes: &mut [u8] = if waiting.is_empty() {
            fresh
        } else {
            waiting.extend_from_slice(fresh);
            &mut waiting
        };
        let mut taken = 0;
        let is_full = loop {
            let rest = bytes.get_mut(taken..).unwrap_or_default();
            let step = self.endpoint.handle_bytes(&mut turn.cx, rest);
            taken += step;
            let had_events = self.handle_events(turn);
            let moved = self.go_on(turn);
            let is_moving = step > 0 || had_events || moved;
            let has_more = taken < bytes.len() || self.endpoint.has_waiting_bytes();
            let is_full = has_more && self.endpoint.room(&mut turn.cx, ExchangeId(0)) == 0;
            if !is_moving || !has_more || is_full {
                break is_full;
            }
        };
        let rest = bytes.get(taken..).unwrap_or_default();
        if !rest.is_empty() {
            self.busy().inbox = rest.to_vec();
        }
        turn.scratch = scratch;
        is_full
    }

    fn go_down<H>(&mut self, turn: &mut Turn<'_, H>) {
        let unsent = self.busy.as_mut().and_then(|busy| busy.unsent.as_mut());
        let queue = unsent.map_or(&mut *turn.out, |unsent| &mut unsent.queue);
        self.endpoint.poll_transmit(&mut turn.cx, queue);
    }

    /// Whether only the length of its turn kept the connection from doing more.
    fn could_do_more(&self) -> bool {
        match self.unsent() {
            Some(_) => self.ready.is(Ready::TO_WRITE),
            None => self.wants_to_read(),
        }
    }

    /// The peer has finished, and everything it sent has been shown.
    fn handle_eof<H>(&mut self, turn: &mut Turn<'_, H>) {
        if let Some(busy) = &mut self.busy {
            busy.inbox = Vec::new();
        }
        turn.cx.note(|| Seen::FinReceived);
        self.endpoint.handle_eof(&mut turn.cx);
    }

    fn close_if_due<H>(&mut self, turn: &mut Turn<'_, H>) -> Result<(), Why> {
        let closing = self.endpoint.closing();
        if closing == Closing::Open {
            return Ok(());
        }
        if closing == Closing::Abort {
            self.stream.make_close_abrupt();
            return Err(Why::Aborted);
        }
        if self.unsent().is_some() {
            return Ok(());
        }
        if closing == Closing::Now {
            return Err(Why::Closed);
        }
        if !self.has_finished {
            self.has_finished = true;
            turn.cx.note(|| Seen::FinSent);
            self.stream.finish().map_err(|_| Why::Closed)?;
        }
        Ok(())
    }

    fn let_time_pass<H>(&mut self, turn: &mut Turn<'_, H>) {
        let now = turn.cx.now();
        if self.endpoint.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.endpoint.handle_timeout(&mut turn.cx);
        }
        if self.armed <= now {
            self.armed = Instant::NEVER;
        }
    }

    /// Makes sure that the wheel wakes us in time.
    fn arm<H: Handler>(&mut self, turn: &Turn<'_, H>) {
        let due = self.endpoint.poll_timeout().map_or(Instant::NEVER, |(at, _)| at);
        let due = self.unsent().map_or(due, |unsent| due.min(unsent.deadline));
        // An earlier alarm is as good: it looks, and is set anew.
        if due < self.armed {
            self.armed = due;
            turn.worker.wake_at(due, turn.key);
        }
    }

    fn busy(&mut self) -> &mut Busy {
        self.busy.get_or_insert_default()
    }

    fn unsent(&self) -> Option<&Unsent> {
        self.busy.as_ref().and_then(|busy| busy.unsent.as_ref())
    }

    /// Has what is held counted among what the worker's connections hold.
    #[inline]
    fn count_held<H>(&mut self, worker: &Worker<H>) {
        if let Some(busy) = &mut self.busy {
            // What is shared with our own TCP is nobody else's either.
            let len_of = |unsent: &Unsent| match self.stream.sends_files() {
                true => unsent.queue.held_len(),
                false => unsent.queue.len() as usize,
            };
            let unsent_len = busy.unsent.as_ref().map_or(0, len_of);
            let len = (busy.inbox.capacity() + unsent_len) as u64;
            if len > 0 || busy.held.is_some() {
                busy.held.get_or_insert_with(|| worker.budget.enter()).set(len);
            }
        }
    }

    /// Lets go of what was held while something was under way.
    fn let_go(&mut self) {
        let Some(busy) = &mut self.busy else { return };
        if busy.holds_back && busy.unsent.is_none() {
            // Nothing followed: what is left of a segment need not wait for it.
            busy.holds_back = false;
            self.is_corked = false;
            let _ = self.stream.cork(false);
        }
        if busy.is_over() {
            self.busy = None;
        }
    }

    /// What is still to be said about a connection that is over.
    #[cold]
    fn say_goodbye<H: Handler>(&mut self, turn: &mut Turn<'_, H>, why: Why) {
        let exchanges = self.busy.as_mut().map(|busy| std::mem::take(&mut busy.exchanges));
        for exchange in exchanges.unwrap_or_default() {
            self.cut_short(turn, &exchange, why.explanation());
        }
        turn.cx.note(|| Seen::Ended { why });
    }
}

impl Busy {
    fn is_over(&self) -> bool {
        self.inbox.is_empty() && self.unsent.is_none() && self.exchanges.is_empty()
    }
}
