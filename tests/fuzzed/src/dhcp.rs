use std::net::Ipv4Addr;
use std::time::Duration;

use base::{Cx, Instant, TxBuf, Wall, World};
use dhcp::wire::{Header, option};
use dhcp::{Client, Config, Event, State};

use crate::packets::mac;

/// Reads bytes as a message of DHCP, writes it and reads it again as the same; then takes them as what
/// servers say to a client, and what time and others on the link do in between.
///
/// Each step begins with a byte that chooses what happens, and one that says how long it takes or how
/// much of the rest it is.
pub fn dhcp(data: &[u8]) {
    read_and_write(data);
    let mut play = Play::new();
    let mut rest = data;
    while let Some(([choice, amount], more)) = rest.split_first_chunk() {
        let (taken, after) = more.split_at(more.len().min(usize::from(*amount)));
        match choice % 8 {
            0 => play.wait(*amount),
            1 => play.tell(|client, cx| client.handle_claimed(cx)),
            2 => play.tell(|client, cx| client.handle_conflict(cx)),
            3 => play.tell(|client, cx| client.renew(cx)),
            4 => play.tell(|client, cx| client.release(cx)),
            5 => play.tell(|client, cx| client.start(cx)),
            6 => play.tell(|client, cx| client.handle_message(cx, Ipv4Addr::LOCALHOST, taken)),
            _ => play.answer(taken),
        }
        rest = if choice % 8 < 6 { more } else { after };
    }
}

fn read_and_write(data: &[u8]) {
    let Ok((header, options)) = Header::parse(data) else { return };
    // What was put where names would stand is written where options stand.
    let kept: Vec<_> = options.iter().filter(|(code, _)| *code != option::OVERLOAD).collect();
    let mut out = TxBuf::new();
    header.emit(kept.iter().copied(), &mut out);
    let (again, written) = Header::parse(out.as_slice()).expect("what is written can be read");
    assert_eq!(again, header);
    assert!(written.iter().eq(kept.into_iter().filter(|(_, value)| !value.is_empty())));
}

/// A client, and its clock.
struct Play {
    now: Instant,
    world: World,
    client: Client,
    /// The conversation, as the client's last message says.
    xid: u32,
    has_address: bool,
}

impl Play {
    fn new() -> Self {
        let client = Client::new(Config::default(), mac(1), 1500);
        let (now, world) = (Instant::ORIGIN, World::seeded(1));
        let mut play = Self { now, world, client, xid: 0, has_address: false };
        play.tell(|client, cx| client.start(cx));
        play
    }

    fn tell(&mut self, run: impl FnOnce(&mut Client, &mut Cx<'_>)) {
        let mut cx = Cx::new(self.now, Wall(0), &mut self.world);
        run(&mut self.client, &mut cx);
        let mut out = TxBuf::new();
        while self.client.poll_transmit(&mut cx, &mut out).is_some() {
            let (header, options) = Header::parse(out.as_slice()).expect("ours can be read");
            assert!(!header.is_reply && options.kind().is_some());
            self.xid = header.xid;
            out.clear();
        }
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Granted => assert!(!std::mem::replace(&mut self.has_address, true)),
                Event::Renewed => assert!(self.has_address),
                Event::Lost { .. } => assert!(std::mem::replace(&mut self.has_address, false)),
            }
        }
        assert_eq!(self.client.lease().is_some(), self.has_address);
        if let Some(lease) = self.client.lease() {
            let network = lease.address.network();
            assert!(network.broadcast().is_none_or(|all| lease.address.address() != all));
            assert!(lease.settings.mtu.is_none_or(|mtu| mtu >= 576));
            let all = lease.settings.search.iter().chain(&lease.settings.domain);
            assert!(all.clone().all(|name| !name.is_empty() && name.len() <= 253));
        }
        let is_lasting = self.client.state() == State::Bound && self.client.lease_ends().is_none();
        let rests = is_lasting || self.client.state() == State::Stopped;
        assert!(
            rests || self.client.state() == State::Checking || self.client.poll_timeout().is_some()
        );
    }

    /// Lets up to five minutes pass, and what is due happen, which is not much.
    fn wait(&mut self, amount: u8) {
        let end = self.now.after(Duration::from_secs(u64::from(amount) + 45));
        let mut turns = 0;
        while let Some((at, _)) = self.client.poll_timeout().filter(|(at, _)| *at <= end) {
            self.now = at.max(self.now);
            self.tell(|client, cx| client.handle_timeout(cx));
            turns += 1;
            assert!(turns < 50, "nobody is asked without end");
        }
        self.now = end;
    }

    /// A server's answer to what was asked last: the first bytes are the address, the others options.
    fn answer(&mut self, bytes: &[u8]) {
        let Some((address, options)) = bytes.split_first_chunk::<4>() else { return };
        let yiaddr = Ipv4Addr::from(*address);
        let header = Header { is_reply: true, yiaddr, ..Header::request(self.xid, mac(1)) };
        let mut out = TxBuf::new();
        header.emit([], &mut out);
        let mut message = out.as_slice().to_vec();
        message.truncate(240);
        message.extend_from_slice(options);
        self.tell(|client, cx| client.handle_message(cx, Ipv4Addr::LOCALHOST, &message));
    }
}
