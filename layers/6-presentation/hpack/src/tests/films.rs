//! What a watcher sees of blocks and tables.

use base::xray::{self, Film, Layer};
use base::{Cx, Instant, Wall, World};
use expect_test::{Expect, expect};

use super::hex;
use crate::{Decoder, Encoder, Indexing};

/// Shows what `act` tells the x-ray.
#[track_caller]
fn check(act: impl FnOnce(&mut Cx<'_>), want: Expect) {
    xray::watch(&[Layer::Presentation]);
    let (mut world, mut film) = (World::seeded(1), Film::default());
    act(&mut Cx::new(Instant::ORIGIN, Wall(0), &mut world).watched_by(&mut film));
    want.assert_eq(&film.text.replace("0.000000s Presentation ", ""));
}

fn read(decoder: &mut Decoder, cx: &mut Cx<'_>, block: &str) {
    let _ = decoder.decode(cx, &hex(block), |_| {});
}

#[test]
fn a_small_table_fills_and_empties() {
    check(
        |cx| {
            let mut decoder = Decoder::new(100);
            // a: 1, b: 2, then c: 3 drives a out.
            read(&mut decoder, cx, "40 01 61 01 31 40 01 62 01 32");
            read(&mut decoder, cx, "be 40 01 63 01 33");
            // A name from the table and a value that is too long for it.
            let long = "7a".repeat(70);
            read(&mut decoder, cx, &format!("7e 46 {long}"));
            read(&mut decoder, cx, "3f 00 82");
        },
        expect![[r#"
            EntryAdded table=Decoder name="a" value="1" size=34 size_max=100
            EntryAdded table=Decoder name="b" value="2" size=68 size_max=100
            BlockIn bytes=10 fields=2 list_size=68
            EntryEvicted table=Decoder name="a" size=34 size_max=100
            EntryAdded table=Decoder name="c" value="3" size=68 size_max=100
            BlockIn bytes=6 fields=2 list_size=68
            EntryTooLarge table=Decoder name="c" size_max=100
            EntryEvicted table=Decoder name="b" size=34 size_max=100
            EntryEvicted table=Decoder name="c" size=0 size_max=100
            BlockIn bytes=72 fields=1 list_size=103
            TableResized table=Decoder size=0 size_max=31
            BlockIn bytes=3 fields=1 list_size=42
        "#]],
    );
}

/// Values of credentials are not shown, whoever put them into a table.
#[test]
fn secrets() {
    check(
        |cx| {
            read(&mut Decoder::new(4096), cx, "60 03 613d 62");
            let fields = [(&b"authorization"[..], &b"Basic bWU6bWU="[..], Indexing::Incremental)];
            Encoder::new(4096).encode(cx, fields, &mut Vec::new());
        },
        expect![[r#"
            SecretEntryAdded table=Decoder name="cookie" value=<3 private bytes> size=41 size_max=4096
            BlockIn bytes=5 fields=1 list_size=41
            SecretEntryAdded table=Encoder name="authorization" value=<14 private bytes> size=59 size_max=4096
            BlockOut bytes=13 fields=1 list_size=59
        "#]],
    );
}

#[test]
fn refused() {
    check(
        |cx| {
            read(&mut Decoder::new(4096), cx, "82 be");
            read(&mut Decoder::new(4096), cx, "82 20");
        },
        expect![[r#"
            BlockRefused why=IndexTooLarge
            BlockRefused why=SizeUpdateMisplaced
        "#]],
    );
}

#[test]
fn what_is_written() {
    check(
        |cx| {
            let mut encoder = Encoder::new(4096);
            encoder.set_table_len_max(100);
            encoder.set_table_len_max(200);
            let fields = [
                (&b":status"[..], &b"200"[..], Indexing::Incremental),
                (b"server", b"hepta", Indexing::Incremental),
                (b"etag", b"\"1\"", Indexing::Repeated),
                (b"x-large", &[b'x'; 30], Indexing::Incremental),
            ];
            for _ in 0..3 {
                encoder.encode(cx, fields, &mut Vec::new());
            }
        },
        expect![[r#"
            TableResized table=Encoder size=0 size_max=100
            TableResized table=Encoder size=0 size_max=200
            EntryAdded table=Encoder name="server" value="hepta" size=43 size_max=200
            NotAdded name="x-large" entry_size=69 size_max=200
            BlockOut bytes=54 fields=4 list_size=193
            EntryAdded table=Encoder name="etag" value="\"1\"" size=82 size_max=200
            NotAdded name="x-large" entry_size=69 size_max=200
            BlockOut bytes=43 fields=4 list_size=193
            NotAdded name="x-large" entry_size=69 size_max=200
            BlockOut bytes=39 fields=4 list_size=193
        "#]],
    );
}
