use base::xray::{self, Film, Layer};
use base::{Cx, Instant, Wall, World};
use expect_test::{Expect, expect};
use proptest::prelude::*;

use crate::{
    Coding, Decoder, Effort, Encoder, Fault, STEP_LEN_MAX, Why, encode_all, is_compressible,
};

const EVERY: [Coding; 4] = [Coding::Identity, Coding::Gzip, Coding::Brotli, Coding::Zstd];

fn with_film<T>(run: impl FnOnce(&mut Cx<'_>) -> T) -> (T, String) {
    xray::watch(&[Layer::Presentation]);
    let (mut world, mut film) = (World::seeded(1), Film::default());
    let result = run(&mut Cx::new(Instant::ORIGIN, Wall(0), &mut world).watched_by(&mut film));
    (result, film.take())
}

fn text(len: usize) -> Vec<u8> {
    let words = [&b"the "[..], b"<p>quick", b" brown", b"</p>\n", b"fox"];
    let mut text = Vec::new();
    let mut seed = 1_u32;
    while text.len() < len {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.extend_from_slice(words[(seed >> 24) as usize % words.len()]);
    }
    text.truncate(len);
    text
}

/// Decodes `coded` in pieces, and checks that no call gives more than it may.
fn decode(coding: Coding, len_max: u64, coded: &[u8], piece_len: usize) -> Result<Vec<u8>, Fault> {
    let (result, _) = with_film(|cx| {
        let (mut decoder, mut content) = (Decoder::new(coding, len_max), Vec::new());
        for mut piece in coded.chunks(piece_len) {
            loop {
                let before = content.len();
                let more = decoder.decode(cx, &mut piece, &mut content)?;
                assert!(content.len() - before <= STEP_LEN_MAX);
                if !more {
                    break;
                }
            }
            assert!(piece.is_empty(), "everything is taken in the end");
        }
        decoder.finish(cx).map(|()| content)
    });
    result
}

#[test]
fn what_is_encoded_is_decoded() {
    for coding in EVERY {
        for effort in [Effort::Once, Effort::Kept] {
            for len in [0, 1, 1000, 100_000] {
                let content = text(len);
                let coded = encode_all(coding, effort, &content);
                let smaller = coding == Coding::Identity || len < 1000 || coded.len() < len / 3;
                assert!(smaller, "{coding:?} {effort:?}: {len} to {}", coded.len());
                for piece_len in [1, 1000, usize::MAX] {
                    if len > 1000 && piece_len == 1 {
                        continue;
                    }
                    let decoded = decode(coding, len as u64, &coded, piece_len);
                    assert!(decoded == Ok(content.clone()), "{coding:?} {effort:?} {len}");
                }
            }
        }
    }
}

#[test]
fn what_is_flushed_can_be_decoded() {
    for coding in EVERY {
        let (mut encoder, mut coded) = (Encoder::new(coding, Effort::Once, None), Vec::new());
        let (mut decoder, mut content) = (Decoder::new(coding, 100), Vec::new());
        let ((), film) = with_film(|cx| {
            for part in ["first, ", "second, ", "third"] {
                encoder.write(part.as_bytes(), &mut coded);
                encoder.flush(&mut coded);
                assert_eq!(decoder.decode(cx, &mut coded.as_slice(), &mut content), Ok(false));
                assert!(content.ends_with(part.as_bytes()), "{coding:?}");
                coded.clear();
            }
            encoder.finish(cx, &mut coded);
            assert_eq!(decoder.decode(cx, &mut coded.as_slice(), &mut content), Ok(false));
            decoder.finish(cx).unwrap();
        });
        assert_eq!(content, b"first, second, third");
        let [encoded, decoded] = film.lines().collect::<Vec<_>>()[..] else { panic!("{film}") };
        let coded_len = encoded.rsplit_once("to=").unwrap().1;
        assert!(decoded.ends_with(&format!("from={coded_len} to=20")), "{film}");
    }
}

//= test RFC 1952 §2.2: members follow one another.
//= test RFC 8878 §3.1: frames follow one another.
#[test]
fn parts_follow_one_another() {
    for (coding, want) in
        [(Coding::Gzip, Ok(())), (Coding::Zstd, Ok(())), (Coding::Brotli, Err(Why::AfterEnd))]
    {
        let mut coded = encode_all(coding, Effort::Once, b"one ");
        coded.extend(encode_all(coding, Effort::Once, b"two"));
        for piece_len in [1, 7, usize::MAX] {
            let decoded = decode(coding, 100, &coded, piece_len);
            assert_eq!(
                decoded,
                want.map(|()| b"one two".to_vec()).map_err(|why| Fault { coding, why })
            );
        }
    }
}

//= test RFC 9659 §3: a window of 8 MiB at most.
#[test]
fn zstd_windows_are_bounded_both_ways() {
    let content = text(9_000_000);
    for effort in [Effort::Once, Effort::Kept] {
        for len in [None, Some(content.len() as u64)] {
            let (mut encoder, mut coded) = (Encoder::new(Coding::Zstd, effort, len), Vec::new());
            encoder.write(&content, &mut coded);
            let ((), _) = with_film(|cx| encoder.finish(cx, &mut coded));
            // RFC 8878 §3.1.1.1: the window descriptor, when the content is not one segment.
            let (descriptor, is_one_segment) = (coded[5], coded[4] & 0x20 != 0);
            assert!(!is_one_segment && 10 + (descriptor >> 3) <= 23, "{effort:?} {len:?}");
        }
    }
    // A frame that asks for a window of 16 MiB.
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 14 << 3, 0x01, 0x00, 0x00];
    assert_eq!(decode(Coding::Zstd, 10, &frame, 100).unwrap_err().why, Why::Corrupt);
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 13 << 3, 0x01, 0x00, 0x00];
    assert_eq!(decode(Coding::Zstd, 10, &frame, 100), Ok(vec![]));
}

#[test]
fn bombs_do_not_go_off() {
    for coding in Coding::ALL {
        let bomb = encode_all(coding, Effort::Once, &vec![0; 10_000_000]);
        assert!(bomb.len() < 60_000, "{coding:?} {}", bomb.len());
        let (_, film) = with_film(|cx| {
            let (mut decoder, mut out) = (Decoder::new(coding, 1_000_000), Vec::new());
            let (mut coded, mut most) = (bomb.as_slice(), 0);
            let fault = loop {
                most = most.max(out.len());
                out.clear();
                match decoder.decode(cx, &mut coded, &mut out) {
                    Ok(more) => assert!(more),
                    Err(fault) => break fault,
                }
            };
            assert_eq!((fault.why, most), (Why::TooLong, STEP_LEN_MAX));
            assert_eq!(decoder.decode(cx, &mut coded, &mut out), Err(fault));
            assert_eq!(decoder.finish(cx), Err(fault));
        });
        assert!(film.contains("why=TooLong") && film.contains("to=1048576"), "{film}");
    }
}

#[test]
fn what_cannot_be_decoded() {
    let check = |coding: Coding, coded: &[u8], want: Expect| {
        let (fault, film) = with_film(|cx| {
            let mut decoder = Decoder::new(coding, 1000);
            let decoded = decoder.decode(cx, &mut &*coded, &mut Vec::new());
            decoded.and_then(|_| decoder.finish(cx)).unwrap_err()
        });
        want.assert_eq(&format!("{film}{fault}"));
    };
    let coded = |coding| encode_all(coding, Effort::Once, b"some content");
    check(
        Coding::Gzip,
        b"not gzip at all",
        expect![[r#"
            0.000000s Presentation Refused coding=Gzip why=Corrupt from=0 to=0
            the content is damaged, or not in the coding gzip"#]],
    );
    let mut gzip = coded(Coding::Gzip);
    let checksum = gzip.len() - 8;
    gzip[checksum] ^= 1;
    check(
        Coding::Gzip,
        &gzip,
        expect![[r#"
            0.000000s Presentation Refused coding=Gzip why=Corrupt from=0 to=0
            the content is damaged, or not in the coding gzip"#]],
    );
    let zstd = coded(Coding::Zstd);
    check(
        Coding::Zstd,
        &zstd[..zstd.len() - 1],
        expect![[r#"
        0.000000s Presentation Refused coding=Zstd why=Truncated from=20 to=11
        the content in the coding zstd ends too early"#]],
    );
    let mut brotli = coded(Coding::Brotli);
    brotli.push(b'x');
    check(
        Coding::Brotli,
        &brotli,
        expect![[r#"
        0.000000s Presentation Refused coding=Brotli why=AfterEnd from=17 to=12
        something follows the content in the coding br"#]],
    );
}

#[test]
fn names_and_extensions() {
    for coding in EVERY {
        assert_eq!(Coding::from_bytes(coding.as_str().as_bytes()), Some(coding));
        assert_eq!(Coding::from_bytes(coding.as_str().to_uppercase().as_bytes()), Some(coding));
    }
    assert_eq!(Coding::from_bytes(b"X-Gzip"), Some(Coding::Gzip));
    for unknown in [&b""[..], b"deflate", b"gzap", b"b", b"compress", b"*"] {
        assert_eq!(Coding::from_bytes(unknown), None);
    }
    assert_eq!(Coding::ALL.map(Coding::extension), [".br", ".zst", ".gz"]);
}

#[test]
fn what_gets_smaller() {
    for yes in [
        "text/html",
        "TEXT/CSS",
        "text/event-stream",
        "application/json",
        "Application/LD+JSON",
        "image/svg+xml",
        "application/wasm",
        "font/ttf",
        "application/javascript",
        "model/gltf+json",
    ] {
        assert!(is_compressible(yes), "{yes}");
    }
    for no in [
        "image/png",
        "font/woff2",
        "application/zip",
        "video/mp4",
        "application/octet-stream",
        "application/pdf",
        "texts/html",
        "json",
        "",
        "application/zip+zstd",
    ] {
        assert!(!is_compressible(no), "{no}");
    }
}

proptest! {
    /// However content is cut before and after, it comes out as it went in.
    #[test]
    fn any_content_comes_back(
        content in prop::collection::vec(prop::collection::vec(0..4u8, 0..3000), 0..8),
        coding in prop::sample::select(EVERY.to_vec()),
        kept: bool,
        flush: bool,
        piece_len in 1..4000usize,
    ) {
        let effort = if kept { Effort::Kept } else { Effort::Once };
        let (mut encoder, mut coded) = (Encoder::new(coding, effort, None), Vec::new());
        for part in &content {
            encoder.write(part, &mut coded);
            if flush {
                encoder.flush(&mut coded);
            }
        }
        with_film(|cx| encoder.finish(cx, &mut coded));
        prop_assert_eq!(decode(coding, 30_000, &coded, piece_len), Ok(content.concat()));
    }

    /// Anything may be called coded.
    #[test]
    fn noise_is_survived(
        mut noise in prop::collection::vec(any::<u8>(), 0..500),
        coding in prop::sample::select(EVERY.to_vec()),
        start in 0..40usize,
        piece_len in 1..600usize,
    ) {
        let real = encode_all(coding, Effort::Once, &text(2000));
        noise.splice(0..0, real.into_iter().take(start));
        let _ = decode(coding, 1_000_000, &noise, piece_len);
    }
}
