//! Listeners whose user wants only connections on which something was said.

use expect_test::expect;

use super::stage::{check_with, plain};

#[test]
fn only_who_says_something_is_accepted() {
    let mut config = plain();
    config.handshake.defer_accept = 2;
    check_with(
        config.clone(),
        "
        listen
        < S 0:0(0) <mss 1460>
        < . 1:1(0) ack 1
        accept
        < P. 1:11(10) ack 1
        accept
        ",
        expect![[r#"
            listen
            < S 0:0(0) <mss 1460>
            0.000 > S. 0:0(0) ack 1 win 64240 <mss 1460>
            < . 1:1(0) ack 1
            ~ Dropped why=AcceptDeferred
            accept
            => accepted None
            < P. 1:11(10) ack 1
            ~ StateChanged from=SynReceived to=Established cause=AckOfSyn
            0.000 > . 1:1(0) ack 11 win 64240
            => Connected
            => Readable
            accept
            => accepted Some(1)
        "#]],
    );
    // Nothing is said: the answer leaves once more at the end, and then the third step is enough.
    check_with(
        config,
        "
        listen
        < S 0:0(0) <mss 1460>
        < . 1:1(0) ack 1
        +10s
        < . 1:1(0) ack 1
        accept
        ",
        expect![[r#"
            listen
            < S 0:0(0) <mss 1460>
            0.000 > S. 0:0(0) ack 1 win 64240 <mss 1460>
            < . 1:1(0) ack 1
            ~ Dropped why=AcceptDeferred
            3.000 > S. 0:0(0) ack 1 win 64240 <mss 1460>
            7.000 > S. 0:0(0) ack 1 win 64240 <mss 1460>
            < . 1:1(0) ack 1
            ~ StateChanged from=SynReceived to=Established cause=AckOfSyn
            => Connected
            accept
            => accepted Some(1)
        "#]],
    );
}
