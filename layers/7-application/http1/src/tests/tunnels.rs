//! Other protocols on the same connection. (RFC 9110 §7.8, §9.3.6)

use expect_test::expect;

use super::script::{check, check_client, check_with};
use crate::Config;

//= test RFC 9110 §15.2.2: 101, and then what was agreed on, both ways.
#[test]
fn an_upgrade() {
    check(
        r"> GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n
          head 101 Upgrade: echo; Connection: keep-alive; Content-Length: 5
          data hello
          > hi
          data there
          end
          look
          > and more
          fin",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x", Connection: "upgrade", Upgrade: "echo"}
            => #1 End
            ~ Upgraded id=1
            < HTTP/1.1 101 Switching Protocols\r\n
            < Upgrade: echo\r\n
            < Connection: upgrade\r\n
            < \r\n
            < hello
            => #1 Data "hi"
            < there
            -- Fin
            -- idle=false reusable=false wants_bytes=true waiting=0 timer=None
            => #1 Data "and more"
            ~ PeerFinished mid_message=false
            ~ Closing why=SaidClose
            => #1 End
            -- Now
        "#]],
    );
}

//= test RFC 9110 §7.8: nobody is made to switch.
#[test]
fn an_upgrade_that_nobody_wished_for() {
    check(
        r"> GET / HTTP/1.1\r\nHost: x\r\nUpgrade: echo\r\n\r\n
          head 101 Upgrade: echo",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x", Upgrade: "echo"}
            => #1 End
            ~ NotSent id=1 why=UpgradeNotWished
            ~ Refused why=UpgradeNotWished status=Some(500)
            ~ Closing why=UpgradeNotWished
            < HTTP/1.1 500 Internal Server Error\r\n
            < Connection: close\r\n
            < Content-Type: text/plain; charset=utf-8\r\n
            < Content-Length: 61\r\n
            < \r\n
            < 500 Internal Server Error: nobody asked for another protocol\n
            => #1 Reset(nobody asked for another protocol (500))
            -- Fin
        "#]],
    );
    check(
        r"> GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n
          head 101 Upgrade: echo",
        expect![[r#"
            => #1 GET / HTTP/1.0 {Connection: "upgrade", Upgrade: "echo"}
            => #1 End
            ~ NotSent id=1 why=UpgradeNotWished
            ~ Refused why=UpgradeNotWished status=Some(500)
            ~ Closing why=UpgradeNotWished
            < HTTP/1.1 500 Internal Server Error\r\n
            < Connection: close\r\n
            < Content-Type: text/plain; charset=utf-8\r\n
            < Content-Length: 61\r\n
            < \r\n
            < 500 Internal Server Error: nobody asked for another protocol\n
            => #1 Reset(nobody asked for another protocol (500))
            -- Fin
        "#]],
    );
}

//= test RFC 9110 §7.8: a server may take no notice, and may offer.
#[test]
fn an_upgrade_that_is_refused() {
    check(
        r"> GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n
          head 426 Upgrade: other; Content-Length: 0
          end
          look",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x", Connection: "upgrade", Upgrade: "echo"}
            => #1 End
            < HTTP/1.1 426 Upgrade Required\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Upgrade: other\r\n
            < Content-Length: 0\r\n
            < Connection: upgrade\r\n
            < \r\n
            -- idle=true reusable=true wants_bytes=true waiting=0 timer=Some((15s, Idle))
        "#]],
    );
}

//= test RFC 9110 §7.8: the request is read to its end first, and leave to send it comes before the switch.
#[test]
fn an_upgrade_with_a_body() {
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n
          head 101 Upgrade: echo
          > bodytunnel
          fin
          end",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Connection: "upgrade", Upgrade: "echo", Content-Length: "5", Expect: "100-continue"}
            ~ Continued id=1
            ~ Upgraded id=1
            ~ Discarding id=1 len=5
            < HTTP/1.1 100 Continue\r\n
            < \r\n
            < HTTP/1.1 101 Switching Protocols\r\n
            < Upgrade: echo\r\n
            < Connection: upgrade\r\n
            < \r\n
            => #1 Data "unnel"
            ~ PeerFinished mid_message=false
            => #1 End
            -- Now
        "#]],
    );
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\nTransfer-Encoding: chunked\r\n\r\n
          read
          head 101 Upgrade: echo
          end
          > 4\r\nbody\r\n0\r\n\r\ntunnel
          fin",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Connection: "upgrade", Upgrade: "echo", Transfer-Encoding: "chunked"}
            ~ Upgraded id=1
            < HTTP/1.1 101 Switching Protocols\r\n
            < Upgrade: echo\r\n
            < Connection: upgrade\r\n
            < \r\n
            -- Fin
            => #1 Data "body"
            => #1 End
            => #1 Data "tunnel"
            ~ PeerFinished mid_message=false
            ~ Closing why=SaidClose
            => #1 End
            -- Now
        "#]],
    );
}

//= test RFC 9110 §9.3.6: a tunnel has neither length nor coding; what came early goes through it.
#[test]
fn a_tunnel() {
    check(
        r"> CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\nearly
          look
          head 200 Content-Length: 0
          data hello
          > and later
          fin
          data goodbye
          end",
        expect![[r#"
            => #1 CONNECT x:443 HTTP/1.1 {Host: "x:443"}
            => #1 End
            -- idle=false reusable=false wants_bytes=false waiting=5 timer=None
            ~ NotSent id=1 why=NoLengthHere
            ~ Upgraded id=1
            < HTTP/1.1 200 OK\r\n
            < \r\n
            => #1 Data "early"
            < hello
            => #1 Data "and later"
            ~ PeerFinished mid_message=false
            => #1 End
            < goodbye
            -- Now
        "#]],
    );
}

//= test RFC 9110 §9.3.6: what was meant for a tunnel that was not made is not read as a request.
#[test]
fn a_tunnel_that_is_refused() {
    check(
        r"> CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n
          answer 405
          look",
        expect![[r#"
            => #1 CONNECT x:443 HTTP/1.1 {Host: "x:443"}
            => #1 End
            ~ Closing why=TunnelRefused
            ~ Closing why=SaidClose
            < HTTP/1.1 405 Method Not Allowed\r\n
            < Connection: close\r\n
            < Content-Length: 0\r\n
            < \r\n
            -- Fin
            -- idle=false reusable=false wants_bytes=true waiting=0 timer=Some((5s, Linger))
        "#]],
    );
}

#[test]
fn a_tunnel_has_a_window_too() {
    check_with(
        Config { body_window: 4, ..Config::default() },
        r"> CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n
          head 200
          hold
          > 0123456789
          fin
          release 4
          release 4
          release 2",
        expect![[r#"
            => #1 CONNECT x:443 HTTP/1.1 {Host: "x:443"}
            => #1 End
            ~ Upgraded id=1
            < HTTP/1.1 200 OK\r\n
            < \r\n
            => #1 Data "0123"
            => #1 Data "4567"
            => #1 Data "89"
            ~ PeerFinished mid_message=false
            => #1 End
        "#]],
    );
}

#[test]
fn a_tunnel_outlives_every_limit() {
    check(
        r"> CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n
          head 200
          10000s
          shut down
          > hello
          look",
        expect![[r#"
            => #1 CONNECT x:443 HTTP/1.1 {Host: "x:443"}
            => #1 End
            ~ Upgraded id=1
            < HTTP/1.1 200 OK\r\n
            < \r\n
            => #1 Data "hello"
            -- idle=false reusable=false wants_bytes=true waiting=0 timer=None
        "#]],
    );
}

#[test]
fn a_clients_upgrade() {
    check_client(
        r"open GET / Host: x; Connection: upgrade; Upgrade: echo
          end
          > HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nhi
          data hello
          > there
          fin
          data more
          end",
        expect![[r#"
            < GET / HTTP/1.1\r\n
            < Host: x\r\n
            < Connection: upgrade\r\n
            < Upgrade: echo\r\n
            < \r\n
            ~ Upgraded id=1
            => #1 HTTP/1.1 101 {Connection: "upgrade", Upgrade: "echo"}
            => #1 Data "hi"
            < hello
            => #1 Data "there"
            ~ PeerFinished mid_message=false
            => #1 End
            < more
            -- Now
        "#]],
    );
}

/// The switch may come while the request is still being sent: it goes on to its end.
#[test]
fn a_clients_upgrade_before_its_body_is_sent() {
    check_client(
        r"open POST / Host: x; Connection: upgrade; Upgrade: echo; Content-Length: 4
          data bo
          > HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nhi
          data dy
          end
          data tunnel
          end",
        expect![[r#"
            < POST / HTTP/1.1\r\n
            < Host: x\r\n
            < Connection: upgrade\r\n
            < Upgrade: echo\r\n
            < Content-Length: 4\r\n
            < \r\n
            < bo
            ~ Upgraded id=1
            => #1 HTTP/1.1 101 {Connection: "upgrade", Upgrade: "echo"}
            => #1 Data "hi"
            < dy
            < tunnel
            -- Fin
        "#]],
    );
}

#[test]
fn a_clients_upgrade_that_it_did_not_wish_for() {
    check_client(
        r"open GET / Host: x
          end
          > HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nhi",
        expect![[r#"
            < GET / HTTP/1.1\r\n
            < Host: x\r\n
            < \r\n
            ~ Refused why=UpgradeNotWished status=None
            ~ Closing why=UpgradeNotWished
            => #1 Reset(nobody asked for another protocol)
            -- Abort
        "#]],
    );
}

//= test RFC 9110 §9.3.6: a client takes no notice of a length in the answer that makes the tunnel.
#[test]
fn a_clients_tunnel() {
    check_client(
        r"open CONNECT x:443
          end
          > HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nhello
          data hi
          end
          fin",
        expect![[r#"
            < CONNECT x:443 HTTP/1.1\r\n
            < Host: x:443\r\n
            < \r\n
            ~ Upgraded id=1
            => #1 HTTP/1.1 200 {Content-Length: "3", Transfer-Encoding: "chunked"}
            => #1 Data "hello"
            < hi
            -- Fin
            ~ PeerFinished mid_message=false
            ~ Closing why=SaidClose
            => #1 End
            -- Now
        "#]],
    );
    check_client(
        r"open CONNECT x:443
          end
          > HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno
          look",
        expect![[r#"
            < CONNECT x:443 HTTP/1.1\r\n
            < Host: x:443\r\n
            < \r\n
            => #1 HTTP/1.1 403 {Content-Length: "2"}
            => #1 Data "no"
            => #1 End
            -- idle=true reusable=true wants_bytes=true waiting=0 timer=None
        "#]],
    );
}
