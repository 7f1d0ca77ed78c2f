//! Arguments of calls that take many buffers, or more than data.

use crate::language::expression::{Expression, Kind};
use crate::position::Parsed;
use crate::symbols::{
    IP_RECVERR, IPV6_RECVERR, SO_TIMESTAMPING, SOL_IP, SOL_IPV6, SOL_SOCKET, SOL_TCP, TCP_CM_INQ,
};

/// `[{..., 10}, {iov_base=..., iov_len=20}], 2`
pub(super) fn vector_of(vector: &Expression, count: &Expression) -> Parsed<Vec<usize>> {
    let parts = vector.list("buffers")?;
    if count.size("count")? != parts.len() {
        return Err(count.bad(&format!("there are {} buffers", parts.len())));
    }
    parts.iter().map(buffer_of).collect()
}

fn buffer_of(part: &Expression) -> Parsed<usize> {
    let bad = || part.bad("expected {..., length}");
    let Kind::Struct(fields) = &part.kind else { return Err(bad()) };
    let [buffer, len] = &fields[..] else { return Err(bad()) };
    match (buffer.name.as_deref(), len.name.as_deref()) {
        (None, None) | (Some("iov_base"), Some("iov_len")) => {}
        _ => return Err(bad()),
    }
    buffer.value.ellipsis()?;
    len.value.size("length")
}

/// A message of `recvmsg` or `sendmsg`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) lens: Vec<usize>,
    pub(crate) flags: i64,
    /// What comes beside the data, in order.
    pub(crate) controls: Vec<Control>,
}

/// What comes beside the data.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Control {
    /// How much can be read behind it.
    Inq(i64),
    /// When what was sent was where: seconds and nanoseconds.
    Time(i64, i64),
    /// What an error queue tells.
    Notice { level: i64, kind: i64, notice: Notice },
    /// Which timestamps are wanted of what is sent.
    Timestamping(i64),
}

/// An entry of an error queue (Linux' `sock_extended_err`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Notice {
    pub(crate) errno: i64,
    pub(crate) origin: i64,
    pub(crate) kind: i64,
    pub(crate) code: i64,
    pub(crate) info: i64,
    pub(crate) data: i64,
}

/// Reads a message; what comes beside the data may stand before the flags or behind them.
pub(super) fn message_of(message: &Expression) -> Parsed<Message> {
    let names = ["msg_name", "msg_iov", "?msg_control", "msg_flags", "?msg_control"];
    let [Some(name), Some(vector), early, Some(flags), late] = message.fields(&names)?[..] else {
        return Err(message.bad("expected a message"));
    };
    name.value.ellipsis()?;
    let count = vector.count.as_ref().ok_or_else(|| vector.value.bad("expected msg_iov(count)"))?;
    let lens = vector_of(&vector.value, count)?;
    let mut controls = Vec::new();
    for field in [early, late].into_iter().flatten() {
        for one in field.value.list("control messages")? {
            controls.push(control_of(one)?);
        }
    }
    Ok(Message { lens, flags: flags.value.int32("flags")?, controls })
}

fn control_of(one: &Expression) -> Parsed<Control> {
    let names = ["?cmsg_len", "cmsg_level", "cmsg_type", "cmsg_data"];
    let [_, Some(level), Some(kind), Some(data)] = one.fields(&names)?[..] else {
        return Err(one.bad("expected a control message"));
    };
    let (level, kind) = (level.value.int32("a level")?, kind.value.int32("a type")?);
    let data = &data.value;
    match (level, kind) {
        (SOL_TCP, TCP_CM_INQ) => Ok(Control::Inq(data.int32("a number")?)),
        (SOL_SOCKET, SO_TIMESTAMPING) => match &data.kind {
            Kind::Int(_) => Ok(Control::Timestamping(data.int32("flags")?)),
            _ => {
                let [Some(seconds), Some(nanos)] = data.fields(&["scm_sec", "scm_nsec"])?[..]
                else {
                    return Err(data.bad("expected {scm_sec=…, scm_nsec=…}"));
                };
                Ok(Control::Time(seconds.value.int("seconds")?, nanos.value.int("nanoseconds")?))
            }
        },
        (SOL_IP, IP_RECVERR) | (SOL_IPV6, IPV6_RECVERR) => {
            Ok(Control::Notice { level, kind, notice: notice_of(data)? })
        }
        _ => Err(one.bad("control messages of this kind are not supported")),
    }
}

fn notice_of(data: &Expression) -> Parsed<Notice> {
    let names = ["ee_errno", "ee_origin", "ee_type", "ee_code", "ee_info", "ee_data"];
    let fields = data.fields(&names)?;
    let numbers: Parsed<Vec<i64>> =
        fields.into_iter().flatten().map(|field| field.value.int32("a number")).collect();
    let [errno, origin, kind, code, info, data] = numbers?[..] else {
        return Err(data.bad("expected an entry of an error queue"));
    };
    Ok(Notice { errno, origin, kind, code, info, data })
}
