//! Blocks of fields in one frame and in many.

use expect_test::expect;

use super::script::{Stage, check, outcomes, outcomes_with};
use crate::Config;

//= test RFC 9113 §6.10: CONTINUATION goes on with a block
#[test]
fn a_block_in_three_frames() {
    check(
        "> HEADERS 1 END_STREAM -- hex 8286
         > CONTINUATION 1 -- hex
         > CONTINUATION 1 END_HEADERS -- hex 84",
        expect![[r#"
            => #1 GET / HTTP/2.0 {}
            => #1 End
        "#]],
    );
}

//= test RFC 9113 §6.10: and nothing comes between
//= test RFC 9113 §4.3: a block that cannot be read ends the connection
#[test]
fn what_interrupts_a_block() {
    let told = outcomes(
        false,
        &[
            "> HEADERS 1 -- hex 82\n> DATA 1 -- x",
            "> HEADERS 1 -- hex 82\n> HEADERS 1 END_HEADERS -- hex 84",
            "> HEADERS 1 -- hex 82\n> HEADERS 3 END_HEADERS -- hex 84",
            "> HEADERS 1 -- hex 82\n> CONTINUATION 3 END_HEADERS -- hex 84",
            "> HEADERS 1 -- hex 82\n> PING 0 -- 12345678",
            "> HEADERS 1 -- hex 82\n> SETTINGS 0",
            "> HEADERS 1 -- hex 82\n> PRIORITY 1 -- 0",
            "> HEADERS 1 -- hex 82\n> RST_STREAM 1 -- CANCEL",
            "> HEADERS 1 -- hex 82\n> WINDOW_UPDATE 0 -- 1",
            "> HEADERS 1 -- hex 82\n> 0x2a 0 -- x",
            "get 1 /\n> CONTINUATION 1 END_HEADERS -- hex 84",
            "> HEADERS 1 END_HEADERS -- hex 82868480",
            "> HEADERS 1 END_HEADERS -- hex 828684be",
            "> HEADERS 1 END_HEADERS -- hex 82868440",
            "> HEADERS 1 END_HEADERS -- hex 3fe21f828684",
            "> HEADERS 1 END_STREAM -- hex 82\n10s",
            "> HEADERS 1 END_STREAM -- hex 82\n9s\n> CONTINUATION 1 END_HEADERS -- hex 8684\n9s",
        ],
    );
    expect![[r#"
        > HEADERS 1 -- hex 82 | > DATA 1 -- x
            < GOAWAY 0 -- 0 PROTOCOL_ERROR a block of fields was interrupted
            -- Fin
        > HEADERS 1 -- hex 82 | > HEADERS 1 END_HEADERS -- hex 84
            < GOAWAY 0 -- 0 PROTOCOL_ERROR a block of fields was interrupted
            -- Fin
        > HEADERS 1 -- hex 82 | > HEADERS 3 END_HEADERS -- hex 84
            < GOAWAY 0 -- 0 PROTOCOL_ERROR a block of fields was interrupted
            -- Fin
        > HEADERS 1 -- hex 82 | > CONTINUATION 3 END_HEADERS -- hex 84
            < GOAWAY 0 -- 0 PROTOCOL_ERROR a block of fields was interrupted
            -- Fin
        > HEADERS 1 -- hex 82 | > PING 0 -- 12345678
            < GOAWAY 0 -- 0 PROTOCOL_ERROR a block of fields was interrupted
            -- Fin
        > HEADERS 1 -- hex 82 | > SETTINGS 0
            < GOAWAY 0 -- 0 PROTOCOL_ERROR a block of fields was interrupted
            -- Fin
        > HEADERS 1 -- hex 82 | > PRIORITY 1 -- 0
            < GOAWAY 0 -- 0 PROTOCOL_ERROR a block of fields was interrupted
            -- Fin
        > HEADERS 1 -- hex 82 | > RST_STREAM 1 -- CANCEL
            < GOAWAY 0 -- 0 PROTOCOL_ERROR a block of fields was interrupted
            -- Fin
        > HEADERS 1 -- hex 82 | > WINDOW_UPDATE 0 -- 1
            < GOAWAY 0 -- 0 PROTOCOL_ERROR a block of fields was interrupted
            -- Fin
        > HEADERS 1 -- hex 82 | > 0x2a 0 -- x
            < GOAWAY 0 -- 0 PROTOCOL_ERROR a block of fields was interrupted
            -- Fin
        get 1 / | > CONTINUATION 1 END_HEADERS -- hex 84
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            < GOAWAY 0 -- 1 PROTOCOL_ERROR there is nothing to be continued
            => #1 Reset(there is nothing to be continued)
            -- Fin
        > HEADERS 1 END_HEADERS -- hex 82868480
            < GOAWAY 0 -- 0 COMPRESSION_ERROR the block of fields cannot be read
            -- Fin
        > HEADERS 1 END_HEADERS -- hex 828684be
            < GOAWAY 0 -- 0 COMPRESSION_ERROR the block of fields cannot be read
            -- Fin
        > HEADERS 1 END_HEADERS -- hex 82868440
            < GOAWAY 0 -- 0 COMPRESSION_ERROR the block of fields cannot be read
            -- Fin
        > HEADERS 1 END_HEADERS -- hex 3fe21f828684
            < GOAWAY 0 -- 0 COMPRESSION_ERROR the block of fields cannot be read
            -- Fin
        > HEADERS 1 END_STREAM -- hex 82 | 10s
            < GOAWAY 0 -- 0 ENHANCE_YOUR_CALM the head took too long
            -- Fin
        > HEADERS 1 END_STREAM -- hex 82 | 9s | > CONTINUATION 1 END_HEADERS -- hex 8684 | 9s
            => #1 GET / HTTP/2.0 {}
            => #1 End
    "#]]
    .assert_eq(&told);
}

// CVE-2024-27316.
//= test RFC 9113 §10.5: blocks of many frames, and of many bytes
#[test]
fn a_flood_of_continuations() {
    let config = Config { block_frames_max: 4, block_len_max: 100, ..Config::default() };
    let told = outcomes_with(
        &config,
        false,
        &[
            "> HEADERS 1 END_STREAM -- hex 82\n> CONTINUATION 1 -- hex 86\n> CONTINUATION 1 -- hex 84\n> CONTINUATION 1 END_HEADERS",
            "> HEADERS 1 -- hex 82\n> CONTINUATION 1\n> CONTINUATION 1\n> CONTINUATION 1\n> CONTINUATION 1",
            "> HEADERS 1 -- a: %60 times: (x)\n> CONTINUATION 1 -- a: %60 times: (x)",
        ],
    );
    expect![[r#"
        > HEADERS 1 END_STREAM -- hex 82 | > CONTINUATION 1 -- hex 86 | > CONTINUATION 1 -- hex 84 | > CONTINUATION 1 END_HEADER
            => #1 GET / HTTP/2.0 {}
            => #1 End
        > HEADERS 1 -- hex 82 | > CONTINUATION 1 | > CONTINUATION 1 | > CONTINUATION 1 | > CONTINUATION 1
            < GOAWAY 0 -- 0 ENHANCE_YOUR_CALM a block of fields has too many frames
            -- Fin
        > HEADERS 1 -- a: %60 times: (x) | > CONTINUATION 1 -- a: %60 times: (x)
            < GOAWAY 0 -- 0 ENHANCE_YOUR_CALM a block of fields is too long
            -- Fin
    "#]].assert_eq(&told);
}

/// A field of the table's size, again and again by its index: each costs a byte, and brings 4 KiB.
#[test]
fn an_hpack_bomb() {
    let mut stage = Stage::server(Config::default());
    stage.shake_hands("");
    // A field of 4,000 bytes goes into the table, and is asked for 16,000 times.
    let mut block = vec![0x82, 0x86, 0x84, 0x40, 0x01, b'a', 0x7f, 0xa1, 0x1e];
    block.extend_from_slice(&[b'x'; 4000]);
    let frame = super::notation::frame(1, 0x5, 1, &block);
    stage.receive(&frame);
    let frame =
        super::notation::frame(1, 0x5, 3, &[&[0x82, 0x86, 0x84][..], &[0xbe; 16_000]].concat());
    stage.receive(&frame);
    stage.play("get 5 /");
    stage.film = stage.film.replace(&"x".repeat(4000), "(4,000 bytes)");
    expect![[r#"
        => #1 GET / HTTP/2.0 {a: "(4,000 bytes)"}
        => #1 End
        ~ Refused id=3 why=FieldsTooLarge status=431
        < HEADERS 3 END_HEADERS -- :status: 431; content-type: text/plain; charset=utf-8; content-length: 62
        < DATA 3 END_STREAM -- 431 Request Header F... 62 bytes
        => #3 Reset(the fields are too large (431))
        => #5 GET / HTTP/2.0 {Host: "x"}
        => #5 End
    "#]].assert_eq(&stage.film);
}

//= test RFC 9113 §6.10: what we send is cut where the peer's frames end
#[test]
fn our_own_long_heads() {
    let mut stage = Stage::server(Config::default());
    stage.shake_hands("");
    stage.play("get 1 /");
    stage.film.clear();
    let value = "x".repeat(20_000);
    stage.play(&format!("head 1 200 a: {value}\nend 1"));
    expect![[r#"
        < HEADERS 1 -- 16384 bytes of a block
        < CONTINUATION 1 END_HEADERS -- 1149 bytes of a block
        < DATA 1 END_STREAM
    "#]]
    .assert_eq(&stage.film);
}

/// The same request again is not read again, as long as the table is what it was.
#[test]
fn heads_that_came_before() {
    check(
        "> HEADERS 1 END_STREAM END_HEADERS -- hex 828684
         > HEADERS 3 END_STREAM END_HEADERS -- hex 828684
         > HEADERS 5 END_STREAM END_HEADERS -- hex 82868440016101620f0d0130
         > HEADERS 7 END_STREAM END_HEADERS -- hex 828684
         > HEADERS 9 END_STREAM END_HEADERS -- hex 828684be
         > HEADERS 11 END_STREAM END_HEADERS -- hex 828684be
         > HEADERS 13 END_STREAM END_HEADERS -- hex 20828684
         > HEADERS 15 END_STREAM END_HEADERS -- hex 828684be",
        expect![[r#"
            => #1 GET / HTTP/2.0 {}
            => #1 End
            => #3 GET / HTTP/2.0 {}
            => #3 End
            => #5 GET / HTTP/2.0 {a: "b", Content-Length: "0"}
            => #5 End
            => #7 GET / HTTP/2.0 {}
            => #7 End
            => #9 GET / HTTP/2.0 {a: "b"}
            => #9 End
            => #11 GET / HTTP/2.0 {a: "b"}
            => #11 End
            => #13 GET / HTTP/2.0 {}
            => #13 End
            ~ GoAwayOut last=13 code=COMPRESSION_ERROR why=Compression
            ~ Closing why=Compression
            < GOAWAY 0 -- 13 COMPRESSION_ERROR the block of fields cannot be read
            => #1 Reset(the block of fields cannot be read)
            => #3 Reset(the block of fields cannot be read)
            => #5 Reset(the block of fields cannot be read)
            => #7 Reset(the block of fields cannot be read)
            => #9 Reset(the block of fields cannot be read)
            => #11 Reset(the block of fields cannot be read)
            => #13 Reset(the block of fields cannot be read)
            -- Fin
        "#]],
    );
}
