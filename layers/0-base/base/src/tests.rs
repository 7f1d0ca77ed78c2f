use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::xray::{self, Film, Form, Layer, Private, Text, Watching};
use crate::{Chunk, Cx, FileRange, Instant, TxQueue, Wall, Wheel, World};

mod frames;

crate::notes! {
    /// Notes of these tests.
    enum Seen<'a> in Physical {
        /// Something happened.
        Happened { how_often: u32, secret: Private<'a> },
    }
}

/// Notes with text from the wire.
mod quoted {
    use super::*;

    crate::notes! {
        /// Notes of these tests.
        pub(super) enum Seen<'a> in Link {
            /// Something was said.
            Quoted { text: Text<'a>, secret: Private<'a> },
        }
    }
}

fn with_cx<T>(run: impl FnOnce(&mut Cx<'_>) -> T) -> T {
    let mut world = World::seeded(1);
    run(&mut Cx::new(Instant::ORIGIN, Wall(0), &mut world))
}

fn slices(queue: &TxQueue) -> Vec<Vec<u8>> {
    let mut slices = [IoSlice::new(&[]); 8];
    let filled = queue.fill_slices(&mut slices);
    slices[..filled].iter().map(|slice| slice.to_vec()).collect()
}

#[test]
fn a_film_is_bounded_and_says_what_it_lost() {
    xray::watch(&[Layer::Physical]);
    let (mut world, mut film) = (World::seeded(1), Film::bounded(20));
    for how_often in 0..3 {
        Cx::new(Instant::from_millis(1), Wall(0), &mut world)
            .watched_by(&mut film)
            .note(|| Seen::Happened { how_often, secret: Private(b"hunter2") });
    }
    assert_eq!(
        film.take(),
        "0.001000s Physical Happened how_often=0 secret=<7 private bytes>\n\
         ... and 2 more notes that did not fit\n"
    );
    assert_eq!(film.take(), "");
    film.append("one line that is long\nanother\nand one more\n");
    assert_eq!(film.take(), "one line that is long\n... and 2 more notes that did not fit\n");
}

#[test]
fn a_film_for_programs_is_a_line_of_json_for_each_note() {
    let _watching = Watching::begin();
    let mut world = World::seeded(1);
    let mut film = Film::bounded(100).in_form(Form::JsonLines);
    for secret in [&b"hunter2"[..], b"", b""] {
        Cx::new(Instant::from_millis(1), Wall(0), &mut world)
            .watched_by(&mut film)
            .note(|| quoted::Seen::Quoted { text: Text(b"\"\x01\\"), secret: Private(secret) });
    }
    assert_eq!(
        film.take(),
        "{\"at\":\"0.001000s\",\"layer\":\"Link\",\"note\":\"Quoted\",\
         \"text\":\"\\\"\\\\\\\"\\\\x01\\\\\\\\\\\"\",\"secret\":\"<7 private bytes>\"}\n\
         {\"lost\":2}\n"
    );
}

#[test]
fn every_layer_is_watched_as_long_as_somebody_does() {
    let (first, second) = (Watching::begin(), Watching::begin());
    drop(first);
    assert!(Layer::ALL.into_iter().all(xray::is_watched));
    drop(second);
}

#[test]
fn small_chunks_leave_as_one_slice() {
    with_cx(|cx| {
        let mut queue = TxQueue::new();
        queue.tail(cx).extend_from_slice(b"head ");
        queue.push(cx, Bytes::from_static(b"body ").into());
        queue.tail(cx).extend_from_slice(b"head");
        assert_eq!(queue.as_one_slice(), Some(&b"head body head"[..]));
        queue.advance(cx, 5);
        assert_eq!(queue.as_one_slice(), Some(&b"body head"[..]));
        queue.advance(cx, 9);
        assert!(queue.is_empty());
    });
}

#[test]
fn large_chunks_and_files_keep_their_place() {
    let file = Arc::new(std::fs::File::open("/dev/null").unwrap());
    let large = Bytes::from(vec![b'x'; 10_000]);
    with_cx(|cx| {
        let mut queue = TxQueue::new();
        queue.tail(cx).extend_from_slice(b"head");
        queue.push(cx, large.clone().into());
        queue.push(cx, FileRange { file, offset: 7, len: 100 }.into());
        queue.tail(cx).extend_from_slice(b"end");
        assert_eq!(queue.len(), 4 + 10_000 + 100 + 3);
        assert_eq!(queue.as_one_slice(), None);

        assert_eq!(slices(&queue), [b"head".to_vec(), large.to_vec()]);

        queue.advance(cx, 4 + 9_999);
        assert_eq!(slices(&queue), [b"x"]);
        assert!(queue.front_file().is_none());

        queue.advance(cx, 1 + 30);
        let front = queue.front_file().unwrap();
        assert_eq!((front.offset, front.len), (37, 70));
        assert!(slices(&queue).is_empty());

        queue.advance(cx, 70);
        assert_eq!(queue.as_one_slice(), Some(&b"end"[..]));
        queue.advance(cx, 3);
        assert_eq!((queue.is_empty(), queue.len()), (true, 0));
    });
}

#[test]
fn what_is_large_is_shared_where_it_lies_and_what_is_small_is_not() {
    let file = Arc::new(std::fs::File::open("/dev/null").unwrap());
    with_cx(|cx| {
        let mut queue = TxQueue::new();
        queue.tail(cx).extend_from_slice(b"head");
        assert!(queue.share_front().is_none(), "better copied");
        let body = vec![b'x'; 10_000];
        let lies_at = body.as_ptr();
        queue.push(cx, Chunk::Owned(body));
        assert!(queue.share_front().is_none(), "the head stands in front");
        queue.advance(cx, 4);
        let shared = queue.share_front().unwrap();
        assert_eq!((shared.len(), shared.as_ptr()), (10_000, lies_at));
        queue.advance(cx, 6_000);
        assert_eq!(queue.share_front().unwrap().len(), 4_000, "and a part of it once more");
        queue.advance(cx, 4_000);
        drop(shared);
        // What grew in the tail is shared too, and what comes behind it is not touched.
        queue.tail(cx).extend_from_slice(&[b'y'; 5_000]);
        queue.advance(cx, 100);
        assert_eq!(queue.share_front().unwrap(), vec![b'y'; 4_900]);
        queue.push(cx, FileRange { file, offset: 0, len: 10 }.into());
        queue.tail(cx).extend_from_slice(b"end");
        assert_eq!(queue.len(), 4_900 + 10 + 3);
        queue.advance(cx, 4_900);
        assert!(queue.share_front().is_none(), "a file");
        queue.advance(cx, 10);
        assert_eq!(queue.as_one_slice(), Some(&b"end"[..]));
    });
}

#[test]
fn appending_moves_what_it_can_and_keeps_the_order() {
    with_cx(|cx| {
        let (mut all, mut part) = (TxQueue::new(), TxQueue::new());
        part.tail(cx).extend_from_slice(b"one ");
        all.append(cx, &mut part);
        part.tail(cx).extend_from_slice(b"two ");
        all.append(cx, &mut part);
        part.push(cx, Chunk::Owned(vec![b'3'; 5_000]));
        part.tail(cx).extend_from_slice(b" four");
        all.append(cx, &mut part);
        assert!(part.is_empty());
        let mut sent = Vec::new();
        while let Some(chunk) = all.pop() {
            sent.extend_from_slice(chunk.as_bytes().unwrap());
        }
        assert_eq!(sent.len(), 4 + 4 + 5_000 + 5);
        assert!(sent.starts_with(b"one two 33") && sent.ends_with(b"33 four"));
        assert_eq!(all.len(), 0);
    });
}

#[test]
fn a_wheel_is_never_early_and_at_most_a_tick_late() {
    let tick = Duration::from_millis(100);
    let mut wheel = Wheel::new(tick);
    for ms in [0, 1, 99, 100, 101, 5_000, 51_200, 51_201, 600_000] {
        wheel.set(Instant::from_millis(ms), ms);
    }
    let (mut woken, mut now) = (Vec::new(), 0);
    while !wheel.is_empty() {
        now += 100;
        wheel.expire(Instant::from_millis(now), &mut woken);
        for ms in woken.drain(..) {
            assert!(ms <= now && now <= ms.max(1).next_multiple_of(100), "{ms} woken at {now}");
        }
    }
    assert_eq!(now, 600_000);
}

#[test]
fn a_wheel_that_slept_wakes_everybody() {
    let mut wheel = Wheel::new(Duration::from_millis(1));
    for ms in 0..5_000 {
        wheel.set(Instant::from_millis(ms), ms);
    }
    let mut woken = Vec::new();
    wheel.expire(Instant::from_millis(4_000), &mut woken);
    assert_eq!((woken.len(), wheel.len()), (4_001, 999));
}
