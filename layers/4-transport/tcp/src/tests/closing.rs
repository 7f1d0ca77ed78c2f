//! How connections end.

use expect_test::expect;

use super::stage::{check, check_with, plain};

//= test RFC 9293 §3.6: both close at the same time; the FINs cross.
#[test]
fn both_close_at_once() {
    check_with(
        plain(),
        "
        connect
        < S. 0:0(0) ack 1 win 5000 <mss 1000>
        shut
        < F. 1:1(0) ack 1 win 5000
        < . 2:2(0) ack 2 win 5000
        +1s
        < F. 1:1(0) ack 2 win 5000
        +61s
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460>
            < S. 0:0(0) ack 1 win 5000 <mss 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.000 > . 1:1(0) ack 1 win 64240
            => Connected
            shut
            ~ StateChanged from=Established to=FinWait1 cause=UserClosed
            0.000 > F. 1:1(0) ack 1 win 64240
            < F. 1:1(0) ack 1 win 5000
            ~ StateChanged from=FinWait1 to=Closing cause=Fin
            0.000 > . 2:2(0) ack 2 win 64240
            => PeerFinished
            < . 2:2(0) ack 2 win 5000
            ~ StateChanged from=Closing to=TimeWait cause=AckOfFin
            ~ StateChanged from=TimeWait to=Closed cause=Over
            => TimeWait
            => Closed
            < F. 1:1(0) ack 2 win 5000
            ~ Dropped why=OutOfWindow
            1.000 > . 2:2(0) ack 2 win 64240
        "#]],
    );
}

//= test RFC 9293 §3.6: one side has finished, and the other goes on.
#[test]
fn half_closed_both_ways() {
    check_with(
        plain(),
        "
        connect
        < S. 0:0(0) ack 1 win 5000 <mss 1000>
        shut
        < . 1:1(0) ack 2 win 5000
        +1h
        < P. 1:101(100) ack 2 win 5000
        read
        < F. 101:101(0) ack 2 win 5000
        read
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460>
            < S. 0:0(0) ack 1 win 5000 <mss 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.000 > . 1:1(0) ack 1 win 64240
            => Connected
            shut
            ~ StateChanged from=Established to=FinWait1 cause=UserClosed
            0.000 > F. 1:1(0) ack 1 win 64240
            < . 1:1(0) ack 2 win 5000
            ~ StateChanged from=FinWait1 to=FinWait2 cause=AckOfFin
            < P. 1:101(100) ack 2 win 5000
            3600.000 > . 2:2(0) ack 101 win 64240
            => Readable
            read
            => read 100
            < F. 101:101(0) ack 2 win 5000
            ~ StateChanged from=FinWait2 to=TimeWait cause=Fin
            ~ StateChanged from=TimeWait to=Closed cause=Over
            3600.000 > . 2:2(0) ack 102 win 64240
            => PeerFinished
            => TimeWait
            => Closed
            read
            => read 0
        "#]],
    );
    check_with(
        plain(),
        "
        connect
        < S. 0:0(0) ack 1 win 5000 <mss 1000>
        < FP. 1:101(100) ack 1 win 5000
        +1h
        write 100
        < . 102:102(0) ack 101 win 5000
        read
        shut
        < . 102:102(0) ack 102 win 5000
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460>
            < S. 0:0(0) ack 1 win 5000 <mss 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.000 > . 1:1(0) ack 1 win 64240
            => Connected
            < FP. 1:101(100) ack 1 win 5000
            ~ StateChanged from=Established to=CloseWait cause=Fin
            => Readable
            => PeerFinished
            0.040 > . 1:1(0) ack 102 win 64240
            write 100
            => wrote 100
            3600.000 > P. 1:101(100) ack 102 win 64240
            < . 102:102(0) ack 101 win 5000
            read
            => read 100
            shut
            ~ StateChanged from=CloseWait to=LastAck cause=UserClosed
            3600.000 > F. 101:101(0) ack 102 win 64240
            < . 102:102(0) ack 102 win 5000
            ~ StateChanged from=LastAck to=Closed cause=AckOfFin
            => Closed
        "#]],
    );
}

//= test RFC 9293 §3.6.1: what comes when nobody will read it is answered with a reset.
#[test]
fn nobody_reads_any_more() {
    check(
        "
        connect
        < S. 0:0(0) ack 1 win 5000 <mss 1000,sackOK,TS val 1 ecr 1000>
        close
        < . 1:1(0) ack 2 win 5000 <nop,nop,TS val 2 ecr 1000>
        < P. 1:101(100) ack 2 win 5000 <nop,nop,TS val 3 ecr 1000>
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460,sackOK,TS val 1000 ecr 0,wscale 7>
            < S. 0:0(0) ack 1 win 5000 <mss 1000,sackOK,TS val 1 ecr 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.000 > . 1:1(0) ack 1 win 64240 <TS val 1000 ecr 1>
            => Connected
            close
            ~ StateChanged from=Established to=FinWait1 cause=UserClosed
            0.000 > F. 1:1(0) ack 1 win 64240 <TS val 1000 ecr 1>
            < . 1:1(0) ack 2 win 5000 <nop,nop,TS val 2 ecr 1000>
            ~ StateChanged from=FinWait1 to=FinWait2 cause=AckOfFin
            < P. 1:101(100) ack 2 win 5000 <nop,nop,TS val 3 ecr 1000>
            ~ Dropped why=NobodyReads
            ~ StateChanged from=FinWait2 to=Closed cause=UserAborted
            0.000 > R 2:2(0) win 0
            => Closed
        "#]],
    );
}

//= test RFC 2525 §2.17: what was not read when the user leaves is no reason for a FIN.
#[test]
fn leaving_with_unread_data_resets() {
    check(
        "
        connect
        < S. 0:0(0) ack 1 win 5000 <mss 1000,sackOK,TS val 1 ecr 1000>
        < P. 1:101(100) ack 1 win 5000 <nop,nop,TS val 3 ecr 1000>
        close
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460,sackOK,TS val 1000 ecr 0,wscale 7>
            < S. 0:0(0) ack 1 win 5000 <mss 1000,sackOK,TS val 1 ecr 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.000 > . 1:1(0) ack 1 win 64240 <TS val 1000 ecr 1>
            => Connected
            < P. 1:101(100) ack 1 win 5000 <nop,nop,TS val 3 ecr 1000>
            0.000 > . 1:1(0) ack 101 win 64240 <TS val 1000 ecr 3>
            => Readable
            close
            ~ StateChanged from=Established to=Closed cause=UserAborted
            0.000 > R. 1:1(0) ack 101 win 64240 <TS val 1000 ecr 3>
            => Closed
        "#]],
    );
}

#[test]
fn linger_of_zero_resets() {
    check_with(
        plain(),
        "
        connect
        < S. 0:0(0) ack 1 win 5000 <mss 1000>
        linger 0s
        write 100
        close
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460>
            < S. 0:0(0) ack 1 win 5000 <mss 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.000 > . 1:1(0) ack 1 win 64240
            => Connected
            linger 0s
            write 100
            => wrote 100
            0.000 > P. 1:101(100) ack 1 win 64240
            close
            ~ StateChanged from=Established to=Closed cause=UserAborted
            0.000 > R. 101:101(0) ack 1 win 64240
            => Closed
        "#]],
    );
}

/// A peer that never sends its FIN is left after a minute, when our user has left.
#[test]
fn an_orphan_does_not_wait_for_ever() {
    check_with(
        plain(),
        "
        connect
        < S. 0:0(0) ack 1 win 5000 <mss 1000>
        close
        < . 1:1(0) ack 2 win 5000
        +61s
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460>
            < S. 0:0(0) ack 1 win 5000 <mss 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.000 > . 1:1(0) ack 1 win 64240
            => Connected
            close
            ~ StateChanged from=Established to=FinWait1 cause=UserClosed
            0.000 > F. 1:1(0) ack 1 win 64240
            < . 1:1(0) ack 2 win 5000
            ~ StateChanged from=FinWait1 to=FinWait2 cause=AckOfFin
            ~ StateChanged from=FinWait2 to=Closed cause=GaveUp
            => Closed
        "#]],
    );
}

//= test RFC 6191 §2: TIME-WAIT ends early for a SYN that is newer.
//= test RFC 1337 §3: and not for an RST.
#[test]
fn time_wait_is_used_again() {
    check(
        "
        listen
        < S 0:0(0) win 5000 <mss 1000,sackOK,TS val 100 ecr 0>
        < . 1:1(0) ack 1 win 5000 <nop,nop,TS val 100 ecr 1000>
        close
        < F. 1:1(0) ack 2 win 5000 <nop,nop,TS val 101 ecr 1000>
        < R 2:2(0) win 0
        < S 0:0(0) win 5000 <mss 1000,sackOK,TS val 50 ecr 0>
        +1s
        < S 1:1(0) win 5000 <mss 1000,sackOK,TS val 1200 ecr 0>
        < . 2:2(0) ack 1 win 5000 <nop,nop,TS val 1201 ecr 2000>
        ",
        expect![[r#"
            listen
            < S 0:0(0) win 5000 <mss 1000,sackOK,TS val 100 ecr 0>
            0.000 > S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,TS val 1000 ecr 100>
            < . 1:1(0) ack 1 win 5000 <nop,nop,TS val 100 ecr 1000>
            ~ StateChanged from=SynReceived to=Established cause=AckOfSyn
            => Connected
            close
            ~ StateChanged from=Established to=FinWait1 cause=UserClosed
            0.000 > F. 1:1(0) ack 1 win 65160 <TS val 1000 ecr 100>
            < F. 1:1(0) ack 2 win 5000 <nop,nop,TS val 101 ecr 1000>
            ~ StateChanged from=FinWait1 to=FinWait2 cause=AckOfFin
            ~ StateChanged from=FinWait2 to=TimeWait cause=Fin
            ~ StateChanged from=TimeWait to=Closed cause=Over
            0.000 > . 2:2(0) ack 2 win 65160 <TS val 1000 ecr 101>
            => PeerFinished
            => TimeWait
            => Closed
            < R 2:2(0) win 0
            ~ Dropped why=TimeWaitAssassin
            < S 0:0(0) win 5000 <mss 1000,sackOK,TS val 50 ecr 0>
            ~ Dropped why=OldTimestamp
            0.000 > . 2:2(0) ack 2 win 65160 <TS val 1000 ecr 101>
            < S 1:1(0) win 5000 <mss 1000,sackOK,TS val 1200 ecr 0>
            1.000 > S. 0:0(0) ack 2 win 65160 <mss 1460,sackOK,TS val 2000 ecr 1200>
            < . 2:2(0) ack 1 win 5000 <nop,nop,TS val 1201 ecr 2000>
            ~ StateChanged from=SynReceived to=Established cause=AckOfSyn
            => Connected
        "#]],
    );
}

#[test]
fn data_written_before_the_end_arrives_with_it() {
    check_with(
        plain(),
        "
        connect
        < S. 0:0(0) ack 1 win 5000 <mss 1000>
        write 2500
        shut
        < . 1:1(0) ack 2502 win 5000
        < F. 1:1(0) ack 2502 win 5000
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460>
            < S. 0:0(0) ack 1 win 5000 <mss 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.000 > . 1:1(0) ack 1 win 64240
            => Connected
            write 2500
            => wrote 2500
            0.000 > . 1:1001(1000) ack 1 win 64240
            0.000 > . 1001:2001(1000) ack 1 win 64240
            0.000 > P. 2001:2501(500) ack 1 win 64240
            shut
            ~ StateChanged from=Established to=FinWait1 cause=UserClosed
            0.000 > F. 2501:2501(0) ack 1 win 64240
            < . 1:1(0) ack 2502 win 5000
            ~ StateChanged from=FinWait1 to=FinWait2 cause=AckOfFin
            < F. 1:1(0) ack 2502 win 5000
            ~ StateChanged from=FinWait2 to=TimeWait cause=Fin
            ~ StateChanged from=TimeWait to=Closed cause=Over
            0.000 > . 2502:2502(0) ack 2 win 64240
            => PeerFinished
            => TimeWait
            => Closed
        "#]],
    );
}

/// Who reads no more hears the peer out, until it has finished itself.
#[test]
fn who_reads_no_more() {
    check_with(
        plain(),
        "
        connect
        < S. 0:0(0) ack 1 win 5000 <mss 1000>
        deaf
        < P. 1:101(100) ack 1 win 5000
        shut
        < . 101:101(0) ack 2 win 5000
        < P. 101:201(100) ack 2 win 5000
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460>
            < S. 0:0(0) ack 1 win 5000 <mss 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.000 > . 1:1(0) ack 1 win 64240
            => Connected
            deaf
            < P. 1:101(100) ack 1 win 5000
            0.000 > . 1:1(0) ack 101 win 64240
            => Readable
            shut
            ~ StateChanged from=Established to=FinWait1 cause=UserClosed
            0.000 > F. 1:1(0) ack 101 win 64240
            < . 101:101(0) ack 2 win 5000
            ~ StateChanged from=FinWait1 to=FinWait2 cause=AckOfFin
            < P. 101:201(100) ack 2 win 5000
            ~ Dropped why=NobodyReads
            ~ StateChanged from=FinWait2 to=Closed cause=UserAborted
            0.000 > R 2:2(0) win 0
            => Closed
        "#]],
    );
}
