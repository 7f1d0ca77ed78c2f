//! What is lost, how it is told, and what is done about it.

use expect_test::expect;

use super::stage::{check, check_with, plain, sack};

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

//= test RFC 5682 §3.1: what was sent once and arrives shows that the timeout was spurious.
//= test RFC 4015 §3.2: the window comes back.
#[test]
fn a_spurious_timeout_is_undone() {
    check_with(
        sack(),
        "
        connect
        +100ms
        < S. 0:0(0) ack 1 win 65535 <mss 1000,sackOK>
        write 14000
        show
        +1s
        info cwnd lost retransmitted
        < . 1:1(0) ack 1001 win 65535
        < . 1:1(0) ack 2001 win 65535
        info cwnd ssthresh phase lost
        +100ms
        < . 1:1(0) ack 14001 win 65535
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460,sackOK>
            < S. 0:0(0) ack 1 win 65535 <mss 1000,sackOK>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.100 > . 1:1(0) ack 1 win 64240
            => Connected
            write 14000
            => wrote 14000
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
            show
            0.302 > . 10001:11001(1000) ack 1 win 64240
            ~ Lost seq=1 len=1000 cause=Timeout
            ~ Lost seq=1001 len=1000 cause=Timeout
            ~ Lost seq=2001 len=1000 cause=Timeout
            ~ Lost seq=3001 len=1000 cause=Timeout
            ~ Lost seq=4001 len=1000 cause=Timeout
            ~ Lost seq=5001 len=1000 cause=Timeout
            ~ Lost seq=6001 len=1000 cause=Timeout
            ~ Lost seq=7001 len=1000 cause=Timeout
            ~ Lost seq=8001 len=1000 cause=Timeout
            ~ Lost seq=9001 len=1000 cause=Timeout
            ~ Lost seq=10001 len=1000 cause=Timeout
            ~ CongestionWindow cwnd=1 ssthresh=7 cause=Timeout
            ~ RecoveryPhase from=Open to=Loss
            0.602 > . 1:1001(1000) ack 1 win 64240
            info cwnd lost retransmitted
            => lost: 11 retransmitted: 1 cwnd: 1
            < . 1:1(0) ack 1001 win 65535
            ~ CongestionWindow cwnd=2 ssthresh=7 cause=SlowStart
            1.100 > . 11001:12001(1000) ack 1 win 64240
            1.100 > . 12001:13001(1000) ack 1 win 64240
            < . 1:1(0) ack 2001 win 65535
            ~ CongestionWindow cwnd=10 ssthresh=4294967295 cause=SpuriousTimeout
            ~ RecoveryPhase from=Loss to=Open
            ~ CongestionWindow cwnd=11 ssthresh=4294967295 cause=SlowStart
            info cwnd ssthresh phase lost
            => phase: Open lost: 0 cwnd: 11 ssthresh: 4294967295
            < . 1:1(0) ack 14001 win 65535
            1.200 > . 13001:13001(0) ack 1 win 64240
        "#]],
    );
}

//= test RFC 3522 §3.2: an echo from before the retransmission proves that the original arrived.
#[test]
fn timestamps_undo_a_timeout_at_once() {
    check(
        "
        connect
        +100ms
        < S. 0:0(0) ack 1 win 65535 <mss 1000,sackOK,TS val 100 ecr 1000,nop,wscale 7>
        show
        write 5000
        +1s
        < . 1:1(0) ack 989 win 512 <nop,nop,TS val 900 ecr 1100>
        info cwnd ssthresh phase lost
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460,sackOK,TS val 1000 ecr 0,wscale 7>
            < S. 0:0(0) ack 1 win 65535 <mss 1000,sackOK,TS val 100 ecr 1000,nop,wscale 7>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.100 > . 1:1(0) ack 1 win 502 <TS val 1100 ecr 100>
            => Connected
            show
            write 5000
            => wrote 5000
            0.100 > . 1:989(988) ack 1 win 502 <TS val 1100 ecr 100>
            0.100 > . 989:1977(988) ack 1 win 502 <TS val 1100 ecr 100>
            0.100 > . 1977:2965(988) ack 1 win 502 <TS val 1100 ecr 100>
            0.100 > . 2965:3953(988) ack 1 win 502 <TS val 1100 ecr 100>
            0.100 > . 3953:4941(988) ack 1 win 502 <TS val 1100 ecr 100>
            0.100 > P. 4941:5001(60) ack 1 win 502 <TS val 1100 ecr 100>
            0.302 > P. 4941:5001(60) ack 1 win 502 <TS val 1302 ecr 100>
            ~ Lost seq=1 len=988 cause=Timeout
            ~ Lost seq=989 len=988 cause=Timeout
            ~ Lost seq=1977 len=988 cause=Timeout
            ~ Lost seq=2965 len=988 cause=Timeout
            ~ Lost seq=3953 len=988 cause=Timeout
            ~ Lost seq=4941 len=60 cause=Timeout
            ~ CongestionWindow cwnd=1 ssthresh=7 cause=Timeout
            ~ RecoveryPhase from=Open to=Loss
            0.602 > . 1:989(988) ack 1 win 502 <TS val 1602 ecr 100>
            < . 1:1(0) ack 989 win 512 <nop,nop,TS val 900 ecr 1100>
            ~ CongestionWindow cwnd=10 ssthresh=4294967295 cause=Undone
            ~ RecoveryPhase from=Loss to=Open
            ~ CongestionWindow cwnd=11 ssthresh=4294967295 cause=SlowStart
            info cwnd ssthresh phase lost
            => phase: Open lost: 0 cwnd: 11 ssthresh: 4294967295
        "#]],
    );
}

//= test RFC 2883 §4: duplicates of all retransmissions show that recovery was needless.
#[test]
fn reported_duplicates_undo_recovery() {
    check_with(
        sack(),
        "
        connect
        +100ms
        < S. 0:0(0) ack 1 win 65535 <mss 1000,sackOK>
        write 10000
        +100ms
        show
        < . 1:1(0) ack 1 win 65535 <sack 1001:5001>
        +5ms
        < . 1:1(0) ack 5001 win 65535
        +100ms
        < . 1:1(0) ack 10001 win 65535 <sack 1:1001>
        info cwnd ssthresh phase reordering reorderings
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
            show
            < . 1:1(0) ack 1 win 65535 <sack 1001:5001>
            ~ Lost seq=1 len=1000 cause=Rack
            ~ CongestionWindow cwnd=10 ssthresh=7 cause=Loss
            ~ RecoveryPhase from=Open to=Recovery
            0.200 > . 1:1001(1000) ack 1 win 64240
            < . 1:1(0) ack 5001 win 65535
            < . 1:1(0) ack 10001 win 65535 <sack 1:1001>
            ~ CongestionWindow cwnd=10 ssthresh=4294967295 cause=Undone
            ~ RecoveryPhase from=Recovery to=Open
            ~ CongestionWindow cwnd=16 ssthresh=4294967295 cause=SlowStart
            info cwnd ssthresh phase reordering reorderings
            => phase: Open cwnd: 16 ssthresh: 4294967295 reordering: 3 reorderings: 0
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

//= test RFC 3168 §6.1.2: an echoed mark brings the window down once a window, and CWR says so.
//= test RFC 3168 §6.1.3: a mark is echoed until CWR comes.
#[test]
fn marks_slow_us_down() {
    check_with(
        sack(),
        "
        listen
        < SEW 0:0(0) win 65535 <mss 1000,sackOK>
        +100ms
        < . 1:1(0) ack 1 win 65535
        write 20000
        +100ms
        show
        < E. 1:1(0) ack 2001 win 65535
        < E. 1:1(0) ack 4001 win 65535
        < . 1:1(0) ack 8001 win 65535
        +100ms
        < . 1:1(0) ack 15001 win 65535
        info cwnd ssthresh phase
        < P. 1:1001(1000) ack 15001 win 65535 ce
        < P. 1001:2001(1000) ack 15001 win 65535 ect0
        < PW. 2001:3001(1000) ack 15001 win 65535 ect0
        ",
        expect![[r#"
            listen
            < SEW 0:0(0) win 65535 <mss 1000,sackOK>
            0.000 > SE. 0:0(0) ack 1 win 64240 <mss 1460,sackOK>
            < . 1:1(0) ack 1 win 65535
            ~ StateChanged from=SynReceived to=Established cause=AckOfSyn
            => Connected
            write 20000
            => wrote 20000
            0.100 > ect0 . 1:1001(1000) ack 1 win 64240
            0.100 > ect0 . 1001:2001(1000) ack 1 win 64240
            0.100 > ect0 . 2001:3001(1000) ack 1 win 64240
            0.100 > ect0 . 3001:4001(1000) ack 1 win 64240
            0.100 > ect0 . 4001:5001(1000) ack 1 win 64240
            0.100 > ect0 . 5001:6001(1000) ack 1 win 64240
            0.100 > ect0 . 6001:7001(1000) ack 1 win 64240
            0.100 > ect0 . 7001:8001(1000) ack 1 win 64240
            0.100 > ect0 . 8001:9001(1000) ack 1 win 64240
            0.100 > ect0 . 9001:10001(1000) ack 1 win 64240
            show
            < E. 1:1(0) ack 2001 win 65535
            ~ CongestionWindow cwnd=10 ssthresh=7 cause=Marked
            ~ RecoveryPhase from=Open to=Cwr
            0.200 > ect0 W. 10001:11001(1000) ack 1 win 64240
            0.200 > ect0 . 11001:12001(1000) ack 1 win 64240
            < E. 1:1(0) ack 4001 win 65535
            0.200 > ect0 . 12001:13001(1000) ack 1 win 64240
            < . 1:1(0) ack 8001 win 65535
            0.200 > ect0 . 13001:14001(1000) ack 1 win 64240
            0.200 > ect0 . 14001:15001(1000) ack 1 win 64240
            < . 1:1(0) ack 15001 win 65535
            ~ CongestionWindow cwnd=7 ssthresh=7 cause=Recovered
            ~ RecoveryPhase from=Cwr to=Open
            0.300 > ect0 . 15001:16001(1000) ack 1 win 64240
            0.300 > ect0 . 16001:17001(1000) ack 1 win 64240
            0.300 > ect0 . 17001:18001(1000) ack 1 win 64240
            0.300 > ect0 . 18001:19001(1000) ack 1 win 64240
            0.300 > ect0 P. 19001:20001(1000) ack 1 win 64240
            info cwnd ssthresh phase
            => phase: Open cwnd: 7 ssthresh: 7
            < P. 1:1001(1000) ack 15001 win 65535 ce
            0.300 > E. 20001:20001(0) ack 1001 win 64240
            => Readable
            < P. 1001:2001(1000) ack 15001 win 65535 ect0
            0.300 > E. 20001:20001(0) ack 2001 win 63240
            => Readable
            < PW. 2001:3001(1000) ack 15001 win 65535 ect0
            0.300 > . 20001:20001(0) ack 3001 win 62240
            => Readable
        "#]],
    );
}

//= test RFC 2883 §4.1: the copy arrives after everything was acknowledged; it is heard of all the same.
#[test]
fn a_duplicate_is_reported_late() {
    check_with(
        sack(),
        "
        connect
        +100ms
        < S. 0:0(0) ack 1 win 65535 <mss 1000,sackOK>
        write 5000
        +100ms
        show
        < . 1:1(0) ack 1 win 65535 <sack 1001:5001>
        +20ms
        < . 1:1(0) ack 5001 win 65535
        +80ms
        < . 1:1(0) ack 5001 win 65535 <sack 1:1001>
        info cwnd ssthresh phase dsack_duplicates
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
            show
            < . 1:1(0) ack 1 win 65535 <sack 1001:5001>
            ~ Lost seq=1 len=1000 cause=Rack
            ~ CongestionWindow cwnd=10 ssthresh=7 cause=Loss
            ~ RecoveryPhase from=Open to=Recovery
            0.200 > . 1:1001(1000) ack 1 win 64240
            < . 1:1(0) ack 5001 win 65535
            ~ CongestionWindow cwnd=7 ssthresh=7 cause=Recovered
            ~ RecoveryPhase from=Recovery to=Open
            < . 1:1(0) ack 5001 win 65535 <sack 1:1001>
            ~ CongestionWindow cwnd=10 ssthresh=4294967295 cause=Undone
            info cwnd ssthresh phase dsack_duplicates
            => phase: Open cwnd: 10 ssthresh: 4294967295 dsack_duplicates: 1
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
