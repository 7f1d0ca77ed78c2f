//! Options of sockets about time: how long calls wait, and the timers of one connection.

use std::time::Duration;

use super::stream::{Stream, seconds};
use super::{Attempt, World};
use crate::language::calls::OptionValue;
use crate::symbols::{
    SO_RCVTIMEO, SO_SNDTIMEO, SOL_SOCKET, SOL_TCP, TCP_DELACK_MAX_US, TCP_KEEPINIT, TCP_RTO_MAX_MS,
    TCP_RTO_MIN_US,
};

/// How long a `struct timeval` is.
const TIMEVAL_LEN: i64 = 16;

/// What a program has set of them.
#[derive(Clone, Debug, Default)]
pub(super) struct TimerOptions {
    /// How long calls wait that receive, and those that send or connect.
    pub(super) receive: Option<Duration>,
    pub(super) send: Option<Duration>,
    /// The longest and the shortest timeout, and the longest delay of an acknowledgement.
    rto_max: Option<Duration>,
    rto_min: Option<Duration>,
    delay_max: Option<Duration>,
    /// FreeBSD: how long connecting may take.
    syn_timeout: Option<Duration>,
}

impl TimerOptions {
    /// How a connection behaves with these, also from now on.
    pub(super) fn configure(&self, config: &mut tcp::Config) {
        config.handshake.syn_timeout = self.syn_timeout.or(config.handshake.syn_timeout);
        config.retransmit.rto_max = self.rto_max.unwrap_or(config.retransmit.rto_max);
        config.retransmit.rto_min = self.rto_min.unwrap_or(config.retransmit.rto_min);
        let delay = self.delay_max.unwrap_or(config.acknowledge.delay_max);
        config.acknowledge.delay_max = delay;
        config.acknowledge.delay_min = config.acknowledge.delay_min.min(delay);
    }

    /// SO_RCVTIMEO, SO_SNDTIMEO: zero is for ever, below zero is not at all.
    fn set_patience(&mut self, name: i64, (seconds, micros): (i64, i64), len: i64) -> Attempt {
        if len < TIMEVAL_LEN {
            return Attempt::error("EINVAL");
        }
        let Some(micros) = u32::try_from(micros).ok().filter(|micros| *micros < 1_000_000) else {
            return Attempt::error("EDOM");
        };
        let patience = Duration::new(u64::try_from(seconds).unwrap_or(0), micros * 1000);
        let place = if name == SO_RCVTIMEO { &mut self.receive } else { &mut self.send };
        *place = (seconds < 0 || !patience.is_zero()).then_some(patience);
        Attempt::Returned(0)
    }

    /// Timers of one connection, within Linux' bounds.
    fn set_timer(&mut self, name: i64, value: i64) -> Attempt {
        let number = u64::try_from(value).unwrap_or(0);
        let (place, time, least_ms, most_ms) = match name {
            TCP_RTO_MAX_MS => (&mut self.rto_max, Duration::from_millis(number), 1000, 120_000),
            TCP_RTO_MIN_US => (&mut self.rto_min, Duration::from_micros(number), 2, 120_000),
            _ => (&mut self.delay_max, Duration::from_micros(number), 2, 200),
        };
        if time < Duration::from_millis(least_ms) || time > Duration::from_millis(most_ms) {
            return Attempt::error("EINVAL");
        }
        *place = Some(time);
        Attempt::Returned(0)
    }
}

impl Stream {
    /// Sets one of these; nothing for another.
    pub(super) fn set_timers(
        &mut self,
        world: &mut World<'_>,
        option: (i64, i64),
        value: &OptionValue,
        len: i64,
    ) -> Option<Attempt> {
        let timers = &mut self.options.timers;
        Some(match (option, value) {
            (
                (SOL_SOCKET, name @ (SO_RCVTIMEO | SO_SNDTIMEO)),
                OptionValue::Time(seconds, micros),
            ) => timers.set_patience(name, (*seconds, *micros), len),
            ((SOL_SOCKET, SO_RCVTIMEO | SO_SNDTIMEO), OptionValue::Int(_)) => {
                Attempt::error("EINVAL")
            }
            (
                (SOL_TCP, name @ (TCP_RTO_MAX_MS | TCP_RTO_MIN_US | TCP_DELACK_MAX_US)),
                OptionValue::Int(value),
            ) => match timers.set_timer(name, *value) {
                Attempt::Returned(_) => {
                    let timers = timers.clone();
                    self.tell(world, move |_, connection| {
                        connection.reconfigure(|config| timers.configure(config));
                    })
                }
                failed => failed,
            },
            ((SOL_TCP, TCP_KEEPINIT), OptionValue::Int(value))
                if world.settings.is_freebsd() && *value >= 0 =>
            {
                timers.syn_timeout = (*value > 0).then(|| seconds(*value));
                Attempt::Returned(0)
            }
            _ => return None,
        })
    }

    /// What one of these is; nothing for another.
    pub(super) fn get_timers(&self, option: (i64, i64), config: &tcp::Config) -> Option<i64> {
        let mut config = config.clone();
        self.options.timers.configure(&mut config);
        Some(match option {
            (SOL_TCP, TCP_RTO_MAX_MS) => config.retransmit.rto_max.as_millis() as i64,
            (SOL_TCP, TCP_RTO_MIN_US) => config.retransmit.rto_min.as_micros() as i64,
            (SOL_TCP, TCP_DELACK_MAX_US) => config.acknowledge.delay_max.as_micros() as i64,
            (SOL_TCP, TCP_KEEPINIT) => config.handshake.syn_timeout?.as_secs() as i64,
            _ => return None,
        })
    }

    /// Whether a call waits as long as a script says; nothing for another option.
    pub(super) fn get_patience(
        &self,
        option: (i64, i64),
        expected: &OptionValue,
    ) -> Option<Attempt> {
        let OptionValue::Time(seconds, micros) = *expected else { return None };
        let patience = match option {
            (SOL_SOCKET, SO_RCVTIMEO) => self.options.timers.receive,
            (SOL_SOCKET, SO_SNDTIMEO) => self.options.timers.send,
            _ => return None,
        };
        let patience = patience.unwrap_or_default();
        let found = (patience.as_secs() as i64, i64::from(patience.subsec_micros()));
        Some(match found == (seconds, micros) {
            true => Attempt::Returned(0),
            false => Attempt::Wrong(format!(
                "Bad getsockopt optval: expected: {{tv_sec={seconds}, tv_usec={micros}}} \
                 actual: {{tv_sec={}, tv_usec={}}}",
                found.0, found.1
            )),
        })
    }
}
