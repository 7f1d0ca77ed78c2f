//! Each frame's rules: its size, its stream, its flags.

use expect_test::expect;

use super::script::{check, outcomes};

//= test RFC 9113 §6.1: DATA on stream 0, on an idle stream, with too much padding
//= test RFC 9113 §6.2: HEADERS on stream 0, with too much padding
//= test RFC 9113 §6.3: PRIORITY has five bytes, and a stream
//= test RFC 9113 §6.4: RST_STREAM has four bytes, and a stream that was opened
//= test RFC 9113 §6.5: SETTINGS are about the connection, in multiples of six bytes
//= test RFC 9113 §6.7: PING is about the connection and has eight bytes
//= test RFC 9113 §6.8: GOAWAY is about the connection
//= test RFC 9113 §6.9: WINDOW_UPDATE has four bytes, and is by something
//= test RFC 9113 §4.2: frames of the wrong size
#[test]
fn sizes_and_streams() {
    let told = outcomes(
        false,
        &[
            "> DATA 0 -- x",
            "> DATA 1 -- x",
            "post 1 /\n> DATA 1 -- hex",
            "post 1 /\n> DATA 1 END_STREAM 0x8",
            "post 1 /\n> DATA 1 0x8 -- hex 01",
            "post 1 /\n> DATA 1 END_STREAM 0x8 -- hex 0200",
            "post 1 /\n> DATA 1 END_STREAM pad=0 -- x\nread 1",
            "post 1 /\n> DATA 1 END_STREAM pad=200\nread 1",
            "> HEADERS 0 END_STREAM END_HEADERS -- :method: GET",
            "> HEADERS 1 END_STREAM END_HEADERS 0x8 -- hex 0582",
            "> HEADERS 1 END_STREAM END_HEADERS 0x8",
            "> HEADERS 1 END_STREAM END_HEADERS PRIORITY -- hex 00000000",
            "> HEADERS 1 END_STREAM END_HEADERS PRIORITY -- hex 000000000f8286440161",
            "> HEADERS 1 END_STREAM END_HEADERS PRIORITY -- hex 000000030f828684",
            "> HEADERS 1 END_STREAM END_HEADERS PRIORITY -- hex 800000010f828684",
            "> PRIORITY 0 -- 1",
            "> PRIORITY 3 -- 1",
            "> PRIORITY 3 -- 3",
            "> PRIORITY 3 -- hex 00000000",
            "post 1 /\n> PRIORITY 1 -- hex 00000000",
            "post 1 /\n> PRIORITY 1 -- 1",
            "> RST_STREAM 0 -- CANCEL",
            "> RST_STREAM 1 -- CANCEL",
            "get 1 /\n> RST_STREAM 1 -- hex 000000",
            "get 1 /\n> RST_STREAM 1 -- hex 0000000000",
            "> SETTINGS 1",
            "> SETTINGS 0 -- hex 000100",
            "> SETTINGS 0 ACK -- ENABLE_PUSH=0",
            "> SETTINGS 0 ACK",
            "> PING 1 -- 12345678",
            "> PING 0 -- 1234567",
            "> PING 0 -- 123456789",
            "> PING 0 -- 12345678",
            "> PING 0 ACK -- 12345678",
            "> PING 0 0xfe -- 12345678",
            "> GOAWAY 1 -- 0 NO_ERROR",
            "> GOAWAY 0 -- hex 00000000",
            "> WINDOW_UPDATE 0 -- hex 000000",
            "> WINDOW_UPDATE 0 -- hex 0000000100",
            "> WINDOW_UPDATE 0 -- 0",
            "> WINDOW_UPDATE 0 -- hex 80000000",
            "> WINDOW_UPDATE 0 -- hex 80000001",
            "get 1 /\n> WINDOW_UPDATE 1 -- 0",
            "> WINDOW_UPDATE 1 -- 1",
            "> PUSH_PROMISE 1 END_HEADERS -- 2; :method: GET",
            "> CONTINUATION 1 END_HEADERS -- :method: GET",
            "> PRIORITY_UPDATE 1 -- 1 u=1",
            "> PRIORITY_UPDATE 0 -- 0 u=1",
            "> PRIORITY_UPDATE 0 -- 2 u=1",
            "> PRIORITY_UPDATE 0 -- hex 0000",
            "> PRIORITY_UPDATE 0 -- 1 u=1",
            "> PRIORITY_UPDATE 0 -- 1 U=1",
        ],
    );
    expect![[r#"
        > DATA 0 -- x
            < GOAWAY 0 -- 0 PROTOCOL_ERROR the frame cannot come on this stream
            -- Fin
        > DATA 1 -- x
            < GOAWAY 0 -- 0 PROTOCOL_ERROR the stream was never opened
            -- Fin
        post 1 / | > DATA 1 -- hex
            => #1 POST / HTTP/2.0 {Host: "x"}
        post 1 / | > DATA 1 END_STREAM 0x8
            => #1 POST / HTTP/2.0 {Host: "x"}
            < GOAWAY 0 -- 1 FRAME_SIZE_ERROR a frame is too short
            => #1 Reset(a frame is too short)
            -- Fin
        post 1 / | > DATA 1 0x8 -- hex 01
            => #1 POST / HTTP/2.0 {Host: "x"}
            < GOAWAY 0 -- 1 PROTOCOL_ERROR the padding is longer than the frame
            => #1 Reset(the padding is longer than the frame)
            -- Fin
        post 1 / | > DATA 1 END_STREAM 0x8 -- hex 0200
            => #1 POST / HTTP/2.0 {Host: "x"}
            < GOAWAY 0 -- 1 PROTOCOL_ERROR the padding is longer than the frame
            => #1 Reset(the padding is longer than the frame)
            -- Fin
        post 1 / | > DATA 1 END_STREAM pad=0 -- x | read 1
            => #1 POST / HTTP/2.0 {Host: "x"}
            => #1 Data "x"
            => #1 End
        post 1 / | > DATA 1 END_STREAM pad=200 | read 1
            => #1 POST / HTTP/2.0 {Host: "x"}
            => #1 End
        > HEADERS 0 END_STREAM END_HEADERS -- :method: GET
            < GOAWAY 0 -- 0 PROTOCOL_ERROR the frame cannot come on this stream
            -- Fin
        > HEADERS 1 END_STREAM END_HEADERS 0x8 -- hex 0582
            < GOAWAY 0 -- 0 PROTOCOL_ERROR the padding is longer than the frame
            -- Fin
        > HEADERS 1 END_STREAM END_HEADERS 0x8
            < GOAWAY 0 -- 0 FRAME_SIZE_ERROR a frame is too short
            -- Fin
        > HEADERS 1 END_STREAM END_HEADERS PRIORITY -- hex 00000000
            < GOAWAY 0 -- 0 FRAME_SIZE_ERROR a frame is too short
            -- Fin
        > HEADERS 1 END_STREAM END_HEADERS PRIORITY -- hex 000000000f8286440161
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(path without a slash in front)
        > HEADERS 1 END_STREAM END_HEADERS PRIORITY -- hex 000000030f828684
            => #1 GET / HTTP/2.0 {}
            => #1 End
        > HEADERS 1 END_STREAM END_HEADERS PRIORITY -- hex 800000010f828684
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a stream depends on itself)
        > PRIORITY 0 -- 1
            < GOAWAY 0 -- 0 PROTOCOL_ERROR the frame cannot come on this stream
            -- Fin
        > PRIORITY 3 -- 1
            ~ Ignored stream=3 why=OldPriority
        > PRIORITY 3 -- 3
            < GOAWAY 0 -- 0 PROTOCOL_ERROR a stream depends on itself
            -- Fin
        > PRIORITY 3 -- hex 00000000
            < GOAWAY 0 -- 0 FRAME_SIZE_ERROR a frame has a length that it cannot have
            -- Fin
        post 1 / | > PRIORITY 1 -- hex 00000000
            => #1 POST / HTTP/2.0 {Host: "x"}
            < RST_STREAM 1 -- FRAME_SIZE_ERROR
            => #1 Reset(a frame has a length that it cannot have)
        post 1 / | > PRIORITY 1 -- 1
            => #1 POST / HTTP/2.0 {Host: "x"}
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a stream depends on itself)
        > RST_STREAM 0 -- CANCEL
            < GOAWAY 0 -- 0 PROTOCOL_ERROR the frame cannot come on this stream
            -- Fin
        > RST_STREAM 1 -- CANCEL
            < GOAWAY 0 -- 0 PROTOCOL_ERROR the stream was never opened
            -- Fin
        get 1 / | > RST_STREAM 1 -- hex 000000
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            < GOAWAY 0 -- 1 FRAME_SIZE_ERROR a frame has a length that it cannot have
            => #1 Reset(a frame has a length that it cannot have)
            -- Fin
        get 1 / | > RST_STREAM 1 -- hex 0000000000
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            < GOAWAY 0 -- 1 FRAME_SIZE_ERROR a frame has a length that it cannot have
            => #1 Reset(a frame has a length that it cannot have)
            -- Fin
        > SETTINGS 1
            < GOAWAY 0 -- 0 PROTOCOL_ERROR the frame cannot come on this stream
            -- Fin
        > SETTINGS 0 -- hex 000100
            < GOAWAY 0 -- 0 FRAME_SIZE_ERROR SETTINGS have a length that they cannot have
            -- Fin
        > SETTINGS 0 ACK -- ENABLE_PUSH=0
            < GOAWAY 0 -- 0 FRAME_SIZE_ERROR an acknowledgement carries something
            -- Fin
        > SETTINGS 0 ACK
            ~ Ignored stream=0 why=AckUnexpected
        > PING 1 -- 12345678
            < GOAWAY 0 -- 0 PROTOCOL_ERROR the frame cannot come on this stream
            -- Fin
        > PING 0 -- 1234567
            < GOAWAY 0 -- 0 FRAME_SIZE_ERROR a frame has a length that it cannot have
            -- Fin
        > PING 0 -- 123456789
            < GOAWAY 0 -- 0 FRAME_SIZE_ERROR a frame has a length that it cannot have
            -- Fin
        > PING 0 -- 12345678
            < PING 0 ACK -- 12345678
        > PING 0 ACK -- 12345678
            ~ Ignored stream=0 why=AckUnexpected
        > PING 0 0xfe -- 12345678
            < PING 0 ACK -- 12345678
        > GOAWAY 1 -- 0 NO_ERROR
            < GOAWAY 0 -- 0 PROTOCOL_ERROR the frame cannot come on this stream
            -- Fin
        > GOAWAY 0 -- hex 00000000
            < GOAWAY 0 -- 0 FRAME_SIZE_ERROR a frame is too short
            -- Fin
        > WINDOW_UPDATE 0 -- hex 000000
            < GOAWAY 0 -- 0 FRAME_SIZE_ERROR a frame has a length that it cannot have
            -- Fin
        > WINDOW_UPDATE 0 -- hex 0000000100
            < GOAWAY 0 -- 0 FRAME_SIZE_ERROR a frame has a length that it cannot have
            -- Fin
        > WINDOW_UPDATE 0 -- 0
            < GOAWAY 0 -- 0 PROTOCOL_ERROR a window grows by nothing
            -- Fin
        > WINDOW_UPDATE 0 -- hex 80000000
            < GOAWAY 0 -- 0 PROTOCOL_ERROR a window grows by nothing
            -- Fin
        > WINDOW_UPDATE 0 -- hex 80000001
        get 1 / | > WINDOW_UPDATE 1 -- 0
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a window grows by nothing)
        > WINDOW_UPDATE 1 -- 1
            < GOAWAY 0 -- 0 PROTOCOL_ERROR the stream was never opened
            -- Fin
        > PUSH_PROMISE 1 END_HEADERS -- 2; :method: GET
            < GOAWAY 0 -- 0 PROTOCOL_ERROR nothing may be pushed
            -- Fin
        > CONTINUATION 1 END_HEADERS -- :method: GET
            < GOAWAY 0 -- 0 PROTOCOL_ERROR there is nothing to be continued
            -- Fin
        > PRIORITY_UPDATE 1 -- 1 u=1
            < GOAWAY 0 -- 0 PROTOCOL_ERROR PRIORITY_UPDATE cannot come here
            -- Fin
        > PRIORITY_UPDATE 0 -- 0 u=1
            < GOAWAY 0 -- 0 PROTOCOL_ERROR PRIORITY_UPDATE cannot come here
            -- Fin
        > PRIORITY_UPDATE 0 -- 2 u=1
            < GOAWAY 0 -- 0 PROTOCOL_ERROR PRIORITY_UPDATE cannot come here
            -- Fin
        > PRIORITY_UPDATE 0 -- hex 0000
            < GOAWAY 0 -- 0 FRAME_SIZE_ERROR a frame is too short
            -- Fin
        > PRIORITY_UPDATE 0 -- 1 u=1
        > PRIORITY_UPDATE 0 -- 1 U=1
            ~ Ignored stream=1 why=PriorityMalformed
    "#]]
    .assert_eq(&told);
}

//= test RFC 9113 §4.1: unknown types and flags, and the reserved bit, are ignored
//= test RFC 9113 §5.5: what extends the protocol is ignored where it is unknown
#[test]
fn what_is_unknown_is_ignored() {
    check(
        "> 0x2a 0 -- whatever
         > 0x2a 7 0xff -- whatever
         > ALTSVC 0 -- \\0\\0h2=\":443\"
         > ORIGIN 0 -- \\0\\x0dhttps://x.org
         > HEADERS 1 0xd2 END_STREAM END_HEADERS -- :method: GET; :scheme: http; :path: /
         > SETTINGS 0 -- 0x99=1
         > PING 0 -- still ok",
        expect![[r#"
            ~ Ignored stream=0 why=NoUse
            ~ Ignored stream=7 why=NoUse
            ~ Ignored stream=0 why=NoUse
            ~ Ignored stream=0 why=NoUse
            => #1 GET / HTTP/2.0 {}
            => #1 End
            ~ Ignored stream=0 why=SettingUnknown
            < SETTINGS 0 ACK
            < PING 0 ACK -- still ok
        "#]],
    );
}

//= test RFC 9113 §4.2: a frame of 16,384 bytes is taken, a larger one is not
#[test]
fn the_longest_frames() {
    let long_priority =
        format!("post 1 /\n> PRIORITY 1 -- hex {}\n> PING 0 -- still ok", "00".repeat(16_385));
    let told = outcomes(
        false,
        &[
            "post 1 /\n> DATA 1 -- %16384 times: (x)\nread 1",
            "post 1 /\n> DATA 1 -- %16385 times: (x)\nread 1\n> PING 0 -- still ok",
            &long_priority,
            "> HEADERS 1 END_HEADERS -- hex 82\n> 0x2a 0 -- %16384 times: (x)",
            "> 0x2a 0 -- %16385 times: (x)",
            "> DATA 1 -- %16385 times: (x)",
        ],
    );
    expect![[r#"
        post 1 / | > DATA 1 -- %16384 times: (x) | read 1
            => #1 POST / HTTP/2.0 {Host: "x"}
            => #1 Data "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" and 16324 bytes
        post 1 / | > DATA 1 -- %16385 times: (x) | read 1 | > PING 0 -- still ok
            => #1 POST / HTTP/2.0 {Host: "x"}
            < RST_STREAM 1 -- FRAME_SIZE_ERROR
            => #1 Reset(a frame is too long)
            < PING 0 ACK -- still ok
        post 1 / | > PRIORITY 1 -- hex 00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
            => #1 POST / HTTP/2.0 {Host: "x"}
            < RST_STREAM 1 -- FRAME_SIZE_ERROR
            => #1 Reset(a frame is too long)
            < PING 0 ACK -- still ok
        > HEADERS 1 END_HEADERS -- hex 82 | > 0x2a 0 -- %16384 times: (x)
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a pseudo-field is missing)
            ~ Ignored stream=0 why=NoUse
        > 0x2a 0 -- %16385 times: (x)
            < GOAWAY 0 -- 0 FRAME_SIZE_ERROR a frame is too long
            -- Fin
        > DATA 1 -- %16385 times: (x)
            < GOAWAY 0 -- 0 FRAME_SIZE_ERROR a frame is too long
            -- Fin
    "#]].assert_eq(&told);
}

//= test RFC 9113 §6.7: an answer to PING goes ahead of everything else
#[test]
fn a_ping_is_answered_first() {
    check(
        "slow down
         get 1 /
         answer 1 200 hello
         > PING 0 -- be quick
         transmit",
        expect![[r#"
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            < PING 0 ACK -- be quick
            < HEADERS 1 END_HEADERS -- :status: 200; content-length: 5
            < DATA 1 END_STREAM -- hello
        "#]],
    );
}

//= test RFC 9113 §3.4: the preface, and SETTINGS first
#[test]
fn the_preface() {
    let mut told = String::new();
    for script in [
        "bytes GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n",
        "bytes PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\rX",
        "preface\n> PING 0 -- 12345678",
        "preface\n> SETTINGS 0 ACK",
        "preface\n> SETTINGS 0",
        "10s",
        "bytes PRI\n10s",
        "preface\n> SETTINGS 0\n10s",
    ] {
        let mut stage = super::script::Stage::server(crate::Config::default());
        stage.play("look");
        stage.film.clear();
        stage.play(script);
        told.push_str(&format!("{}\n{}", script.replace('\n', " | "), stage.film));
    }
    expect![[r#"
        bytes GET / HTTP/1.1\r\nHost: x\r\n\r\n
        < SETTINGS 0 -- MAX_CONCURRENT_STREAMS=100 MAX_HEADER_LIST_SIZE=65536 NO_RFC7540_PRIORITIES=1
        < WINDOW_UPDATE 0 -- 983041
        ~ GoAwayOut last=0 code=PROTOCOL_ERROR why=PrefaceMalformed
        ~ Closing why=PrefaceMalformed
        < GOAWAY 0 -- 0 PROTOCOL_ERROR the first bytes are not HTTP/2\'s
        -- Fin
        bytes PRI * HTTP/2.0\r\n\r\nSM\r\n\rX
        < SETTINGS 0 -- MAX_CONCURRENT_STREAMS=100 MAX_HEADER_LIST_SIZE=65536 NO_RFC7540_PRIORITIES=1
        < WINDOW_UPDATE 0 -- 983041
        ~ GoAwayOut last=0 code=PROTOCOL_ERROR why=PrefaceMalformed
        ~ Closing why=PrefaceMalformed
        < GOAWAY 0 -- 0 PROTOCOL_ERROR the first bytes are not HTTP/2\'s
        -- Fin
        preface | > PING 0 -- 12345678
        < SETTINGS 0 -- MAX_CONCURRENT_STREAMS=100 MAX_HEADER_LIST_SIZE=65536 NO_RFC7540_PRIORITIES=1
        < WINDOW_UPDATE 0 -- 983041
        ~ GoAwayOut last=0 code=PROTOCOL_ERROR why=SettingsMissing
        ~ Closing why=SettingsMissing
        < GOAWAY 0 -- 0 PROTOCOL_ERROR the first frame is not SETTINGS
        -- Fin
        preface | > SETTINGS 0 ACK
        < SETTINGS 0 -- MAX_CONCURRENT_STREAMS=100 MAX_HEADER_LIST_SIZE=65536 NO_RFC7540_PRIORITIES=1
        < WINDOW_UPDATE 0 -- 983041
        ~ GoAwayOut last=0 code=PROTOCOL_ERROR why=SettingsMissing
        ~ Closing why=SettingsMissing
        < GOAWAY 0 -- 0 PROTOCOL_ERROR the first frame is not SETTINGS
        -- Fin
        preface | > SETTINGS 0
        < SETTINGS 0 -- MAX_CONCURRENT_STREAMS=100 MAX_HEADER_LIST_SIZE=65536 NO_RFC7540_PRIORITIES=1
        < WINDOW_UPDATE 0 -- 983041
        < SETTINGS 0 ACK
        10s
        ~ TimedOut timer=Head
        ~ GoAwayOut last=0 code=NO_ERROR why=Idle
        ~ Closing why=Idle
        < SETTINGS 0 -- MAX_CONCURRENT_STREAMS=100 MAX_HEADER_LIST_SIZE=65536 NO_RFC7540_PRIORITIES=1
        < WINDOW_UPDATE 0 -- 983041
        < GOAWAY 0 -- 0 NO_ERROR nothing came for too long
        -- Fin
        bytes PRI | 10s
        < SETTINGS 0 -- MAX_CONCURRENT_STREAMS=100 MAX_HEADER_LIST_SIZE=65536 NO_RFC7540_PRIORITIES=1
        < WINDOW_UPDATE 0 -- 983041
        ~ TimedOut timer=Head
        ~ GoAwayOut last=0 code=NO_ERROR why=Idle
        ~ Closing why=Idle
        < GOAWAY 0 -- 0 NO_ERROR nothing came for too long
        -- Fin
        preface | > SETTINGS 0 | 10s
        < SETTINGS 0 -- MAX_CONCURRENT_STREAMS=100 MAX_HEADER_LIST_SIZE=65536 NO_RFC7540_PRIORITIES=1
        < WINDOW_UPDATE 0 -- 983041
        < SETTINGS 0 ACK
        ~ TimedOut timer=Settings
        ~ GoAwayOut last=0 code=SETTINGS_TIMEOUT why=SettingsNotAcknowledged
        ~ Closing why=SettingsNotAcknowledged
        < GOAWAY 0 -- 0 SETTINGS_TIMEOUT the settings were not acknowledged
        -- Fin
    "#]].assert_eq(&told);
}
