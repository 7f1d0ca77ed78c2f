mod exchange;

use std::future::Future;
use std::io::{self, IoSlice};
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use base::xray::{self, Film};
use base::{Cx, Instant, TxQueue};
use endpoint::{Closing, Endpoint};
use message::ExchangeId;

use self::exchange::Exchange;
use crate::handler::{Handler, Peer};
use crate::registry::Key;
use crate::transport::Transport;
use crate::worker::{Desk, Worker};
use crate::xray::{Seen, Why};

/// How many slices one vectored write takes at most.
const SLICES: usize = 16;

/// How much of a connection's film is kept until it is printed.
const FILM_LEN_MAX: usize = 256 * 1024;

/// A connection: a socket below, an [`Endpoint`] on it, exchanges above.
///
/// It is a task that is woken when its socket can be read or written again, when its time limit
/// passes, when a promised answer is there, or when the worker stops. Each time it does all that
/// can be done, in one order: what came in goes up, what is answered goes down, then one write,
/// then one read. A connection that waits holds no buffers.
pub(crate) struct Connection<H: Handler, T: Transport> {
    worker: Rc<Worker<H>>,
    stream: T,
    endpoint: Endpoint,
    key: Key,
    number: u64,
    address: Address,
    /// What is under way; nothing while the connection is idle.
    busy: Option<Box<Busy>>,
    film: Option<Box<Film>>,
    /// When the wheel will wake us, if it will.
    armed: Instant,
    has_waker: bool,
    has_eof: bool,
    has_finished: bool,
    is_idle: bool,
    ending: Option<Why>,
}

/// What a connection holds only while something is under way.
#[derive(Default)]
struct Busy {
    /// Bytes that were read and not taken.
    inbox: Vec<u8>,
    /// Bytes that the socket did not take yet.
    unsent: Option<Unsent>,
    exchanges: Vec<Exchange>,
}

/// What the socket did not take yet.
struct Unsent {
    queue: TxQueue,
    /// When the peer must have taken something.
    deadline: Instant,
    /// What had been written and had not arrived when the deadline was set.
    in_flight_len: Option<u32>,
}

/// Where the peer is, in half the bytes of a [`SocketAddr`].
enum Address {
    V4(SocketAddrV4),
    V6(Box<SocketAddrV6>),
}

impl<H: Handler, T: Transport> Connection<H, T> {
    pub(crate) fn new(
        worker: Rc<Worker<H>>,
        stream: T,
        address: SocketAddr,
        tls: Option<&tls::ServerConfig>,
    ) -> Result<Self, tls::Fault> {
        let number = worker.next_connection();
        let now = worker.clock.now();
        let mut film = xray::is_anything_watched().then(|| Box::new(Film::bounded(FILM_LEN_MAX)));
        let endpoint = {
            let mut desk = worker.desk.borrow_mut();
            let mut cx =
                Cx::new(now, worker.clock.wall(now), &mut desk.world).in_connection(number);
            if let Some(film) = &mut film {
                cx = cx.watched_by(&mut **film);
            }
            cx.note(|| Seen::Accepted { from: address, with_tls: tls.is_some() });
            Endpoint::server(&mut cx, worker.config.http1.clone(), tls)?
        };
        let key = worker.registry.borrow_mut().insert();
        Ok(Self {
            worker,
            stream,
            endpoint,
            key,
            number,
            address: Address::new(address),
            busy: None,
            film,
            armed: Instant::NEVER,
            has_waker: false,
            has_eof: false,
            has_finished: false,
            is_idle: false,
            ending: None,
        })
    }

    /// Does all that can be done now; whether the connection is over.
    fn turn(&mut self, task: &mut Context<'_>, desk: &mut Desk) -> Poll<()> {
        let now = self.worker.clock.now();
        let mut film = self.film.take();
        let mut cx =
            Cx::new(now, self.worker.clock.wall(now), &mut desk.world).in_connection(self.number);
        if let Some(film) = &mut film {
            cx = cx.watched_by(&mut **film);
        }
        let over = self.turn_until_waiting(&mut cx, task, &mut desk.scratch, &mut desk.out);
        if let Some(why) = self.ending {
            self.say_goodbye(&mut cx, why);
        } else {
            self.arm();
            self.note_idleness();
        }
        if film.is_some() {
            self.film = film;
            self.print_film();
        }
        over
    }

    fn turn_until_waiting(
        &mut self,
        cx: &mut Cx<'_>,
        task: &mut Context<'_>,
        scratch: &mut [u8],
        out: &mut TxQueue,
    ) -> Poll<()> {
        self.let_time_pass(cx);
        if self.is_write_stalled(cx.now()) {
            return self.end(Why::WriteStalled);
        }
        if let Poll::Ready(()) = self.attend(cx, task, scratch, out, 0) {
            return Poll::Ready(());
        }
        loop {
            let read = match self.read(task, scratch) {
                Poll::Ready(Ok(read)) => read,
                Poll::Ready(Err(_)) => return self.end(Why::Broken),
                Poll::Pending => return Poll::Pending,
            };
            if read == 0 {
                self.handle_eof(cx);
            } else {
                cx.note(|| Seen::Read { len: read });
            }
            if let Poll::Ready(()) = self.attend(cx, task, scratch, out, read) {
                return Poll::Ready(());
            }
        }
    }

    /// Does what can be done with what is here, `read` fresh bytes included; whether the connection
    /// is over.
    fn attend(
        &mut self,
        cx: &mut Cx<'_>,
        task: &mut Context<'_>,
        scratch: &mut [u8],
        out: &mut TxQueue,
        mut read: usize,
    ) -> Poll<()> {
        if read == 0 && self.is_at_rest() {
            return Poll::Pending;
        }
        loop {
            // Who does not take what there is gets no more of it.
            let is_full = self.unsent().is_some() || self.go_up(cx, task, scratch, read);
            self.go_down(cx, out);
            if self.write(cx, task, out).is_err() {
                return self.end(Why::Broken);
            }
            if let Poll::Ready(()) = self.close_if_due(cx) {
                return Poll::Ready(());
            }
            // What was sent has made room for more.
            if self.unsent().is_some() || !(self.go_on(cx, task) || is_full) {
                return Poll::Pending;
            }
            read = 0;
        }
    }

    /// Whether nothing is to be done before the peer says something.
    fn is_at_rest(&self) -> bool {
        self.is_idle && self.busy.is_none() && self.endpoint.closing() == Closing::Open
    }

    /// What was read, and what was left before, goes up as far as it is wanted; whether it stopped
    /// because enough answers wait to be sent.
    fn go_up(
        &mut self,
        cx: &mut Cx<'_>,
        task: &mut Context<'_>,
        scratch: &mut [u8],
        read: usize,
    ) -> bool {
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
            let step = self.endpoint.handle_bytes(cx, rest);
            taken += step;
            let had_events = self.handle_events(cx);
            let moved = self.go_on(cx, task);
            let is_moving = step > 0 || had_events || moved;
            let has_more = taken < bytes.len() || self.endpoint.has_waiting_bytes();
            let is_full = has_more && self.endpoint.room(ExchangeId(0)) == 0;
            if !is_moving || !has_more || is_full {
                break is_full;
            }
        };
        let rest = bytes.get(taken..).unwrap_or_default();
        if !rest.is_empty() {
            self.busy().inbox = rest.to_vec();
        }
        is_full
    }

    fn go_down(&mut self, cx: &mut Cx<'_>, out: &mut TxQueue) {
        match self.busy.as_mut().and_then(|busy| busy.unsent.as_mut()) {
            None => while self.endpoint.poll_transmit(cx, out) {},
            Some(unsent) => while self.endpoint.poll_transmit(cx, &mut unsent.queue) {},
        }
    }

    /// Writes what is to be sent, as far as the socket takes it; the rest stays.
    fn write(
        &mut self,
        cx: &mut Cx<'_>,
        task: &mut Context<'_>,
        out: &mut TxQueue,
    ) -> io::Result<()> {
        // A body of which more comes at once: the kernel need not send the rest of a segment alone.
        let has_more =
            self.busy.as_ref().is_some_and(|busy| busy.exchanges.iter().any(Exchange::has_parts));
        let mut unsent = self.busy.as_mut().and_then(|busy| busy.unsent.take());
        let queue = unsent.as_mut().map_or(out, |unsent| &mut unsent.queue);
        let mut moved = false;
        while !queue.is_empty() {
            match write_front(&mut self.stream, task, queue, has_more) {
                Poll::Ready(Ok(0)) => {
                    // A file that became shorter: nobody may take what was sent for whole.
                    queue.clear(cx);
                    self.stream.make_close_abrupt();
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Poll::Ready(Ok(len)) => {
                    moved = true;
                    cx.note(|| Seen::Wrote { len });
                    queue.advance(cx, len as u64);
                }
                Poll::Ready(Err(error)) => {
                    queue.clear(cx);
                    return Err(error);
                }
                Poll::Pending => {
                    let queue = std::mem::take(queue);
                    self.keep_unsent(cx, unsent, queue, moved);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn keep_unsent(
        &mut self,
        cx: &mut Cx<'_>,
        before: Option<Unsent>,
        queue: TxQueue,
        moved: bool,
    ) {
        cx.note(|| Seen::WriteWaits { unsent: queue.len() });
        let unsent = match before {
            Some(before) if !moved => Unsent { queue, ..before },
            _ => {
                let deadline = cx.now().after(self.worker.config.limits.timeout_write);
                let in_flight_len = self.stream.in_flight_len();
                Unsent { queue, deadline, in_flight_len }
            }
        };
        self.busy().unsent = Some(unsent);
    }

    /// Whether the peer has taken nothing for too long. The kernel calls a socket writable only when
    /// a good part of its buffer is free, which a steady but slow reader may not manage in time; so
    /// what has arrived since counts too.
    fn is_write_stalled(&mut self, now: Instant) -> bool {
        let Some(unsent) = self.busy.as_mut().and_then(|busy| busy.unsent.as_mut()) else {
            return false;
        };
        if now < unsent.deadline {
            return false;
        }
        let in_flight_len = self.stream.in_flight_len();
        let before = std::mem::replace(&mut unsent.in_flight_len, in_flight_len);
        unsent.deadline = now.after(self.worker.config.limits.timeout_write);
        in_flight_len >= before
    }

    fn read(&mut self, task: &mut Context<'_>, scratch: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.has_eof || !self.endpoint.wants_bytes() || self.unsent().is_some() {
            return Poll::Pending;
        }
        let read = self.stream.poll_read(task, scratch);
        if let Poll::Ready(Ok(0)) = read {
            self.has_eof = true;
        }
        read
    }

    /// The peer has finished, and everything it sent has been shown.
    fn handle_eof(&mut self, cx: &mut Cx<'_>) {
        if let Some(busy) = &mut self.busy {
            busy.inbox = Vec::new();
        }
        cx.note(|| Seen::FinReceived);
        self.endpoint.handle_eof(cx);
    }

    fn close_if_due(&mut self, cx: &mut Cx<'_>) -> Poll<()> {
        let closing = self.endpoint.closing();
        if closing == Closing::Open {
            return Poll::Pending;
        }
        if closing == Closing::Abort {
            self.stream.make_close_abrupt();
            return self.end(Why::Aborted);
        }
        if self.unsent().is_some() {
            return Poll::Pending;
        }
        if closing == Closing::Now {
            return self.end(Why::Closed);
        }
        if !self.has_finished {
            self.has_finished = true;
            cx.note(|| Seen::FinSent);
            if self.stream.finish().is_err() {
                return self.end(Why::Closed);
            }
        }
        Poll::Pending
    }

    fn let_time_pass(&mut self, cx: &mut Cx<'_>) {
        if self.endpoint.poll_timeout().is_some_and(|(at, _)| at <= cx.now()) {
            self.endpoint.handle_timeout(cx);
        }
        if self.armed <= cx.now() {
            self.armed = Instant::NEVER;
        }
        if self.worker.is_stopping.get() || self.worker.wants_gone(self.key) {
            self.endpoint.shut_down(cx);
        }
    }

    /// Makes sure that the wheel wakes us in time.
    fn arm(&mut self) {
        let due = self.endpoint.poll_timeout().map_or(Instant::NEVER, |(at, _)| at);
        let due = self.unsent().map_or(due, |unsent| due.min(unsent.deadline));
        // An earlier alarm is as good: it looks, and is set anew.
        if due < self.armed {
            self.armed = due;
            self.worker.wake_at(due, self.key);
        }
    }

    fn peer(&self) -> Peer {
        let is_secure = !self.endpoint.takes_files();
        Peer { address: self.address.get(), connection: self.number, is_secure }
    }

    fn busy(&mut self) -> &mut Busy {
        self.busy.get_or_insert_default()
    }

    fn unsent(&self) -> Option<&Unsent> {
        self.busy.as_ref().and_then(|busy| busy.unsent.as_ref())
    }

    /// Tells the worker whether this connection could be spared, and lets go of what it held.
    fn note_idleness(&mut self) {
        if self.busy.as_ref().is_some_and(|busy| busy.is_over()) {
            self.busy = None;
        }
        let is_idle = self.endpoint.is_idle() && self.busy.is_none();
        if is_idle != self.is_idle {
            self.is_idle = is_idle;
            self.worker.registry.borrow_mut().set_idle(self.key, is_idle);
        }
    }

    /// Prints what happened since the last time, when nothing is under way: a block is whole.
    #[cold]
    fn print_film(&mut self) {
        if !self.is_idle && self.ending.is_none() {
            return;
        }
        let (Some(film), Some(printer)) = (&mut self.film, &self.worker.config.film) else {
            return;
        };
        let text = film.take();
        if !text.is_empty() {
            let title = format!("connection {} from {}", self.number, self.address.get());
            printer.print(Some(&title), &text);
        }
    }

    fn end(&mut self, why: Why) -> Poll<()> {
        self.ending = Some(why);
        Poll::Ready(())
    }

    /// What is still to be said about a connection that is over.
    fn say_goodbye(&mut self, cx: &mut Cx<'_>, why: Why) {
        for exchange in std::mem::take(&mut self.busy().exchanges) {
            self.finish_exchange(cx, &exchange, Some(why.explanation()));
        }
        cx.note(|| Seen::Ended { why });
    }
}

impl<H: Handler, T: Transport> Future for Connection<H, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let worker = Rc::clone(&this.worker);
        if !this.has_waker {
            this.has_waker = true;
            worker.registry.borrow_mut().set_waker(this.key, task.waker());
        }
        this.turn(task, &mut worker.desk.borrow_mut())
    }
}

impl Busy {
    fn is_over(&self) -> bool {
        self.inbox.is_empty() && self.unsent.is_none() && self.exchanges.is_empty()
    }
}

impl Address {
    fn new(address: SocketAddr) -> Self {
        match address {
            SocketAddr::V4(v4) => Self::V4(v4),
            SocketAddr::V6(v6) => Self::V6(Box::new(v6)),
        }
    }

    fn get(&self) -> SocketAddr {
        match self {
            Self::V4(v4) => SocketAddr::V4(*v4),
            Self::V6(v6) => SocketAddr::V6(**v6),
        }
    }
}

impl<H: Handler, T: Transport> Drop for Connection<H, T> {
    fn drop(&mut self) {
        self.worker.forget(self.key);
    }
}

/// Writes a part of what stands in front.
fn write_front<T: Transport>(
    stream: &mut T,
    task: &mut Context<'_>,
    queue: &TxQueue,
    has_more: bool,
) -> Poll<io::Result<usize>> {
    if let Some(bytes) = queue.as_one_slice() {
        return stream.poll_write(task, bytes, has_more);
    }
    if let Some(range) = queue.front_file() {
        return stream.poll_send_file(task, &range);
    }
    let mut slices = [IoSlice::new(&[]); SLICES];
    let filled = queue.fill_slices(&mut slices);
    match slices.get(..filled) {
        // What stands in front of a file leaves with it.
        Some([only]) => stream.poll_write(task, only, true),
        Some(slices) => stream.poll_write_vectored(task, slices),
        None => Poll::Ready(Ok(0)),
    }
}
