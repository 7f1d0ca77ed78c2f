//! A connection that began as HTTP/1.1. (RFC 7540 §3.2)

use std::sync::Arc;

use base::{Cx, Instant, Wall, World};
use expect_test::expect;
use http_scripts::request_of;
use message::Version;

use super::notation::Peer;
use super::script::Stage;
use crate::{Config, Connection};

fn upgraded(settings: &str) -> Result<Stage, String> {
    let mut world = World::seeded(1);
    let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut world);
    let mut request = request_of(
        "GET /a Host: x; Connection: Upgrade, HTTP2-Settings; Upgrade: h2c; HTTP2-Settings: AAM",
    );
    request.version = Version::HTTP_11;
    let settings = Peer::new().frame(&format!("SETTINGS 0 -- {settings}"))[9..].to_vec();
    Connection::server_upgraded(&mut cx, Arc::new(Config::default()), request, &settings)
        .map(|connection| Stage::new(world, connection, true))
        .map_err(|fault| format!("{fault:?}"))
}

#[test]
fn the_request_is_stream_1() {
    let mut stage = upgraded("INITIAL_WINDOW_SIZE=3").unwrap();
    stage.play(
        "look
         answer 1 200 hello
         preface
         > SETTINGS 0 -- INITIAL_WINDOW_SIZE=100
         > SETTINGS 0 ACK
         get 3 /b
         answer 3 200 x",
    );
    expect![[r#"
        -- idle=false reusable=true wants_bytes=true waiting=0 timer=Some((10s, Head))
        ~ Waits id=1 what=WindowOfStream pending=2
        < SETTINGS 0 -- MAX_CONCURRENT_STREAMS=100 MAX_HEADER_LIST_SIZE=65536 NO_RFC7540_PRIORITIES=1
        < WINDOW_UPDATE 0 -- 983041
        < HEADERS 1 END_HEADERS -- :status: 200; content-length: 5
        < DATA 1 -- hel
        => #1 GET /a HTTP/1.1 {Host: "x"}
        => #1 End
        < SETTINGS 0 ACK
        < DATA 1 END_STREAM -- lo
        => #3 GET /b HTTP/2.0 {Host: "x"}
        => #3 End
        < HEADERS 3 END_HEADERS -- :status: 200; content-length: 1
        < DATA 3 END_STREAM -- x
    "#]].assert_eq(&stage.film);
}

#[test]
fn the_client_goes_on_as_before() {
    let mut stage = upgraded("").unwrap();
    stage.play("bytes GET / HTTP/1.1\\r\\n");
    expect![[r#"
        < SETTINGS 0 -- MAX_CONCURRENT_STREAMS=100 MAX_HEADER_LIST_SIZE=65536 NO_RFC7540_PRIORITIES=1
        < WINDOW_UPDATE 0 -- 983041
        => #1 GET /a HTTP/1.1 {Host: "x"}
        => #1 End
        ~ GoAwayOut last=1 code=PROTOCOL_ERROR why=PrefaceMalformed
        ~ Closing why=PrefaceMalformed
        < GOAWAY 0 -- 1 PROTOCOL_ERROR the first bytes are not HTTP/2\'s
        => #1 Reset(the first bytes are not HTTP/2's)
        -- Fin
    "#]].assert_eq(&stage.film);
}

#[test]
fn settings_that_are_malformed() {
    expect!["Fault { scope: Connection, blame: Peer, why: SettingMalformed }"]
        .assert_eq(&upgraded("ENABLE_PUSH=2").err().unwrap());
}
