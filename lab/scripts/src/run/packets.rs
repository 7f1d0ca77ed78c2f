//! Packets of a script: those that come in are made, those that go out are compared.

use std::net::SocketAddr;
use std::time::Duration;

use base::Instant;

use super::{End, PATIENCE, Player, instant, micros, seconds};
use crate::language::calls::Call;
use crate::language::script::{Action, Body, Echoed, Event, Icmp, Micros, Packet, Tcp};
use crate::packet::{self, Actual, Carried, Ends};
use crate::position::Position;
use crate::timing::Check;
use crate::track::{Phase, Track, timestamp_of};

/// The first port that the peer connects from.
pub(super) const REMOTE_PORT: u16 = 35_000;

/// How long the rest of a packet is waited for that comes in pieces: longer than pacing ever spreads
/// what may leave at once, and shorter than retransmissions take.
const PATIENCE_FOR_PIECES: Duration = Duration::from_millis(100);

impl Player<'_> {
    // What comes in.

    pub(super) fn inject(&mut self, at: Position, packet: &Packet) -> Result<(), End> {
        let error = |what: &str| End::Failed(at, format!("error handling packet: {what}"));
        if let Body::Tcp(segment) = &packet.body {
            self.answer_knock(packet, segment);
        }
        let scales_echoes = self.script.settings.scales_echoes;
        let local = self.datagram_local();
        let Some(track) = self.sockets.track() else {
            return Err(error("no matching socket for script packet"));
        };
        if track.is_datagram != matches!(packet.body, Body::Udp(_))
            && !matches!(packet.body, Body::Icmp(_))
        {
            return Err(error("no matching socket for script packet"));
        }
        let settings = &self.script.settings;
        let remote = track.is_datagram.then(|| {
            let port = settings.connect_port;
            SocketAddr::new(settings.remote(), port)
        });
        let (Some(source), Some(destination)) = (track.remote.or(remote), track.local.or(local))
        else {
            return Err(error("the connection has no addresses yet"));
        };
        let mut ends = Ends { source, destination };
        if let Some((from, to)) = packet.ports {
            if from != 0 {
                ends.source.set_port(from);
            }
            if to != 0 {
                ends.destination.set_port(to);
            }
        }
        let now = self.stack.now();
        let body = match &packet.body {
            Body::Tcp(segment) => {
                track.note_inbound(segment, now);
                let wire = track.map_inbound(segment, scales_echoes);
                Body::Tcp(wire.map_err(|what| error(&what))?)
            }
            Body::Udp(len) => Body::Udp(*len),
            Body::Icmp(message) => Body::Icmp(quoted_on_wire(track, message)),
        };
        packet::build(ends, &packet.ip, &body, &mut self.out);
        let bytes = self.out.as_slice().to_vec();
        self.stack.handle_packet(&bytes);
        self.progress()
    }

    /// Somebody new: from here on the script speaks about this connection.
    fn answer_knock(&mut self, packet: &Packet, segment: &Tcp) {
        if self.sockets.track().is_some_and(|track| track.phase != Phase::Listening) {
            return;
        }
        let (from, to) = packet.ports.unwrap_or_default();
        let bound = self.sockets.track().and_then(|track| track.local);
        let settings = &self.script.settings;
        let from = if from == 0 { self.remote_port } else { from };
        let usual = bound.map_or(settings.bind_port, |bound| bound.port());
        let to = if to == 0 { usual } else { to };
        self.remote_port = self.remote_port.wrapping_add(1).max(REMOTE_PORT);
        let local = SocketAddr::new(settings.local(), to);
        let remote = SocketAddr::new(settings.remote(), from);
        self.sockets.follow(Track::knocked(local, remote, segment));
    }

    /// Where the datagrams that the script speaks about are sent from.
    fn datagram_local(&mut self) -> Option<SocketAddr> {
        let fd = self.sockets.track().filter(|track| track.is_datagram)?.fd?;
        self.sockets.datagram_local(&self.stack, fd)
    }

    // What goes out.

    /// Waits for the next packet of the connection, and compares.
    pub(super) fn expect(
        &mut self,
        at: Position,
        packet: &Packet,
        check: &Check,
    ) -> Result<(), End> {
        let (sent_at, mut actual) = self.next_packet(at, packet, check)?;
        self.learn(&mut actual, packet);
        let mut last = actual.clone();
        while let Some((_, piece)) = self.next_piece(packet, &actual, &last)? {
            last = join(&mut actual, piece);
        }
        let when = micros(sent_at);
        let difference = self.difference(packet, &actual, check, when);
        let Some(what) = difference else { return Ok(()) };
        Err(End::Failed(
            at,
            format!(
                "error handling packet: {what}\nscript packet: {} {}\nactual packet: {} {}",
                seconds(check.begin),
                packet::show(&packet.body),
                seconds(when),
                actual.carried.show(),
            ),
        ))
    }

    fn difference(
        &mut self,
        packet: &Packet,
        actual: &Actual,
        check: &Check,
        when: Micros,
    ) -> Option<String> {
        if let Some(what) = packet::difference(packet, actual) {
            return Some(what);
        }
        let label = self.sockets.track()?.check_flow_label(packet.ip.flow_label, actual.flow_label);
        if let Err(what) = label {
            return Some(what);
        }
        if let (Body::Tcp(expected), Carried::Tcp { segment, .. }) = (&packet.body, &actual.carried)
            && let Some(what) = self.difference_of_clocks(expected, segment)
        {
            return Some(what);
        }
        self.timing.check(check, when, "outbound packet").err()
    }

    /// Timestamps count steps, if the script says how long one is.
    fn difference_of_clocks(&self, expected: &Tcp, actual: &Tcp) -> Option<String> {
        let tick = self.script.settings.timestamp_tick;
        let (expected, actual) = (timestamp_of(expected)?, timestamp_of(actual)?);
        let steps = i64::from(actual.wrapping_sub(expected) as i32).abs();
        let tolerance = self.script.settings.tolerance;
        (tick > 0 && steps * tick > tolerance).then(|| {
            format!("bad outbound TCP timestamp value: expected: {expected} vs actual: {actual}")
        })
    }

    /// The next packet of the connection, however long that takes.
    fn next_packet(
        &mut self,
        at: Position,
        packet: &Packet,
        check: &Check,
    ) -> Result<(Instant, Actual), End> {
        if self.sockets.track().is_none() {
            let what = "error handling packet: no matching socket for script packet";
            return Err(End::Failed(at, what.to_owned()));
        }
        let limit = self.stack.now().max(instant(check.begin)).after(PATIENCE);
        loop {
            while let Some((sent_at, bytes)) = self.stack.sniffed.pop_front() {
                let actual = packet::read(&bytes)
                    .map_err(|what| End::Failed(at, format!("error handling packet: {what}")))?;
                if self.is_ours(&actual, Some(packet)) {
                    return Ok((sent_at, actual));
                }
            }
            if !self.step(limit)? && self.stack.sniffed.is_empty() {
                return Err(End::Failed(
                    at,
                    format!(
                        "error handling packet: no packet comes\nscript packet: {} {}",
                        seconds(check.begin),
                        packet::show(&packet.body)
                    ),
                ));
            }
        }
    }

    /// The next packet, if the script has more than came so far and it goes on where `last` ends.
    /// packetdrill waits for it too: the stack may send at a pace.
    fn next_piece(
        &mut self,
        packet: &Packet,
        so_far: &Actual,
        last: &Actual,
    ) -> Result<Option<(Instant, Actual)>, End> {
        let (
            Body::Tcp(expected),
            Carried::Tcp { segment: so_far, .. },
            Carried::Tcp { segment: last, .. },
        ) = (&packet.body, &so_far.carried, &last.carried)
        else {
            return Ok(None);
        };
        if self.script.settings.strict_segments || so_far.len >= expected.len || so_far.len == 0 {
            return Ok(None);
        }
        let limit = self.stack.now().after(PATIENCE_FOR_PIECES);
        while self.stack.sniffed.is_empty() && self.step(limit)? {}
        let Some((_, bytes)) = self.stack.sniffed.front() else { return Ok(None) };
        let next = packet::read(bytes).ok().filter(|next| self.is_ours(next, None));
        let Some(mut next) = next else { return Ok(None) };
        self.learn(&mut next, packet);
        let Carried::Tcp { segment, .. } = &next.carried else { return Ok(None) };
        if !packet::follows(last, segment) {
            return Ok(None);
        }
        Ok(self.stack.sniffed.pop_front().map(|(sent_at, _)| (sent_at, next)))
    }

    /// Turns numbers of the wire into the script's.
    fn learn(&mut self, actual: &mut Actual, packet: &Packet) {
        let script = match &packet.body {
            Body::Tcp(segment) => Some(segment),
            _ => None,
        };
        if let (Some(track), Carried::Tcp { segment, .. }) =
            (self.sockets.track(), &mut actual.carried)
        {
            *segment = track.map_outbound(segment, script);
        }
    }

    /// Whether a packet belongs to the connection that the script speaks about.
    fn is_ours(&mut self, actual: &Actual, expected: Option<&Packet>) -> bool {
        let Some(track) = self.sockets.track() else { return false };
        let (source, destination) = (Some(actual.ends.source), Some(actual.ends.destination));
        match &actual.carried {
            Carried::Tcp { .. } => {
                !track.is_datagram && (track.local, track.remote) == (source, destination)
            }
            Carried::Udp { .. } => track.is_datagram && track.remote == destination,
            Carried::Icmp { .. } => {
                expected.is_some_and(|packet| matches!(packet.body, Body::Icmp(_)))
            }
        }
    }

    /// What left and was not asked for. How what the script closed at its end says goodbye is nobody's
    /// business: packetdrill would close it if the script did not.
    pub(super) fn check_nothing_is_left(&mut self, at: Position) -> Result<(), End> {
        let last = self.script.events.iter().rev();
        let mut last = last.take_while(|event| !matches!(event.action, Action::Packet(_)));
        let is_closing = last.any(is_close);
        while let Some((sent_at, bytes)) = self.stack.sniffed.pop_front() {
            let Ok(mut actual) = packet::read(&bytes) else { continue };
            if self.options.allows_trailing_packets || !self.is_ours(&actual, None) {
                continue;
            }
            if let (Some(track), Carried::Tcp { segment, .. }) =
                (self.sockets.track(), &mut actual.carried)
            {
                if is_closing && segment.flags.has(tcp::Flags::FIN) && segment.len == 0 {
                    continue;
                }
                *segment = track.map_outbound(segment, None);
            }
            let what = format!(
                "a packet that the script does not have\nactual packet: {} {}",
                seconds(micros(sent_at)),
                actual.carried.show()
            );
            return Err(End::Failed(at, what));
        }
        Ok(())
    }
}

/// Whether a program closes a socket.
fn is_close(event: &Event) -> bool {
    match &event.action {
        Action::Call(call) => matches!(call.call, Call::Close { .. }),
        _ => false,
    }
}

/// Puts a packet behind another, as one; returns it as it was by itself.
fn join(all: &mut Actual, piece: Actual) -> Actual {
    if let (Carried::Tcp { segment, is_zero }, Carried::Tcp { segment: next, is_zero: also }) =
        (&mut all.carried, &piece.carried)
    {
        segment.len = segment.len.saturating_add(next.len);
        segment.flags = segment.flags.without(tcp::Flags::PSH)
            | tcp::Flags::NONE
                .with_if(next.flags.has(tcp::Flags::PSH), tcp::Flags::PSH)
                .with_if(next.flags.has(tcp::Flags::FIN), tcp::Flags::FIN);
        *is_zero &= also;
    }
    piece
}

/// A message about a segment of ours.
fn quoted_on_wire(track: &Track, message: &Icmp) -> Icmp {
    let echoed = match message.echoed {
        Echoed::Tcp { .. } if track.is_datagram => Echoed::Udp(0),
        Echoed::Tcp { seq, len } => Echoed::Tcp { seq: track.quoted_on_wire(seq), len },
        other => other,
    };
    Icmp { echoed, ..message.clone() }
}
