//! Calls of the system: which there are, and what they take.
//!
//! Everything about a call that can be wrong is found before the first event is played.

use crate::language::expression::{Expression, Kind};
use crate::position::{Parsed, Position, Refusal};

/// A number by which a script knows a socket.
pub(crate) type Fd = i64;

/// A call and its arguments.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Call {
    Socket {
        family: Option<i64>,
        kind: i64,
        protocol: i64,
    },
    Bind {
        fd: Fd,
    },
    Listen {
        fd: Fd,
        backlog: i64,
    },
    Accept {
        fd: Fd,
    },
    /// `family` when it is not the peer's address.
    Connect {
        fd: Fd,
        family: Option<i64>,
    },
    Read {
        fd: Fd,
        len: usize,
        flags: i64,
    },
    Write {
        fd: Fd,
        lens: Vec<usize>,
        flags: i64,
        to: Option<Destination>,
    },
    ReceiveMessage {
        fd: Fd,
        lens: Vec<usize>,
        flags: i64,
        flags_after: i64,
        inq: Option<i64>,
    },
    Close {
        fd: Fd,
    },
    Shutdown {
        fd: Fd,
        how: i64,
    },
    Fcntl {
        fd: Fd,
        command: i64,
        argument: Option<i64>,
    },
    Ioctl {
        fd: Fd,
        command: i64,
        expected: i64,
    },
    SetOption {
        fd: Fd,
        level: i64,
        name: i64,
        value: OptionValue,
        len: i64,
    },
    GetOption {
        fd: Fd,
        level: i64,
        name: i64,
        expected: OptionValue,
        len: i64,
    },
    Poll {
        fds: Vec<Polled>,
        timeout: i64,
    },
    EpollCreate,
    EpollControl {
        epoll: Fd,
        operation: i64,
        fd: Fd,
        events: i64,
        data: Data,
    },
    EpollWait {
        epoll: Fd,
        events: i64,
        data: Data,
        count_max: i64,
        timeout: i64,
    },
    Pipe {
        ends: [Fd; 2],
    },
    Splice {
        from: Fd,
        to: Fd,
        len: usize,
        flags: i64,
    },
}

/// To whom something is sent that has no peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Destination {
    /// The peer.
    Remote,
    /// An address of this family, without an address.
    Family(i64),
}

/// The value of an option of a socket.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum OptionValue {
    Int(i64),
    Text(Vec<u8>),
    /// SO_LINGER: on or off, seconds.
    Linger(i64, i64),
    /// TCP_FUNCTION_BLK: the name of a stack of FreeBSD's.
    Functions(String),
}

/// What is asked of one socket, and what it answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Polled {
    pub(crate) fd: Fd,
    pub(crate) events: i64,
    pub(crate) expected: i64,
}

/// What an epoll gives back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Data {
    Fd(i64),
    Ptr(i64),
    U32(i64),
    U64(i64),
}

const MSG_OOB: i64 = 1;
const MSG_PEEK: i64 = 2;
const MSG_TRUNC: i64 = 0x20;
const MSG_DONTWAIT: i64 = 0x40;
const MSG_WAITALL: i64 = 0x100;
const MSG_NOSIGNAL: i64 = 0x4000;
const MSG_MORE: i64 = 0x8000;

const RECEIVE_FLAGS: i64 = MSG_OOB | MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT | MSG_WAITALL;
const SEND_FLAGS: i64 = MSG_OOB | MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE;

/// Reads what is called with what.
pub(crate) fn read(at: Position, name: &str, arguments: &[Expression]) -> Parsed<Call> {
    let call = match (name, arguments) {
        ("socket", [family, kind, protocol]) => {
            let family = match family.kind {
                Kind::Ellipsis => None,
                _ => Some(family.int32("a family")?),
            };
            let protocol = protocol.int32("a protocol")?;
            Call::Socket { family, kind: kind.int32("a type")?, protocol }
        }
        ("bind", [fd, address, len]) => {
            address.ellipsis()?;
            len.ellipsis()?;
            Call::Bind { fd: fd_of(fd)? }
        }
        ("listen", [fd, backlog]) => {
            Call::Listen { fd: fd_of(fd)?, backlog: backlog.int32("a backlog")? }
        }
        ("accept", [fd, address, len]) => {
            address.ellipsis()?;
            len.ellipsis()?;
            Call::Accept { fd: fd_of(fd)? }
        }
        ("connect", [fd, address, len]) => {
            len.ellipsis()?;
            Call::Connect { fd: fd_of(fd)?, family: family_of(address)? }
        }
        ("read" | "recv" | "recvfrom" | "readv" | "recvmsg", _) => {
            read_receiving(at, name, arguments)?
        }
        ("write" | "send" | "sendto" | "writev" | "sendmsg", _) => {
            read_sending(at, name, arguments)?
        }
        ("close", [fd]) => Call::Close { fd: fd_of(fd)? },
        ("shutdown", [fd, how]) => Call::Shutdown { fd: fd_of(fd)?, how: how.int32("how")? },
        ("fcntl", [fd, command]) => {
            Call::Fcntl { fd: fd_of(fd)?, command: command.int32("a command")?, argument: None }
        }
        ("fcntl", [fd, command, argument]) => {
            let argument = Some(argument.int32("an argument")?);
            Call::Fcntl { fd: fd_of(fd)?, command: command.int32("a command")?, argument }
        }
        ("ioctl", [fd, command, expected]) => {
            let command = command.int32("a command")?;
            Call::Ioctl { fd: fd_of(fd)?, command, expected: expected.bracketed()? }
        }
        ("setsockopt", [fd, level, name, value, len]) => {
            let (level, name) = (level.int32("a level")?, name.int32("an option")?);
            let len = len.int32("a length")?;
            Call::SetOption { fd: fd_of(fd)?, level, name, value: option_value(value)?, len }
        }
        ("getsockopt", [fd, level, name, value, len]) => {
            let (level, name) = (level.int32("a level")?, name.int32("an option")?);
            let (expected, len) = (option_value(value)?, len.bracketed()?);
            Call::GetOption { fd: fd_of(fd)?, level, name, expected, len }
        }
        ("poll" | "epoll_create" | "epoll_ctl" | "epoll_wait", _) => {
            read_waiting(at, name, arguments)?
        }
        ("pipe", [ends]) => match ends.list("two numbers")? {
            [from, to] => Call::Pipe { ends: [fd_of(from)?, fd_of(to)?] },
            _ => return Err(ends.bad("expected [one end, the other end]")),
        },
        ("splice", [from, from_at, to, to_at, len, flags]) => {
            for offset in [from_at, to_at] {
                if offset.int("NULL")? != 0 {
                    return Err(offset.bad("sockets and pipes have no offsets"));
                }
            }
            let len = len.size("length")?;
            Call::Splice { from: fd_of(from)?, to: fd_of(to)?, len, flags: flags.int32("flags")? }
        }
        _ => return Err(unknown(at, name, arguments.len())),
    };
    Ok(call)
}

fn unknown(at: Position, name: &str, count: usize) -> Refusal {
    const KNOWN: [&str; 14] = [
        "socket",
        "bind",
        "listen",
        "accept",
        "connect",
        "close",
        "shutdown",
        "fcntl",
        "ioctl",
        "setsockopt",
        "getsockopt",
        "pipe",
        "splice",
        "read",
    ];
    const OTHERS: [&str; 6] =
        ["open", "sendfile", "cap_set", "inject", "psp_rx_assoc", "psp_tx_assoc"];
    Refusal::new(
        at,
        if KNOWN.contains(&name) {
            format!("{name} does not take {count} arguments")
        } else if OTHERS.contains(&name) {
            format!("{name} is not supported")
        } else {
            format!("unknown system call '{name}'")
        },
    )
}

fn fd_of(expression: &Expression) -> Parsed<Fd> {
    expression.int32("the number of a socket")
}

/// `...`, the peer's address, or only a family.
fn family_of(address: &Expression) -> Parsed<Option<i64>> {
    match &address.kind {
        Kind::Ellipsis => Ok(None),
        Kind::Int(family) => Ok(Some(*family)),
        _ => Err(address.bad("expected '...' or a family")),
    }
}

fn read_receiving(at: Position, name: &str, arguments: &[Expression]) -> Parsed<Call> {
    Ok(match (name, arguments) {
        ("read", [fd, buffer, len]) => {
            buffer.buffer()?;
            Call::Read { fd: fd_of(fd)?, len: len.size("length")?, flags: 0 }
        }
        ("recv", [fd, buffer, len, flags]) => {
            buffer.buffer()?;
            let flags = known_flags(flags, RECEIVE_FLAGS)?;
            Call::Read { fd: fd_of(fd)?, len: len.size("length")?, flags }
        }
        ("recvfrom", [fd, buffer, len, flags, address, address_len]) => {
            buffer.buffer()?;
            address.ellipsis()?;
            address_len.ellipsis()?;
            let flags = known_flags(flags, RECEIVE_FLAGS)?;
            Call::Read { fd: fd_of(fd)?, len: len.size("length")?, flags }
        }
        ("readv", [fd, vector, count]) => {
            let len = vector_of(vector, count)?.iter().sum();
            Call::Read { fd: fd_of(fd)?, len, flags: 0 }
        }
        ("recvmsg", [fd, message, flags]) => {
            let flags = known_flags(flags, RECEIVE_FLAGS)?;
            let Message { lens, flags: flags_after, inq } = message_of(message)?;
            Call::ReceiveMessage { fd: fd_of(fd)?, lens, flags, flags_after, inq }
        }
        _ => return Err(Refusal::new(at, format!("{name} does not take these arguments"))),
    })
}

fn read_sending(at: Position, name: &str, arguments: &[Expression]) -> Parsed<Call> {
    let write =
        |fd: &Expression, lens, flags, to| Ok(Call::Write { fd: fd_of(fd)?, lens, flags, to });
    match (name, arguments) {
        ("write", [fd, buffer, len]) => {
            is_there(buffer)?;
            write(fd, vec![len.size("length")?], 0, None)
        }
        ("send", [fd, buffer, len, flags]) => {
            is_there(buffer)?;
            write(fd, vec![len.size("length")?], known_flags(flags, SEND_FLAGS)?, None)
        }
        ("sendto", [fd, buffer, len, flags, address, address_len]) => {
            is_there(buffer)?;
            address_len.ellipsis()?;
            let flags = known_flags(flags, SEND_FLAGS)?;
            let to = match family_of(address)? {
                None => Destination::Remote,
                Some(family) => Destination::Family(family),
            };
            write(fd, vec![len.size("length")?], flags, Some(to))
        }
        ("writev", [fd, vector, count]) => write(fd, vector_of(vector, count)?, 0, None),
        ("sendmsg", [fd, message, flags]) => {
            let Message { lens, flags: inside, inq } = message_of(message)?;
            if inside != 0 || inq.is_some() {
                return Err(message.bad("sendmsg ignores msg_flags and takes no msg_control"));
            }
            write(fd, lens, known_flags(flags, SEND_FLAGS)?, Some(Destination::Remote))
        }
        _ => Err(Refusal::new(at, format!("{name} does not take these arguments"))),
    }
}

/// What is written must be somewhere.
fn is_there(buffer: &Expression) -> Parsed<()> {
    match buffer.buffer()? {
        true => Ok(()),
        false => Err(buffer.bad("writing from NULL is not supported")),
    }
}

fn known_flags(flags: &Expression, known: i64) -> Parsed<i64> {
    let bits = flags.int32("flags")?;
    match bits & !known {
        0 => Ok(bits),
        other => Err(flags.bad(&format!("flags {other:#x} are not supported"))),
    }
}

/// `[{..., 10}, {..., 20}], 2`
fn vector_of(vector: &Expression, count: &Expression) -> Parsed<Vec<usize>> {
    let parts = vector.list("buffers")?;
    if count.size("count")? != parts.len() {
        return Err(count.bad(&format!("there are {} buffers", parts.len())));
    }
    parts
        .iter()
        .map(|part| match &part.kind {
            Kind::Struct(fields) => match &fields[..] {
                [buffer, len] if buffer.name.is_none() && len.name.is_none() => {
                    buffer.value.ellipsis()?;
                    len.value.size("length")
                }
                _ => Err(part.bad("expected {..., length}")),
            },
            _ => Err(part.bad("expected {..., length}")),
        })
        .collect()
}

/// A message of `recvmsg` or `sendmsg`.
struct Message {
    lens: Vec<usize>,
    flags: i64,
    inq: Option<i64>,
}

fn message_of(message: &Expression) -> Parsed<Message> {
    let names = ["msg_name", "msg_iov", "msg_flags", "?msg_control"];
    let [Some(name), Some(vector), Some(flags), control] = message.fields(&names)?[..] else {
        return Err(message.bad("expected a message"));
    };
    name.value.ellipsis()?;
    let count = vector.count.as_ref().ok_or_else(|| vector.value.bad("expected msg_iov(count)"))?;
    let lens = vector_of(&vector.value, count)?;
    let inq = match control {
        Some(control) => control_of(&control.value)?,
        None => None,
    };
    Ok(Message { lens, flags: flags.value.int32("flags")?, inq })
}

/// Of control messages we have one: how much can be read.
fn control_of(control: &Expression) -> Parsed<Option<i64>> {
    const SOL_TCP: i64 = 6;
    const TCP_CM_INQ: i64 = 36;
    match control.list("control messages")? {
        [] => Ok(None),
        [one] => {
            let names = ["cmsg_level", "cmsg_type", "cmsg_data"];
            let [Some(level), Some(kind), Some(data)] = one.fields(&names)?[..] else {
                return Err(one.bad("expected a control message"));
            };
            let (level, kind) = (level.value.int32("a level")?, kind.value.int32("a type")?);
            if (level, kind) != (SOL_TCP, TCP_CM_INQ) {
                return Err(one.bad("of control messages only TCP_CM_INQ is supported"));
            }
            Ok(Some(data.value.int32("a number")?))
        }
        _ => Err(control.bad("only one control message is supported")),
    }
}

fn option_value(value: &Expression) -> Parsed<OptionValue> {
    match &value.kind {
        Kind::Text(text) => Ok(OptionValue::Text(text.clone())),
        Kind::List(_) => Ok(OptionValue::Int(value.bracketed()?)),
        Kind::Struct(fields)
            if fields
                .first()
                .is_some_and(|field| field.name.as_deref() == Some("function_set_name")) =>
        {
            let names = ["function_set_name", "pcbcnt"];
            let [Some(name), Some(count)] = value.fields(&names)?[..] else {
                return Err(value.bad("expected {function_set_name=…, pcbcnt=…}"));
            };
            count.value.int32("a count")?;
            match &name.value.kind {
                Kind::Text(name) => {
                    Ok(OptionValue::Functions(String::from_utf8_lossy(name).into()))
                }
                _ => Err(name.value.bad("expected a name in quotes")),
            }
        }
        Kind::Struct(_) => {
            let [Some(onoff), Some(linger)] = value.fields(&["onoff", "linger"])?[..] else {
                return Err(value.bad("expected {onoff=…, linger=…}"));
            };
            Ok(OptionValue::Linger(onoff.value.int32("onoff")?, linger.value.int32("linger")?))
        }
        _ => Err(value.bad("expected [a number], a text or {onoff=…, linger=…}")),
    }
}

fn read_waiting(at: Position, name: &str, arguments: &[Expression]) -> Parsed<Call> {
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
