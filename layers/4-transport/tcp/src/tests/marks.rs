//! Congestion that is marked, not felt. (RFC 3168)

use expect_test::expect;

use super::stage::{check_with, sack};

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
