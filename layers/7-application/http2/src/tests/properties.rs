//! What holds for every input.

use proptest::collection::vec;
use proptest::prelude::*;

use super::notation::frame;
use super::pair::{Pair, Wish};
use super::script::Stage;
use crate::Config;

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        2 => Just(Vec::new()),
        3 => vec(any::<u8>(), 1..200),
        1 => (1_usize..40_000, any::<u8>()).prop_map(|(len, seed)| {
            (0..len).map(|at| (at as u8).wrapping_mul(31).wrapping_add(seed)).collect()
        }),
    ]
}

fn wish() -> impl Strategy<Value = Wish> {
    let choices = (any::<bool>(), any::<bool>(), 0_u8..8, any::<bool>());
    (body(), body(), choices, prop_oneof![1_usize..100, 1_000_usize..100_000]).prop_map(
        |(upload, download, (says_length, has_trailers, urgency, incremental), step)| Wish {
            upload,
            download,
            says_length,
            has_trailers,
            urgency,
            incremental,
            step,
        },
    )
}

fn config() -> impl Strategy<Value = Config> {
    let windows = prop_oneof![Just(65_535_u32), 30_u32..300, 1_000_u32..200_000];
    let tables = prop_oneof![Just(4096_u32), Just(0), Just(100), Just(65_536)];
    (windows, 1_u32..20, tables.clone(), tables, 1_usize..100_000, 1_u64..200_000).prop_map(
        |(window, streams_max, table_len_max, own_table_len_max, body_window, bodies_window)| {
            Config {
                window,
                streams_max,
                table_len_max,
                own_table_len_max,
                body_window,
                bodies_window,
                // Small windows make many updates, which is not what this is about.
                control_frames_max: u32::MAX,
                ..Config::default()
            }
        },
    )
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    vec(prop_oneof![1 => 1_usize..50, 2 => 1_usize..5_000, 1 => Just(1 << 20)], 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Whatever is asked for and however the bytes are cut: every body arrives, and nothing is left.
    #[test]
    fn exchanges_take_place(
        client in config(),
        server in config(),
        wishes in vec(wish(), 1..12),
        cuts in cuts(),
    ) {
        let mut pair = Pair::new(client, server, wishes, cuts);
        pair.run();
        pair.check();
    }

    /// The same through windows of a few bytes.
    #[test]
    fn exchanges_take_place_through_tiny_windows(
        window in 1_u32..5,
        body in vec(any::<u8>(), 1..300),
        cuts in cuts(),
    ) {
        let config = Config { window, control_frames_max: u32::MAX, ..Config::default() };
        let wish = Wish {
            upload: body.clone(),
            download: body,
            says_length: true,
            has_trailers: false,
            urgency: 3,
            incremental: true,
            step: 100,
        };
        let mut pair = Pair::new(config.clone(), config, vec![wish; 3], cuts);
        pair.run();
        pair.check();
    }

    /// Whatever frames come, and however they are cut, nothing panics, and what is closed stays so.
    #[test]
    fn frames_of_any_kind(
        client in any::<bool>(),
        frames in vec((0_u8..18, any::<u8>(), 0_u32..8, vec(any::<u8>(), 0..40)), 1..40),
        flipped in vec(any::<(u16, u8)>(), 0..3),
        cut in 1_usize..100,
    ) {
        let mut bytes: Vec<u8> = frames
            .iter()
            .flat_map(|(kind, flags, stream, payload)| frame(*kind, *flags, *stream, payload))
            .collect();
        for (at, bits) in flipped {
            let at = usize::from(at) % bytes.len();
            bytes[at] ^= bits;
        }
        let config = Config::default();
        let mut stage = if client { Stage::client(config) } else { Stage::server(config) };
        stage.shake_hands("");
        if client {
            stage.play("open GET / Host: x\nopen POST / Host: x");
        }
        for part in bytes.chunks(cut) {
            stage.receive_in_silence(part);
        }
        stage.connection_must_end();
    }
}
