use super::World;
use super::datagram::Datagram;
use super::stream::Stream;
use super::waiting::Watch;

/// What stands behind a number.
#[derive(Debug)]
pub(super) enum Descriptor {
    Stream(Box<Stream>),
    Datagram(Datagram),
    Epoll(Vec<Watch>),
    /// A file full of zeros.
    File,
    PipeEnd {
        pipe: usize,
        is_writer: bool,
    },
}

impl Descriptor {
    /// What `poll` would say (Linux' `tcp_poll`, `datagram_poll`).
    pub(super) fn readiness(&self, world: &World<'_>) -> i64 {
        match self {
            Self::Stream(stream) => stream.readiness(world),
            Self::Datagram(datagram) => datagram.readiness(),
            Self::Epoll(_) | Self::File | Self::PipeEnd { .. } => 0,
        }
    }

    /// How often something happened that wakes who waits.
    pub(super) fn wakes(&self) -> u64 {
        match self {
            Self::Stream(stream) => stream.wakes,
            Self::Datagram(datagram) => datagram.wakes,
            Self::Epoll(_) | Self::File | Self::PipeEnd { .. } => 0,
        }
    }
}
