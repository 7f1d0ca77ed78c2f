//! Connecting and being connected to.

use expect_test::expect;

use super::stage::{check, check_with, plain, sack};

//= test RFC 9293 §3.5: the three steps of the handshake, and data behind them.
#[test]
fn a_client_connects() {
    check(
        "
        connect
        +10ms
        < S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,TS val 700 ecr 1000,nop,wscale 8>
        write 100
        +10ms
        < . 1:1(0) ack 101 win 256 <nop,nop,TS val 710 ecr 1010>
        < P. 1:51(50) ack 101 win 256 <nop,nop,TS val 710 ecr 1010>
        read
        +1s
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460,sackOK,TS val 1000 ecr 0,wscale 7>
            < S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,TS val 700 ecr 1000,nop,wscale 8>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.010 > . 1:1(0) ack 1 win 502 <TS val 1010 ecr 700>
            => Connected
            write 100
            => wrote 100
            0.010 > P. 1:101(100) ack 1 win 502 <TS val 1010 ecr 700>
            < . 1:1(0) ack 101 win 256 <nop,nop,TS val 710 ecr 1010>
            < P. 1:51(50) ack 101 win 256 <nop,nop,TS val 710 ecr 1010>
            0.020 > . 101:101(0) ack 51 win 502 <TS val 1020 ecr 710>
            => Readable
            read
            => read 50
        "#]],
    );
}

#[test]
fn a_server_is_connected_to() {
    check_with(
        plain(),
        "
        listen
        < S 0:0(0) win 65535 <mss 1000>
        +10ms
        < . 1:1(0) ack 1 win 65535
        accept
        < P. 1:101(100) ack 1 win 65535
        write 2500
        +10ms
        < . 101:101(0) ack 2501 win 65535
        close
        +10ms
        < F. 101:101(0) ack 2502 win 65535
        +60s
        ",
        expect![[r#"
            listen
            < S 0:0(0) win 65535 <mss 1000>
            0.000 > S. 0:0(0) ack 1 win 64240 <mss 1460>
            < . 1:1(0) ack 1 win 65535
            ~ StateChanged from=SynReceived to=Established cause=AckOfSyn
            => Connected
            accept
            => accepted Some(1)
            < P. 1:101(100) ack 1 win 65535
            0.010 > . 1:1(0) ack 101 win 64240
            => Readable
            write 2500
            => wrote 2500
            0.010 > . 1:1001(1000) ack 101 win 64240
            0.010 > . 1001:2001(1000) ack 101 win 64240
            0.010 > P. 2001:2501(500) ack 101 win 64240
            < . 101:101(0) ack 2501 win 65535
            close
            ~ StateChanged from=Established to=Closed cause=UserAborted
            0.020 > R. 2501:2501(0) ack 101 win 64240
            => Closed
            < F. 101:101(0) ack 2502 win 65535
            ~ Dropped why=NoConnection
            0.030 > R 2502:2502(0) win 0
        "#]],
    );
}

//= test RFC 9293 §3.5: figure 8, both connect at the same time.
#[test]
fn both_connect_at_once() {
    check_with(
        plain(),
        "
        connect
        < S 0:0(0) win 5000 <mss 1000>
        < S. 0:0(0) ack 1 win 5000 <mss 1000>
        write 10
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460>
            < S 0:0(0) win 5000 <mss 1000>
            ~ StateChanged from=SynSent to=SynReceived cause=Syn
            0.000 > S. 0:0(0) ack 1 win 64240 <mss 1460>
            < S. 0:0(0) ack 1 win 5000 <mss 1000>
            ~ StateChanged from=SynReceived to=Established cause=AckOfSyn
            0.000 > . 1:1(0) ack 1 win 64240
            => Connected
            write 10
            => wrote 10
            0.000 > P. 1:11(10) ack 1 win 64240
        "#]],
    );
}

//= test RFC 9293 §3.5: figure 9, an old SYN is found out by the third step.
#[test]
fn an_old_syn_is_found_out() {
    check_with(
        plain(),
        "
        listen
        < S 90:90(0) win 5000 <mss 1000>
        < R 91:91(0) win 0
        < S 100:100(0) win 5000 <mss 1000>
        < . 101:101(0) ack 1 win 5000
        accept
        ",
        expect![[r#"
            listen
            < S 90:90(0) win 5000 <mss 1000>
            0.000 > S. 0:0(0) ack 91 win 64240 <mss 1460>
            < R 91:91(0) win 0
            ~ Dropped why=ResetForNobody
            < S 100:100(0) win 5000 <mss 1000>
            0.000 > S. 0:0(0) ack 101 win 64240 <mss 1460>
            < . 101:101(0) ack 1 win 5000
            ~ StateChanged from=SynReceived to=Established cause=AckOfSyn
            => Connected
            accept
            => accepted Some(1)
        "#]],
    );
}

//= test RFC 9293 §3.5.1: figure 10, a peer that has restarted finds our half-open connection.
#[test]
fn a_peer_has_restarted() {
    check_with(
        plain(),
        "
        connect
        < S. 0:0(0) ack 1 win 5000 <mss 1000>
        < S 4000:4000(0) win 5000 <mss 1000>
        < R 1:1(0) win 0
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460>
            < S. 0:0(0) ack 1 win 5000 <mss 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.000 > . 1:1(0) ack 1 win 64240
            => Connected
            < S 4000:4000(0) win 5000 <mss 1000>
            ~ Challenged why=SynInConnection
            0.000 > . 1:1(0) ack 1 win 64240
            < R 1:1(0) win 0
            ~ StateChanged from=Established to=Closed cause=Reset
            => Failed(Reset)
            => Closed
        "#]],
    );
}

//= test RFC 5681 §3.1: lost SYNs leave a window of one segment.
//= test RFC 6298 §5.7: and a timeout of three seconds.
#[test]
fn lost_syns() {
    check_with(
        plain(),
        "
        connect
        +8s
        < S. 0:0(0) ack 1 win 50000 <mss 1000>
        info cwnd timeouts rto
        write 3000
        +4s
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460>
            1.000 > S 0:0(0) win 64240 <mss 1460>
            2.000 > S 0:0(0) win 64240 <mss 1460>
            3.000 > S 0:0(0) win 64240 <mss 1460>
            4.000 > S 0:0(0) win 64240 <mss 1460>
            5.000 > S 0:0(0) win 64240 <mss 1460>
            7.000 > S 0:0(0) win 64240 <mss 1460>
            < S. 0:0(0) ack 1 win 50000 <mss 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            8.000 > . 1:1(0) ack 1 win 64240
            => Connected
            info cwnd timeouts rto
            => timeouts: 0 rto: 3s cwnd: 1
            write 3000
            => wrote 3000
            8.000 > . 1:1001(1000) ack 1 win 64240
            11.000 > . 1:1001(1000) ack 1 win 64240
        "#]],
    );
}

//= test RFC 9293 §3.10.7.3: data and FIN may come with the SYN.
#[test]
fn data_with_the_answer() {
    check_with(
        plain(),
        "
        connect
        < SFP. 0:10(10) ack 1 win 5000 <mss 1000>
        read
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460>
            < SFP. 0:10(10) ack 1 win 5000 <mss 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            ~ StateChanged from=Established to=CloseWait cause=Fin
            0.000 > . 1:1(0) ack 12 win 64240
            => Connected
            => Readable
            => PeerFinished
            read
            => read 10
        "#]],
    );
}

//= test RFC 9293 §3.7.1: who says nothing takes 536.
//= test RFC 7323 §2.3: a scale beyond fourteen is fourteen.
#[test]
fn options_that_are_not_there() {
    check(
        "
        connect
        < S. 0:0(0) ack 1 win 5000
        info mss scale has_sack has_timestamps
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460,sackOK,TS val 1000 ecr 0,wscale 7>
            < S. 0:0(0) ack 1 win 5000
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.000 > . 1:1(0) ack 1 win 64240
            => Connected
            info mss scale has_sack has_timestamps
            => has_timestamps: false has_sack: false scale: None mss: 536
        "#]],
    );
    check(
        "
        connect
        < S. 0:0(0) ack 1 win 5000 <mss 9000,wscale 15,sackOK>
        info mss scale has_sack has_timestamps
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460,sackOK,TS val 1000 ecr 0,wscale 7>
            < S. 0:0(0) ack 1 win 5000 <mss 9000,wscale 15,sackOK>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.000 > . 1:1(0) ack 1 win 502
            => Connected
            info mss scale has_sack has_timestamps
            => has_timestamps: false has_sack: true scale: Some((14 mss: 1460
        "#]],
    );
}

/// The answer is sent again at doubling distances, then forgotten.
#[test]
fn a_peer_that_does_not_finish() {
    check_with(
        plain(),
        "
        listen
        < S 0:0(0) win 5000 <mss 1000>
        +100s
        < . 1:1(0) ack 1 win 5000
        ",
        expect![[r#"
            listen
            < S 0:0(0) win 5000 <mss 1000>
            0.000 > S. 0:0(0) ack 1 win 64240 <mss 1460>
            1.000 > S. 0:0(0) ack 1 win 64240 <mss 1460>
            3.000 > S. 0:0(0) ack 1 win 64240 <mss 1460>
            7.000 > S. 0:0(0) ack 1 win 64240 <mss 1460>
            15.000 > S. 0:0(0) ack 1 win 64240 <mss 1460>
            31.000 > S. 0:0(0) ack 1 win 64240 <mss 1460>
            < . 1:1(0) ack 1 win 5000
            ~ Dropped why=NoConnection
            100.000 > R 1:1(0) win 0
        "#]],
    );
}

//= test RFC 4987 §3.6: everything that must be remembered comes back with the cookie.
#[test]
fn cookies() {
    let mut config = super::stage::linux();
    config.handshake.syn_queue_max = 0;
    check_with(
        config,
        "
        listen
        < S 0:0(0) win 65535 <mss 1440,sackOK,TS val 100 ecr 0,nop,wscale 9>
        < . 1:1(0) ack 1 win 500 <nop,nop,TS val 101 ecr 921>
        info mss scale has_sack has_timestamps
        < P. 1:11(10) ack 1 win 500 <nop,nop,TS val 101 ecr 921>
        ",
        expect![[r#"
            listen
            < S 0:0(0) win 65535 <mss 1440,sackOK,TS val 100 ecr 0,nop,wscale 9>
            0.000 > S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,TS val 985 ecr 100,wscale 7>
            < . 1:1(0) ack 1 win 500 <nop,nop,TS val 101 ecr 921>
            ~ StateChanged from=SynReceived to=Established cause=AckOfSyn
            => Connected
            info mss scale has_sack has_timestamps
            => has_timestamps: true has_sack: true scale: Some((9 mss: 1428
            < P. 1:11(10) ack 1 win 500 <nop,nop,TS val 101 ecr 921>
            0.000 > . 1:1(0) ack 11 win 510 <TS val 1000 ecr 101>
            => Readable
        "#]],
    );
}

#[test]
fn a_cookie_that_is_not_ours() {
    let mut config = plain();
    config.handshake.syn_queue_max = 0;
    check_with(
        config,
        "
        listen
        < S 0:0(0) win 65535 <mss 1440>
        < . 1:1(0) ack 1000000000 win 500
        < P. 11:21(10) ack 1 win 500
        +200s
        < . 1:1(0) ack 1 win 500
        ",
        expect![[r#"
            listen
            < S 0:0(0) win 65535 <mss 1440>
            0.000 > S. 0:0(0) ack 1 win 64240 <mss 1460>
            < . 1:1(0) ack 1000000000 win 500
            ~ Dropped why=CookieWrong
            0.000 > R 1000000000:1000000000(0) win 0
            < P. 11:21(10) ack 1 win 500
            ~ Dropped why=CookieEarly
            < . 1:1(0) ack 1 win 500
            ~ Dropped why=NoConnection
            200.000 > R 1:1(0) win 0
        "#]],
    );
}

/// When nobody accepts, the third step is not taken, and comes again.
#[test]
fn a_full_accept_queue() {
    check_with(
        plain(),
        "
        listen 0
        < S 0:0(0) win 65535 <mss 1440>
        < . 1:1(0) ack 1 win 500
        < R 1:1(0) win 0
        < S 0:0(0) win 65535 <mss 1440>
        ",
        expect![[r#"
            listen 0
            < S 0:0(0) win 65535 <mss 1440>
            0.000 > S. 0:0(0) ack 1 win 64240 <mss 1460>
            < . 1:1(0) ack 1 win 500
            ~ StateChanged from=SynReceived to=Established cause=AckOfSyn
            => Connected
            < R 1:1(0) win 0
            ~ StateChanged from=Established to=Closed cause=Reset
            => Failed(Reset)
            => Closed
            < S 0:0(0) win 65535 <mss 1440>
            ~ Dropped why=AcceptQueueFull
        "#]],
    );
}

//= test RFC 3168 §6.1.1: a SYN that is marked as capable comes from something that mangles marks.
#[test]
fn odd_syns() {
    check_with(
        sack(),
        "
        listen
        < SF 0:0(0) win 5000 <mss 1000>
        < SEW 0:0(0) win 5000 <mss 1000,sackOK> ect0
        ",
        expect![[r#"
            listen
            < SF 0:0(0) win 5000 <mss 1000>
            ~ Dropped why=SynWithFin
            < SEW 0:0(0) win 5000 <mss 1000,sackOK> ect0
            0.000 > S. 0:0(0) ack 1 win 64240 <mss 1460,sackOK>
        "#]],
    );
}

/// The copy of a SYN is answered, but not a row of them; an echo of the first answer shows that it
/// was not lost, so the first window is a whole one.
#[test]
fn a_syn_comes_again_and_again() {
    check(
        "
        listen
        < S 0:0(0) win 5000 <mss 1000,sackOK,TS val 100 ecr 0,nop,wscale 7>
        +100ms
        < S 0:0(0) win 5000 <mss 1000,sackOK,TS val 100 ecr 0,nop,wscale 7>
        < S 0:0(0) win 5000 <mss 1000,sackOK,TS val 100 ecr 0,nop,wscale 7>
        +4s
        < . 1:1(0) ack 1 win 5000 <nop,nop,TS val 101 ecr 1000>
        info cwnd retransmitted_total
        ",
        expect![[r#"
            listen
            < S 0:0(0) win 5000 <mss 1000,sackOK,TS val 100 ecr 0,nop,wscale 7>
            0.000 > S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,TS val 1000 ecr 100,wscale 7>
            < S 0:0(0) win 5000 <mss 1000,sackOK,TS val 100 ecr 0,nop,wscale 7>
            0.100 > S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,TS val 1100 ecr 100,wscale 7>
            < S 0:0(0) win 5000 <mss 1000,sackOK,TS val 100 ecr 0,nop,wscale 7>
            ~ Ignored why=AnsweredJustNow
            1.100 > S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,TS val 2100 ecr 100,wscale 7>
            3.100 > S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,TS val 4100 ecr 100,wscale 7>
            < . 1:1(0) ack 1 win 5000 <nop,nop,TS val 101 ecr 1000>
            ~ StateChanged from=SynReceived to=Established cause=AckOfSyn
            => Connected
            info cwnd retransmitted_total
            => retransmitted_total: 3 cwnd: 10
        "#]],
    );
}

/// An answer to an earlier connection's SYN is told by the time that it echoes.
#[test]
fn an_echo_that_no_syn_had() {
    check(
        "
        connect
        +10ms
        < S. 0:0(0) ack 1 win 5000 <mss 1000,sackOK,TS val 100 ecr 900>
        < S. 0:0(0) ack 1 win 5000 <mss 1000,sackOK,TS val 100 ecr 1000>
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460,sackOK,TS val 1000 ecr 0,wscale 7>
            < S. 0:0(0) ack 1 win 5000 <mss 1000,sackOK,TS val 100 ecr 900>
            ~ Dropped why=OldTimestamp
            0.010 > R 1:1(0) win 0
            < S. 0:0(0) ack 1 win 5000 <mss 1000,sackOK,TS val 100 ecr 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.010 > . 1:1(0) ack 1 win 64240 <TS val 1010 ecr 100>
            => Connected
        "#]],
    );
}
