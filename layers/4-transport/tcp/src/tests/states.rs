//! Every state and every event: what leaves, what the user learns, and the state afterwards.

use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::stage::{Stage, plain};
use crate::State;

const CONNECTED: &str = "connect\n< S. 0:0(0) ack 1 win 5000 <mss 1000>\n";

/// How each state is reached.
const STATES: [(&str, &str); 10] = [
    ("SYN-SENT", "connect\n"),
    ("SYN-RECEIVED", "connect\n< S 0:0(0) win 5000 <mss 1000>\n"),
    ("half-open", "listen\n< S 0:0(0) win 5000 <mss 1000>\n"),
    ("ESTABLISHED", ""),
    ("FIN-WAIT-1", "shut\n"),
    ("FIN-WAIT-2", "shut\n< . 1:1(0) ack 2 win 5000\n"),
    ("CLOSE-WAIT", "< F. 1:1(0) ack 1 win 5000\n+1s\n"),
    ("CLOSING", "shut\n< F. 1:1(0) ack 1 win 5000\n"),
    ("LAST-ACK", "< F. 1:1(0) ack 1 win 5000\nshut\n"),
    ("TIME-WAIT", "shut\n< F. 1:1(0) ack 2 win 5000\n"),
];

/// Plays `event` in each state.
#[track_caller]
fn check(event: &str, want: Expect) {
    let mut all = String::new();
    for (name, how) in STATES {
        let before = matches!(name, "SYN-SENT" | "SYN-RECEIVED" | "half-open");
        let user_is_gone = matches!(name, "half-open" | "TIME-WAIT");
        if !event.starts_with('<') && user_is_gone {
            continue;
        }
        let mut stage = Stage::new(plain()).showing(&[]);
        stage.play(if before { "" } else { CONNECTED });
        stage.play(how);
        if name != "half-open" {
            let state = stage.connection.as_ref().unwrap().state();
            assert!(is_called(state, name), "{name} is {state:?}");
        }
        stage.film.clear();
        stage.play(event);
        let happened = stage
            .film
            .lines()
            .skip(1)
            .map(|line| line.split_once(" > ").map_or(line, |(_, segment)| segment));
        let happened = happened.collect::<Vec<_>>().join("; ");
        let state = stage.connection.as_ref().map_or(State::Listen, |c| c.state());
        let _ = writeln!(all, "{name}: {happened} -> {state:?}");
    }
    want.assert_eq(&all);
}

fn is_called(state: State, name: &str) -> bool {
    let plain = name.replace('-', "").to_lowercase();
    // What waits in TIME-WAIT is a value of its own.
    let state = if name == "TIME-WAIT" { "timewait".into() } else { format!("{state:?}") };
    plain == state.to_lowercase()
}

//= test RFC 9293 §3.10.7.4: the eight steps, in every state.
//= test RFC 9293 §3.10.7.3: the steps in SYN-SENT.
#[test]
fn an_acknowledgement_of_everything() {
    check(
        "< . 1:1(0) ack 2 win 5000",
        expect![[r#"
            SYN-SENT: R 2:2(0) win 0 -> SynSent
            SYN-RECEIVED: R 2:2(0) win 0 -> SynReceived
            half-open: R 2:2(0) win 0 -> Listen
            ESTABLISHED: . 1:1(0) ack 1 win 64240 -> Established
            FIN-WAIT-1:  -> FinWait2
            FIN-WAIT-2:  -> FinWait2
            CLOSE-WAIT: . 1:1(0) ack 2 win 64240 -> CloseWait
            CLOSING: . 2:2(0) ack 2 win 64240 -> Closing
            LAST-ACK: . 2:2(0) ack 2 win 64240 -> LastAck
            TIME-WAIT: . 2:2(0) ack 2 win 64240 -> Closed
        "#]],
    );
}

#[test]
fn an_acknowledgement_of_nothing_new() {
    check(
        "< . 1:1(0) ack 1 win 5000",
        expect![[r#"
            SYN-SENT:  -> SynSent
            SYN-RECEIVED: => Connected -> Established
            half-open: => Connected -> Established
            ESTABLISHED:  -> Established
            FIN-WAIT-1:  -> FinWait1
            FIN-WAIT-2:  -> FinWait2
            CLOSE-WAIT: . 1:1(0) ack 2 win 64240 -> CloseWait
            CLOSING: . 2:2(0) ack 2 win 64240 -> Closing
            LAST-ACK: . 2:2(0) ack 2 win 64240 -> LastAck
            TIME-WAIT: . 2:2(0) ack 2 win 64240 -> Closed
        "#]],
    );
}

//= test RFC 9293 §3.10.7.4: an acknowledgement of what was never sent.
#[test]
fn an_acknowledgement_of_the_future() {
    check(
        "< . 1:1(0) ack 9 win 5000",
        expect![[r#"
            SYN-SENT: R 9:9(0) win 0 -> SynSent
            SYN-RECEIVED: R 9:9(0) win 0 -> SynReceived
            half-open: R 9:9(0) win 0 -> Listen
            ESTABLISHED: . 1:1(0) ack 1 win 64240 -> Established
            FIN-WAIT-1: . 2:2(0) ack 1 win 64240 -> FinWait1
            FIN-WAIT-2: . 2:2(0) ack 1 win 64240 -> FinWait2
            CLOSE-WAIT: . 1:1(0) ack 2 win 64240 -> CloseWait
            CLOSING: . 2:2(0) ack 2 win 64240 -> Closing
            LAST-ACK: . 2:2(0) ack 2 win 64240 -> LastAck
            TIME-WAIT: . 2:2(0) ack 2 win 64240 -> Closed
        "#]],
    );
}

//= test RFC 5961 §5: an acknowledgement from long ago is answered with a challenge.
#[test]
fn an_acknowledgement_from_long_ago() {
    check(
        "< . 1:1(0) ack -9000 win 5000",
        expect![[r#"
            SYN-SENT: R -9000:-9000(0) win 0 -> SynSent
            SYN-RECEIVED: R -9000:-9000(0) win 0 -> SynReceived
            half-open: R -9000:-9000(0) win 0 -> Listen
            ESTABLISHED: . 1:1(0) ack 1 win 64240 -> Established
            FIN-WAIT-1: . 2:2(0) ack 1 win 64240 -> FinWait1
            FIN-WAIT-2: . 2:2(0) ack 1 win 64240 -> FinWait2
            CLOSE-WAIT: . 1:1(0) ack 2 win 64240 -> CloseWait
            CLOSING: . 2:2(0) ack 2 win 64240 -> Closing
            LAST-ACK: . 2:2(0) ack 2 win 64240 -> LastAck
            TIME-WAIT: . 2:2(0) ack 2 win 64240 -> Closed
        "#]],
    );
}

//= test RFC 5961 §4.2: a SYN within a connection is answered with a challenge.
#[test]
fn a_syn_in_the_window() {
    check(
        "< S 100:100(0) win 5000",
        expect![[r#"
            SYN-SENT: S. 0:0(0) ack 101 win 64240 <mss 1460> -> SynReceived
            SYN-RECEIVED: . 1:1(0) ack 1 win 64240 -> SynReceived
            half-open: R. -1667402408:-1667402408(0) ack 101 win 0 -> Listen
            ESTABLISHED: . 1:1(0) ack 1 win 64240 -> Established
            FIN-WAIT-1: . 2:2(0) ack 1 win 64240 -> FinWait1
            FIN-WAIT-2: . 2:2(0) ack 1 win 64240 -> FinWait2
            CLOSE-WAIT: . 1:1(0) ack 2 win 64240 -> CloseWait
            CLOSING: . 2:2(0) ack 2 win 64240 -> Closing
            LAST-ACK: . 2:2(0) ack 2 win 64240 -> LastAck
            TIME-WAIT: nobody R. 0:0(0) ack 101 win 0 -> Listen
        "#]],
    );
}

#[test]
fn the_same_syn_again() {
    check(
        "< S 0:0(0) win 5000 <mss 1000>",
        expect![[r#"
            SYN-SENT: S. 0:0(0) ack 1 win 64240 <mss 1460> -> SynReceived
            SYN-RECEIVED: S. 0:0(0) ack 1 win 64240 <mss 1460> -> SynReceived
            half-open: S. 0:0(0) ack 1 win 64240 <mss 1460> -> Listen
            ESTABLISHED: . 1:1(0) ack 1 win 64240 -> Established
            FIN-WAIT-1: . 2:2(0) ack 1 win 64240 -> FinWait1
            FIN-WAIT-2: . 2:2(0) ack 1 win 64240 -> FinWait2
            CLOSE-WAIT: . 1:1(0) ack 2 win 64240 -> CloseWait
            CLOSING: . 2:2(0) ack 2 win 64240 -> Closing
            LAST-ACK: . 2:2(0) ack 2 win 64240 -> LastAck
            TIME-WAIT: . 2:2(0) ack 2 win 64240 -> Closed
        "#]],
    );
}

#[test]
fn a_syn_with_an_acknowledgement() {
    check(
        "< S. 0:0(0) ack 1 win 5000 <mss 1000>",
        expect![[r#"
            SYN-SENT: . 1:1(0) ack 1 win 64240; => Connected -> Established
            SYN-RECEIVED: . 1:1(0) ack 1 win 64240; => Connected -> Established
            half-open: . 1:1(0) ack 1 win 64240 -> Listen
            ESTABLISHED: . 1:1(0) ack 1 win 64240 -> Established
            FIN-WAIT-1: . 2:2(0) ack 1 win 64240 -> FinWait1
            FIN-WAIT-2: . 2:2(0) ack 1 win 64240 -> FinWait2
            CLOSE-WAIT: . 1:1(0) ack 2 win 64240 -> CloseWait
            CLOSING: . 2:2(0) ack 2 win 64240 -> Closing
            LAST-ACK: . 2:2(0) ack 2 win 64240 -> LastAck
            TIME-WAIT: . 2:2(0) ack 2 win 64240 -> Closed
        "#]],
    );
}

//= test RFC 5961 §3.2: an RST that stands exactly where we are ends the connection.
#[test]
fn a_reset_in_its_place() {
    check(
        "< R. 1:1(0) ack 1 win 0",
        expect![[r#"
            SYN-SENT: => Failed(Refused); => Closed -> Closed
            SYN-RECEIVED: => Failed(Refused); => Closed -> Closed
            half-open:  -> Listen
            ESTABLISHED: => Failed(Reset); => Closed -> Closed
            FIN-WAIT-1: => Failed(Reset); => Closed -> Closed
            FIN-WAIT-2: => Failed(Reset); => Closed -> Closed
            CLOSE-WAIT: => Failed(Broken); => Closed -> Closed
            CLOSING: => Closed -> Closed
            LAST-ACK: => Closed -> Closed
            TIME-WAIT:  -> Closed
        "#]],
    );
}

//= test RFC 5961 §3.2: one elsewhere in the window is answered with a challenge.
#[test]
fn a_reset_elsewhere() {
    check(
        "< R. 100:100(0) ack 1 win 0",
        expect![[r#"
            SYN-SENT: => Failed(Refused); => Closed -> Closed
            SYN-RECEIVED: . 1:1(0) ack 1 win 64240 -> SynReceived
            half-open: . 1:1(0) ack 1 win 64240 -> Listen
            ESTABLISHED: . 1:1(0) ack 1 win 64240 -> Established
            FIN-WAIT-1: . 2:2(0) ack 1 win 64240 -> FinWait1
            FIN-WAIT-2: . 2:2(0) ack 1 win 64240 -> FinWait2
            CLOSE-WAIT: . 1:1(0) ack 2 win 64240 -> CloseWait
            CLOSING: . 2:2(0) ack 2 win 64240 -> Closing
            LAST-ACK: . 2:2(0) ack 2 win 64240 -> LastAck
            TIME-WAIT:  -> Closed
        "#]],
    );
}

//= test RFC 1337 §3: an RST does not end TIME-WAIT.
#[test]
fn a_bare_reset() {
    check(
        "< R 2:2(0) win 0",
        expect![[r#"
        SYN-SENT:  -> SynSent
        SYN-RECEIVED: . 1:1(0) ack 1 win 64240 -> SynReceived
        half-open: . 1:1(0) ack 1 win 64240 -> Listen
        ESTABLISHED: . 1:1(0) ack 1 win 64240 -> Established
        FIN-WAIT-1: . 2:2(0) ack 1 win 64240 -> FinWait1
        FIN-WAIT-2: . 2:2(0) ack 1 win 64240 -> FinWait2
        CLOSE-WAIT: => Failed(Broken); => Closed -> Closed
        CLOSING: => Closed -> Closed
        LAST-ACK: => Closed -> Closed
        TIME-WAIT:  -> Closed
    "#]],
    );
}

#[test]
fn a_reset_out_of_the_window() {
    check(
        "< R. 99000:99000(0) ack 1 win 0",
        expect![[r#"
        SYN-SENT: => Failed(Refused); => Closed -> Closed
        SYN-RECEIVED:  -> SynReceived
        half-open:  -> Listen
        ESTABLISHED:  -> Established
        FIN-WAIT-1:  -> FinWait1
        FIN-WAIT-2:  -> FinWait2
        CLOSE-WAIT:  -> CloseWait
        CLOSING:  -> Closing
        LAST-ACK:  -> LastAck
        TIME-WAIT:  -> Closed
    "#]],
    );
}

#[test]
fn data_in_order() {
    check(
        "< P. 1:11(10) ack 1 win 5000",
        expect![[r#"
            SYN-SENT:  -> SynSent
            SYN-RECEIVED: . 1:1(0) ack 11 win 64240; => Connected; => Readable -> Established
            half-open: . 1:1(0) ack 11 win 64240; => Connected; => Readable -> Established
            ESTABLISHED: . 1:1(0) ack 11 win 64240; => Readable -> Established
            FIN-WAIT-1: . 2:2(0) ack 11 win 64240; => Readable -> FinWait1
            FIN-WAIT-2: . 2:2(0) ack 11 win 64240; => Readable -> FinWait2
            CLOSE-WAIT: . 1:1(0) ack 2 win 64240 -> CloseWait
            CLOSING: . 2:2(0) ack 2 win 64240 -> Closing
            LAST-ACK: . 2:2(0) ack 2 win 64240 -> LastAck
            TIME-WAIT: . 2:2(0) ack 2 win 64240 -> Closed
        "#]],
    );
}

#[test]
fn data_out_of_order() {
    check(
        "< P. 101:111(10) ack 1 win 5000",
        expect![[r#"
            SYN-SENT:  -> SynSent
            SYN-RECEIVED: . 1:1(0) ack 1 win 64240; => Connected -> Established
            half-open: . 1:1(0) ack 1 win 64240; => Connected -> Established
            ESTABLISHED: . 1:1(0) ack 1 win 64240 -> Established
            FIN-WAIT-1: . 2:2(0) ack 1 win 64240 -> FinWait1
            FIN-WAIT-2: . 2:2(0) ack 1 win 64240 -> FinWait2
            CLOSE-WAIT:  -> CloseWait
            CLOSING:  -> Closing
            LAST-ACK:  -> LastAck
            TIME-WAIT: . 2:2(0) ack 2 win 64240 -> Closed
        "#]],
    );
}

//= test RFC 9293 §3.10.7.4: what lies out of the window is answered and dropped.
#[test]
fn data_out_of_the_window() {
    check(
        "< P. 99001:99011(10) ack 1 win 5000",
        expect![[r#"
            SYN-SENT:  -> SynSent
            SYN-RECEIVED: . 1:1(0) ack 1 win 64240 -> SynReceived
            half-open: . 1:1(0) ack 1 win 64240 -> Listen
            ESTABLISHED: . 1:1(0) ack 1 win 64240 -> Established
            FIN-WAIT-1: . 2:2(0) ack 1 win 64240 -> FinWait1
            FIN-WAIT-2: . 2:2(0) ack 1 win 64240 -> FinWait2
            CLOSE-WAIT: . 1:1(0) ack 2 win 64240 -> CloseWait
            CLOSING: . 2:2(0) ack 2 win 64240 -> Closing
            LAST-ACK: . 2:2(0) ack 2 win 64240 -> LastAck
            TIME-WAIT: . 2:2(0) ack 2 win 64240 -> Closed
        "#]],
    );
}

#[test]
fn data_without_ack() {
    check(
        "< P 1:11(10) win 5000",
        expect![[r#"
            SYN-SENT:  -> SynSent
            SYN-RECEIVED:  -> SynReceived
            half-open:  -> Listen
            ESTABLISHED:  -> Established
            FIN-WAIT-1:  -> FinWait1
            FIN-WAIT-2:  -> FinWait2
            CLOSE-WAIT:  -> CloseWait
            CLOSING:  -> Closing
            LAST-ACK:  -> LastAck
            TIME-WAIT: . 2:2(0) ack 2 win 64240 -> Closed
        "#]],
    );
}

#[test]
fn a_fin() {
    check(
        "< F. 1:1(0) ack 1 win 5000",
        expect![[r#"
            SYN-SENT:  -> SynSent
            SYN-RECEIVED: . 1:1(0) ack 2 win 64240; => Connected; => PeerFinished -> CloseWait
            half-open: . 1:1(0) ack 2 win 64240; => Connected; => PeerFinished -> CloseWait
            ESTABLISHED: . 1:1(0) ack 2 win 64240; => PeerFinished -> CloseWait
            FIN-WAIT-1: . 2:2(0) ack 2 win 64240; => PeerFinished -> Closing
            FIN-WAIT-2: . 2:2(0) ack 2 win 64240; => PeerFinished; => TimeWait; => Closed -> Closed
            CLOSE-WAIT: . 1:1(0) ack 2 win 64240 -> CloseWait
            CLOSING: . 2:2(0) ack 2 win 64240 -> Closing
            LAST-ACK: . 2:2(0) ack 2 win 64240 -> LastAck
            TIME-WAIT: . 2:2(0) ack 2 win 64240 -> Closed
        "#]],
    );
}

//= test RFC 9293 §3.6: a FIN that acknowledges ours.
#[test]
fn a_fin_that_acknowledges_everything() {
    check(
        "< F. 1:1(0) ack 2 win 5000",
        expect![[r#"
            SYN-SENT: R 2:2(0) win 0 -> SynSent
            SYN-RECEIVED: R 2:2(0) win 0 -> SynReceived
            half-open: R 2:2(0) win 0 -> Listen
            ESTABLISHED: . 1:1(0) ack 1 win 64240 -> Established
            FIN-WAIT-1: . 2:2(0) ack 2 win 64240; => PeerFinished; => TimeWait; => Closed -> Closed
            FIN-WAIT-2: . 2:2(0) ack 2 win 64240; => PeerFinished; => TimeWait; => Closed -> Closed
            CLOSE-WAIT: . 1:1(0) ack 2 win 64240 -> CloseWait
            CLOSING: => TimeWait; => Closed -> Closed
            LAST-ACK: => Closed -> Closed
            TIME-WAIT: . 2:2(0) ack 2 win 64240 -> Closed
        "#]],
    );
}

#[test]
fn a_fin_behind_data() {
    check(
        "< FP. 1:11(10) ack 1 win 5000",
        expect![[r#"
            SYN-SENT:  -> SynSent
            SYN-RECEIVED: => Connected; => Readable; => PeerFinished -> CloseWait
            half-open: => Connected; => Readable; => PeerFinished -> CloseWait
            ESTABLISHED: => Readable; => PeerFinished -> CloseWait
            FIN-WAIT-1: . 2:2(0) ack 12 win 64240; => Readable; => PeerFinished -> Closing
            FIN-WAIT-2: . 2:2(0) ack 12 win 64240; => Readable; => PeerFinished; => TimeWait; => Closed -> Closed
            CLOSE-WAIT: . 1:1(0) ack 2 win 64240 -> CloseWait
            CLOSING: . 2:2(0) ack 2 win 64240 -> Closing
            LAST-ACK: . 2:2(0) ack 2 win 64240 -> LastAck
            TIME-WAIT: . 2:2(0) ack 2 win 64240 -> Closed
        "#]],
    );
}

#[test]
fn urgent_data() {
    check(
        "< U. 1:11(10) ack 1 win 5000 urg 5",
        expect![[r#"
            SYN-SENT:  -> SynSent
            SYN-RECEIVED: . 1:1(0) ack 11 win 64240; => Connected; => Readable; => Urgent -> Established
            half-open: . 1:1(0) ack 11 win 64240; => Connected; => Readable; => Urgent -> Established
            ESTABLISHED: . 1:1(0) ack 11 win 64240; => Readable; => Urgent -> Established
            FIN-WAIT-1: . 2:2(0) ack 11 win 64240; => Readable; => Urgent -> FinWait1
            FIN-WAIT-2: . 2:2(0) ack 11 win 64240; => Readable; => Urgent -> FinWait2
            CLOSE-WAIT: . 1:1(0) ack 2 win 64240 -> CloseWait
            CLOSING: . 2:2(0) ack 2 win 64240 -> Closing
            LAST-ACK: . 2:2(0) ack 2 win 64240 -> LastAck
            TIME-WAIT: . 2:2(0) ack 2 win 64240 -> Closed
        "#]],
    );
}

//= test RFC 9293 §3.10.2: SEND in every state.
#[test]
fn the_user_writes() {
    check(
        "write 10",
        expect![[r#"
            SYN-SENT: => wrote 10 -> SynSent
            SYN-RECEIVED: => wrote 10 -> SynReceived
            ESTABLISHED: => wrote 10; P. 1:11(10) ack 1 win 64240 -> Established
            FIN-WAIT-1: => wrote 0 -> FinWait1
            FIN-WAIT-2: => wrote 0 -> FinWait2
            CLOSE-WAIT: => wrote 10; P. 1:11(10) ack 2 win 64240 -> CloseWait
            CLOSING: => wrote 0 -> Closing
            LAST-ACK: => wrote 0 -> LastAck
        "#]],
    );
}

//= test RFC 9293 §3.10.4: CLOSE in every state.
#[test]
fn the_user_finishes() {
    check(
        "shut",
        expect![[r#"
            SYN-SENT: => Closed -> Closed
            SYN-RECEIVED:  -> FinWait1
            ESTABLISHED: F. 1:1(0) ack 1 win 64240 -> FinWait1
            FIN-WAIT-1:  -> FinWait1
            FIN-WAIT-2:  -> FinWait2
            CLOSE-WAIT: F. 1:1(0) ack 2 win 64240 -> LastAck
            CLOSING:  -> Closing
            LAST-ACK:  -> LastAck
        "#]],
    );
}

#[test]
fn the_user_leaves() {
    check(
        "close",
        expect![[r#"
            SYN-SENT: => Closed -> Closed
            SYN-RECEIVED:  -> FinWait1
            ESTABLISHED: F. 1:1(0) ack 1 win 64240 -> FinWait1
            FIN-WAIT-1:  -> FinWait1
            FIN-WAIT-2:  -> FinWait2
            CLOSE-WAIT: F. 1:1(0) ack 2 win 64240 -> LastAck
            CLOSING:  -> Closing
            LAST-ACK:  -> LastAck
        "#]],
    );
}

//= test RFC 9293 §3.10.5: ABORT in every state.
#[test]
fn the_user_breaks_off() {
    check(
        "abort",
        expect![[r#"
            SYN-SENT: => Closed -> Closed
            SYN-RECEIVED: R. 1:1(0) ack 1 win 64240; => Closed -> Closed
            ESTABLISHED: R. 1:1(0) ack 1 win 64240; => Closed -> Closed
            FIN-WAIT-1: R. 2:2(0) ack 1 win 64240; => Closed -> Closed
            FIN-WAIT-2: R. 2:2(0) ack 1 win 64240; => Closed -> Closed
            CLOSE-WAIT: R. 1:1(0) ack 2 win 64240; => Closed -> Closed
            CLOSING: => Closed -> Closed
            LAST-ACK: => Closed -> Closed
        "#]],
    );
}
