//! Data with the SYN. (RFC 7413)

use std::net::SocketAddr;

use base::SipKey;
use expect_test::expect;

use super::stage::{Stage, check_with, plain};
use crate::{Config, FastOpen, Flow};

/// A listener that takes data with SYNs.
fn server() -> Config {
    let mut config = plain();
    config.fast_open.server = true;
    config.fast_open.pending_max = 2;
    config.fast_open.key = Some(SipKey::new([7; 16]));
    config
}

/// The cookie that a listener with this configuration gives to the peer of all these tests.
fn cookie(config: &Config) -> String {
    let mut stage = Stage::new(config.clone());
    stage.play("listen\n< S 0:0(0) <mss 1460,FO>");
    let (_, granted) = stage.film.split_once(",FO ").expect("a cookie is granted");
    granted.split('>').next().unwrap_or_default().to_owned()
}

#[track_caller]
fn check_server(config: &Config, script: &str, want: expect_test::Expect) {
    check_with(config.clone(), &script.replace("COOKIE", &cookie(config)), want);
}

//= test RFC 7413 §4.2.2: with a good cookie data is the user's before the third step.
#[test]
fn a_server_takes_data_with_a_cookie() {
    check_server(
        &server(),
        "
        listen
        < S 0:500(500) <mss 1460,FO COOKIE>
        accept
        read
        write 100
        < . 501:501(0) ack 101
        info state has_syn_data unacked bytes_received
        ",
        expect![[r#"
            listen
            < S 0:500(500) <mss 1460,FO 3e473e45f9442e8b>
            ~ FastOpen step=Opened
            0.000 > S. 0:0(0) ack 501 win 64240 <mss 1460>
            => Readable
            accept
            => accepted Some(1)
            read
            => read 500
            write 100
            => wrote 100
            0.000 > P. 1:101(100) ack 501 win 64856
            < . 501:501(0) ack 101
            ~ StateChanged from=SynReceived to=Established cause=AckOfSyn
            => Connected
            info state has_syn_data unacked bytes_received
            => state: Established has_syn_data: true unacked: 0 bytes_received: 500
        "#]],
    );
}

//= test RFC 7413 §4.1.2: a cookie that is another's opens nothing, and is answered with the right one.
#[test]
fn a_wrong_cookie_is_replaced() {
    check_server(
        &server(),
        "
        listen
        < S 0:500(500) <mss 1460,FO 0102030405060708>
        < P. 1:501(500) ack 1
        ",
        expect![[r#"
            listen
            < S 0:500(500) <mss 1460,FO 0102030405060708>
            ~ FastOpen step=CookieWrong
            0.000 > S. 0:0(0) ack 1 win 64240 <mss 1460,FO 3e473e45f9442e8b>
            < P. 1:501(500) ack 1
            ~ StateChanged from=SynReceived to=Established cause=AckOfSyn
            0.000 > . 1:1(0) ack 501 win 64856
            => Connected
            => Readable
        "#]],
    );
}

//= test RFC 7413 §4.1.2: keys are changed without breaking what clients have.
#[test]
fn a_cookie_of_the_key_before_opens_and_is_replaced() {
    let old = server();
    let mut new = server();
    new.fast_open.key = Some(SipKey::new([8; 16]));
    new.fast_open.key_before = old.fast_open.key;
    let script = "listen\n< S 0:500(500) <mss 1460,FO COOKIE>".replace("COOKIE", &cookie(&old));
    let mut stage = Stage::new(new.clone());
    stage.play(&script);
    assert!(stage.film.contains("step=Opened"), "{}", stage.film);
    assert!(stage.film.contains(&format!("FO {}", cookie(&new))), "{}", stage.film);
}

//= test RFC 7413 §5.1: so many are unproven at a time; those that were reset count for a while.
#[test]
fn resets_do_not_make_room() {
    let mut config = server();
    config.fast_open.pending_max = 1;
    check_server(
        &config,
        "
        listen
        < S 0:500(500) <mss 1460,FO COOKIE>
        < R 501:501(0)
        < S 0:500(500) <mss 1460,FO COOKIE>
        < R 1:1(0)
        +61s
        < S 0:500(500) <mss 1460,FO COOKIE>
        ",
        expect![[r#"
            listen
            < S 0:500(500) <mss 1460,FO 3e473e45f9442e8b>
            ~ FastOpen step=Opened
            0.000 > S. 0:0(0) ack 501 win 64240 <mss 1460>
            => Readable
            < R 501:501(0)
            ~ StateChanged from=SynReceived to=Closed cause=Reset
            => Failed(Reset)
            => Closed
            < S 0:500(500) <mss 1460,FO 3e473e45f9442e8b>
            ~ FastOpen step=TooManyUnproven
            0.000 > S. 0:0(0) ack 1 win 64240 <mss 1460>
            < R 1:1(0)
            ~ Dropped why=ResetForNobody
            < S 0:500(500) <mss 1460,FO 3e473e45f9442e8b>
            ~ FastOpen step=Opened
            61.000 > S. 953125000:953125000(0) ack 501 win 64240 <mss 1460>
            => Readable
        "#]],
    );
}

//= test RFC 7413 §4.2.2: the answer is lost; it is sent again, and what the user wrote is not.
#[test]
fn a_lost_answer_is_sent_again() {
    check_server(
        &server(),
        "
        listen
        < S 0:500(500) <mss 1460,FO COOKIE>
        write 100
        +1s
        < S 0:0(0) <mss 1460>
        < S 0:0(0) <mss 1460>
        < . 501:501(0) ack 101
        ",
        expect![[r#"
            listen
            < S 0:500(500) <mss 1460,FO 3e473e45f9442e8b>
            ~ FastOpen step=Opened
            0.000 > S. 0:0(0) ack 501 win 64240 <mss 1460>
            => Readable
            write 100
            => wrote 100
            0.000 > P. 1:101(100) ack 501 win 64856
            1.000 > S. 0:0(0) ack 501 win 64856 <mss 1460>
            < S 0:0(0) <mss 1460>
            1.000 > S. 0:0(0) ack 501 win 64856 <mss 1460>
            < S 0:0(0) <mss 1460>
            ~ Ignored why=AnsweredJustNow
            < . 501:501(0) ack 101
            ~ StateChanged from=SynReceived to=Established cause=AckOfSyn
            => Connected
        "#]],
    );
}

//= test RFC 7413 §4.2.2: nobody ever comes back: so many answers, and it is over.
#[test]
fn an_unproven_connection_ends() {
    let config = server();
    let script = "listen\n< S 0:500(500) <mss 1460,FO COOKIE>".replace("COOKIE", &cookie(&config));
    let mut stage = Stage::new(config);
    stage.play(&script);
    stage.play("write 5000\n+10m");
    let answers = stage.film.lines().filter(|line| line.contains("> S.")).count();
    assert_eq!(answers, 7, "{}", stage.film);
    assert!(stage.film.contains("Failed(TimedOut)"), "{}", stage.film);
}

/// The user leaves before the third step.
#[test]
fn an_unproven_connection_is_closed() {
    check_server(
        &server(),
        "
        listen
        < S 0:500(500) <mss 1460,FO COOKIE>
        read
        close
        < F. 501:501(0) ack 2
        ",
        expect![[r#"
            listen
            < S 0:500(500) <mss 1460,FO 3e473e45f9442e8b>
            ~ FastOpen step=Opened
            0.000 > S. 0:0(0) ack 501 win 64240 <mss 1460>
            => Readable
            read
            => read 500
            close
            ~ StateChanged from=SynReceived to=FinWait1 cause=UserClosed
            0.000 > F. 1:1(0) ack 501 win 64856
            < F. 501:501(0) ack 2
            ~ StateChanged from=FinWait1 to=FinWait2 cause=AckOfFin
            ~ StateChanged from=FinWait2 to=TimeWait cause=Fin
            ~ StateChanged from=TimeWait to=Closed cause=Over
            0.000 > . 2:2(0) ack 502 win 64856
            => Connected
            => PeerFinished
            => TimeWait
            => Closed
        "#]],
    );
}

//= test RFC 7413 §4.2.1: the peer takes what came with the SYN, or does not, or the SYN was lost.
#[test]
fn a_client_sends_data_with_its_syn() {
    check_with(
        plain(),
        "
        fast 5000
        write 100
        < S. 0:0(0) ack 1001 <mss 1460>
        info has_syn_data unacked
        ",
        expect![[r#"
            fast 5000
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            => wrote 1000
            ~ FastOpen step=DataSent
            0.000 > S 0:1000(1000) win 64240 <mss 1460,FO 1020304050607080>
            write 100
            => wrote 100
            < S. 0:0(0) ack 1001 <mss 1460>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            ~ FastOpen step=DataTaken
            0.000 > P. 1001:1101(100) ack 1 win 64240
            => Connected
            info has_syn_data unacked
            => has_syn_data: true unacked: 1
        "#]],
    );
}

//= test RFC 7413 §4.2.1: what the server did not take goes once more.
#[test]
fn a_client_sends_again_what_was_not_taken() {
    check_with(
        plain(),
        "
        fast 1000
        < S. 0:0(0) ack 1 <mss 600>
        < . 1:1(0) ack 1001
        ",
        expect![[r#"
            fast 1000
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            => wrote 1000
            ~ FastOpen step=DataSent
            0.000 > S 0:1000(1000) win 64240 <mss 1460,FO 1020304050607080>
            < S. 0:0(0) ack 1 <mss 600>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            ~ FastOpen step=DataNotTaken
            0.000 > P. 1:1001(1000) ack 1 win 64240
            => Connected
            < . 1:1(0) ack 1001
        "#]],
    );
}

//= test RFC 7413 §4.1.3: the SYN goes again by itself, for it may be the data that was in the way.
#[test]
fn a_client_falls_back() {
    check_with(
        plain(),
        "
        fast 1000
        +1s
        < S. 0:0(0) ack 1 <mss 1460>
        ",
        expect![[r#"
            fast 1000
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            => wrote 1000
            ~ FastOpen step=DataSent
            0.000 > S 0:1000(1000) win 64240 <mss 1460,FO 1020304050607080>
            ~ FastOpen step=FallenBack
            1.000 > S 0:0(0) win 64240 <mss 1460>
            < S. 0:0(0) ack 1 <mss 1460>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            ~ FastOpen step=DataNotTaken
            1.000 > P. 1:1001(1000) ack 1 win 64240
            => Connected
        "#]],
    );
}

//= test RFC 7413 §4.2.1: who has no cookie asks for one, and sends nothing with the SYN.
#[test]
fn a_client_asks_for_a_cookie() {
    check_with(
        plain(),
        "
        fast ask
        < S. 0:0(0) ack 1 <mss 1460,FO 0102030405060708>
        ",
        expect![[r#"
            fast ask
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            ~ FastOpen step=CookieAsked
            => wrote 0
            0.000 > S 0:0(0) win 64240 <mss 1460,FO>
            < S. 0:0(0) ack 1 <mss 1460,FO 0102030405060708>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.000 > . 1:1(0) ack 1 win 64240
            => Connected
        "#]],
    );
}

/// A cookie that a Linux 6 gave over its loopback, with `tcp_fastopen_key` at
/// 00010203-04050607-08090a0b-0c0d0e0f.
#[test]
fn cookies_are_as_linux_makes_them() {
    let key = SipKey::new([3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12]);
    let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let flow = Flow { local: at(8080), remote: at(40_000) };
    let cookie = FastOpen::default().cookie(&key, &flow).unwrap();
    assert_eq!(cookie.as_slice(), [0x12, 0xc3, 0xd3, 0xd6, 0x60, 0x81, 0xfc, 0x12]);
}
