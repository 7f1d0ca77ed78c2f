//! What a script says.

use crate::language::calls::Call;
use crate::language::settings::Settings;
use crate::position::Position;
use crate::python::Program;
use crate::shell::Command;

/// A script.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    /// What its options set.
    pub(crate) settings: Settings,
    /// The command before the first event.
    pub(crate) before: Option<Command>,
    /// What happens, in order.
    pub(crate) events: Vec<Event>,
}

/// One line of a script: when what happens.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// Where its time stands.
    pub(crate) at: Position,
    pub(crate) time: Time,
    pub(crate) action: Action,
}

/// Microseconds since the script began, or since something in it.
pub(crate) type Micros = i64;

/// When an event happens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Time {
    /// So long after the beginning.
    Absolute(Micros),
    /// So long after what came before.
    Relative(Micros),
    /// Whenever.
    Any,
    /// Between two times after the beginning.
    AbsoluteRange(Micros, Micros),
    /// Between two times after what came before.
    RelativeRange(Micros, Micros),
}

/// What happens.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// A packet comes in or goes out.
    Packet(Box<Packet>),
    /// A program calls the system.
    Call(Box<Syscall>),
    /// Something is set up.
    Command(Command),
    /// What can be seen is looked at.
    Code(Program),
}

/// A call of the system.
#[derive(Clone, Debug)]
pub(crate) struct Syscall {
    /// What is called.
    pub(crate) name: String,
    pub(crate) call: Call,
    /// When it returns, if it blocks: as the event's time.
    pub(crate) end: Option<Micros>,
    /// What it returns.
    pub(crate) result: i64,
    /// Why it fails: the number and its name.
    pub(crate) errno: Option<(i64, String)>,
}

/// Where a packet goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Direction {
    /// To us.
    Inbound,
    /// From us.
    Outbound,
}

/// A packet as a script has it.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) direction: Direction,
    pub(crate) ip: IpInfo,
    /// The ports, if they are not the connection's; 0 is the connection's.
    pub(crate) ports: Option<(u16, u16)>,
    pub(crate) body: Body,
}

/// What a script says of the header of IP.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct IpInfo {
    pub(crate) service: Service,
    /// RFC 6437, 20 bits; nothing says nothing.
    pub(crate) flow_label: Option<u32>,
    pub(crate) hop_limit: Option<u8>,
}

/// What is said of the second byte of the header of IPv4.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Service {
    /// Nothing.
    #[default]
    Any,
    /// The lower two bits (RFC 3168 §5).
    Ecn(u8),
    /// Either code point that says that the transport understands marks.
    EcnCapable,
    /// All of it.
    All(u8),
}

/// What a packet carries.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Body {
    Tcp(Tcp),
    /// A datagram with so much payload.
    Udp(u16),
    Icmp(Icmp),
}

/// A segment as a script has it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Tcp {
    pub(crate) flags: tcp::Flags,
    /// The flags E, W and A were written as a number (RFC 9768).
    pub(crate) has_ace: bool,
    pub(crate) seq: u32,
    pub(crate) seq_is: Numbering,
    /// How much payload.
    pub(crate) len: u16,
    /// Zero if there is none.
    pub(crate) ack: u32,
    pub(crate) ack_is: Numbering,
    /// Nothing is any.
    pub(crate) window: Option<u16>,
    pub(crate) urgent: u16,
    /// Nothing is any.
    pub(crate) options: Option<Vec<TcpOption>>,
}

/// What a number of a script stands for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Numbering {
    /// A number of the script: of the wire in segments with SYN, else counted from the SYN.
    #[default]
    Relative,
    /// The number that is on the wire.
    Absolute,
    /// Any.
    Any,
}

/// An option of a segment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum TcpOption {
    End,
    Nop,
    Mss(u16),
    WindowScale(u8),
    SackOk,
    Sack(Vec<(u32, u32)>),
    Timestamps {
        value: u32,
        /// Ours, and whatever it is.
        is_any: bool,
        echo: u32,
        echo_is: Numbering,
    },
    FastOpen(Vec<u8>),
    /// Fast Open as an experiment (RFC 6994).
    FastOpenExperiment(Vec<u8>),
    Md5(Vec<u8>),
    /// TCP-AO (RFC 5925 §2.2): both numbers of keys, and the code.
    Authentication(Vec<u8>),
    /// Counters of accurate ECN (RFC 9768 §3.2.3): in which of the two orders, and as many as there are.
    AccEcn {
        order: u8,
        counters: Vec<u32>,
    },
    /// What scripts cannot say: kind and what follows its length.
    Other(u8, Vec<u8>),
}

/// A message of ICMP as a script has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Icmp {
    pub(crate) kind: u8,
    pub(crate) code: u8,
    pub(crate) mtu: Option<u32>,
    pub(crate) id: u16,
    pub(crate) echoed: Echoed,
}

/// The packet that a message quotes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Echoed {
    /// A segment: its number and its payload.
    Tcp { seq: u32, len: u16 },
    /// A datagram with so much payload.
    Udp(u16),
    /// None: the message has so many bytes.
    Raw(u16),
}
