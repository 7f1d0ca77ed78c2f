//! The flags of `send` and `recv` (`send(2)`, `recv(2)`), as Linux numbers them.

pub(crate) const MSG_OOB: i64 = 1;
pub(crate) const MSG_PEEK: i64 = 2;
pub(crate) const MSG_TRUNC: i64 = 0x20;
pub(crate) const MSG_DONTWAIT: i64 = 0x40;
pub(crate) const MSG_EOR: i64 = 0x80;
pub(crate) const MSG_WAITALL: i64 = 0x100;
pub(crate) const MSG_ERRQUEUE: i64 = 0x2000;
pub(crate) const MSG_NOSIGNAL: i64 = 0x4000;
pub(crate) const MSG_MORE: i64 = 0x8000;
pub(crate) const MSG_ZEROCOPY: i64 = 0x400_0000;
pub(crate) const MSG_FASTOPEN: i64 = 0x2000_0000;
