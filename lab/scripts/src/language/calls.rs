//! Calls of the system: which there are, and what they take.
//!
//! Everything about a call that can be wrong is found before the first event is played.

use crate::language::addresses::address_of;
use crate::language::expression::{Expression, Kind};
use crate::language::messages::{Control, Message, message_of, vector_of};
use crate::language::waits::read_waiting;
use crate::position::{Parsed, Position, Refusal};
use crate::symbols::{
    MSG_DONTWAIT, MSG_EOR, MSG_ERRQUEUE, MSG_FASTOPEN, MSG_MORE, MSG_NOSIGNAL, MSG_OOB, MSG_PEEK,
    MSG_TRUNC, MSG_WAITALL, MSG_ZEROCOPY, SOCK_CLOEXEC, SOCK_NONBLOCK,
};

pub(crate) use crate::language::addresses::Address;

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
        to: Address,
    },
    Listen {
        fd: Fd,
        backlog: i64,
    },
    Accept {
        fd: Fd,
        flags: i64,
    },
    Connect {
        fd: Fd,
        to: Address,
    },
    Read {
        fd: Fd,
        len: usize,
        flags: i64,
        /// There is nowhere to put what is read.
        is_null: bool,
    },
    Write {
        fd: Fd,
        lens: Vec<usize>,
        flags: i64,
        /// For whom it is, if the call says so.
        to: Option<Address>,
        /// Which timestamps are wanted of it, if it says so.
        timestamping: Option<i64>,
        /// There is nothing where it should be.
        is_null: bool,
    },
    ReceiveMessage {
        fd: Fd,
        flags: i64,
        /// What is expected.
        message: Message,
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
    /// A file; whatever it is called, it is full of zeros.
    Open,
    SendFile {
        to: Fd,
        from: Fd,
        len: usize,
    },
    /// What a program may do: nothing here asks.
    CapSet,
    Splice {
        from: Fd,
        to: Fd,
        len: usize,
        flags: i64,
    },
}

/// The value of an option of a socket.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum OptionValue {
    Int(i64),
    Text(Vec<u8>),
    /// SO_LINGER: on or off, seconds.
    Linger(i64, i64),
    /// SO_RCVTIMEO, SO_SNDTIMEO: seconds and microseconds.
    Time(i64, i64),
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

const RECEIVE_FLAGS: i64 = MSG_OOB | MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT | MSG_WAITALL;
const SEND_FLAGS: i64 =
    MSG_OOB | MSG_DONTWAIT | MSG_EOR | MSG_NOSIGNAL | MSG_MORE | MSG_ZEROCOPY | MSG_FASTOPEN;

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
            let to = address_of(address)?;
            if matches!(to, Address::Family(_)) {
                return Err(address.bad("expected '...' or {sa_family=…, …}"));
            }
            len_of_address(len)?;
            Call::Bind { fd: fd_of(fd)?, to }
        }
        ("listen", [fd, backlog]) => {
            Call::Listen { fd: fd_of(fd)?, backlog: backlog.int32("a backlog")? }
        }
        ("accept", [fd, address, len]) => {
            address.ellipsis()?;
            len.ellipsis()?;
            Call::Accept { fd: fd_of(fd)?, flags: 0 }
        }
        ("connect", [fd, address, len]) => {
            len_of_address(len)?;
            Call::Connect { fd: fd_of(fd)?, to: address_of(address)? }
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
        ("open", [path, flags]) => match &path.kind {
            Kind::Text(_) if flags.int32("flags")? == 0 => Call::Open,
            Kind::Text(_) => return Err(flags.bad("files can only be read")),
            _ => return Err(path.bad("expected a path in quotes")),
        },
        ("sendfile", [to, from, offset, len]) => {
            offset.bracketed()?;
            Call::SendFile { to: fd_of(to)?, from: fd_of(from)?, len: len.size("length")? }
        }
        ("cap_set", [capability, value, operation]) => {
            for argument in [capability, value, operation] {
                argument.int32("a number")?;
            }
            Call::CapSet
        }
        ("accept4", [fd, address, len, flags]) => {
            address.ellipsis()?;
            len.ellipsis()?;
            Call::Accept {
                fd: fd_of(fd)?,
                flags: known_flags(flags, SOCK_NONBLOCK | SOCK_CLOEXEC)?,
            }
        }
        _ => return Err(unknown(at, name, arguments.len())),
    };
    Ok(call)
}

fn unknown(at: Position, name: &str, count: usize) -> Refusal {
    const KNOWN: [&str; 18] = [
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
        "open",
        "sendfile",
        "cap_set",
        "accept4",
    ];
    const OTHERS: [&str; 3] = ["inject", "psp_rx_assoc", "psp_tx_assoc"];
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

pub(super) fn fd_of(expression: &Expression) -> Parsed<Fd> {
    expression.int32("the number of a socket")
}

/// How long an address is: `...`, or a number that is never looked at.
fn len_of_address(len: &Expression) -> Parsed<()> {
    match len.kind {
        Kind::Ellipsis => Ok(()),
        _ => len.size("length").map(|_| ()),
    }
}

fn read_receiving(at: Position, name: &str, arguments: &[Expression]) -> Parsed<Call> {
    Ok(match (name, arguments) {
        ("read", [fd, buffer, len]) => {
            let is_null = !buffer.buffer()?;
            Call::Read { fd: fd_of(fd)?, len: len.size("length")?, flags: 0, is_null }
        }
        ("recv", [fd, buffer, len, flags]) => {
            let is_null = !buffer.buffer()?;
            let flags = known_flags(flags, RECEIVE_FLAGS)?;
            Call::Read { fd: fd_of(fd)?, len: len.size("length")?, flags, is_null }
        }
        ("recvfrom", [fd, buffer, len, flags, address, address_len]) => {
            let is_null = !buffer.buffer()?;
            address.ellipsis()?;
            address_len.ellipsis()?;
            let flags = known_flags(flags, RECEIVE_FLAGS)?;
            Call::Read { fd: fd_of(fd)?, len: len.size("length")?, flags, is_null }
        }
        ("readv", [fd, vector, count]) => {
            let len = vector_of(vector, count)?.iter().sum();
            Call::Read { fd: fd_of(fd)?, len, flags: 0, is_null: false }
        }
        ("recvmsg", [fd, message, flags]) => {
            let flags = known_flags(flags, RECEIVE_FLAGS | MSG_ERRQUEUE)?;
            Call::ReceiveMessage { fd: fd_of(fd)?, flags, message: message_of(message)? }
        }
        _ => return Err(Refusal::new(at, format!("{name} does not take these arguments"))),
    })
}

fn read_sending(at: Position, name: &str, arguments: &[Expression]) -> Parsed<Call> {
    let write = |fd: &Expression, lens, flags, to, is_null| {
        Ok(Call::Write { fd: fd_of(fd)?, lens, flags, to, timestamping: None, is_null })
    };
    match (name, arguments) {
        ("write", [fd, buffer, len]) => {
            write(fd, vec![len.size("length")?], 0, None, !buffer.buffer()?)
        }
        ("send", [fd, buffer, len, flags]) => {
            let flags = known_flags(flags, SEND_FLAGS)?;
            write(fd, vec![len.size("length")?], flags, None, !buffer.buffer()?)
        }
        ("sendto", [fd, buffer, len, flags, address, address_len]) => {
            len_of_address(address_len)?;
            let flags = known_flags(flags, SEND_FLAGS)?;
            let to = Some(address_of(address)?);
            write(fd, vec![len.size("length")?], flags, to, !buffer.buffer()?)
        }
        ("writev", [fd, vector, count]) => write(fd, vector_of(vector, count)?, 0, None, false),
        ("sendmsg", [fd, message, flags]) => {
            let Message { lens, flags: inside, controls } = message_of(message)?;
            let timestamping = match &controls[..] {
                _ if inside != 0 => return Err(message.bad("sendmsg ignores msg_flags")),
                [] => None,
                [Control::Timestamping(flags)] => Some(*flags),
                _ => return Err(message.bad("sendmsg takes no such control messages here")),
            };
            let (flags, to) = (known_flags(flags, SEND_FLAGS)?, Some(Address::Usual));
            Ok(Call::Write { fd: fd_of(fd)?, lens, flags, to, timestamping, is_null: false })
        }
        _ => Err(Refusal::new(at, format!("{name} does not take these arguments"))),
    }
}

fn known_flags(flags: &Expression, known: i64) -> Parsed<i64> {
    let bits = flags.int32("flags")?;
    match bits & !known {
        0 => Ok(bits),
        other => Err(flags.bad(&format!("flags {other:#x} are not supported"))),
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
        Kind::Struct(fields)
            if fields.first().is_some_and(|field| field.name.as_deref() == Some("tv_sec")) =>
        {
            let [Some(seconds), Some(micros)] = value.fields(&["tv_sec", "tv_usec"])?[..] else {
                return Err(value.bad("expected {tv_sec=…, tv_usec=…}"));
            };
            Ok(OptionValue::Time(seconds.value.int("seconds")?, micros.value.int("microseconds")?))
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
