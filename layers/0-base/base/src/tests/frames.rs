//! What the layers from 1 to 4 need of layer 0: checksums, frames, arenas, hashes.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use proptest::prelude::*;

use crate::checksum::{self, Sum};
use crate::{Arena, Bucket, Instant, Key, Mac, Offload, PendingChecksum, SipKey, Timers, TxBuf};

/// The definition, word by word.
fn naive(bytes: &[u8]) -> u16 {
    let mut sum: u32 = 0;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |&b| u32::from(b));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

//= test RFC 1071 §3: the example of the document.
#[test]
fn the_example_of_rfc_1071() {
    assert_eq!(checksum::of(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
}

//= test RFC 1624 §4: the example in which the older form goes wrong.
#[test]
fn the_example_of_rfc_1624() {
    assert_eq!(checksum::update(0xdd2f, 0x5555, 0x3285), 0x0000);
}

#[test]
fn pseudo_headers_are_as_if_they_were_written() {
    let (a, b) = (Ipv4Addr::new(10, 1, 2, 3), Ipv4Addr::new(192, 0, 2, 255));
    let written = [&a.octets()[..], &b.octets(), &[0, 6], &1480u16.to_be_bytes()].concat();
    assert_eq!(Sum::pseudo_v4(a, b, 6, 1480).finish(), naive(&written));

    let (a, b) = (Ipv6Addr::LOCALHOST, "2001:db8::ff:1".parse::<Ipv6Addr>().unwrap());
    let written = [&a.octets()[..], &b.octets(), &70_000u32.to_be_bytes(), &[0, 0, 0, 58]].concat();
    assert_eq!(Sum::pseudo_v6(a, b, 58, 70_000).finish(), naive(&written));
}

proptest! {
    #[test]
    fn the_quick_sum_is_the_definition(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert_eq!(checksum::of(&bytes), naive(&bytes));
    }

    #[test]
    fn cut_anywhere_it_stays(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        cuts in prop::collection::vec(0usize..60, 0..8),
    ) {
        let (mut sum, mut rest) = (Sum::new(), &bytes[..]);
        for cut in cuts {
            let (part, after) = rest.split_at(cut.min(rest.len()));
            sum.add(part);
            rest = after;
        }
        sum.add(rest);
        prop_assert_eq!(sum.finish(), naive(&bytes));
    }

    #[test]
    fn an_update_is_a_new_sum(mut bytes in prop::collection::vec(any::<u8>(), 20), new: u16) {
        let before = checksum::of(&bytes);
        let old = u16::from_be_bytes([bytes[8], bytes[9]]);
        bytes[8..10].copy_from_slice(&new.to_be_bytes());
        let updated = checksum::update(before, old, new);
        // Plus and minus zero are one number.
        prop_assert!(updated == checksum::of(&bytes) || updated ^ checksum::of(&bytes) == 0xffff);
    }

    #[test]
    fn an_arena_is_a_map(steps in prop::collection::vec((any::<bool>(), 0usize..8), 0..60)) {
        let (mut arena, mut map) = (Arena::new(), BTreeMap::new());
        let mut gone: Vec<Key<usize>> = Vec::new();
        for (n, (insert, pick)) in steps.into_iter().enumerate() {
            if insert {
                prop_assert!(map.insert(arena.insert(n), n).is_none(), "keys are never given twice");
            } else if let Some(key) = map.keys().nth(pick).copied() {
                prop_assert_eq!(arena.remove(key), map.remove(&key));
                gone.push(key);
            }
            prop_assert_eq!(arena.len(), map.len());
            prop_assert!(gone.iter().all(|&key| arena.get(key).is_none()));
            prop_assert!(map.iter().all(|(&key, n)| arena.get(key) == Some(n)));
            prop_assert_eq!(arena.iter().count(), map.len());
        }
    }

    #[test]
    fn timers_wake_in_time_and_in_order(
        steps in prop::collection::vec((0u64..1 << 34, 0u32..35, any::<bool>(), 0usize..9), 1..80),
    ) {
        let mut timers = Timers::new(Duration::from_millis(1));
        let (mut waiting, mut alarms, mut now) = (BTreeMap::new(), BTreeMap::new(), 0u64);
        for (n, (delay, bits, jump, pick)) in steps.into_iter().enumerate() {
            let due = now + (delay & ((1 << bits) - 1));
            alarms.insert(n, timers.set(Instant::from_millis(due), n));
            waiting.insert(n, due.max(now + 1));
            // Now and then one that is set is moved, or taken back.
            let picked = alarms.keys().copied().nth(pick);
            if let Some(other) = picked.filter(|other| other % 3 == 0) {
                let later = now + (delay >> 3);
                timers.reset(&alarms[&other], Instant::from_millis(later));
                waiting.insert(other, later.max(now + 1));
            } else if let Some(other) = picked.filter(|other| other % 3 == 1) {
                timers.cancel(alarms.remove(&other).unwrap());
                waiting.remove(&other);
            }
            let first = waiting.values().copied().min();
            prop_assert_eq!(timers.next().is_none(), first.is_none());
            let next = timers.next().map_or(now, |next| next.as_nanos() / 1_000_000);
            prop_assert!(first.is_none_or(|first| next <= first && next > now));
            // Either exactly to what was announced, or somewhere.
            now = if jump { now + (delay >> (34 - bits.min(34))) } else { next };
            let mut expected: Vec<(u64, usize)> =
                waiting.iter().map(|(n, due)| (*due, *n)).filter(|(due, _)| *due <= now).collect();
            expected.sort_unstable();
            let mut woken = Vec::new();
            while let Some(n) = timers.pop(Instant::from_millis(now)) {
                alarms.remove(&n);
                woken.push((waiting.remove(&n).unwrap(), n));
            }
            prop_assert!(woken.is_sorted_by_key(|(due, _)| *due), "{:?}", woken);
            woken.sort_unstable();
            prop_assert_eq!(woken, expected);
            prop_assert_eq!(timers.len(), waiting.len());
        }
    }

    #[test]
    fn a_hash_does_not_depend_on_how_it_was_fed(
        bytes in prop::collection::vec(any::<u8>(), 0..40),
        at in 0usize..40,
    ) {
        let key = SipKey::new(*b"0123456789abcdef");
        let (a, b) = bytes.split_at(at.min(bytes.len()));
        let mut hasher = key.build_hasher();
        hasher.write(a);
        hasher.write(b);
        let mut whole = key.build_hasher();
        whole.write(&bytes);
        prop_assert_eq!(hasher.finish(), whole.finish());
    }
}

#[test]
fn a_hand_goes_around_an_arena() {
    let mut arena = Arena::new();
    let keys = [0, 1, 2, 3].map(|n| arena.insert(n));
    arena.remove(keys[1]);
    let mut hand = 0;
    let seen = [(); 5].map(|()| arena.next_in_turn(&mut hand).and_then(|key| arena.get(key)));
    assert_eq!(seen, [Some(&0), Some(&2), Some(&3), Some(&0), Some(&2)]);
    assert_eq!(Arena::<u8>::new().next_in_turn(&mut hand), None);
}

#[test]
fn a_bucket_gives_a_burst_and_then_its_rate() {
    let mut bucket = Bucket::new(10, 3);
    let mut take = |ms| (0..5).filter(|_| bucket.take(Instant::from_millis(ms))).count();
    assert_eq!([0, 50, 100, 150, 5000].map(&mut take), [3, 0, 1, 0, 3]);
    assert!(!bucket.take_some(Instant::from_millis(9000), 4));
    assert!(bucket.take_some(Instant::from_millis(9000), 3));
}

#[test]
fn siphash_gives_the_numbers_of_its_paper() {
    let key = SipKey::new(std::array::from_fn(|n| n as u8));
    let input: [u8; 15] = std::array::from_fn(|n| n as u8);
    assert_eq!(key.hash(&input), 0xa129_ca61_49be_45e5);
    assert_eq!(key.hash(&[]), 0x726f_db47_dd0e_0e31);
}

#[test]
fn numbers_are_hashed_as_their_bytes_are() {
    let key = SipKey::new([7; 16]);
    let (mut a, mut b) = (key.build_hasher(), key.build_hasher());
    a.write_u32(0x0403_0201);
    a.write_u16(0x0605);
    a.write_u64(0x0e0d_0c0b_0a09_0807);
    b.write(&std::array::from_fn::<u8, 14, _>(|n| n as u8 + 1));
    assert_eq!(a.finish(), b.finish());
    assert_ne!(key.derive(b"ports").hash(b""), key.derive(b"sequence").hash(b""));
}

#[test]
fn a_frame_grows_towards_its_front() {
    let mut out = TxBuf::new();
    out.append(b"payload");
    out.prepend(*b"tcp ");
    out.prepend_slice(b"ip ");
    assert_eq!(out.as_slice(), b"ip tcp payload");
    out.truncate(6);
    assert_eq!(out.as_slice(), b"ip tcp");
    out.truncate(0);
    out.clear();
    assert!(out.is_empty());
    out.append_zeroed(3)[1] = 7;
    assert_eq!(out.as_slice(), [0, 7, 0]);
}

#[test]
fn a_checksum_left_open_is_found_and_finished() {
    let (a, b) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
    let mut out = TxBuf::new();
    out.append(b"odd");
    let pseudo = Sum::pseudo_v4(a, b, 17, 11);
    let [hi, lo] = pseudo.folded().to_be_bytes();
    out.prepend([0, 53, 0, 53, 0, 11, hi, lo]);
    out.leave_checksum(6);
    out.prepend([0; 20]);
    let checksum = Some(PendingChecksum { start: 20, offset: 6 });
    assert_eq!(out.offload(), Offload { checksum, segmentation: None });
    out.finish_checksum();
    assert_eq!(out.offload(), Offload::default());
    let mut check = pseudo;
    check.add(&out.as_slice()[20..]);
    assert_eq!(check.finish(), 0);
}

#[test]
fn a_hardware_address_is_read_as_it_is_written() {
    let mac: Mac = "02:00:5e:10:ff:0a".parse().unwrap();
    assert_eq!(mac.to_string().parse(), Ok(mac));
    assert_eq!("02-00-5E-10-FF-0A".parse(), Ok(mac));
    assert!(mac.is_local() && mac.is_station() && !mac.is_group());
    for wrong in ["", "02:00:5e:10:ff", "02:00:5e:10:ff:0a:00", "02:0:5e:10:ff:0a", "2:+0:5e"] {
        assert!(wrong.parse::<Mac>().is_err(), "{wrong}");
    }
}
