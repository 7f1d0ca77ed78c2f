//! What is refused, where and why; and that no text makes the interpreter stumble.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use scripts::{IpVersion, Options, Verdict, run};

fn refusal(script: &str) -> String {
    let outcome = run(script, &Options::default());
    assert!(matches!(outcome.verdict, Verdict::Refused(_)), "{}", outcome.describe("x"));
    outcome.describe("x.pkt")
}

/// Lines behind `0 socket(…) = 3`, each refused.
fn check(lines: &[&str], expected: Expect) {
    let all: Vec<_> = lines
        .iter()
        .map(|line| {
            let first = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n";
            format!("{line}\n    {}\n", refusal(&format!("{first}{line}\n")))
        })
        .collect();
    expected.assert_eq(&all.concat());
}

#[test]
fn calls() {
    check(
        &[
            "+0 sockt(..., SOCK_STREAM, IPPROTO_TCP) = 4",
            "+0 socket(..., SOCK_STREM, IPPROTO_TCP) = 4",
            "+0 socket(..., SOCK_STREAM) = 4",
            "+0 bind(3, 0, ...) = 0",
            "+0 bind(3, {sa_family=AF_INET, sin_port=htons(80)}, 16) = 0",
            "+0 bind(3, {sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr(\"192.168.0.2\")}, \
             16) = 0",
            "+0 connect(3, {sa_family=AF_INET6, sin_port=htons(80), sin_addr=inet_addr(\"1.2.3.4\")}, \
             16) = 0",
            "+0 connect(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"1.2.3\")}, \
             16) = 0",
            "+0 setsockopt(3, SOL_SOCKET, SO_RCVTIMEO, {tv_sec=1}, 16) = 0",
            "+0 setsockopt(3, SOL_TCP, TCP_MD5SIG, [1], 4) = 0",
            "+0 setsockopt(3, SOL_TCP, TCP_ULP, \"tls\", 4) = 0",
            "+0 read(3, ..., 10) = -1 EAGIAN (Resource temporarily unavailable)",
            "+0 read(3, ..., 10) = 5 EAGAIN (Resource temporarily unavailable)",
            "+0 read(3, ..., -1) = 0",
            "+0 read(3, ..., 10) 0",
            "+0 send(3, ..., 10, MSG_CONFIRM) = 10",
            "+0 sendto(3, ..., 10, 0, ...) = 10",
            "+0 writev(3, [{..., 10}, {..., 20}], 3) = 30",
            "+0 sendmsg(3, {msg_iov(1)=[{..., 10}], msg_name(...)=..., msg_flags=0}, 0) = 10",
            "+0 recvmsg(3, {msg_name(...)=..., msg_iov(1)=[{..., 10}], msg_flags=MSG_ERRQUEUE, \
             msg_control=[{cmsg_level=SOL_IP, cmsg_type=IP_RECVERR, cmsg_data=1}]}, 0) = 0",
            "+0 poll([{fd=3, event=POLLIN}], 1, 0) = 0",
            "+0 poll([{fd=3, events=POLLIN}], 2, 0) = 0",
            "+0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, 1, 4) = 0",
            "+0 setsockopt(3, SOL_TCP, TCP_REPAIR, [1], 4) = 0",
            "+0 setsockopt(3, SOL_TCP, TCP_CONGESTION, \"bbr\", 3) = 0",
            "+0 setsockopt(3, SOL_TCP, TCP_CONGESTION, \"reno, 4) = 0",
            "+0 open(\"file\", O_WRONLY) = 4",
            "+0 sendfile(3, 4, 0, 10) = 10",
            "+0 close((3)) = 0",
            "+0 epoll_ctl(5, EPOLL_CTL_ADD, 3, {events=EPOLLIN}) = 0",
            "+.2...0.1 close(3) = 0",
        ],
        expect![[r#"
            +0 sockt(..., SOCK_STREAM, IPPROTO_TCP) = 4
                x.pkt:2:4: refused: unknown system call 'sockt'
            +0 socket(..., SOCK_STREM, IPPROTO_TCP) = 4
                x.pkt:2:16: refused: unknown name 'SOCK_STREM'
            +0 socket(..., SOCK_STREAM) = 4
                x.pkt:2:4: refused: socket does not take 2 arguments
            +0 bind(3, 0, ...) = 0
                x.pkt:2:12: refused: expected '...' or {sa_family=…, …}
            +0 bind(3, {sa_family=AF_INET, sin_port=htons(80)}, 16) = 0
                x.pkt:2:12: refused: expected {sa_family=…, sin_port=…, sin_addr=…}
            +0 bind(3, {sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr("192.168.0.2")}, 16) = 0
                x.pkt:2:1: refused: bind to whatever port is free
            +0 connect(3, {sa_family=AF_INET6, sin_port=htons(80), sin_addr=inet_addr("1.2.3.4")}, 16) = 0
                x.pkt:2:15: refused: the address is not of its family
            +0 connect(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("1.2.3")}, 16) = 0
                x.pkt:2:64: refused: this is no address
            +0 setsockopt(3, SOL_SOCKET, SO_RCVTIMEO, {tv_sec=1}, 16) = 0
                x.pkt:2:43: refused: expected 'tv_usec' here
            +0 setsockopt(3, SOL_TCP, TCP_MD5SIG, [1], 4) = 0
                x.pkt:2:1: refused: option 14 of level 6 is not supported
            +0 setsockopt(3, SOL_TCP, TCP_ULP, "tls", 4) = 0
                x.pkt:2:1: refused: option 31 of level 6 is not supported
            +0 read(3, ..., 10) = -1 EAGIAN (Resource temporarily unavailable)
                x.pkt:2:26: refused: unknown error 'EAGIAN'
            +0 read(3, ..., 10) = 5 EAGAIN (Resource temporarily unavailable)
                x.pkt:2:23: refused: a call that fails returns -1
            +0 read(3, ..., -1) = 0
                x.pkt:2:17: refused: length -1 is not between 0 and 67108864
            +0 read(3, ..., 10) 0
                x.pkt:2:21: refused: expected '=' but found '0'
            +0 send(3, ..., 10, MSG_CONFIRM) = 10
                x.pkt:2:21: refused: flags 0x800 are not supported
            +0 sendto(3, ..., 10, 0, ...) = 10
                x.pkt:2:4: refused: sendto does not take these arguments
            +0 writev(3, [{..., 10}, {..., 20}], 3) = 30
                x.pkt:2:38: refused: there are 2 buffers
            +0 sendmsg(3, {msg_iov(1)=[{..., 10}], msg_name(...)=..., msg_flags=0}, 0) = 10
                x.pkt:2:15: refused: expected 'msg_name' here
            +0 recvmsg(3, {msg_name(...)=..., msg_iov(1)=[{..., 10}], msg_flags=MSG_ERRQUEUE, msg_control=[{cmsg_level=SOL_IP, cmsg_type=IP_RECVERR, cmsg_data=1}]}, 0) = 0
                x.pkt:2:148: refused: expected {ee_errno, ee_origin, ee_type, ee_code, ee_info, ee_data}
            +0 poll([{fd=3, event=POLLIN}], 1, 0) = 0
                x.pkt:2:10: refused: expected 'events' here
            +0 poll([{fd=3, events=POLLIN}], 2, 0) = 0
                x.pkt:2:34: refused: there are 1 sockets
            +0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, 1, 4) = 0
                x.pkt:2:44: refused: expected [a number], a text or {onoff=…, linger=…}
            +0 setsockopt(3, SOL_TCP, TCP_REPAIR, [1], 4) = 0
                x.pkt:2:1: refused: option 19 of level 6 is not supported
            +0 setsockopt(3, SOL_TCP, TCP_CONGESTION, "bbr", 3) = 0
                x.pkt:2:1: refused: congestion control 'bbr'
            +0 setsockopt(3, SOL_TCP, TCP_CONGESTION, "reno, 4) = 0
                x.pkt:2:43: refused: " has no counterpart
            +0 open("file", O_WRONLY) = 4
                x.pkt:2:17: refused: files can only be read
            +0 sendfile(3, 4, 0, 10) = 10
                x.pkt:2:19: refused: expected [a number]
            +0 close((3)) = 0
                x.pkt:2:10: refused: expected an argument but found '('
            +0 epoll_ctl(5, EPOLL_CTL_ADD, 3, {events=EPOLLIN}) = 0
                x.pkt:2:35: refused: expected one of fd, ptr, u32 and u64
            +.2...0.1 close(3) = 0
                x.pkt:2:4: refused: the call ends before it begins
        "#]],
    );
}

#[test]
fn packets() {
    check(
        &[
            "+0 < S 0:0(0) <mss 1460>",
            "+0 < S 0:0(0) win 65536",
            "+0 < S 0:1(0) win 100",
            "+0 < X 0:0(0) win 100",
            "+0 < SS 0:0(0) win 100",
            "+0 < P.8 0:0(0) win 100",
            "+0 < PE.1 0:0(0) win 100",
            "+0 < S 0:0(0) win 100 <mss>",
            "+0 < S 0:0(0) win 100 <mss 1460,sackOk>",
            "+0 < S 0:0(0) win 100 <sackOK>",
            "+0 < S 0:0(0) win 100 <...>",
            "+0 < S 0:0(0) win 100 <mss 1,mss 1,mss 1,mss 1,mss 1,mss 1,mss 1,mss 1,mss 1,mss 1,mss 1>",
            "+0 < S 0:0(0) win 100 <FO 123,nop>",
            "+0 > S 0:0(0) <ECN e0b 1 e1b 2,nop>",
            "+0 > S 0:0(0) <ECN e0b 16777216,nop,nop,nop>",
            "+0 > S 0:0(0) <exp_ecn e0b 1>",
            "+0 < S 0:0(0) ack win 100",
            "+0 > S 0:0(0) window 100",
            "+0 < . ...(0) ack 1 win 100",
            "+0 < . 1:1(0) ack ... win 100",
            "+0 < . 1:1(0) ack 1 win 100 <nop,nop,TS val ... ecr 1>",
            "+0 > . 1:1(0) ack 1 <mp_capable a b>",
            "+0 > . 1:1(0) ack 1/udp(9899 > 32000)",
            "+0 > udplite (10, 8)",
            "+0 > sctp: DATA[]",
            "+0 > [ecn] S 0:0(0)",
            "+0 > [tos 16] S 0:0(0)",
            "+0 > [ect0, ce] S 0:0(0)",
            "+0 < [ect01] S 0:0(0) win 100",
            "+0 > [flowlabel 0x1] S 0:0(0)",
            "+0 > ipv4 192.0.2.1 > 192.168.0.2: S 0:0(0)",
            "+0 > gre: S 0:0(0)",
            "+0 < S 0:0(0) win 100 {mut tcp mss}",
            "+0 < icmp unreachabel",
            "+0 < icmp unreachable frag_neded mtu 1000 [1:1(0)]",
            "+0 < icmp unreachable host_unreachable mtu 1000 [1:1(0)]",
            "+0 < icmp packet_too_big mtu 1000 [1:1(0)]",
            "+0 < udp 100",
        ],
        expect![[r#"
            +0 < S 0:0(0) <mss 1460>
                x.pkt:2:6: refused: inbound segments need 'win'
            +0 < S 0:0(0) win 65536
                x.pkt:2:19: refused: a window 65536 is not between 0 and 65535
            +0 < S 0:1(0) win 100
                x.pkt:2:8: refused: 0:1 is not 0 bytes
            +0 < X 0:0(0) win 100
                x.pkt:2:6: refused: unknown flag of TCP 'X'
            +0 < SS 0:0(0) win 100
                x.pkt:2:6: refused: flag 'S' stands there twice
            +0 < P.8 0:0(0) win 100
                x.pkt:2:6: refused: unknown flag of TCP '8'
            +0 < PE.1 0:0(0) win 100
                x.pkt:2:6: refused: flags E, W and A cannot stand beside their number
            +0 < S 0:0(0) win 100 <mss>
                x.pkt:2:27: refused: expected mss but found '>'
            +0 < S 0:0(0) win 100 <mss 1460,sackOk>
                x.pkt:2:33: refused: unknown option of TCP 'sackOk'
            +0 < S 0:0(0) win 100 <sackOK>
                x.pkt:2:24: refused: options of 2 bytes: a header takes a multiple of 4, at most 40
            +0 < S 0:0(0) win 100 <...>
                x.pkt:2:24: refused: <...> is for outbound segments
            +0 < S 0:0(0) win 100 <mss 1,mss 1,mss 1,mss 1,mss 1,mss 1,mss 1,mss 1,mss 1,mss 1,mss 1>
                x.pkt:2:24: refused: options of 44 bytes: a header takes a multiple of 4, at most 40
            +0 < S 0:0(0) win 100 <FO 123,nop>
                x.pkt:2:27: refused: '123' is not up to 16 bytes in hexadecimal
            +0 > S 0:0(0) <ECN e0b 1 e1b 2,nop>
                x.pkt:2:20: refused: expected 'e0b … ceb … e1b …' or 'e1b … ceb … e0b …'
            +0 > S 0:0(0) <ECN e0b 16777216,nop,nop,nop>
                x.pkt:2:24: refused: a counter 16777216 is not between 0 and 16777215
            +0 > S 0:0(0) <exp_ecn e0b 1>
                x.pkt:2:16: refused: accurate ECN as an experiment is not supported
            +0 < S 0:0(0) ack win 100
                x.pkt:2:19: refused: expected an acknowledgement but found 'win'
            +0 > S 0:0(0) window 100
                x.pkt:2:15: refused: expected a time but found 'window'
            +0 < . ...(0) ack 1 win 100
                x.pkt:2:8: refused: '...' is for outbound segments
            +0 < . 1:1(0) ack ... win 100
                x.pkt:2:19: refused: '...' is for outbound segments
            +0 < . 1:1(0) ack 1 win 100 <nop,nop,TS val ... ecr 1>
                x.pkt:2:45: refused: '...' is for outbound segments
            +0 > . 1:1(0) ack 1 <mp_capable a b>
                x.pkt:2:22: refused: 'mp_capable': MPTCP is not supported
            +0 > . 1:1(0) ack 1/udp(9899 > 32000)
                x.pkt:2:20: refused: segments inside udp are not supported
            +0 > udplite (10, 8)
                x.pkt:2:6: refused: udplite is not supported
            +0 > sctp: DATA[]
                x.pkt:2:6: refused: sctp is not supported
            +0 > [ecn] S 0:0(0)
                x.pkt:2:7: refused: unknown field of IP 'ecn'
            +0 > [tos 16] S 0:0(0)
                x.pkt:2:11: refused: expected tos as 0x… but found '16'
            +0 > [ect0, ce] S 0:0(0)
                x.pkt:2:13: refused: 'ce' is one too many
            +0 < [ect01] S 0:0(0) win 100
                x.pkt:2:7: refused: [ect01] is for outbound packets
            +0 > [flowlabel 0x1] S 0:0(0)
                x.pkt:2:4: refused: IPv4 has no flow label
            +0 > ipv4 192.0.2.1 > 192.168.0.2: S 0:0(0)
                x.pkt:2:6: refused: packets inside ipv4 are not supported
            +0 > gre: S 0:0(0)
                x.pkt:2:6: refused: packets inside gre are not supported
            +0 < S 0:0(0) win 100 {mut tcp mss}
                x.pkt:2:23: refused: mutated packets are not supported
            +0 < icmp unreachabel
                x.pkt:2:11: refused: unknown type of ICMP 'unreachabel'
            +0 < icmp unreachable frag_neded mtu 1000 [1:1(0)]
                x.pkt:2:23: refused: unknown code of ICMP 'frag_neded'
            +0 < icmp unreachable host_unreachable mtu 1000 [1:1(0)]
                x.pkt:2:44: refused: this message says no MTU
            +0 < icmp packet_too_big mtu 1000 [1:1(0)]
                x.pkt:2:11: refused: unknown type of ICMP 'packet_too_big'
            +0 < udp 100
                x.pkt:3:1: refused: expected '>' but found the end of the script
        "#]],
    );
}

#[test]
fn times_and_the_rest() {
    check(
        &[
            "0.5~0.4 > S 0:0(0)",
            "+0.1~0.2 > S 0:0(0)",
            "0.1~0.2 < S 0:0(0) win 100",
            "* close(3) = 0",
            "-1 close(3) = 0",
            "+100000 close(3) = 0",
            "0.1 close(3) = 0\n0.05 close(3) = 0",
            "+0 `rm -rf /`",
            "+0 `sysctl net.ipv4.tcp_frobnicate=1`",
            "+0 `sysctl net.ipv4.tcp_sack=3`",
            "+0 `sysctl -a`",
            "+0 `true",
            "+0 %{ assert tcpi_cwnd == 10 }%",
            "+0 %{ assert tcpi_pacing_rate > 0 }%",
            "+0 %{ assert tcpi_rtt = 10 }%",
            "+0 %{\nx = 1\nassert y == 1\n}%",
            "+0 %{ import os }%",
            "+0 %{ assert open('x') }%",
            "+0 %{ assert 1",
            "+0 /* no end",
            "+0 ?",
            "#ifdef FreeBSD\n+0 close(3) = 0",
            "#ifdef Plan9\n#endif",
            "+0 `sleep 100000`",
            "+0 `sysctl net.inet.tcp.newcwv.enable=1`",
            "+0 `nstat | grep x`",
            "+0 `true`\n`true`\n`true`",
        ],
        expect![[r#"
            0.5~0.4 > S 0:0(0)
                x.pkt:2:1: refused: the range of time goes back
            +0.1~0.2 > S 0:0(0)
                x.pkt:2:6: refused: expected '+' but found '0.2'
            0.1~0.2 < S 0:0(0) win 100
                x.pkt:2:1: refused: '*' and ranges of time are for outbound packets
            * close(3) = 0
                x.pkt:2:1: refused: '*' and ranges of time are for outbound packets
            -1 close(3) = 0
                x.pkt:2:1: refused: a time below zero
            +100000 close(3) = 0
                x.pkt:2:2: refused: a time above 86400 seconds
            0.1 close(3) = 0
            0.05 close(3) = 0
                x.pkt:3:1: refused: time goes back
            +0 `rm -rf /`
                x.pkt:2:4: refused: command 'rm -rf /' is not supported
            +0 `sysctl net.ipv4.tcp_frobnicate=1`
                x.pkt:2:4: refused: sysctl net.ipv4.tcp_frobnicate is not supported
            +0 `sysctl net.ipv4.tcp_sack=3`
                x.pkt:2:4: refused: sysctl net.ipv4.tcp_sack cannot be '3' here
            +0 `sysctl -a`
                x.pkt:2:4: refused: sysctl: '-a' sets nothing
            +0 `true
                x.pkt:2:4: refused: ` has no counterpart
            +0 %{ assert tcpi_cwnd == 10 }%
                x.pkt:2:14: refused: code: 'tcpi_cwnd' is unknown
            +0 %{ assert tcpi_pacing_rate > 0 }%
                x.pkt:2:14: refused: code: 'tcpi_pacing_rate' is not measured here
            +0 %{ assert tcpi_rtt = 10 }%
                x.pkt:2:23: refused: code: expected the end of a statement
            +0 %{
            x = 1
            assert y == 1
            }%
                x.pkt:4:8: refused: code: 'y' is unknown
            +0 %{ import os }%
                x.pkt:2:7: refused: code: 'import' begins no statement that is known
            +0 %{ assert open('x') }%
                x.pkt:2:14: refused: code: 'open' is unknown
            +0 %{ assert 1
                x.pkt:2:4: refused: %{ has no }%
            +0 /* no end
                x.pkt:2:4: refused: a comment has no end
            +0 ?
                x.pkt:2:4: refused: expected a packet, a call, a command or code but found '?'
            #ifdef FreeBSD
            +0 close(3) = 0
                x.pkt:2:1: refused: #ifdef has no #endif
            #ifdef Plan9
            #endif
                x.pkt:2:1: refused: unknown system 'Plan9'
            +0 `sleep 100000`
                x.pkt:2:4: refused: cannot sleep '100000'
            +0 `sysctl net.inet.tcp.newcwv.enable=1`
                x.pkt:2:4: refused: sysctl net.inet.tcp.newcwv.enable cannot be '1' here
            +0 `nstat | grep x`
                x.pkt:2:4: refused: command 'nstat | grep x' is not supported
            +0 `true`
            `true`
            `true`
                x.pkt:4:1: refused: expected nothing behind the last command but found a command in back quotes
        "#]],
    );
}

#[test]
fn the_beginning() {
    let all: Vec<_> = [
        "",
        "// nothing\n",
        "1 close(3) = 0\n",
        "--ip_version=ipv5\n0 close(3) = 0\n",
        "--mtu=60\n0 close(3) = 0\n",
        "--local_ip=::1\n0 close(3) = 0\n",
        "--wire_client\n0 close(3) = 0\n",
        "--non_fatal=all\n0 close(3) = 0\n",
        "--frobnicate\n0 close(3) = 0\n",
        "--tolerance_usecs=\n0 close(3) = 0\n",
        "--define=X\n0 close(3) = 0\n",
        "--profile=windows\n0 close(3) = 0\n",
    ]
    .iter()
    .map(|script| format!("{:?}\n    {}\n", script, refusal(script)))
    .collect();
    expect![[r#"
        ""
            x.pkt:1:1: refused: expected an event but found the end of the script
        "// nothing\n"
            x.pkt:2:1: refused: expected an event but found the end of the script
        "1 close(3) = 0\n"
            x.pkt:1:1: refused: the first event must be at time 0
        "--ip_version=ipv5\n0 close(3) = 0\n"
            x.pkt:1:1: refused: --ip_version cannot be 'ipv5'
        "--mtu=60\n0 close(3) = 0\n"
            x.pkt:1:1: refused: --mtu cannot be '60'
        "--local_ip=::1\n0 close(3) = 0\n"
            x.pkt:1:1: refused: the addresses are not of --ip_version
        "--wire_client\n0 close(3) = 0\n"
            x.pkt:1:1: refused: option --wire_client is not supported: both ends are in one process, in virtual time
        "--non_fatal=all\n0 close(3) = 0\n"
            x.pkt:1:1: refused: --non_fatal cannot be 'all'
        "--frobnicate\n0 close(3) = 0\n"
            x.pkt:1:1: refused: option --frobnicate is unknown
        "--tolerance_usecs=\n0 close(3) = 0\n"
            x.pkt:1:19: refused: '=' without a value
        "--define=X\n0 close(3) = 0\n"
            x.pkt:1:1: refused: --define needs NAME=VALUE
        "--profile=windows\n0 close(3) = 0\n"
            x.pkt:1:1: refused: --profile cannot be 'windows'
    "#]]
    .assert_eq(&all.concat());
}

#[test]
fn defines_stand_for_words() {
    let script = "0 socket(..., KIND, IPPROTO_TCP) = 3\n+0 CALL(3) = 0\n";
    let define = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let defines = vec![define("KIND", "SOCK_STREAM"), define("CALL", "close")];
    let options = Options { defines, ..Options::default() };
    assert!(run(script, &options).is_passed());
    assert!(!run(script, &Options::default()).is_passed());
    // What the script says of such a word does not count.
    let overruled = format!("--define=KIND=SOCK_SEQPACKET\n{script}");
    assert!(run(&overruled, &options).is_passed());
}

#[test]
fn what_is_forgiven_is_told() {
    let script = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n\
                  +0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n\
                  +0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)\n\
                  +0 > S 0:0(0) win 1 <...>\n\
                  +0 listen(3, 1) = 0\n";
    let forgiving = |kinds: &str| {
        let settings = vec![("non_fatal".to_owned(), Some(kinds.to_owned()))];
        run(script, &Options { settings, ..Options::default() })
    };
    let outcome = forgiving("packet,syscall");
    assert!(outcome.is_passed());
    expect![[r#"
        x:4:1: warning: error handling packet: live packet field tcp_window: expected: 1 (0x1) vs actual: 64240 (0xfaf0)
        script packet: 0.000000 S 0:0(0) win 1 <...>
        actual packet: 0.000000 S 0:0(0) win 64240 <mss 1460,sackOK,TS val 1856702511 ecr 0,nop,wscale 7>
        x:5:1: warning: runtime error in listen call: Expected result 0 but got -1 with errno 22 (EINVAL)
        x: ok"#]].assert_eq(&outcome.describe("x"));
    assert!(!forgiving("packet").is_passed(), "a call is no packet");
    assert!(!forgiving("syscall").is_passed(), "a packet is no call");
}

#[test]
fn who_plays_a_script_may_choose() {
    let script = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n\
                  +0...0 connect(3, ..., ...) = 0\n\
                  +0 > S 0:0(0) <mss 1440,nop,wscale 6,sackOK,TS val 1 ecr 0>\n";
    let set = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
    let settings = vec![set("profile", "freebsd"), set("ip_version", "ipv6")];
    let outcome = run(script, &Options { settings, ..Options::default() });
    assert_eq!(
        outcome.describe("x"),
        "x:2:1: exiting while a blocking system call is in progress",
        "the segment was right"
    );
    assert_eq!(IpVersion::named("ipv6"), Some(IpVersion::V6));
}

/// Pieces of scripts, to be put together in any order.
const PIECES: [&str; 44] = [
    "0 ",
    "+0 ",
    "+.1 ",
    "* ",
    "+.1~+.2 ",
    "0...0.5 ",
    "< ",
    "> ",
    "S ",
    "S. ",
    ". ",
    "FP. ",
    "- ",
    "0:0(0) ",
    "1:101(100) ",
    "ack 1 ",
    "win 1000 ",
    "urg 1 ",
    "<mss 1000,nop,nop,sackOK> ",
    "<...> ",
    "[ect0] ",
    "icmp unreachable ",
    "frag_needed mtu 1000 [1:1(0)] ",
    "udp (10) ",
    "socket(..., SOCK_STREAM, IPPROTO_TCP) = 3",
    "bind(3, ..., ...) = 0",
    "listen(3, 1) = 0",
    "accept(3, ..., ...) = 4",
    "connect(3, ..., ...) = 0",
    "write(4, ..., 100) = 100",
    "read(4, ..., 100) = 100",
    "close(4) = 0",
    "close(3) = 0",
    "= -1 EAGAIN (no)",
    "\n",
    "\n",
    "\n",
    "%{ assert tcpi_rtt > 0 }%",
    "`true`",
    "{",
    "}",
    "[",
    "]",
    "--mtu=1000 ",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn no_text_makes_it_stumble(text in "\\PC{0,200}") {
        run(&text, &Options::default());
    }

    #[test]
    fn no_script_makes_it_stumble(pieces in prop::collection::vec(0..PIECES.len(), 0..40)) {
        let text: String = pieces.iter().map(|n| PIECES[*n]).collect();
        run(&text, &Options::default());
    }
}
