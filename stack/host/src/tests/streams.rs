//! Streams, from the cable to the user and back.

use super::*;
use crate::{ListenError, TcpEvent, TcpId};
use expect_test::expect;

const SECOND: Duration = Duration::from_secs(1);

/// A connection from the first host to port 80 of the second: its client's end, its server's.
fn connect(net: &mut Net) -> (TcpId, TcpId) {
    let listener = net.hosts[1].tcp_listen(at("0.0.0.0:80"), 8).unwrap();
    let remote = SocketAddr::new(net.hosts[1].addresses()[2].cidr.address(), 80);
    let client = net.with(0, |cx, host| host.tcp_connect(cx, None, remote)).unwrap();
    net.run(SECOND);
    (client, net.hosts[1].tcp_accept(listener).expect("the handshake is complete"))
}

fn read(net: &mut Net, host: usize, id: TcpId) -> Vec<u8> {
    let mut into = vec![0; 1 << 20];
    let len = net.with(host, |cx, host| host.tcp_read(cx, id, &mut into));
    into.truncate(len);
    into
}

/// Room that was offered may be gone when it is asked for: the buffer shrinks with the congestion window.
#[test]
fn who_waits_for_room_hears_of_it_though_all_was_taken() {
    let mut net = Net::pair(&[]);
    let (client, _server) = connect(&mut net);
    let room = net.hosts[0].tcp(client).unwrap().room();
    let taken = net.with(0, |cx, host| host.tcp_write_slice(cx, client, &vec![7; room]));
    assert_eq!((taken, net.hosts[0].tcp(client).unwrap().room()), (room, 0));
    net.events.clear();
    net.hosts[0].tcp_with(client, tcp::Connection::want_room).unwrap();
    net.run(SECOND);
    let writable = TcpEvent::Connection(client, tcp::Event::Writable);
    assert!(net.events.contains(&(0, Event::Tcp(writable))));
    // Nobody waits any more, so nobody is told.
    net.events.clear();
    net.with(0, |cx, host| host.tcp_write_slice(cx, client, b"more"));
    net.run(SECOND);
    assert!(!net.events.contains(&(0, Event::Tcp(writable))));
}

#[test]
fn a_conversation_from_the_handshake_to_time_wait() {
    let mut net = Net::pair(&[Layer::Transport]);
    let (client, server) = connect(&mut net);
    net.with(0, |cx, host| host.tcp_write_slice(cx, client, b"question"));
    net.run(SECOND);
    assert_eq!(read(&mut net, 1, server), b"question");
    net.with(1, |cx, host| host.tcp_write_slice(cx, server, b"answer"));
    net.with(1, |cx, host| host.tcp_close(cx, server));
    net.run(SECOND);
    assert_eq!(read(&mut net, 0, client), b"answer");
    assert!(net.hosts[0].tcp(client).unwrap().is_read_out());
    net.with(0, |cx, host| host.tcp_close(cx, client));
    net.run(SECOND);
    expect![[r#"
        0.000000s Transport StateChanged from=Closed to=SynSent cause=UserOpened
        0.000000s Transport SegmentOut flags=S seq=1232649296 len=0 ack=0 window=64240
        0.003000s Transport SegmentIn flags=S seq=1232649296 len=0 ack=0 window=64240
        0.003000s Transport HalfOpen waiting=1
        0.003000s Transport SegmentOut flags=S. seq=1567640866 len=0 ack=1232649297 window=65160
        0.004000s Transport SegmentIn flags=S. seq=1567640866 len=0 ack=1232649297 window=65160
        0.004000s Transport StateChanged from=SynSent to=Established cause=SynAck
        0.004000s Transport Agreed mss=1448 scale=(7, 7) sack=true timestamps=true ecn=false
        0.004000s Transport RoundTrip rtt=4ms smoothed=4ms timeout=204ms
        0.004000s Transport SegmentOut flags=. seq=1232649297 len=0 ack=1567640867 window=502
        0.005000s Transport SegmentIn flags=. seq=1232649297 len=0 ack=1567640867 window=502
        0.005000s Transport StateChanged from=SynReceived to=Established cause=AckOfSyn
        0.005000s Transport Agreed mss=1448 scale=(7, 7) sack=true timestamps=true ecn=false
        0.005000s Transport RoundTrip rtt=2ms smoothed=2ms timeout=202ms
        1.000000s Transport SegmentOut flags=P. seq=1232649297 len=8 ack=1567640867 window=502
        1.001000s Transport SegmentIn flags=P. seq=1232649297 len=8 ack=1567640867 window=502
        1.001000s Transport SegmentOut flags=. seq=1567640867 len=0 ack=1232649305 window=510
        1.002000s Transport SegmentIn flags=. seq=1567640867 len=0 ack=1232649305 window=510
        1.002000s Transport RoundTrip rtt=2ms smoothed=3.75ms timeout=203.75ms
        2.000000s Transport StateChanged from=Established to=FinWait1 cause=UserClosed
        2.000000s Transport SegmentOut flags=FP. seq=1567640867 len=6 ack=1232649305 window=510
        2.001000s Transport SegmentIn flags=FP. seq=1567640867 len=6 ack=1232649305 window=510
        2.001000s Transport StateChanged from=Established to=CloseWait cause=Fin
        2.041000s Transport TimedOut timer=DelayedAck
        2.041000s Transport SegmentOut flags=. seq=1232649305 len=0 ack=1567640874 window=502
        2.042000s Transport SegmentIn flags=. seq=1232649305 len=0 ack=1567640874 window=502
        2.042000s Transport RoundTrip rtt=42ms smoothed=7ms timeout=207ms
        2.042000s Transport StateChanged from=FinWait1 to=FinWait2 cause=AckOfFin
        3.000000s Transport StateChanged from=CloseWait to=LastAck cause=UserClosed
        3.000000s Transport SegmentOut flags=F. seq=1232649305 len=0 ack=1567640874 window=502
        3.001000s Transport SegmentIn flags=F. seq=1232649305 len=0 ack=1567640874 window=502
        3.001000s Transport StateChanged from=FinWait2 to=TimeWait cause=Fin
        3.001000s Transport StateChanged from=TimeWait to=Closed cause=Over
        3.001000s Transport SegmentOut flags=. seq=1567640874 len=0 ack=1232649306 window=510
        3.002000s Transport SegmentIn flags=. seq=1567640874 len=0 ack=1232649306 window=510
        3.002000s Transport RoundTrip rtt=2ms smoothed=3.531ms timeout=203.531ms
        3.002000s Transport StateChanged from=LastAck to=Closed cause=AckOfFin
    "#]]
    .assert_eq(&net.film());
    assert_eq!(net.hosts.iter().map(Host::tcp_time_waits).collect::<Vec<_>>(), [0, 1]);
    net.run(70 * SECOND);
    for host in &net.hosts {
        assert_eq!((host.tcp_connections().count(), host.tcp_time_waits()), (0, 0));
    }
}

//= test RFC 9293 §3.10.7.1: a segment to nobody is answered with a reset
#[test]
fn who_knocks_at_a_closed_port_is_refused() {
    let mut net = Net::pair(&[Layer::Transport]);
    let remote = at("10.0.0.2:81");
    let client = net.with(0, |cx, host| host.tcp_connect(cx, None, remote)).unwrap();
    net.run(SECOND);
    let refused = tcp::Event::Failed(tcp::Failure::Refused);
    assert_eq!(
        net.events,
        [
            (0, Event::Tcp(TcpEvent::Connection(client, refused))),
            (0, Event::Tcp(TcpEvent::Connection(client, tcp::Event::Closed))),
        ]
    );
    assert!(net.with(0, |cx, host| host.tcp_close(cx, client)));
    net.run(SECOND);
    assert_eq!(net.hosts[0].tcp_connections().count(), 0);
}

//= test RFC 5927 §5: before the handshake is done an ICMP error ends the attempt
#[test]
fn who_is_not_there_is_not_waited_for() {
    let mut net = Net::pair(&[Layer::Transport]);
    let remote = at("10.0.0.9:80");
    let client = net.with(0, |cx, host| host.tcp_connect(cx, None, remote)).unwrap();
    net.run(5 * SECOND);
    let failed = tcp::Event::Failed(tcp::Failure::HostUnreachable);
    assert!(net.events.contains(&(0, Event::Tcp(TcpEvent::Connection(client, failed)))));
}

//= test RFC 1191 §3: a router that takes only shorter packets is believed
#[test]
fn a_narrow_path_is_found() {
    let mut net = Net::routed(&[Layer::Network], 900);
    let (client, server) = connect(&mut net);
    let data: Vec<u8> = (0..60_000u32).map(|n| (n % 253) as u8).collect();
    assert_eq!(net.with(0, |cx, host| host.tcp_write_slice(cx, client, &data)), data.len());
    net.run(5 * SECOND);
    assert!(read(&mut net, 1, server) == data, "what was written arrives");
    let film = net.film();
    assert!(film.contains("PathMtu to=10.0.2.1 mtu=900 before=1500"), "{film}");
    assert_eq!(net.hosts[0].network.mtu_to(net.now, ip("10.0.2.1")), 900);
}

/// A device at the sender leaves checksums open and hands several segments at once to the router, which
/// passes them on to a device that does the same, or to one that does nothing.
#[test]
fn a_router_passes_on_what_was_left_open() {
    for does_it in [true, false] {
        let mut net = Net::routed(&[Layer::Network], 900);
        let (a, router, if2) = (0, 2, InterfaceId(2));
        for (host, interface) in [(a, IF1), (router, IF1), (router, if2)] {
            let of = net.hosts[host].network.interface_mut(interface).unwrap();
            if interface == if2 && !does_it {
                continue;
            }
            of.device.checksums.any = true;
            of.device.segments.tcp_v4_len_max = 65_535;
        }
        let (client, server) = connect(&mut net);
        let data: Vec<u8> = (0..200_000u32).map(|n| (n % 253) as u8).collect();
        let mut read_so_far = Vec::new();
        let mut written = 0;
        while read_so_far.len() < data.len() {
            let rest = &data[written..];
            written += net.with(a, |cx, host| host.tcp_write_slice(cx, client, rest));
            net.run(5 * SECOND);
            let more = read(&mut net, 1, server);
            assert!(!more.is_empty(), "{} of {written}", read_so_far.len());
            read_so_far.extend(more);
        }
        assert!(read_so_far == data);
        let film = net.film();
        assert!(
            film.contains("PathMtu to=10.0.2.1 mtu=900 before=1500"),
            "segments are not cut twice"
        );
        let lens = film.lines().filter(|line| line.contains("PacketIn from=10.0.1.1"));
        let lens = lens.filter_map(|line| line.rsplit_once("len=")?.1.parse::<usize>().ok());
        assert!(lens.max() > Some(1500), "several came at once");
        assert!(!film.contains("Malformed"), "{film}");
    }
}

#[test]
fn a_host_talks_to_itself_by_streams() {
    let mut net = Net::pair(&[Layer::Transport]);
    for (listen, address) in [("0.0.0.0:80", "127.0.0.1:80"), ("[::]:80", "[::1]:80")] {
        let listener = net.hosts[0].tcp_listen(at(listen), 8).unwrap();
        let remote = at(address);
        let client = net.with(0, |cx, host| host.tcp_connect(cx, None, remote)).unwrap();
        net.run(SECOND);
        let server = net.hosts[0].tcp_accept(listener).unwrap();
        let data = vec![7; 300_000];
        let mut sent = 0;
        let mut received = 0;
        while received < data.len() {
            sent += net.with(0, |cx, host| host.tcp_write_slice(cx, client, &data[sent..]));
            net.run(SECOND);
            let read = read(&mut net, 0, server).len();
            assert!(read > 0, "{received} of {sent}");
            received += read;
        }
    }
    assert!(net.in_flight.is_empty());
}

#[test]
fn an_address_is_listened_to_once() {
    let mut net = Net::pair(&[]);
    let host = &mut net.hosts[0];
    let first = host.tcp_listen(at("0.0.0.0:80"), 8).unwrap();
    assert_eq!(host.tcp_listen(at("10.0.0.1:80"), 8), Err(ListenError::InUse));
    assert_eq!(host.tcp_listen(at("10.0.0.3:81"), 8), Err(ListenError::NotOurs));
    assert!(host.tcp_listen(at("[::]:80"), 8).is_ok());
    let any = host.tcp_listen(at("10.0.0.1:0"), 8).unwrap();
    assert!(host.tcp_listener(any).is_some_and(|(local, _)| local.port() >= 49_152));
    assert!(net.with(0, |cx, host| host.tcp_unlisten(cx, first)));
    assert!(net.hosts[0].tcp_listen(at("10.0.0.1:80"), 8).is_ok());
}

//= test RFC 6056 §3.3.4: ports to one destination follow one another from a place nobody knows
#[test]
fn ports_do_not_come_again_soon() {
    let mut net = Net::pair(&[]);
    let mut ports = Vec::new();
    for _ in 0..50 {
        let id = net.with(0, |cx, host| host.tcp_connect(cx, None, at("10.0.0.2:81"))).unwrap();
        ports.push(net.hosts[0].tcp(id).unwrap().flow().local.port());
        net.with(0, |cx, host| host.tcp_abort(cx, id));
        net.run(SECOND);
    }
    let other = net.with(0, |cx, host| host.tcp_connect(cx, None, at("10.0.0.2:82"))).unwrap();
    let other = net.hosts[0].tcp(other).unwrap().flow().local.port();
    let mut sorted = ports.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), 50);
    assert!(ports.iter().all(|port| *port >= 32_768 && port.abs_diff(other) > 50));
}

/// Who finds many ports taken looks for the next one behind them, and not at all of them again.
#[test]
fn a_port_is_found_among_many_that_are_taken() {
    let mut net = Net::pair(&[]);
    let mut connect = || {
        let id = net.with(0, |cx, host| host.tcp_connect(cx, None, at("10.0.0.2:81")));
        Some(net.hosts[0].tcp(id.ok()?)?.flow().local.port())
    };
    let mut ports: Vec<u16> = std::iter::from_fn(&mut connect).collect();
    ports.sort_unstable();
    assert!(ports.into_iter().eq(32_768..=65_535), "each is given out once");
    assert_eq!(connect(), None);
}

/// The connections that notes belong to, by the notes' names.
#[derive(Debug, Default)]
struct Owners(Vec<(Option<u64>, &'static str)>);

impl xray::Sink for Owners {
    fn record(&mut self, stamp: &xray::Stamp, note: &dyn xray::AnyNote) {
        self.0.push((stamp.connection, note.entry().name));
    }
}

#[test]
fn notes_belong_to_the_flow_from_its_first_segment_on() {
    let mut net = Net::pair(&[]);
    let _ = net.hosts[1].tcp_listen(at("0.0.0.0:80"), 8).unwrap();
    let to = at("10.0.0.2:80");
    let client = net.with(0, |cx, host| host.tcp_connect(cx, None, to)).unwrap();
    let mut owners = Owners::default();
    let (mut out, mut world) = (TxBuf::new(), World::seeded(1));
    for number in 0..6 {
        // ARP and its answer, then the three steps of the handshake.
        let [from, to] = [number % 2, 1 - number % 2];
        while net.with(from, |cx, host| host.poll_frame(cx, &mut out)).is_some() {
            let mut cx = Cx::new(net.now, Wall(0), &mut world).watched_by(&mut owners);
            net.hosts[to].handle_frame(&mut cx, IF1, &RxFrame::new(out.as_slice()));
        }
    }
    let number = net.hosts[0].tcp_number(client).unwrap();
    let owner_of =
        |name| owners.0.iter().filter(move |(_, of)| *of == name).map(|(owner, _)| *owner);
    let segments: Vec<_> = owner_of("SegmentIn").collect();
    assert_eq!(segments.len(), 3);
    assert_eq!(segments[0], segments[2], "before there is a connection, and when there is");
    assert_eq!(segments[1], Some(number));
    assert!(segments[0].is_some() && segments[0] != segments[1], "each host has its own number");
    assert!(owner_of("FrameIn").all(|owner| owner.is_none()), "nobody knows yet");
    assert!(owner_of("Learned").all(|owner| owner.is_none()));
}

//= test RFC 5227 §2.4: from an address that is ours no longer nothing more is said
//= test RFC 2131 §4.4.5: nor from one whose lease is over
#[test]
fn connections_end_with_their_address_and_no_others() {
    let mut net = Net::pair(&[]);
    net.with(1, |cx, host| {
        host.add_address(cx, IF1, "10.0.0.3/16".parse().unwrap(), Claim::Silent).unwrap();
    });
    let listener = net.hosts[1].tcp_listen(at("0.0.0.0:80"), 8).unwrap();
    let [client, other] = ["10.0.0.2:80", "10.0.0.3:80"].map(|to| {
        let client = net.with(0, |cx, host| host.tcp_connect(cx, None, at(to))).unwrap();
        net.run(SECOND);
        (client, net.hosts[1].tcp_accept(listener).unwrap())
    });
    net.with(1, |cx, host| host.tcp_write_slice(cx, client.1, &[1; 200_000]));
    // Somebody is half in, and a datagram is on its way out.
    let half_in = at("10.0.0.2:80");
    net.with(0, |cx, host| host.tcp_connect(cx, None, half_in)).unwrap();
    net.run(Duration::from_micros(1500));
    let socket = net.hosts[1].udp_bind(at("10.0.0.2:53")).unwrap();
    net.hosts[1].udp_send(socket, Some(at("10.0.0.1:53")), b"from nowhere").unwrap();
    net.frames = Some(Vec::new());
    assert!(net.hosts[1].remove_address(ip("10.0.0.2")));
    net.events.clear();
    net.run(10 * SECOND);
    let failed = tcp::Event::Failed(tcp::Failure::AddressGone);
    assert!(net.events.contains(&(1, Event::Tcp(TcpEvent::Connection(client.1, failed)))));
    let from_gone = |(_, frame): &&(usize, Vec<u8>)| frame[26..30] == [10, 0, 0, 2];
    assert_eq!(net.frames.take().unwrap().iter().filter(from_gone).count(), 0, "not even a reset");
    // The other one goes on.
    net.with(1, |cx, host| host.tcp_write_slice(cx, other.1, b"still here"));
    net.run(SECOND);
    assert_eq!(read(&mut net, 0, other.0), b"still here");
}
