//! Bytes ⇄ segments.

use proptest::prelude::*;

use crate::Seq;
use crate::wire::{
    Cookie, Flags, HEADER_LEN_MAX, Header, Layout, OPTIONS_LEN_MAX, Options, Segment,
};

fn written(options: &Options) -> Vec<u8> {
    let mut out = [0; OPTIONS_LEN_MAX];
    let len = options.emit(&mut out);
    assert_eq!(len, options.len());
    out[..len].to_vec()
}

/// Systems are told apart by the order of options in their SYN.
#[test]
fn options_of_a_syn() {
    let options = Options {
        mss: Some(1460),
        window_scale: Some(7),
        sack_permitted: true,
        timestamps: Some((0x0102_0304, 0)),
        ..Options::default()
    };
    let linux = [2, 4, 5, 180, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7];
    assert_eq!(written(&options), linux);
    let freebsd = Options { layout: Layout::FreeBsd, ..options };
    let want = [2, 4, 5, 180, 1, 3, 3, 7, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0];
    assert_eq!(written(&freebsd), want);
    let bare = Options { timestamps: None, layout: Layout::Linux, ..freebsd };
    assert_eq!(written(&bare), [2, 4, 5, 180, 1, 1, 4, 2, 1, 3, 3, 7]);
}

#[test]
fn options_of_an_acknowledgement() {
    let sack = [(Seq(1), Seq(2)), (Seq(3), Seq(4)), (Seq(5), Seq(6)), (Seq(7), Seq(8))];
    let options = Options { sack: sack.into_iter().collect(), ..Options::default() };
    assert_eq!(written(&options).len(), 36);
    // With timestamps there is room for three.
    let both = Options { timestamps: Some((1, 2)), ..options };
    let read = Options::parse(&written(&both));
    assert_eq!((read.timestamps, read.sack.as_slice()), (Some((1, 2)), &sack[..3]));
}

//= test RFC 9293 §3.2: unknown options and odd lengths are passed over.
#[test]
fn odd_options() {
    let odd: [(&[u8], Option<u16>); 7] = [
        (&[2, 4, 1, 0], Some(256)),
        (&[1, 1, 1, 2, 4, 1, 0, 0], Some(256)),
        (&[253, 6, 9, 9, 9, 9, 2, 4, 1, 0], Some(256)),
        (&[2, 3, 1, 2, 4, 1, 0], Some(256)),
        (&[0, 2, 4, 1, 0], None),
        (&[254, 0, 2, 4, 1, 0], None),
        (&[254, 40, 2, 4, 1, 0], None),
    ];
    for (bytes, mss) in odd {
        assert_eq!(Options::parse(bytes).mss, mss, "{bytes:?}");
    }
    let options = Options::parse(&[34, 6, 1, 2, 3, 4, 28, 4, 0x80, 5]);
    assert_eq!(options.fast_open, Cookie::new(&[1, 2, 3, 4]));
    assert_eq!(options.user_timeout, Some(0x8005));
    assert_eq!(Cookie::new(&[1, 2, 3]), None);
    // RFC 7413 appendix A.2: the experiment's option, which others share.
    let options = Options::parse(&[254, 8, 0xf9, 0x89, 1, 2, 3, 4, 254, 6, 0xf9, 0x88, 9, 9]);
    let cookie = Cookie::new(&[1, 2, 3, 4]).map(|cookie| cookie.experimental(true));
    assert_eq!(options.fast_open, cookie);
}

#[test]
fn headers_that_cannot_be() {
    assert!(Segment::parse(&[0; 19]).is_err());
    let mut short = [0; 20];
    assert!(Segment::parse(&short).is_err(), "an offset of zero");
    short[12] = 0x60;
    assert!(Segment::parse(&short).is_err(), "options behind the end");
    short[12] = 0x50;
    assert!(Segment::parse(&short).is_ok());
}

fn options() -> impl Strategy<Value = Options> {
    let timestamps = proptest::option::of(any::<(u32, u32)>());
    let syn =
        (proptest::option::of(any::<u16>()), proptest::option::of(any::<u8>()), any::<bool>());
    let sack = proptest::collection::vec(any::<(u32, u32)>(), 0..4);
    (timestamps, syn, sack, any::<bool>()).prop_map(|(timestamps, syn, sack, is_syn)| {
        let mut options = Options { timestamps, ..Options::default() };
        if is_syn {
            (options.mss, options.window_scale, options.sack_permitted) = syn;
        } else {
            options.sack = sack.into_iter().map(|(a, b)| (Seq(a), Seq(b))).collect();
        }
        options
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        numbers in any::<(u16, u16, u32, u32, u16, u16)>(),
        flags in any::<u16>(),
        options in options(),
    ) {
        let (source, destination, seq, ack, window, urgent) = numbers;
        let flags = Flags::from_bits(flags);
        let (seq, ack) = (Seq(seq), Seq(ack));
        let header =
            Header { source, destination, seq, ack, flags, window, urgent, options };
        let mut out = [0; HEADER_LEN_MAX];
        let len = header.emit(&mut out);
        prop_assert_eq!(len, header.len());
        let (read, rest) = Header::parse(&out[..len]).unwrap();
        prop_assert_eq!(read, header);
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn any_bytes_can_be_looked_at(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(segment) = Segment::parse(&bytes) {
            prop_assert!(segment.payload.len() + 20 <= bytes.len());
        }
    }

    #[test]
    fn numbers_go_round(start in any::<u32>(), n in 1..0x7fff_ffff_u32) {
        let (a, b) = (Seq(start), Seq(start) + n);
        prop_assert!(a.is_before(b) && b.is_after(a) && !b.is_before(a));
        prop_assert_eq!((b - a, b.beyond(a), a.beyond(b)), (n, n, 0));
        prop_assert_eq!((a.max(b), a.min(b)), (b, a));
        prop_assert!(a.is_within(a, b) && !b.is_within(a, b));
    }
}
