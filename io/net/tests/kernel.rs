//! Our stack and the kernel's, over a TAP device or a packet socket, in a network namespace that the test makes for
//! itself: nothing outside sees it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod namespace;

use std::io::{Read, Write};
use std::process::Command;
use std::thread;
use std::time::Duration;

use base::Mac;
use host::Config;
use ip::{InterfaceId, Prefix, Route};
use neighbor::Claim;
use net::{
    Builder, Inlet, Mode, PacketSocket, Port, PortConfig, Stack, Tap, TcpListener, TcpStream,
    UdpSocket, join,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use namespace::family::at;
use namespace::{Family, in_namespace_over_each, sh};

/// A device between the kernel and a stack of ours.
fn stack(family: Family) -> Stack {
    stack_on_tap(family, PortConfig::default())
}

/// The same, on which nobody leaves anything to the other: every frame is a whole packet.
fn stack_on_plain_tap(family: Family) -> Stack {
    stack_on_tap(family, PortConfig { has_offloads: false, ..PortConfig::default() })
}

fn stack_on_tap(family: Family, config: PortConfig) -> Stack {
    let tap = Tap::open("hepta%d", Mode::Tap, config).unwrap();
    let name = tap.name().to_owned();
    give_kernel_its_address(family, &name);
    stack_on(family, &name, tap)
}

/// A cable between the kernel and a stack of ours, whose end the kernel has too.
fn stack_on_packets(family: Family) -> Stack {
    make_veth(family);
    stack_on(family, "ours0", PacketSocket::open("ours0", PortConfig::default()).unwrap())
}

fn make_veth(family: Family) {
    sh("ip link add kernel0 type veth peer name ours0");
    sh("ip link set ours0 up");
    give_kernel_its_address(family, "kernel0");
}

fn give_kernel_its_address(family: Family, name: &str) {
    let kernel = family.cidr(1);
    // Nobody is asked whether he has it.
    let nodad = if family == Family::V6 { "nodad" } else { "" };
    sh(&format!("ip addr add {kernel} dev {name} {nodad}"));
    sh(&format!("ip link set {name} up"));
    sh("ip link set lo up");
}

fn stack_on(family: Family, name: &str, port: impl Port + 'static) -> Stack {
    build(family, name, port, |_, _| {})
}

/// One of several stacks, and what the others hear for it.
fn stack_at_queue(family: Family, queue: impl Port + 'static, inlet: Inlet) -> Stack {
    build(family, "hepta", queue, |builder, id| builder.add_inlet(id, inlet))
}

fn build(
    family: Family,
    name: &str,
    port: impl Port + 'static,
    more: impl FnOnce(&mut Builder, InterfaceId),
) -> Stack {
    let mut builder = Builder::new(Config::new([9; 16]));
    let id = builder.add_port(name, Mac([2, 0, 0, 0, 0, 9]), port).unwrap();
    more(&mut builder, id);
    builder.add_address(id, family.cidr(2), Claim::Announce).unwrap();
    builder.start().unwrap()
}

#[test]
fn the_kernel_answers_pings() {
    in_namespace_over_each("the_kernel_answers_pings", async |family| {
        let stack = stack(family);
        for len in [0, 56, family.payload_len_max(), 4000] {
            let took = stack.ping(family.kernel(), &vec![1; len]).await.unwrap();
            assert!(took < Duration::from_secs(2), "{took:?}");
        }
    });
}

#[test]
fn the_kernel_connects_to_us() {
    in_namespace_over_each("the_kernel_connects_to_us", async |family| {
        echo_to_the_kernel(&stack(family), family).await
    });
}

#[test]
fn the_kernel_connects_to_us_without_offloads() {
    in_namespace_over_each("the_kernel_connects_to_us_without_offloads", async |family| {
        echo_to_the_kernel(&stack_on_plain_tap(family), family).await;
    });
}

#[test]
fn a_thread_of_the_kernels_takes_our_frames() {
    in_namespace_over_each("a_thread_of_the_kernels_takes_our_frames", async |family| {
        let plain = PortConfig { has_offloads: false, ..PortConfig::default() };
        let config = PortConfig { has_napi_thread: true, ..plain };
        let tap = Tap::open("threaded0", Mode::Tap, config).unwrap();
        assert!(is_taken_by_thread("threaded0"));
        give_kernel_its_address(family, "threaded0");
        echo_to_the_kernel(&stack_on(family, "threaded0", tap), family).await;
        let others = Tap::open("untouched0", Mode::Tap, PortConfig::default()).unwrap();
        assert!(!is_taken_by_thread(others.name()));
    });
}

/// What the system's files of this network namespace say of the device; those at `/sys` may be of another.
fn is_taken_by_thread(device: &str) -> bool {
    let look = format!("mount -t sysfs here /sys && cat /sys/class/net/{device}/threaded");
    let output = Command::new("unshare").args(["--mount", "sh", "-c", &look]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout == b"1\n"
}

/// A stack that looks for frames serves as one that sleeps, and sleeps when none have come for a while.
#[test]
fn who_looks_busily_for_a_while_sleeps_then() {
    in_namespace_over_each("who_looks_busily_for_a_while_sleeps_then", async |family| {
        let tap = Tap::open("hepta0", Mode::Tap, PortConfig::default()).unwrap();
        give_kernel_its_address(family, "hepta0");
        let stack = build(family, "hepta0", tap, |builder, _| {
            builder.busy_poll(Duration::from_millis(200));
        });
        echo_to_the_kernel(&stack, family).await;
        let before = cpu_time();
        stack.ping(family.kernel(), &[1; 56]).await.unwrap();
        thread::sleep(Duration::from_millis(150));
        let looking = cpu_time();
        assert!(looking - before > Duration::from_millis(10), "{:?}", looking - before);
        // The kernel may have a word with its new neighbour now and then.
        let mut idle = Vec::new();
        for _ in 0..5 {
            let before = cpu_time();
            thread::sleep(Duration::from_secs(1));
            idle.push(cpu_time() - before);
        }
        let least = idle.iter().min().unwrap();
        assert!(*least < Duration::from_millis(100), "{idle:?}");
    });
}

/// What this process used of all cores.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Two stacks at two queues of a device have one address; each flow stays with one of them, and both
/// learn who is where, whichever of them hears it.
async fn two_stacks_serve<P: Port + 'static>(ports: Vec<P>, family: Family) {
    const STREAMS: usize = 32;
    let joined = join(ports).unwrap().into_iter();
    let stacks: Vec<Stack> =
        joined.map(|(queue, inlet)| stack_at_queue(family, queue, inlet)).collect();
    let mut serving = Vec::new();
    for stack in &stacks {
        let listener = TcpListener::bind(stack, at(family.any(), 80)).unwrap();
        let accepted = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = std::sync::Arc::clone(&accepted);
        serving.push(accepted);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    tokio::io::copy(&mut read, &mut write).await.unwrap();
                    stream.shutdown().await.unwrap();
                });
            }
        });
    }
    let client = thread::spawn(move || {
        // All at once, so that both have some.
        let streams =
            (0..STREAMS).map(|_| std::net::TcpStream::connect(at(family.ours(), 80)).unwrap());
        let mut streams: Vec<_> = streams.collect();
        for (n, stream) in streams.iter_mut().enumerate() {
            stream.write_all(&vec![n as u8; 100_000]).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
        }
        for (n, mut stream) in streams.into_iter().enumerate() {
            let mut all = Vec::new();
            stream.read_to_end(&mut all).unwrap();
            assert!(all == vec![n as u8; 100_000], "stream {n}");
        }
    });
    while !client.is_finished() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    client.join().unwrap();
    let served: Vec<_> =
        serving.iter().map(|n| n.load(std::sync::atomic::Ordering::Relaxed)).collect();
    assert_eq!(served.iter().sum::<usize>(), STREAMS);
    assert!(served.iter().all(|n| *n > 0), "{served:?}");
    // Whoever asks who has an address learns it, though the answer may come to the other.
    for stack in &stacks {
        // Pings have no ports, so the answer may come at the other queue; then it is not seen here.
        let ping = stack.ping(family.kernel(), b"are you there?");
        let _ = timeout(Duration::from_millis(200), ping).await;
        let known = stack.with(|_, host| host.neighbors().any(|one| one.mac.is_some()));
        assert!(known, "a stack knows nobody");
    }
}

#[test]
fn two_queues_of_a_device_have_a_stack_each() {
    in_namespace_over_each("two_queues_of_a_device_have_a_stack_each", async |family| {
        let config = PortConfig::default();
        let taps = Tap::open_queues("hepta%d", Mode::Tap, config, 2).unwrap();
        assert_eq!(taps[1].device().queues, 2);
        give_kernel_its_address(family, taps[0].name());
        two_stacks_serve(taps, family).await;
    });
}

#[test]
fn two_packet_sockets_have_a_stack_each() {
    in_namespace_over_each("two_packet_sockets_have_a_stack_each", async |family| {
        make_veth(family);
        let queues = PacketSocket::open_queues("ours0", PortConfig::default(), 2).unwrap();
        two_stacks_serve(queues, family).await;
    });
}

#[test]
fn one_queue_of_a_device_for_several_is_enough() {
    in_namespace_over_each("one_queue_of_a_device_for_several_is_enough", async |family| {
        sh("ip tuntap add dev tap7 mode tap multi_queue");
        let tap = Tap::open("tap7", Mode::Tap, PortConfig::default()).unwrap();
        let busy = Tap::open("tap7", Mode::Tap, PortConfig::default()).unwrap_err();
        assert_eq!(busy.kind(), std::io::ErrorKind::ResourceBusy, "it would take flows away");
        give_kernel_its_address(family, "tap7");
        let stack = stack_on(family, "tap7", tap);
        stack.ping(family.kernel(), b"are you there?").await.unwrap();
        sh("ip tuntap add dev tap8 mode tap");
        let refused = Tap::open_queues("tap8", Mode::Tap, PortConfig::default(), 2).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
    });
}

/// What is written at once leaves, and arrives, in frames that are longer than the link's packets.
#[test]
fn a_stream_crosses_in_few_frames() {
    in_namespace_over_each("a_stream_crosses_in_few_frames", async |family| {
        let stack = stack(family);
        echo_to_the_kernel(&stack, family).await;
        // By whole packets the data alone would be twice as many.
        let (counts, most) = (stack.counts(), (ECHO_LEN / 1448 / 2) as u64);
        assert!(
            counts.received < most && counts.sent < most,
            "{counts:?}, at most {most} each way"
        );
    });
}

/// The kernel leaves checksums open there, and sends more than a packet at a time.
#[test]
fn the_kernel_connects_to_us_over_a_packet_socket() {
    in_namespace_over_each("the_kernel_connects_to_us_over_a_packet_socket", async |family| {
        let stack = stack_on_packets(family);
        stack.ping(family.kernel(), b"are you there?").await.unwrap();
        echo_to_the_kernel(&stack, family).await;
    });
}

/// How much [`echo_to_the_kernel`] sends: twenty megabytes.
const ECHO_LEN: usize = 20 << 20;

/// A stream goes both ways at once.
async fn echo_to_the_kernel(stack: &Stack, family: Family) {
    const LEN: usize = ECHO_LEN;
    let listener = TcpListener::bind(stack, at(family.any(), 80)).unwrap();
    let client = thread::spawn(move || {
        let mut stream = std::net::TcpStream::connect(at(family.ours(), 80)).unwrap();
        let mut copy = stream.try_clone().unwrap();
        let writer = thread::spawn(move || {
            copy.write_all(&vec![7; LEN]).unwrap();
            copy.shutdown(std::net::Shutdown::Write).unwrap();
        });
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        writer.join().unwrap();
        all
    });
    let (mut stream, peer) = listener.accept().await.unwrap();
    assert_eq!(peer.ip(), family.kernel());
    let (mut read, mut write) = stream.split();
    let copied = tokio::io::copy(&mut read, &mut write).await.unwrap();
    stream.shutdown().await.unwrap();
    let all = client.join().unwrap();
    assert_eq!((copied, all.len()), (LEN as u64, LEN));
    assert!(all.iter().all(|byte| *byte == 7));
}

#[test]
fn we_connect_to_the_kernel() {
    in_namespace_over_each("we_connect_to_the_kernel", async |family| {
        let stack = stack(family);
        let listener = std::net::TcpListener::bind(at(family.kernel(), 8080)).unwrap();
        let server = thread::spawn(move || {
            let (mut stream, peer) = listener.accept().unwrap();
            assert_eq!(peer.ip(), family.ours());
            let mut all = Vec::new();
            stream.read_to_end(&mut all).unwrap();
            stream.write_all(&all).unwrap();
        });
        let mut stream = TcpStream::connect(&stack, at(family.kernel(), 8080)).await.unwrap();
        let data: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
        stream.write_all(&data).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut back = Vec::new();
        stream.read_to_end(&mut back).await.unwrap();
        assert!(back == data);
        server.join().unwrap();
        let refused = TcpStream::connect(&stack, at(family.kernel(), 8081)).await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    });
}

#[test]
fn datagrams_to_and_from_the_kernel() {
    in_namespace_over_each("datagrams_to_and_from_the_kernel", async |family| {
        let stack = stack(family);
        let ours = UdpSocket::bind(&stack, at(family.any(), 53)).unwrap();
        let kernels = std::net::UdpSocket::bind(at(family.kernel(), 5300)).unwrap();
        for len in [1, 1400, 9000] {
            kernels.send_to(&vec![3; len], at(family.ours(), 53)).unwrap();
            let mut into = vec![0; 10_000];
            let (got, from) = ours.recv_from(&mut into).await.unwrap();
            assert_eq!((got, from), (len, at(family.kernel(), 5300)));
            ours.send_to(&into[..got], from).await.unwrap();
            assert_eq!(kernels.recv(&mut into).unwrap(), len);
        }
        kernels.connect(at(family.ours(), 54)).unwrap();
        kernels.send(b"anybody?").unwrap();
        let refused = kernels.recv(&mut [0; 9]).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused, "by our ICMP error");
    });
}

/// A program has the kernel cut 60,200 bytes into datagrams of 1,200; they cross the device as one frame.
#[test]
fn datagrams_that_the_kernel_leaves_to_be_cut() {
    in_namespace_over_each("datagrams_that_the_kernel_leaves_to_be_cut", async |family| {
        let sends = "import socket, sys; s = socket.socket(int(sys.argv[1]), socket.SOCK_DGRAM); \
            s.setsockopt(17, 103, 1200); s.sendto(bytes(60200), (sys.argv[2], 53))";
        let version = if family == Family::V4 { libc::AF_INET } else { libc::AF_INET6 };
        let (version, ours_ip) = (version.to_string(), family.ours().to_string());
        let stack = stack(family);
        let ours = UdpSocket::bind(&stack, at(family.any(), 53)).unwrap();
        let python = Command::new("python3").args(["-c", sends, &version, &ours_ip]).output();
        if !python.is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: there is no python3, or the kernel knows no UDP_SEGMENT");
            return;
        }
        let mut into = vec![0; 10_000];
        for wanted in [1200; 50].into_iter().chain([200]) {
            assert_eq!(ours.recv_from(&mut into).await.unwrap().0, wanted);
        }
        // What the kernel says when an interface comes up is less.
        assert!(stack.counts().received < 40, "{:?}", stack.counts());
    });
}

/// The kernel passes a packet back to the link that it came from, and says by whom it would have come there
/// sooner.
#[test]
fn a_redirect_of_the_kernel_is_followed() {
    in_namespace_over_each("a_redirect_of_the_kernel_is_followed", async |family| {
        let tap = Tap::open("tap7", Mode::Tap, PortConfig::default()).unwrap();
        give_kernel_its_address(family, "tap7");
        for setting in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
            std::fs::write(format!("/proc/sys/net/{setting}"), "1").unwrap();
        }
        let stack = stack_on(family, "tap7", tap);
        // In IPv6 routers are known by their addresses of the link (RFC 4861 §8.1).
        let (router, nearer, all) = match family {
            Family::V4 => (family.kernel(), family.host(4), Prefix::ALL_V4),
            Family::V6 => {
                let shown = sh("ip -6 -o addr show dev tap7 scope link");
                let own = shown.split([' ', '/']).find(|word| word.starts_with("fe80"));
                (own.unwrap().parse().unwrap(), "fe80::4".parse().unwrap(), Prefix::ALL_V6)
            }
        };
        let far = family.elsewhere();
        sh(&format!("ip route add {far} via {nearer} dev tap7"));
        let gateway = || stack.with(|_, host| host.route_to(far).unwrap().gateway);
        stack.with(|_, host| host.add_route(Route::via(all, InterfaceId(1), router))).unwrap();
        assert_eq!(gateway(), Some(router));
        // Until the kernel has its address of the link, it sends none.
        for _ in 0..50 {
            let _ = timeout(Duration::from_millis(100), stack.ping(far, b"which way?")).await;
            if gateway() == Some(nearer) {
                return;
            }
        }
        panic!("the way is still by {:?}", gateway());
    });
}

#[test]
fn curl_gets_an_answer() {
    in_namespace_over_each("curl_gets_an_answer", async |family| {
        if Command::new("curl").arg("--version").output().is_err() {
            eprintln!("skipped curl_gets_an_answer: there is no curl");
            return;
        }
        let stack = stack(family);
        let listener = TcpListener::bind(&stack, at(family.any(), 80)).unwrap();
        let url = format!("http://{}/", at(family.ours(), 80));
        let client = thread::spawn(move || {
            Command::new("curl").args(["-gsS", "--max-time", "20", &url]).output()
        });
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = vec![0; 4096];
        let len = stream.read(&mut head).await.unwrap();
        assert!(head[..len].starts_with(b"GET / HTTP/1.1\r\n"));
        let body = "by our own TCP\n".repeat(10_000);
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
        let output = client.join().unwrap().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout == body.as_bytes());
    });
}
