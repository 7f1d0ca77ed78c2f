//! What servers do to a client. (RFC 2131 §4.4)

use std::net::Ipv4Addr;

use base::Cx;
use base::xray::Layer;

use crate::lease::Lease;
use crate::machine::{Client, Lost, State};
use crate::times;
use crate::wire::{Header, Kind, Options, option};
use crate::xray::{Seen, Why};

impl Client {
    /// Takes what came in for port 68, from `from`, who may be a relay.
    pub fn handle_message(&mut self, cx: &mut Cx<'_>, from: Ipv4Addr, bytes: &[u8]) {
        let Some((header, options)) = cx.parsed(Layer::Application, Header::parse(bytes)) else {
            return;
        };
        let taken = self.admit(&header, &options).and_then(|kind| {
            let xid = header.xid;
            cx.note(|| Seen::DhcpIn { kind, xid, from });
            match (self.state, kind) {
                (State::Selecting, Kind::Offer) => self.take_offer(cx, &header, &options),
                (_, Kind::Ack) if self.awaits_verdict() => self.take_ack(cx, &header, &options),
                (_, Kind::Nak) if self.awaits_verdict() => self.take_nak(cx, &options),
                _ => Err(Why::NotExpected),
            }
        });
        if let Err(why) = taken {
            cx.note(|| Seen::DhcpDropped { from, why });
        }
    }

    /// Whether a message is for us, and what it is for.
    fn admit(&self, header: &Header, options: &Options<'_>) -> Result<Kind, Why> {
        if !header.is_reply {
            return Err(Why::NotAReply);
        }
        if header.chaddr != self.mac {
            return Err(Why::ForAnother);
        }
        if header.xid != self.xid {
            return Err(Why::OtherConversation);
        }
        // RFC 6842 §3: servers repeat it, and what has another is not for us.
        let client_id = options.find(option::CLIENT_ID);
        if client_id.is_some_and(|id| *id != *self.client_id.as_bytes()) {
            return Err(Why::OtherClient);
        }
        options.kind().ok_or(Why::NoKind)
    }

    /// Whether a server is to say yes or no.
    const fn awaits_verdict(&self) -> bool {
        use State::{Rebinding, Rebooting, Renewing, Requesting};
        matches!(self.state, Requesting | Rebooting | Renewing | Rebinding)
    }

    /// RFC 2131 §4.4.1: the first that is good is taken.
    fn take_offer(
        &mut self,
        cx: &mut Cx<'_>,
        header: &Header,
        options: &Options<'_>,
    ) -> Result<(), Why> {
        let offer = Lease::read(cx, header, options)?;
        self.choose(cx, offer);
        Ok(())
    }

    fn take_ack(
        &mut self,
        cx: &mut Cx<'_>,
        header: &Header,
        options: &Options<'_>,
    ) -> Result<(), Why> {
        let lease = Lease::read(cx, header, options)?;
        self.check_server(lease.server)?;
        let held = self.held.as_ref().map(|held| held.lease.ip());
        let offered = self.offer.as_ref().map(Lease::ip);
        let asked = held.or(offered).or(self.known);
        if asked != Some(lease.ip()) {
            return Err(Why::OtherAddress);
        }
        self.keep(cx, lease);
        Ok(())
    }

    fn take_nak(&mut self, cx: &mut Cx<'_>, options: &Options<'_>) -> Result<(), Why> {
        let server = options.address(option::SERVER_ID);
        self.check_server(server.ok_or(Why::NoServer)?)?;
        self.lose(cx, Lost::Refused);
        self.known = None;
        self.setbacks += 1;
        let wait = times::begin_again_after(cx, self.setbacks);
        self.restart(cx, wait);
        Ok(())
    }

    /// RFC 2131 §3.1 (3): of those who offered, only the chosen one has a say.
    fn check_server(&self, server: Ipv4Addr) -> Result<(), Why> {
        let chosen = self.offer.as_ref().map(|offer| offer.server);
        match chosen.is_none_or(|chosen| chosen == server) {
            true => Ok(()),
            false => Err(Why::OtherServer),
        }
    }
}
