//! Waiting for many sockets: `poll` and `epoll`.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Instant;

use super::descriptor::Descriptor;
use super::{Attempt, Progress, World};
use crate::language::calls::{Data, Fd, Polled};
use crate::symbols::{
    EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLLET, EPOLLEXCLUSIVE, EPOLLONESHOT, POLLERR,
    POLLHUP, poll_names,
};

/// What is told whether it was asked for or not.
const ALWAYS: i64 = POLLERR | POLLHUP;

/// What an epoll watches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    fd: Fd,
    events: i64,
    data: Data,
    /// How often the socket had been woken when this was last told.
    told_at: Option<u64>,
    is_off: bool,
}

/// When waiting for `timeout` milliseconds ends; nothing when it does not.
fn deadline(begun: Instant, timeout: i64) -> Option<Instant> {
    let millis = u64::try_from(timeout).ok()?;
    Some(begun.after(Duration::from_millis(millis)))
}

pub(super) fn poll(
    fds: &BTreeMap<Fd, Descriptor>,
    world: &World<'_>,
    polled: &[Polled],
    timeout: i64,
    progress: &Progress,
) -> Attempt {
    let mut ready = 0;
    let mut wrong = None;
    for (n, one) in polled.iter().enumerate() {
        let Some(descriptor) = fds.get(&one.fd) else { return super::no_fd(one.fd) };
        let events = descriptor.readiness(world) & (one.events | ALWAYS);
        ready += i64::from(events != 0);
        if events != one.expected {
            let (expected, actual) = (poll_names(one.expected), poll_names(events));
            let what = format!("Expected revents of {expected} but got {actual} for pollfd {n}");
            wrong.get_or_insert(what);
        }
    }
    let until = deadline(progress.begun, timeout);
    if ready == 0 && until.is_none_or(|until| until > world.stack.now()) {
        return Attempt::Blocked(until);
    }
    wrong.map_or(Attempt::Returned(ready), Attempt::Wrong)
}

pub(super) fn control(
    watches: &mut Vec<Watch>,
    operation: i64,
    fd: Fd,
    (events, data): (i64, Data),
) -> Attempt {
    let place = watches.iter().position(|watch| watch.fd == fd);
    let fresh = Watch { fd, events, data, told_at: None, is_off: false };
    match (operation, place) {
        (EPOLL_CTL_ADD, Some(_)) => return Attempt::error("EEXIST"),
        (EPOLL_CTL_ADD, None) => watches.push(fresh),
        (EPOLL_CTL_MOD | EPOLL_CTL_DEL, None) => return Attempt::error("ENOENT"),
        (EPOLL_CTL_MOD, Some(place)) => {
            watches.remove(place);
            watches.insert(place, fresh);
        }
        (EPOLL_CTL_DEL, Some(place)) => {
            watches.remove(place);
        }
        _ => return Attempt::error("EINVAL"),
    }
    Attempt::Returned(0)
}

pub(super) fn epoll_wait(
    fds: &BTreeMap<Fd, Descriptor>,
    watches: &mut Vec<Watch>,
    world: &World<'_>,
    (expected, expected_data): (i64, Data),
    (count_max, timeout): (i64, i64),
    progress: &Progress,
) -> Attempt {
    let Some(count_max) = usize::try_from(count_max).ok().filter(|count| *count > 0) else {
        return Attempt::error("EINVAL");
    };
    // Who was closed is watched no longer.
    watches.retain(|watch| fds.contains_key(&watch.fd));
    let mut told = Vec::new();
    for watch in watches.iter_mut().filter(|watch| !watch.is_off) {
        let Some(descriptor) = fds.get(&watch.fd) else { continue };
        let asked = watch.events & !(EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE);
        let events = descriptor.readiness(world) & (asked | ALWAYS);
        let is_news = watch.events & EPOLLET == 0 || watch.told_at != Some(descriptor.wakes());
        if events == 0 || !is_news || told.len() == count_max {
            continue;
        }
        watch.told_at = Some(descriptor.wakes());
        watch.is_off = watch.events & EPOLLONESHOT != 0;
        told.push((events, watch.data));
    }
    let until = deadline(progress.begun, timeout);
    let Some(&(events, data)) = told.first() else {
        if until.is_none_or(|until| until > world.stack.now()) {
            return Attempt::Blocked(until);
        }
        return Attempt::Returned(0);
    };
    if events != expected || data != expected_data {
        let (wanted, found) = (poll_names(expected), poll_names(events));
        return Attempt::Wrong(format!(
            "epoll_event does not match script: expected: {wanted} of {expected_data:?} \
             actual: {found} of {data:?}"
        ));
    }
    Attempt::Returned(told.len() as i64)
}
