//! Arguments of calls that wait for many sockets.

use crate::language::calls::{Call, Data, Polled, fd_of};
use crate::language::expression::Expression;
use crate::position::{Parsed, Position, Refusal};

pub(super) fn read_waiting(at: Position, name: &str, arguments: &[Expression]) -> Parsed<Call> {
    Ok(match (name, arguments) {
        ("poll", [fds, count, timeout]) => {
            let list = fds.list("sockets")?;
            if count.size("count")? != list.len() {
                return Err(count.bad(&format!("there are {} sockets", list.len())));
            }
            let fds = list.iter().map(polled).collect::<Parsed<_>>()?;
            Call::Poll { fds, timeout: timeout.int32("a timeout")? }
        }
        ("epoll_create", [size]) => {
            if size.int32("a size")? <= 0 {
                return Err(size.bad("a size must be above 0"));
            }
            Call::EpollCreate
        }
        ("epoll_ctl", [epoll, operation, fd, event]) => {
            let (events, data) = epoll_event(event)?;
            let operation = operation.int32("an operation")?;
            Call::EpollControl { epoll: fd_of(epoll)?, operation, fd: fd_of(fd)?, events, data }
        }
        ("epoll_wait", [epoll, event, count_max, timeout]) => {
            let (events, data) = epoll_event(event)?;
            let (count_max, timeout) = (count_max.int32("a count")?, timeout.int32("a timeout")?);
            Call::EpollWait { epoll: fd_of(epoll)?, events, data, count_max, timeout }
        }
        _ => return Err(Refusal::new(at, format!("{name} does not take these arguments"))),
    })
}

fn polled(one: &Expression) -> Parsed<Polled> {
    let [Some(fd), Some(events), revents] = one.fields(&["fd", "events", "?revents"])?[..] else {
        return Err(one.bad("expected {fd=…, events=…, revents=…}"));
    };
    let expected = revents.map_or(Ok(0), |revents| revents.value.int32("events"))?;
    Ok(Polled { fd: fd_of(&fd.value)?, events: events.value.int32("events")?, expected })
}

fn epoll_event(one: &Expression) -> Parsed<(i64, Data)> {
    let names = ["events", "?fd", "?ptr", "?u32", "?u64"];
    let [Some(events), fd, ptr, u32, u64] = one.fields(&names)?[..] else {
        return Err(one.bad("expected {events=…, fd=…}"));
    };
    let data = match (fd, ptr, u32, u64) {
        (Some(fd), None, None, None) => Data::Fd(fd_of(&fd.value)?),
        (None, Some(ptr), None, None) => Data::Ptr(ptr.value.int("a pointer")?),
        (None, None, Some(n), None) => Data::U32(n.value.int32("a number")?),
        (None, None, None, Some(n)) => Data::U64(n.value.int("a number")?),
        _ => return Err(one.bad("expected one of fd, ptr, u32 and u64")),
    };
    Ok((events.value.int32("events")?, data))
}
