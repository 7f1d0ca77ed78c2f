//! What sockets report, in the words of `std::io`.

use std::io::{Error, ErrorKind};

use host::ConnectError;
use tcp::Failure;
use udp::{BindError, SendError};

pub(crate) fn of_failure(failure: Failure) -> Error {
    let kind = match failure {
        Failure::Refused => ErrorKind::ConnectionRefused,
        Failure::Reset => ErrorKind::ConnectionReset,
        Failure::Broken => ErrorKind::BrokenPipe,
        Failure::TimedOut => ErrorKind::TimedOut,
        Failure::AddressGone => ErrorKind::AddrNotAvailable,
        Failure::HostUnreachable => ErrorKind::HostUnreachable,
        Failure::NetworkUnreachable => ErrorKind::NetworkUnreachable,
        Failure::ProtocolUnreachable => ErrorKind::ConnectionRefused,
        Failure::Prohibited => ErrorKind::PermissionDenied,
        Failure::Aborted => ErrorKind::ConnectionAborted,
    };
    Error::from(kind)
}

pub(crate) fn of_connect(error: ConnectError) -> Error {
    match error {
        ConnectError::NoSource => Error::from(ErrorKind::NetworkUnreachable),
        ConnectError::NotAHost => Error::new(ErrorKind::InvalidInput, "nobody can be there"),
        ConnectError::NoPortLeft => Error::from(ErrorKind::AddrInUse),
        ConnectError::TooMany => Error::other("there are as many connections as there may be"),
    }
}

pub(crate) fn of_bind(error: BindError) -> Error {
    match error {
        BindError::InUse | BindError::NoPortLeft => Error::from(ErrorKind::AddrInUse),
        BindError::TooManySockets => Error::other("there are as many sockets as there may be"),
        BindError::Closed => Error::from(ErrorKind::NotConnected),
    }
}

/// Nothing for what only has to wait.
pub(crate) fn of_send(error: SendError) -> Option<Error> {
    match error {
        SendError::Full => None,
        SendError::TooLong => Some(Error::new(ErrorKind::InvalidInput, "longer than a packet")),
        SendError::NoDestination | SendError::Closed => Some(Error::from(ErrorKind::NotConnected)),
    }
}

/// What a datagram met. (RFC 1122 §4.1.3.3)
pub(crate) fn of_icmp(error: icmp::Error) -> Error {
    use icmp::Unreachable;
    Error::from(match error {
        icmp::Error::Unreachable(Unreachable::Port | Unreachable::Protocol) => {
            ErrorKind::ConnectionRefused
        }
        icmp::Error::Unreachable(Unreachable::Net) => ErrorKind::NetworkUnreachable,
        icmp::Error::Unreachable(Unreachable::Prohibited) => ErrorKind::PermissionDenied,
        icmp::Error::TooBig { .. } => ErrorKind::InvalidInput,
        _ => ErrorKind::HostUnreachable,
    })
}
