//! When each connection, listener and TIME-WAIT is to be woken.

use base::{Cx, Instant, Key};

use super::{ListenerId, Owner, Socket, Tcp, Waiting, Wake};

impl Tcp {
    /// Lets time pass.
    pub(crate) fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        while let Some(wake) = self.timers.pop(cx.now()) {
            match wake {
                Wake::Connection(key) => self.wake_connection(cx, key),
                Wake::Listener(key) => self.wake_listener(cx, key),
                Wake::TimeWait(key) => self.wake_time_wait(cx.now(), key),
            }
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if ever.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Sets the next deadline, if it is earlier than the one that is set. A later one is not worth the
    /// trouble: timeouts are put off with every acknowledgement.
    pub(super) fn arm(&mut self, key: Key<Box<Socket>>) {
        let Some(socket) = self.sockets.get_mut(key) else { return };
        let Some((at, _)) = socket.connection.poll_timeout() else { return };
        if at >= socket.wakes_at {
            return;
        }
        socket.wakes_at = at;
        match &socket.alarm {
            Some(alarm) => self.timers.reset(alarm, at),
            None => socket.alarm = Some(self.timers.set(at, Wake::Connection(key))),
        }
    }

    pub(super) fn arm_listener(&mut self, key: ListenerId) {
        let Some(of) = self.listeners.get_mut(key) else { return };
        let Some(at) = of.listener.poll_timeout() else { return };
        if at >= of.wakes_at {
            return;
        }
        of.wakes_at = at;
        match &of.alarm {
            Some(alarm) => self.timers.reset(alarm, at),
            None => of.alarm = Some(self.timers.set(at, Wake::Listener(key))),
        }
    }

    fn wake_connection(&mut self, cx: &mut Cx<'_>, key: Key<Box<Socket>>) {
        let Some(socket) = self.sockets.get_mut(key) else { return };
        (socket.alarm, socket.wakes_at) = (None, Instant::NEVER);
        let is_due = socket.connection.poll_timeout().is_some_and(|(at, _)| at <= cx.now());
        // The deadline was put off: look again then.
        if !is_due {
            return self.arm(key);
        }
        let flow = *socket.connection.flow();
        self.attribute(cx, &flow);
        if let Some(socket) = self.sockets.get_mut(key) {
            socket.connection.handle_timeout(cx);
        }
        cx.attribute(|| None);
        self.touch(key);
    }

    fn wake_listener(&mut self, cx: &mut Cx<'_>, key: ListenerId) {
        let Some(of) = self.listeners.get_mut(key) else { return };
        (of.alarm, of.wakes_at) = (None, Instant::NEVER);
        of.listener.handle_timeout(cx);
        self.touch_listener(key);
    }

    /// The time of a flow is over, unless its peer has shown since that it needs more.
    fn wake_time_wait(&mut self, now: Instant, key: Key<Waiting>) {
        let Some(waiting) = self.time_waits.get_mut(key) else { return };
        let until = waiting.state.until();
        if until > now {
            waiting.alarm = self.timers.set(until, Wake::TimeWait(key));
            return;
        }
        let flow = waiting.flow;
        self.time_waits.remove(key);
        self.flows.remove(self.flows.hash(&flow), Owner::TimeWait(key.index()));
    }
}
