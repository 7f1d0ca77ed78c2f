//! Cutting packets and putting them together.

use base::TxBuf;
use base::xray::Film;
use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{KEY, at};
use crate::{Ecn, Fragment, Fragments, Packet, Protocol, Reassembly, Whole, v4, v6};

/// Plays "<ms> <offset>+<len>[.][!]" steps: a fragment (`.`: the last; `!`: with other bytes), or
/// nothing but time. `part` is a fragment of one packet over UDP.
#[track_caller]
fn check(script: &str, want: Expect) {
    let (mut film, mut reassembly) = (Film::default(), Reassembly::new(KEY));
    for step in script.split(", ") {
        let (ms, what) = step.split_once(' ').unwrap_or((step, ""));
        let whole = at(ms.parse().unwrap(), &mut film, |cx| {
            let expired = reassembly.handle_timeout(cx);
            if let Some(expired) = expired {
                return Some(format!("=> time exceeded, quoting {} bytes\n", expired.quote.len()));
            }
            let (offset, rest) = what.split_once('+')?;
            let len = rest.trim_end_matches(['.', '!']).parse().unwrap();
            let bytes = part(offset.parse().unwrap(), len, rest.contains('.'), rest.contains('!'));
            let packet = Packet::parse(&bytes).unwrap();
            let whole = reassembly.handle_fragment(cx, &packet, packet.fragment.unwrap())?;
            Some(format!("=> {} bytes, {:?}\n", whole.payload.len(), whole.ecn))
        });
        film.text += &whole.unwrap_or_default();
    }
    want.assert_eq(&film.text);
}

fn part(offset: usize, len: usize, is_last: bool, is_other: bool) -> Vec<u8> {
    let mut out = TxBuf::new();
    out.append(&vec![if is_other { 7 } else { 1 }; len]);
    let header = v4::Header::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), Protocol::UDP, 64);
    let (dont_fragment, more_fragments) = (false, !is_last);
    v4::Header { dont_fragment, more_fragments, offset, identification: 5, ..header }
        .emit(&mut out);
    out.as_slice().to_vec()
}

//= test RFC 791 §3.2: fragments come in any order
#[test]
fn parts_in_any_order_are_a_packet() {
    check(
        "0 16+8., 1 8+8, 2 8+8, 3 0+8",
        expect![[r#"
            0.000000s Network FragmentIn from=10.0.0.1 identification=5 offset=16 len=8 is_last=true
            0.001000s Network FragmentIn from=10.0.0.1 identification=5 offset=8 len=8 is_last=false
            0.002000s Network FragmentIn from=10.0.0.1 identification=5 offset=8 len=8 is_last=false
            0.003000s Network FragmentIn from=10.0.0.1 identification=5 offset=0 len=8 is_last=false
            0.003000s Network Reassembled from=10.0.0.1 identification=5 len=24
            => 24 bytes, NotEct
        "#]],
    );
}

//= test RFC 5722 §4: who overlaps loses everything, what comes later too
#[test]
fn parts_that_overlap_are_no_packet() {
    check(
        "0 0+16, 1 8+16., 2 16+8., 3 0+16",
        expect![[r#"
            0.000000s Network FragmentIn from=10.0.0.1 identification=5 offset=0 len=16 is_last=false
            0.001000s Network FragmentIn from=10.0.0.1 identification=5 offset=8 len=16 is_last=true
            0.001000s Network NotReassembled from=10.0.0.1 identification=5 why=FragmentsOverlap
            0.002000s Network FragmentIn from=10.0.0.1 identification=5 offset=16 len=8 is_last=true
            0.002000s Network NotReassembled from=10.0.0.1 identification=5 why=PacketWasRefused
            0.003000s Network FragmentIn from=10.0.0.1 identification=5 offset=0 len=16 is_last=false
            0.003000s Network NotReassembled from=10.0.0.1 identification=5 why=PacketWasRefused
        "#]],
    );
}

#[test]
fn a_duplicate_with_other_bytes_is_an_overlap() {
    check(
        "0 0+16, 1 0+16!",
        expect![[r#"
            0.000000s Network FragmentIn from=10.0.0.1 identification=5 offset=0 len=16 is_last=false
            0.001000s Network FragmentIn from=10.0.0.1 identification=5 offset=0 len=16 is_last=false
            0.001000s Network NotReassembled from=10.0.0.1 identification=5 why=FragmentsOverlap
        "#]],
    );
}

//= test RFC 1122 §3.3.2: after a minute it is given up, and the source is told
//= test RFC 792: it is told only if the first fragment came
#[test]
fn parts_do_not_wait_for_ever() {
    check(
        "0 0+16, 59999 16+8, 60000, 60001 24+8., 70000",
        expect![[r#"
            0.000000s Network FragmentIn from=10.0.0.1 identification=5 offset=0 len=16 is_last=false
            59.999000s Network FragmentIn from=10.0.0.1 identification=5 offset=16 len=8 is_last=false
            60.000000s Network NotReassembled from=10.0.0.1 identification=5 why=ReassemblyTimeout
            => time exceeded, quoting 36 bytes
            60.001000s Network FragmentIn from=10.0.0.1 identification=5 offset=24 len=8 is_last=true
        "#]],
    );
    check(
        "0 16+8., 60000",
        expect![[r#"
            0.000000s Network FragmentIn from=10.0.0.1 identification=5 offset=16 len=8 is_last=true
            60.000000s Network NotReassembled from=10.0.0.1 identification=5 why=ReassemblyTimeout
        "#]],
    );
}

#[test]
fn two_ends_are_one_too_many() {
    check(
        "0 16+8., 1 24+8., 2 0+16",
        expect![[r#"
            0.000000s Network FragmentIn from=10.0.0.1 identification=5 offset=16 len=8 is_last=true
            0.001000s Network FragmentIn from=10.0.0.1 identification=5 offset=24 len=8 is_last=true
            0.001000s Network NotReassembled from=10.0.0.1 identification=5 why=FragmentsDisagree
            0.002000s Network FragmentIn from=10.0.0.1 identification=5 offset=0 len=16 is_last=false
            0.002000s Network NotReassembled from=10.0.0.1 identification=5 why=PacketWasRefused
        "#]],
    );
}

//= test RFC 1858 §3.2.2: a fragment that begins inside the TCP header is dropped
//= test RFC 3128 §4: so is a first one without a whole TCP header
#[test]
fn tiny_fragments_are_refused() {
    let fragment = |offset, more_fragments| Fragment { identification: 1, offset, more_fragments };
    let check = |offset, len, more, protocol| {
        fragment(offset, more).check(protocol, &vec![0; len]).err().map(|why| format!("{why:?}"))
    };
    let tiny = Some("TinyFragment".to_owned());
    assert_eq!(check(0, 16, true, Protocol::TCP), tiny);
    assert_eq!(check(8, 800, true, Protocol::TCP), tiny);
    assert_eq!(check(0, 24, true, Protocol::TCP), None);
    assert_eq!(check(8, 800, true, Protocol::UDP), None);
    assert_eq!(check(16, 3, true, Protocol::UDP), Some("FragmentLength".to_owned()));
    assert_eq!(check(16, 0, false, Protocol::UDP), Some("FragmentLength".to_owned()));
}

//= test RFC 3168 §5.3: congestion met by one part was met by the packet
#[test]
fn congestion_of_a_part_is_that_of_the_packet() {
    let joined = |codepoints: [Ecn; 2]| {
        let (mut film, mut reassembly) = (Film::default(), Reassembly::new(KEY));
        let mut whole = None;
        for (n, ecn) in codepoints.into_iter().enumerate() {
            let bytes = part(n * 8, 8, n == 1, false);
            let packet = Packet { ecn, ..Packet::parse(&bytes).unwrap() };
            let fragment = packet.fragment.unwrap();
            whole = at(0, &mut film, |cx| reassembly.handle_fragment(cx, &packet, fragment));
        }
        whole.map(|whole| whole.ecn)
    };
    assert_eq!(joined([Ecn::Ect0, Ecn::Ce]), Some(Ecn::Ce));
    assert_eq!(joined([Ecn::Ect0, Ecn::Ect0]), Some(Ecn::Ect0));
    assert_eq!(joined([Ecn::NotEct, Ecn::Ce]), None);
}

#[test]
fn memory_for_parts_is_bounded() {
    let (mut film, mut reassembly) = (Film::default(), Reassembly::new(KEY));
    for n in 0..20_000u32 {
        let bytes = part(1024, 1400, false, false);
        let packet = Packet::parse(&bytes).unwrap();
        let fragment = Fragment { identification: n, ..packet.fragment.unwrap() };
        at(0, &mut film, |cx| reassembly.handle_fragment(cx, &packet, fragment));
        assert!(reassembly.bytes() <= 4 << 20);
    }
    assert!(reassembly.len() > 1000 && film.text.contains("why=ReassemblyFull"));
}

proptest! {
    #[test]
    fn what_is_cut_is_put_together_again(
        payload in prop::collection::vec(any::<u8>(), 32..4000),
        mtu in 68usize..900,
        is_v6: bool,
        order in any::<prop::sample::Index>(),
        options in prop_oneof![Just(&[][..]), Just(&[0x94, 4, 0, 0, 7, 3, 4, 0][..])],
    ) {
        let mut out = TxBuf::new();
        out.append(&payload);
        if is_v6 {
            let (dscp, ecn, flow_label, hop_limit) = (0, Ecn::NotEct, 0, 9);
            let (source, destination) = ("fd00::1".parse().unwrap(), "fd00::2".parse().unwrap());
            let next = Protocol::UDP;
            v6::Header { dscp, ecn, flow_label, next, hop_limit, source, destination }.emit(&mut out);
        } else {
            let (a, b) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
            let header = v4::Header::new(a, b, Protocol::UDP, 64);
            v4::Header { dont_fragment: false, identification: 3, options, ..header }.emit(&mut out);
        }
        let mtu = if is_v6 { mtu + 1280 } else { mtu };
        let mut fragments = Fragments::new(out.as_slice(), mtu, 77).unwrap();
        let (mut parts, mut part) = (Vec::new(), TxBuf::new());
        while fragments.next(&mut part) {
            prop_assert!(part.len() <= mtu);
            parts.push(part.as_slice().to_vec());
        }
        // Any rotation, with every second part sent twice.
        let by = order.index(parts.len());
        parts.rotate_left(by);
        let twice: Vec<_> = parts.iter().skip(1).step_by(2).cloned().collect();
        let (mut film, mut reassembly) = (Film::default(), Reassembly::new(KEY));
        let mut whole = None;
        for bytes in twice.iter().chain(&parts) {
            let packet = Packet::parse(bytes).unwrap();
            match packet.fragment {
                None => whole = Some(Whole { protocol: packet.protocol, payload: packet.payload.to_vec(), ecn: packet.ecn }),
                Some(fragment) => {
                    let add = |cx: &mut base::Cx<'_>| reassembly.handle_fragment(cx, &packet, fragment);
                    let now = at(0, &mut film, add);
                    whole = whole.or(now);
                }
            }
        }
        prop_assert_eq!(whole.map(|whole| (whole.protocol, whole.payload)), Some((Protocol::UDP, payload)));
    }
}
