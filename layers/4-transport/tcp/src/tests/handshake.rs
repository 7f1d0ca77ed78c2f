//! Connecting and being connected to.

use expect_test::expect;

use super::stage::{check, check_with, plain};

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
            0.010 > . 1:1(0) ack 101 win 64140
            => Readable
            write 2500
            => wrote 2500
            0.010 > . 1:1001(1000) ack 101 win 64140
            0.010 > . 1001:2001(1000) ack 101 win 64140
            0.010 > P. 2001:2501(500) ack 101 win 64140
            < . 101:101(0) ack 2501 win 65535
            close
            ~ StateChanged from=Established to=Closed cause=UserAborted
            0.020 > R. 2501:2501(0) ack 101 win 0
            => Closed
            < F. 101:101(0) ack 2502 win 65535
            ~ Dropped why=NoConnection
            0.030 > R 2502:2502(0) win 0
        "#]],
    );
}
