//! When what was written leaves.

use expect_test::expect;

use super::stage::{check_with, plain, sack};

//= test RFC 896: a small segment waits while another small one is outstanding (Minshall).
#[test]
fn small_segments_wait_for_each_other() {
    check_with(
        plain(),
        "
        connect
        < S. 0:0(0) ack 1 win 50000 <mss 1000>
        write 10
        write 10
        write 10
        < . 1:1(0) ack 11 win 50000
        write 2000
        < . 1:1(0) ack 31 win 50000
        nodelay on
        write 5
        write 5
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460>
            < S. 0:0(0) ack 1 win 50000 <mss 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.000 > . 1:1(0) ack 1 win 64240
            => Connected
            write 10
            => wrote 10
            0.000 > P. 1:11(10) ack 1 win 64240
            write 10
            => wrote 10
            write 10
            => wrote 10
            < . 1:1(0) ack 11 win 50000
            0.000 > P. 11:31(20) ack 1 win 64240
            write 2000
            => wrote 2000
            0.000 > . 31:1031(1000) ack 1 win 64240
            0.000 > P. 1031:2031(1000) ack 1 win 64240
            < . 1:1(0) ack 31 win 50000
            nodelay on
            write 5
            => wrote 5
            0.000 > P. 2031:2036(5) ack 1 win 64240
            write 5
            => wrote 5
            0.000 > P. 2036:2041(5) ack 1 win 64240
        "#]],
    );
}

#[test]
fn a_cork_holds_small_segments_but_not_for_ever() {
    check_with(
        plain(),
        "
        connect
        +10ms
        < S. 0:0(0) ack 1 win 50000 <mss 1000>
        cork on
        write 1500
        cork off
        < . 1:1(0) ack 1501 win 50000
        cork on
        write 10
        +1s
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460>
            < S. 0:0(0) ack 1 win 50000 <mss 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.010 > . 1:1(0) ack 1 win 64240
            => Connected
            cork on
            write 1500
            => wrote 1500
            0.010 > . 1:1001(1000) ack 1 win 64240
            cork off
            0.010 > P. 1001:1501(500) ack 1 win 64240
            < . 1:1(0) ack 1501 win 50000
            cork on
            write 10
            => wrote 10
            0.219 > P. 1501:1511(10) ack 1 win 64240
            0.427 > P. 1501:1511(10) ack 1 win 64240
            0.845 > P. 1501:1511(10) ack 1 win 64240
        "#]],
    );
}

//= test RFC 9293 §3.8.6.1: a closed window is probed, at doubling distances.
//= test RFC 9293 §3.8.6.2.1: a window that takes less than a segment is not filled at once.
#[test]
fn a_closed_window_is_probed() {
    check_with(
        plain(),
        "
        connect
        +100ms
        < S. 0:0(0) ack 1 win 1000 <mss 500>
        write 3000
        +100ms
        < . 1:1(0) ack 1001 win 0
        +1s
        < . 1:1(0) ack 1001 win 0
        +1s
        < . 1:1(0) ack 1001 win 300
        +5s
        < . 1:1(0) ack 1301 win 5000
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460>
            < S. 0:0(0) ack 1 win 1000 <mss 500>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.100 > . 1:1(0) ack 1 win 64240
            => Connected
            write 3000
            => wrote 3000
            0.100 > . 1:1001(1000) ack 1 win 64240
            < . 1:1(0) ack 1001 win 0
            0.500 > . 1000:1000(0) ack 1 win 64240
            1.100 > . 1000:1000(0) ack 1 win 64240
            < . 1:1(0) ack 1001 win 0
            < . 1:1(0) ack 1001 win 300
            3.400 > P. 1001:1301(300) ack 1 win 64240
            3.700 > P. 1001:1301(300) ack 1 win 64240
            4.300 > P. 1001:1301(300) ack 1 win 64240
            5.500 > P. 1001:1301(300) ack 1 win 64240
            < . 1:1(0) ack 1301 win 5000
            7.200 > . 1301:2301(1000) ack 1 win 64240
        "#]],
    );
}

//= test RFC 9293 §3.8.6: a peer that takes its window back is not overrun.
#[test]
fn a_window_may_shrink() {
    check_with(
        sack(),
        "
        connect
        +100ms
        < S. 0:0(0) ack 1 win 4000 <mss 1000,sackOK>
        write 6000
        +100ms
        < . 1:1(0) ack 1001 win 500
        +1s
        < . 1:1(0) ack 4001 win 4000
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460,sackOK>
            < S. 0:0(0) ack 1 win 4000 <mss 1000,sackOK>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.100 > . 1:1(0) ack 1 win 64240
            => Connected
            write 6000
            => wrote 6000
            0.100 > . 1:1001(1000) ack 1 win 64240
            0.100 > . 1001:2001(1000) ack 1 win 64240
            0.100 > . 2001:3001(1000) ack 1 win 64240
            0.100 > . 3001:4001(1000) ack 1 win 64240
            < . 1:1(0) ack 1001 win 500
            0.402 > . 1001:1501(500) ack 1 win 64240
            1.002 > . 1001:1501(500) ack 1 win 64240
            < . 1:1(0) ack 4001 win 4000
            1.200 > . 4001:5001(1000) ack 1 win 64240
            1.200 > P. 5001:6001(1000) ack 1 win 64240
        "#]],
    );
}

//= test RFC 9293 §3.8.4: a silent peer is asked, and left in the end.
#[test]
fn keep_alive() {
    check_with(
        plain(),
        "
        connect
        < S. 0:0(0) ack 1 win 50000 <mss 1000>
        keepalive 10s 2s 3
        +11s
        < . 1:1(0) ack 1 win 50000
        +11s
        +10s
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460>
            < S. 0:0(0) ack 1 win 50000 <mss 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.000 > . 1:1(0) ack 1 win 64240
            => Connected
            keepalive 10s 2s 3
            10.000 > . 0:0(0) ack 1 win 64240
            < . 1:1(0) ack 1 win 50000
            21.000 > . 0:0(0) ack 1 win 64240
            23.000 > . 0:0(0) ack 1 win 64240
            25.000 > . 0:0(0) ack 1 win 64240
            ~ StateChanged from=Established to=Closed cause=GaveUp
            27.000 > R. 1:1(0) ack 1 win 64240
            => Failed(TimedOut)
            => Closed
        "#]],
    );
}

//= test RFC 9293 §3.8.3: nobody answers.
//= test RFC 5482 §2: the user's limit counts from when nothing was acknowledged.
#[test]
fn giving_up() {
    check_with(
        plain(),
        "
        connect
        +10ms
        < S. 0:0(0) ack 1 win 50000 <mss 1000>
        timeout 3s
        write 10
        +10s
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460>
            < S. 0:0(0) ack 1 win 50000 <mss 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.010 > . 1:1(0) ack 1 win 64240
            => Connected
            timeout 3s
            write 10
            => wrote 10
            0.010 > P. 1:11(10) ack 1 win 64240
            0.220 > P. 1:11(10) ack 1 win 64240
            0.640 > P. 1:11(10) ack 1 win 64240
            1.480 > P. 1:11(10) ack 1 win 64240
            3.160 > P. 1:11(10) ack 1 win 64240
            ~ StateChanged from=Established to=Closed cause=GaveUp
            => Failed(TimedOut)
            => Closed
        "#]],
    );
    check_with(
        plain(),
        "
        connect
        +10ms
        < S. 0:0(0) ack 1 win 50000 <mss 1000>
        write 10
        icmp unreachable 1
        +20m
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460>
            < S. 0:0(0) ack 1 win 50000 <mss 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.010 > . 1:1(0) ack 1 win 64240
            => Connected
            write 10
            => wrote 10
            0.010 > P. 1:11(10) ack 1 win 64240
            icmp unreachable 1
            ~ Ignored why=IcmpSoft
            0.220 > P. 1:11(10) ack 1 win 64240
            0.640 > P. 1:11(10) ack 1 win 64240
            1.480 > P. 1:11(10) ack 1 win 64240
            3.160 > P. 1:11(10) ack 1 win 64240
            6.520 > P. 1:11(10) ack 1 win 64240
            13.240 > P. 1:11(10) ack 1 win 64240
            26.680 > P. 1:11(10) ack 1 win 64240
            53.560 > P. 1:11(10) ack 1 win 64240
            107.320 > P. 1:11(10) ack 1 win 64240
            214.840 > P. 1:11(10) ack 1 win 64240
            334.840 > P. 1:11(10) ack 1 win 64240
            454.840 > P. 1:11(10) ack 1 win 64240
            574.840 > P. 1:11(10) ack 1 win 64240
            694.840 > P. 1:11(10) ack 1 win 64240
            814.840 > P. 1:11(10) ack 1 win 64240
            ~ StateChanged from=Established to=Closed cause=GaveUp
            => Failed(HostUnreachable)
            => Closed
        "#]],
    );
    check_with(
        plain(),
        "connect\n+5m",
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
            11.000 > S 0:0(0) win 64240 <mss 1460>
            19.000 > S 0:0(0) win 64240 <mss 1460>
            35.000 > S 0:0(0) win 64240 <mss 1460>
            67.000 > S 0:0(0) win 64240 <mss 1460>
            ~ StateChanged from=SynSent to=Closed cause=GaveUp
            => Failed(TimedOut)
            => Closed
        "#]],
    );
}

//= test RFC 5681 §4.1: a pause brings the window down.
#[test]
fn restart_after_a_pause() {
    check_with(
        sack(),
        "
        connect
        +100ms
        < S. 0:0(0) ack 1 win 65535 <mss 1000,sackOK>
        write 20000
        +100ms
        < . 1:1(0) ack 10001 win 65535
        +100ms
        < . 1:1(0) ack 20001 win 65535
        info cwnd
        show
        +700ms
        write 20000
        info cwnd
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460,sackOK>
            < S. 0:0(0) ack 1 win 65535 <mss 1000,sackOK>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.100 > . 1:1(0) ack 1 win 64240
            => Connected
            write 20000
            => wrote 20000
            0.100 > . 1:1001(1000) ack 1 win 64240
            0.100 > . 1001:2001(1000) ack 1 win 64240
            0.100 > . 2001:3001(1000) ack 1 win 64240
            0.100 > . 3001:4001(1000) ack 1 win 64240
            0.100 > . 4001:5001(1000) ack 1 win 64240
            0.100 > . 5001:6001(1000) ack 1 win 64240
            0.100 > . 6001:7001(1000) ack 1 win 64240
            0.100 > . 7001:8001(1000) ack 1 win 64240
            0.100 > . 8001:9001(1000) ack 1 win 64240
            0.100 > . 9001:10001(1000) ack 1 win 64240
            < . 1:1(0) ack 10001 win 65535
            0.200 > . 10001:11001(1000) ack 1 win 64240
            0.200 > . 11001:12001(1000) ack 1 win 64240
            0.200 > . 12001:13001(1000) ack 1 win 64240
            0.200 > . 13001:14001(1000) ack 1 win 64240
            0.200 > . 14001:15001(1000) ack 1 win 64240
            0.200 > . 15001:16001(1000) ack 1 win 64240
            0.200 > . 16001:17001(1000) ack 1 win 64240
            0.200 > . 17001:18001(1000) ack 1 win 64240
            0.200 > . 18001:19001(1000) ack 1 win 64240
            0.200 > P. 19001:20001(1000) ack 1 win 64240
            < . 1:1(0) ack 20001 win 65535
            info cwnd
            => cwnd: 20
            show
            write 20000
            => wrote 20000
            ~ CongestionWindow cwnd=10 ssthresh=4294967295 cause=Idle
            1.000 > . 20001:21001(1000) ack 1 win 64240
            1.000 > . 21001:22001(1000) ack 1 win 64240
            1.000 > . 22001:23001(1000) ack 1 win 64240
            1.000 > . 23001:24001(1000) ack 1 win 64240
            1.000 > . 24001:25001(1000) ack 1 win 64240
            1.000 > . 25001:26001(1000) ack 1 win 64240
            1.000 > . 26001:27001(1000) ack 1 win 64240
            1.000 > . 27001:28001(1000) ack 1 win 64240
            1.000 > . 28001:29001(1000) ack 1 win 64240
            1.000 > . 29001:30001(1000) ack 1 win 64240
            info cwnd
            => cwnd: 10
        "#]],
    );
}

#[test]
fn pacing_spreads_segments() {
    check_with(
        plain(),
        "
        connect
        < S. 0:0(0) ack 1 win 50000 <mss 1000>
        pace 100000
        write 3000
        +100ms
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460>
            < S. 0:0(0) ack 1 win 50000 <mss 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.000 > . 1:1(0) ack 1 win 64240
            => Connected
            pace 100000
            write 3000
            => wrote 3000
            0.000 > . 1:1001(1000) ack 1 win 64240
            0.010 > . 1001:2001(1000) ack 1 win 64240
            0.020 > P. 2001:3001(1000) ack 1 win 64240
        "#]],
    );
}

#[test]
fn super_segments_leave_whole() {
    check_with(
        plain(),
        "
        gso 64000
        connect
        < S. 0:0(0) ack 1 win 50000 <mss 1000>
        write 15500
        < . 1:1(0) ack 5001 win 50000
        < . 1:1(0) ack 15001 win 50000
        ",
        expect![[r#"
            gso 64000
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460>
            < S. 0:0(0) ack 1 win 50000 <mss 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.000 > . 1:1(0) ack 1 win 64240
            => Connected
            write 15500
            => wrote 15500
            0.000 > . 1:10001(10000) ack 1 win 64240
            < . 1:1(0) ack 5001 win 50000
            0.000 > P. 10001:15501(5500) ack 1 win 64240
            < . 1:1(0) ack 15001 win 50000
        "#]],
    );
}

/// What was written in small pieces is sent again as one.
#[test]
fn small_segments_are_put_together() {
    check_with(
        plain(),
        "
        connect
        +10ms
        < S. 0:0(0) ack 1 win 50000 <mss 1000>
        nodelay on
        write 10
        write 20
        write 30
        shut
        +300ms
        < . 1:1(0) ack 62 win 50000
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460>
            < S. 0:0(0) ack 1 win 50000 <mss 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.010 > . 1:1(0) ack 1 win 64240
            => Connected
            nodelay on
            write 10
            => wrote 10
            0.010 > P. 1:11(10) ack 1 win 64240
            write 20
            => wrote 20
            0.010 > P. 11:31(20) ack 1 win 64240
            write 30
            => wrote 30
            0.010 > P. 31:61(30) ack 1 win 64240
            shut
            ~ StateChanged from=Established to=FinWait1 cause=UserClosed
            0.010 > F. 61:61(0) ack 1 win 64240
            0.220 > FP. 1:61(60) ack 1 win 64240
            < . 1:1(0) ack 62 win 50000
            ~ StateChanged from=FinWait1 to=FinWait2 cause=AckOfFin
        "#]],
    );
}

/// Numbers pass 2³² as if nothing were there.
#[test]
fn numbers_wrap() {
    check_with(
        plain(),
        "
        connect
        < S. 4294966795:4294966795(0) ack 1 win 50000 <mss 1000>
        < P. 4294966796:500(1000) ack 1 win 50000
        read
        < F. 500:500(0) ack 1 win 50000
        +1s
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460>
            < S. 4294966795:4294966795(0) ack 1 win 50000 <mss 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.000 > . 1:1(0) ack 4294966796 win 64240
            => Connected
            < P. 4294966796:500(1000) ack 1 win 50000
            0.000 > . 1:1(0) ack 500 win 64240
            => Readable
            read
            => read 1000
            < F. 500:500(0) ack 1 win 50000
            ~ StateChanged from=Established to=CloseWait cause=Fin
            => PeerFinished
            0.040 > . 1:1(0) ack 501 win 64240
        "#]],
    );
}

/// What a millisecond of the path takes, and two segments at least, is decided on as one: PSH stands
/// at its end, however few the device takes at once.
#[test]
fn bursts_end_with_push() {
    let mut config = plain();
    config.congestion.burst_min = 2;
    check_with(
        config,
        "
        connect
        +100ms
        < S. 0:0(0) ack 1 win 50000 <mss 1000>
        write 4500
        < . 1:1(0) ack 4501 win 50000
        gso 64000
        write 4500
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460>
            < S. 0:0(0) ack 1 win 50000 <mss 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.100 > . 1:1(0) ack 1 win 64240
            => Connected
            write 4500
            => wrote 4500
            0.100 > . 1:1001(1000) ack 1 win 64240
            0.100 > P. 1001:2001(1000) ack 1 win 64240
            0.100 > . 2001:3001(1000) ack 1 win 64240
            0.100 > P. 3001:4001(1000) ack 1 win 64240
            0.100 > P. 4001:4501(500) ack 1 win 64240
            < . 1:1(0) ack 4501 win 50000
            gso 64000
            write 4500
            => wrote 4500
            0.100 > P. 4501:9001(4500) ack 1 win 64240
        "#]],
    );
}
