//! Two stacks in one process, over a cable of its own: what sockets do.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod family;

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use base::Mac;
use host::Config;
use neighbor::Claim;
use net::{Builder, Loss, PortConfig, Stack, TcpListener, TcpStream, UdpSocket, cable};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use family::{Family, at};

/// Whose numbers the two stacks have.
const A: u8 = 1;
const B: u8 = 2;

/// Two stacks that see each other.
fn pair(family: Family) -> (Stack, Stack) {
    let (a, b) = cable(PortConfig::default()).unwrap();
    let start = |port, n: u8| {
        let mut builder = Builder::new(Config::new([n; 16]));
        let id = builder.add_port("eth0", Mac([2, 0, 0, 0, 0, n]), port).unwrap();
        builder.add_address(id, family.cidr(n), Claim::Silent).unwrap();
        builder.start().unwrap()
    };
    (start(a, A), start(b, B))
}

/// Runs a test, which must not take long, over each version of IP.
fn run(test: impl AsyncFn(Family) + Sync) {
    thread::scope(|scope| {
        for family in Family::EACH {
            let test = &test;
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let run = async { timeout(Duration::from_secs(30), test(family)).await };
                runtime.unwrap().block_on(run).unwrap_or_else(|_| panic!("{family:?}: it hangs"));
            });
        }
    });
}

#[test]
fn an_echo_comes_back() {
    run(async |family| {
        let (a, b) = pair(family);
        let listener = TcpListener::bind(&b, at(family.any(), 7)).unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, peer) = listener.accept().await.unwrap();
            assert_eq!(peer.ip(), family.host(A));
            let (mut read, mut write) = stream.split();
            tokio::io::copy(&mut read, &mut write).await.unwrap()
        });
        let mut client = TcpStream::connect(&a, at(family.host(B), 7)).await.unwrap();
        assert_eq!(client.peer_addr().unwrap(), at(family.host(B), 7));
        client.set_nodelay(true).unwrap();
        client.write_all(b"is anybody there?").await.unwrap();
        let mut answer = [0; 17];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"is anybody there?");
        client.shutdown().await.unwrap();
        assert_eq!(client.read(&mut answer).await.unwrap(), 0, "the end is echoed too");
        assert_eq!(server.await.unwrap(), 17);
    });
}

#[test]
fn megabytes_go_both_ways_at_once() {
    const LEN: usize = 8 << 20;
    run(async |family| {
        let (a, b) = pair(family);
        let listener = TcpListener::bind(&b, at(family.host(B), 9)).unwrap();
        let talk = async |stream: TcpStream, say: u8, hear: u8| {
            let (mut read, mut write) = stream.into_split();
            let writer = tokio::spawn(async move {
                for _ in 0..LEN / 65_536 {
                    write.write_all(&[say; 65_536]).await.unwrap();
                }
                // The half goes, and with it the direction.
            });
            let (mut buffer, mut total) = (vec![0; 100_000], 0);
            loop {
                let len = read.read(&mut buffer).await.unwrap();
                assert!(buffer[..len].iter().all(|byte| *byte == hear));
                total += len;
                if len == 0 {
                    break;
                }
            }
            writer.await.unwrap();
            total
        };
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            talk(stream, 2, 1).await
        });
        let client = TcpStream::connect(&a, at(family.host(B), 9)).await.unwrap();
        assert_eq!(talk(client, 1, 2).await, LEN);
        assert_eq!(server.await.unwrap(), LEN);
    });
}

#[test]
fn errors_are_those_of_sockets() {
    run(async |family| {
        let (a, b) = pair(family);
        let refused = TcpStream::connect(&a, at(family.host(B), 81)).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let nowhere = TcpStream::connect(&a, at(family.elsewhere(), 81)).await.unwrap_err();
        assert_eq!(nowhere.kind(), ErrorKind::NetworkUnreachable);
        let nobody = TcpStream::connect(&a, at(family.host(9), 81)).await.unwrap_err();
        assert_eq!(nobody.kind(), ErrorKind::HostUnreachable);
        let _first = TcpListener::bind(&b, at(family.any(), 80)).unwrap();
        let second = TcpListener::bind(&b, at(family.host(B), 80)).unwrap_err();
        assert_eq!(second.kind(), ErrorKind::AddrInUse);
        let socket = UdpSocket::bind(&a, at(family.any(), 0)).unwrap();
        socket.connect(at(family.host(B), 82)).unwrap();
        socket.send(b"anybody?").await.unwrap();
        let refused = socket.recv(&mut [0; 9]).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn datagrams_and_pings_go_and_come() {
    run(async |family| {
        let (a, b) = pair(family);
        let server = UdpSocket::bind(&b, at(family.any(), 53)).unwrap();
        let client = UdpSocket::bind(&a, at(family.any(), 0)).unwrap();
        client.send_to(&[7; 4000], at(family.host(B), 53)).await.unwrap();
        let mut into = [0; 5000];
        let (len, from) = server.peek_from(&mut into).await.unwrap();
        assert_eq!((len, from.ip()), (4000, family.host(A)));
        assert_eq!(server.recv_from(&mut into).await.unwrap(), (len, from));
        server.send_to(b"answer", from).await.unwrap();
        assert_eq!(client.recv(&mut into).await.unwrap(), 6);
        let took = a.ping(family.host(B), b"are you there?").await.unwrap();
        assert!(took < Duration::from_secs(1));
        assert!(a.counts().sent > 0 && a.counts().lost == 0);
    });
}

//= test RFC 9293 §3.10.4: who is waiting for nothing loses nothing
#[test]
fn waiting_may_be_cancelled() {
    run(async |family| {
        let (a, b) = pair(family);
        let listener = TcpListener::bind(&b, at(family.host(B), 7)).unwrap();
        let short = Duration::from_millis(20);
        assert!(timeout(short, listener.accept()).await.is_err());
        let mut client = TcpStream::connect(&a, at(family.host(B), 7)).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let mut into = [0; 9];
        assert!(timeout(short, server.read(&mut into)).await.is_err());
        assert_eq!(server.try_read(&mut into).unwrap_err().kind(), ErrorKind::WouldBlock);
        client.write_all(b"now").await.unwrap();
        assert_eq!(server.peek(&mut into).await.unwrap(), 3);
        assert_eq!(server.read(&mut into).await.unwrap(), 3);
        drop(client);
        assert_eq!(server.read(&mut into).await.unwrap(), 0);
    });
}

/// Two have one address, and one of them lets go of it: who wanted to hear of that does.
#[test]
fn a_lost_address_is_told() {
    run(async |family| {
        let (a, b) = cable(PortConfig::default()).unwrap();
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let start = |port, n: u8| {
            let mut builder = Builder::new(Config::new([n; 16]));
            let id = builder.add_port("eth0", Mac([2, 0, 0, 0, 0, n]), port).unwrap();
            builder.add_address(id, family.cidr(A), Claim::Announce).unwrap();
            let stack = builder.start().unwrap();
            let tell = tell.clone();
            stack.hear_losses(move |address, why| {
                let _ = tell.send((n, address, why));
            });
            stack
        };
        let _both = (start(a, A), start(b, B));
        let (n, address, why) = told.recv().await.unwrap();
        assert_eq!(address, family.host(A));
        let other = Mac([2, 0, 0, 0, 0, if n == A { B } else { A }]);
        // Who only asks for an address of IPv6 does not say who it is.
        let Loss::Taken { by } = why else { panic!("{why:?}") };
        assert!(by == Some(other) || by.is_none() && family == Family::V6, "{by:?}");
    });
}

/// As with tokio's own sockets: who always finds something to read lets others have their turn.
#[test]
fn who_always_finds_something_lets_others_have_their_turn() {
    run(async |family| {
        const LEN: usize = 40_000;
        let (a, b) = pair(family);
        let listener = TcpListener::bind(&b, at(family.any(), 9)).unwrap();
        let mut client = TcpStream::connect(&a, at(family.host(B), 9)).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        client.write_all(&[7; LEN]).await.unwrap();
        while server.info().unwrap().readable < LEN {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let (turns, other) = count_turns();
        for _ in 0..LEN {
            assert_eq!(server.read_u8().await.unwrap(), 7);
        }
        // tokio gives a task 128 such turns.
        assert!(turns.load(Ordering::Relaxed) >= 200, "{turns:?}");
        other.abort();
    });
}

/// The same of datagrams: who sends as fast as may be, and who looks at one again and again.
#[test]
fn datagrams_let_others_have_their_turn() {
    run(async |family| {
        let (a, b) = pair(family);
        let server = UdpSocket::bind(&b, at(family.any(), 53)).unwrap();
        let client = UdpSocket::bind(&a, at(family.any(), 0)).unwrap();
        let (turns, other) = count_turns();
        for _ in 0..2000 {
            client.send_to(b"news", at(family.host(B), 53)).await.unwrap();
        }
        let while_sent = turns.load(Ordering::Relaxed);
        assert!(while_sent >= 10, "{while_sent}");
        let mut into = [0; 8];
        for _ in 0..2000 {
            assert_eq!(server.peek_from(&mut into).await.unwrap().0, 4);
        }
        assert!(turns.load(Ordering::Relaxed) - while_sent >= 10, "{turns:?}");
        other.abort();
    });
}

/// A task that does nothing but take its turns, and how many it had.
fn count_turns() -> (Arc<AtomicU32>, tokio::task::JoinHandle<()>) {
    let turns = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&turns);
    let task = tokio::spawn(async move {
        loop {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    (turns, task)
}
