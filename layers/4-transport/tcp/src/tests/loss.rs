//! What is lost, how it is told, and what is done about it.

use expect_test::expect;

use super::stage::{check_with, plain, sack};

//= test RFC 8985 §6.2: what was sent before something that has arrived is lost.
//= test RFC 6675 §5: the hole is retransmitted, and nothing else.
#[test]
fn a_hole_is_filled() {
    check_with(
        sack(),
        "
        connect
        +100ms
        < S. 0:0(0) ack 1 win 65535 <mss 1000,sackOK>
        write 10000
        +100ms
        < . 1:1(0) ack 1 win 65535 <sack 1001:2001>
        < . 1:1(0) ack 1 win 65535 <sack 1001:3001>
        < . 1:1(0) ack 1 win 65535 <sack 1001:4001>
        show
        < . 1:1(0) ack 1 win 65535 <sack 1001:5001>
        < . 1:1(0) ack 1 win 65535 <sack 1001:10001>
        info cwnd ssthresh phase sacked lost retransmitted
        write 5000
        +100ms
        < . 1:1(0) ack 10001 win 65535
        info cwnd ssthresh phase sacked lost retransmitted unacked
        < . 1:1(0) ack 15001 win 65535
        info cwnd ssthresh phase
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460,sackOK>
            < S. 0:0(0) ack 1 win 65535 <mss 1000,sackOK>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.100 > . 1:1(0) ack 1 win 64240
            => Connected
            write 10000
            => wrote 10000
            0.100 > . 1:1001(1000) ack 1 win 64240
            0.100 > . 1001:2001(1000) ack 1 win 64240
            0.100 > . 2001:3001(1000) ack 1 win 64240
            0.100 > . 3001:4001(1000) ack 1 win 64240
            0.100 > . 4001:5001(1000) ack 1 win 64240
            0.100 > . 5001:6001(1000) ack 1 win 64240
            0.100 > . 6001:7001(1000) ack 1 win 64240
            0.100 > . 7001:8001(1000) ack 1 win 64240
            0.100 > . 8001:9001(1000) ack 1 win 64240
            0.100 > P. 9001:10001(1000) ack 1 win 64240
            < . 1:1(0) ack 1 win 65535 <sack 1001:2001>
            < . 1:1(0) ack 1 win 65535 <sack 1001:3001>
            < . 1:1(0) ack 1 win 65535 <sack 1001:4001>
            0.200 > . 1:1001(1000) ack 1 win 64240
            show
            < . 1:1(0) ack 1 win 65535 <sack 1001:5001>
            < . 1:1(0) ack 1 win 65535 <sack 1001:10001>
            info cwnd ssthresh phase sacked lost retransmitted
            => phase: Recovery sacked: 9 lost: 1 retransmitted: 1 cwnd: 7 ssthresh: 7
            write 5000
            => wrote 5000
            0.200 > . 10001:11001(1000) ack 1 win 64240
            0.200 > . 11001:12001(1000) ack 1 win 64240
            0.200 > . 12001:13001(1000) ack 1 win 64240
            0.200 > . 13001:14001(1000) ack 1 win 64240
            0.200 > P. 14001:15001(1000) ack 1 win 64240
            < . 1:1(0) ack 10001 win 65535
            ~ CongestionWindow cwnd=7 ssthresh=7 cause=Recovered
            ~ RecoveryPhase from=Recovery to=Open
            info cwnd ssthresh phase sacked lost retransmitted unacked
            => phase: Open unacked: 5 sacked: 0 lost: 0 retransmitted: 0 cwnd: 7 ssthresh: 7
            < . 1:1(0) ack 15001 win 65535
            info cwnd ssthresh phase
            => phase: Open cwnd: 7 ssthresh: 7
        "#]],
    );
}

//= test RFC 5681 §3.2: the third duplicate begins fast retransmit.
//= test RFC 6582 §3.2: a partial acknowledgement shows the next hole.
//= test RFC 3042 §2: the first two duplicates let new data out.
#[test]
fn duplicates_tell_without_sack() {
    check_with(
        plain(),
        "
        connect
        +100ms
        < S. 0:0(0) ack 1 win 65535 <mss 1000>
        < . 1:1(0) ack 1 win 65535
        write 20000
        +100ms
        < . 1:1(0) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535
        show
        < . 1:1(0) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535
        +100ms
        < . 1:1(0) ack 5001 win 65535
        +100ms
        < . 1:1(0) ack 13001 win 65535
        info cwnd ssthresh phase
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460>
            < S. 0:0(0) ack 1 win 65535 <mss 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.100 > . 1:1(0) ack 1 win 64240
            => Connected
            < . 1:1(0) ack 1 win 65535
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
            < . 1:1(0) ack 1 win 65535
            0.200 > . 10001:11001(1000) ack 1 win 64240
            < . 1:1(0) ack 1 win 65535
            0.200 > . 11001:12001(1000) ack 1 win 64240
            show
            < . 1:1(0) ack 1 win 65535
            ~ Lost seq=1 len=1000 cause=DuplicateAcks
            ~ CongestionWindow cwnd=10 ssthresh=7 cause=Loss
            ~ RecoveryPhase from=Disorder to=Recovery
            0.200 > . 1:1001(1000) ack 1 win 64240
            < . 1:1(0) ack 1 win 65535
            0.200 > . 12001:13001(1000) ack 1 win 64240
            < . 1:1(0) ack 5001 win 65535
            ~ Lost seq=5001 len=1000 cause=DuplicateAcks
            0.300 > . 5001:6001(1000) ack 1 win 64240
            < . 1:1(0) ack 13001 win 65535
            ~ CongestionWindow cwnd=7 ssthresh=7 cause=Recovered
            ~ RecoveryPhase from=Recovery to=Open
            0.400 > . 13001:14001(1000) ack 1 win 64240
            0.400 > . 14001:15001(1000) ack 1 win 64240
            0.400 > . 15001:16001(1000) ack 1 win 64240
            0.400 > . 16001:17001(1000) ack 1 win 64240
            0.400 > . 17001:18001(1000) ack 1 win 64240
            0.400 > . 18001:19001(1000) ack 1 win 64240
            0.400 > P. 19001:20001(1000) ack 1 win 64240
            info cwnd ssthresh phase
            => phase: Open cwnd: 7 ssthresh: 7
        "#]],
    );
}

//= test RFC 8985 §7.2: the end of a flight is probed after two round trips.
//= test RFC 8985 §7.4: an acknowledgement beyond the probe shows that there was a loss.
#[test]
fn a_lost_tail_is_probed() {
    check_with(
        sack(),
        "
        connect
        +100ms
        < S. 0:0(0) ack 1 win 65535 <mss 1000,sackOK>
        write 3000
        +100ms
        < . 1:1(0) ack 1001 win 65535
        show
        +300ms
        +50ms
        < . 1:1(0) ack 1001 win 65535 <sack 2001:3001>
        +100ms
        < . 1:1(0) ack 3001 win 65535
        info cwnd ssthresh phase
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460,sackOK>
            < S. 0:0(0) ack 1 win 65535 <mss 1000,sackOK>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.100 > . 1:1(0) ack 1 win 64240
            => Connected
            write 3000
            => wrote 3000
            0.100 > . 1:1001(1000) ack 1 win 64240
            0.100 > . 1001:2001(1000) ack 1 win 64240
            0.100 > P. 2001:3001(1000) ack 1 win 64240
            < . 1:1(0) ack 1001 win 65535
            show
            0.402 > P. 2001:3001(1000) ack 1 win 64240
            < . 1:1(0) ack 1001 win 65535 <sack 2001:3001>
            ~ Lost seq=1001 len=1000 cause=Rack
            ~ CongestionWindow cwnd=10 ssthresh=7 cause=Loss
            ~ RecoveryPhase from=Open to=Recovery
            0.550 > . 1001:2001(1000) ack 1 win 64240
            < . 1:1(0) ack 3001 win 65535
            ~ CongestionWindow cwnd=7 ssthresh=7 cause=Recovered
            ~ RecoveryPhase from=Recovery to=Open
            info cwnd ssthresh phase
            => phase: Open cwnd: 7 ssthresh: 7
        "#]],
    );
}

//= test RFC 6298 §5.5: the timeout doubles.
//= test RFC 5681 §3.1: a timeout leaves a window of one segment.
#[test]
fn a_timeout_retransmits_the_first() {
    check_with(
        plain(),
        "
        connect
        +100ms
        < S. 0:0(0) ack 1 win 65535 <mss 1000>
        show
        write 3000
        +2s
        info rto cwnd ssthresh timeouts backoff lost
        < . 1:1(0) ack 1001 win 65535
        info rto cwnd ssthresh timeouts phase
        +100ms
        < . 1:1(0) ack 3001 win 65535
        info rto cwnd ssthresh timeouts phase
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460>
            < S. 0:0(0) ack 1 win 65535 <mss 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.100 > . 1:1(0) ack 1 win 64240
            => Connected
            show
            write 3000
            => wrote 3000
            0.100 > . 1:1001(1000) ack 1 win 64240
            0.100 > . 1001:2001(1000) ack 1 win 64240
            0.100 > P. 2001:3001(1000) ack 1 win 64240
            ~ Lost seq=1 len=1000 cause=Timeout
            ~ Lost seq=1001 len=1000 cause=Timeout
            ~ Lost seq=2001 len=1000 cause=Timeout
            ~ CongestionWindow cwnd=1 ssthresh=7 cause=Timeout
            ~ RecoveryPhase from=Open to=Loss
            0.400 > . 1:1001(1000) ack 1 win 64240
            ~ Lost seq=1 len=1000 cause=Timeout
            ~ CongestionWindow cwnd=1 ssthresh=7 cause=Timeout
            1.000 > . 1:1001(1000) ack 1 win 64240
            info rto cwnd ssthresh timeouts backoff lost
            => timeouts: 2 backoff: 2 rto: 1.2s lost: 3 cwnd: 1 ssthresh: 7
            < . 1:1(0) ack 1001 win 65535
            ~ CongestionWindow cwnd=2 ssthresh=7 cause=SlowStart
            2.100 > . 1001:2001(1000) ack 1 win 64240
            2.100 > P. 2001:3001(1000) ack 1 win 64240
            info rto cwnd ssthresh timeouts phase
            => phase: Loss timeouts: 0 rto: 1.2s cwnd: 2 ssthresh: 7
            < . 1:1(0) ack 3001 win 65535
            ~ CongestionWindow cwnd=4 ssthresh=7 cause=SlowStart
            info rto cwnd ssthresh timeouts phase
            => phase: Loss timeouts: 0 rto: 1.2s cwnd: 4 ssthresh: 7
        "#]],
    );
}

//= test RFC 2018 §8: what the peer no longer has is sent again after a timeout.
#[test]
fn a_peer_may_renege() {
    check_with(
        sack(),
        "
        connect
        +100ms
        < S. 0:0(0) ack 1 win 65535 <mss 1000,sackOK>
        write 5000
        +100ms
        < . 1:1(0) ack 1 win 65535 <sack 1001:5001>
        show
        +100ms
        < . 1:1(0) ack 1001 win 65535
        +500ms
        < . 1:1(0) ack 2001 win 65535
        +100ms
        < . 1:1(0) ack 5001 win 65535
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460,sackOK>
            < S. 0:0(0) ack 1 win 65535 <mss 1000,sackOK>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.100 > . 1:1(0) ack 1 win 64240
            => Connected
            write 5000
            => wrote 5000
            0.100 > . 1:1001(1000) ack 1 win 64240
            0.100 > . 1001:2001(1000) ack 1 win 64240
            0.100 > . 2001:3001(1000) ack 1 win 64240
            0.100 > . 3001:4001(1000) ack 1 win 64240
            0.100 > P. 4001:5001(1000) ack 1 win 64240
            < . 1:1(0) ack 1 win 65535 <sack 1001:5001>
            0.200 > . 1:1001(1000) ack 1 win 64240
            show
            < . 1:1(0) ack 1001 win 65535
            ~ Lost seq=1001 len=1000 cause=Timeout
            ~ Lost seq=2001 len=1000 cause=Timeout
            ~ Lost seq=3001 len=1000 cause=Timeout
            ~ Lost seq=4001 len=1000 cause=Timeout
            ~ CongestionWindow cwnd=1 ssthresh=7 cause=Timeout
            ~ RecoveryPhase from=Recovery to=Loss
            0.350 > . 1001:2001(1000) ack 1 win 64240
            < . 1:1(0) ack 2001 win 65535
            ~ CongestionWindow cwnd=2 ssthresh=7 cause=SlowStart
            0.800 > . 2001:3001(1000) ack 1 win 64240
            0.800 > . 3001:4001(1000) ack 1 win 64240
            < . 1:1(0) ack 5001 win 65535
            ~ RecoveryPhase from=Loss to=Open
            ~ CongestionWindow cwnd=5 ssthresh=7 cause=SlowStart
        "#]],
    );
}

//= test RFC 9293 §3.8.6.1: a peer that took its window back and answers is not left.
#[test]
fn a_window_that_was_taken_back_is_probed_for_ever() {
    let mut config = sack();
    config.retransmit.retries_max = 3;
    check_with(
        config,
        "
        connect
        +10ms
        < S. 0:0(0) ack 1 win 65535 <mss 1000,sackOK>
        write 2000
        +1ms
        < . 1:1(0) ack 1001 win 0
        +20s
        < . 1:1(0) ack 1001 win 0
        info timeouts phase
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460,sackOK>
            < S. 0:0(0) ack 1 win 65535 <mss 1000,sackOK>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.010 > . 1:1(0) ack 1 win 64240
            => Connected
            write 2000
            => wrote 2000
            0.010 > . 1:1001(1000) ack 1 win 64240
            0.010 > P. 1001:2001(1000) ack 1 win 64240
            < . 1:1(0) ack 1001 win 0
            0.220 > P. 1001:2001(1000) ack 1 win 64240
            0.429 > P. 1001:2001(1000) ack 1 win 64240
            0.847 > P. 1001:2001(1000) ack 1 win 64240
            1.682 > P. 1001:2001(1000) ack 1 win 64240
            3.353 > P. 1001:2001(1000) ack 1 win 64240
            6.695 > P. 1001:2001(1000) ack 1 win 64240
            13.379 > P. 1001:2001(1000) ack 1 win 64240
            < . 1:1(0) ack 1001 win 0
            info timeouts phase
            => phase: Loss timeouts: 6
        "#]],
    );
}

/// Of a segment that is acknowledged in part nothing has arrived for sure: its timeout stays where it
/// was, and what is left goes again.
#[test]
fn a_part_of_a_segment() {
    check_with(
        plain(),
        "
        connect
        +10ms
        < S. 0:0(0) ack 1 win 65535 <mss 1000>
        write 1000
        +150ms
        < . 1:1(0) ack 401 win 65535
        info cwnd unacked
        +100ms
        < . 1:1(0) ack 1001 win 65535
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460>
            < S. 0:0(0) ack 1 win 65535 <mss 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.010 > . 1:1(0) ack 1 win 64240
            => Connected
            write 1000
            => wrote 1000
            0.010 > P. 1:1001(1000) ack 1 win 64240
            < . 1:1(0) ack 401 win 65535
            info cwnd unacked
            => unacked: 1 cwnd: 10
            0.220 > P. 401:1001(600) ack 1 win 64240
            < . 1:1(0) ack 1001 win 65535
        "#]],
    );
}
