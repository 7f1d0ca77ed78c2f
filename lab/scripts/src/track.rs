//! Which connection a script speaks about, and how its numbers become those on the wire.
//!
//! As in packetdrill there is one connection at a time: that of the socket that was made last, or, for
//! a socket that listens, of who knocked at it last. Numbers of segments with SYN are what they are;
//! all others count from the SYN (`1` is the first byte). Timestamps of ours are learned when they
//! are seen; the peer may echo no others.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use base::Instant;
use tcp::Flags;

use crate::language::calls::Fd;
use crate::language::script::{Numbering, Tcp, TcpOption};

/// How far a connection is, as the script and the wire show it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    /// A socket, and nothing more.
    New,
    Listening,
    /// Somebody sent something to who listened.
    Knocked,
    /// A SYN with ACK was seen.
    Answered,
    /// It was acknowledged.
    Accepted,
    /// `connect` was called.
    Connecting,
    /// A SYN was seen.
    Asked,
    /// It was answered.
    Connected,
}

/// A connection, or what may become one.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    pub(crate) phase: Phase,
    /// The socket, if a program has it.
    pub(crate) fd: Option<Fd>,
    pub(crate) is_datagram: bool,
    /// Our end, once it is known.
    pub(crate) local: Option<SocketAddr>,
    pub(crate) remote: Option<SocketAddr>,
    /// When data came last, and an acknowledgement; or when the connection began.
    pub(crate) data_at: Instant,
    pub(crate) ack_at: Instant,
    /// The numbers of the SYNs: ours on the wire and in the script, the peer's.
    local_isn: u32,
    local_isn_script: u32,
    remote_isn: u32,
    /// Timestamps of ours: the script's and the wire's.
    timestamps: BTreeMap<u32, u32>,
    first_timestamp: Option<(u32, u32)>,
    /// The script's flow label and the wire's.
    flow_label: Option<(u32, u32)>,
}

impl Track {
    /// Of a socket that was made.
    pub(crate) fn new(fd: Option<Fd>, is_datagram: bool) -> Self {
        Self {
            phase: Phase::New,
            fd,
            is_datagram,
            local: None,
            remote: None,
            data_at: Instant::ORIGIN,
            ack_at: Instant::ORIGIN,
            local_isn: 0,
            local_isn_script: 0,
            remote_isn: 0,
            timestamps: BTreeMap::new(),
            first_timestamp: None,
            flow_label: None,
        }
    }

    /// Of who knocked with `segment`.
    pub(crate) fn knocked(local: SocketAddr, remote: SocketAddr, segment: &Tcp) -> Self {
        let (local, remote) = (Some(local), Some(remote));
        let phase = Phase::Knocked;
        Self { phase, local, remote, remote_isn: segment.seq, ..Self::new(None, false) }
    }

    /// The peer sends something.
    pub(crate) fn note_inbound(&mut self, segment: &Tcp, now: Instant) {
        let begins = !matches!(self.phase, Phase::Accepted | Phase::Connected);
        if segment.len > 0 || begins {
            self.data_at = now;
        }
        if segment.flags.has(Flags::ACK) {
            self.ack_at = now;
        }
    }

    /// What a segment of the script is on the wire.
    ///
    /// # Errors
    /// For the echo of a timestamp that was never seen.
    pub(crate) fn map_inbound(
        &mut self,
        segment: &Tcp,
        scales_echoes: bool,
    ) -> Result<Tcp, String> {
        let flags = segment.flags;
        let is_syn = flags.has(Flags::SYN);
        match self.phase {
            Phase::Answered if flags.has(Flags::ACK) => self.phase = Phase::Accepted,
            Phase::Asked if flags.has(Flags::SYN | Flags::ACK) => {
                self.phase = Phase::Connected;
                self.remote_isn = segment.seq;
            }
            _ => {}
        }
        let offset = self.local_offset(is_syn);
        let mut wire = segment.clone();
        if !is_syn && segment.seq_is == Numbering::Relative {
            wire.seq = segment.seq.wrapping_add(self.remote_isn);
        }
        let has_ack = flags.has(Flags::ACK);
        if has_ack && segment.ack_is == Numbering::Relative {
            wire.ack = segment.ack.wrapping_add(offset);
        }
        for option in wire.options.iter_mut().flatten() {
            match option {
                TcpOption::Sack(blocks) => {
                    for (left, right) in blocks {
                        *left = left.wrapping_add(offset);
                        *right = right.wrapping_add(offset);
                    }
                }
                TcpOption::Timestamps { echo, echo_is: Numbering::Relative, .. } if has_ack => {
                    *echo = self.echo_on_wire(*echo, scales_echoes)?;
                }
                _ => {}
            }
        }
        Ok(wire)
    }

    fn echo_on_wire(&self, echo: u32, scales_echoes: bool) -> Result<u32, String> {
        if let Some(wire) = self.timestamps.get(&echo) {
            return Ok(*wire);
        }
        if let (true, Some((script, wire))) = (scales_echoes, self.first_timestamp) {
            return Ok(echo.wrapping_sub(script).wrapping_add(wire));
        }
        Err(format!(
            "unable to infer live TS ecr for script TS ecr {echo}; \
             no matching or preceding outbound TS val"
        ))
    }

    /// The number on the wire of a byte that a message quotes.
    pub(crate) const fn quoted_on_wire(&self, seq: u32) -> u32 {
        seq.wrapping_add(self.local_isn)
    }

    const fn local_offset(&self, is_syn: bool) -> u32 {
        match is_syn {
            true => self.local_isn.wrapping_sub(self.local_isn_script),
            false => self.local_isn,
        }
    }

    /// Learns from a segment that was seen, when `script` is what was waited for; then says what it is
    /// in the script.
    pub(crate) fn map_outbound(&mut self, wire: &Tcp, script: Option<&Tcp>) -> Tcp {
        let is_syn = wire.flags.has(Flags::SYN);
        if let Some(script) = script.filter(|script| is_syn && script.flags.has(Flags::SYN)) {
            let is_answer = wire.flags.has(Flags::ACK) && script.flags.has(Flags::ACK);
            match self.phase {
                Phase::Knocked | Phase::Answered if is_answer => {
                    self.phase = Phase::Answered;
                    self.learn_isn(wire, script);
                }
                Phase::Connecting | Phase::Asked if !is_answer => {
                    self.phase = Phase::Asked;
                    self.learn_isn(wire, script);
                }
                _ => {}
            }
        }
        let ack_offset = if is_syn { 0 } else { self.remote_isn };
        let mut segment = wire.clone();
        let is_absolute = |is: fn(&Tcp) -> Numbering| {
            script.is_some_and(|script| is(script) == Numbering::Absolute)
        };
        if !is_absolute(|script| script.seq_is) {
            segment.seq = wire.seq.wrapping_sub(self.local_offset(is_syn));
            segment.seq_is = Numbering::Relative;
        }
        if !is_absolute(|script| script.ack_is) {
            segment.ack_is = Numbering::Relative;
            if wire.flags.has(Flags::ACK) {
                segment.ack = wire.ack.wrapping_sub(ack_offset);
            }
        }
        for option in segment.options.iter_mut().flatten() {
            if let TcpOption::Sack(blocks) = option {
                for (left, right) in blocks {
                    *left = left.wrapping_sub(ack_offset);
                    *right = right.wrapping_sub(ack_offset);
                }
            }
        }
        let expected = script.and_then(timestamp_of);
        if let Some(TcpOption::Timestamps { value, .. }) =
            segment.options.iter_mut().flatten().find(|o| matches!(o, TcpOption::Timestamps { .. }))
        {
            if let Some(expected) = expected {
                self.timestamps.insert(expected, *value);
                self.first_timestamp.get_or_insert((expected, *value));
            }
            if let Some((script, wire)) = self.first_timestamp {
                *value = value.wrapping_sub(wire).wrapping_add(script);
            }
        }
        segment
    }

    fn learn_isn(&mut self, wire: &Tcp, script: &Tcp) {
        self.local_isn = wire.seq;
        self.local_isn_script = script.seq;
    }

    /// Whether a flow label is the one that the script means: each of its labels stands for one of
    /// the wire's.
    pub(crate) fn check_flow_label(
        &mut self,
        expected: Option<u32>,
        actual: u32,
    ) -> Result<(), String> {
        let Some(expected) = expected else { return Ok(()) };
        if actual == 0 {
            return Err("flowlabel unmarked in the live packet".to_owned());
        }
        match self.flow_label {
            Some((script, wire)) if script == expected && wire != actual => {
                Err(format!("inconsistent flowlabels: expected: {wire:#x} vs actual: {actual:#x}"))
            }
            Some((script, wire)) if script != expected && wire == actual => {
                Err("expected a different flowlabel but got the same".to_owned())
            }
            _ => {
                self.flow_label = Some((expected, actual));
                Ok(())
            }
        }
    }
}

/// TSval of a segment, if it is said.
pub(crate) fn timestamp_of(segment: &Tcp) -> Option<u32> {
    segment.options.iter().flatten().find_map(|option| match option {
        TcpOption::Timestamps { value, is_any: false, .. } => Some(*value),
        _ => None,
    })
}
