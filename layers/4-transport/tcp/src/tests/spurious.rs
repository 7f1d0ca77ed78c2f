//! What looked lost and was not: it is found out, and undone.

use expect_test::expect;

use super::stage::{check, check_with, sack};

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
