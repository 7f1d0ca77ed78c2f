//! Arguments of calls that take many buffers.

use crate::language::expression::{Expression, Kind};
use crate::position::Parsed;

/// `[{..., 10}, {..., 20}], 2`
pub(super) fn vector_of(vector: &Expression, count: &Expression) -> Parsed<Vec<usize>> {
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
pub(super) struct Message {
    pub(super) lens: Vec<usize>,
    pub(super) flags: i64,
    /// How much can be read behind it, if it tells that.
    pub(super) inq: Option<i64>,
}

pub(super) fn message_of(message: &Expression) -> Parsed<Message> {
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
