//! Header lists and their encodings by others, in `../shared/data/hpack` beside the workspace.

use super::{Line, decode, hex};
use crate::Decoder;

/// The cases of one story, if it is there.
fn story(number: u32) -> Option<Vec<serde_json::Value>> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../..");
    let text =
        std::fs::read_to_string(format!("{root}/../shared/data/hpack/story_{number}.json")).ok()?;
    let story: serde_json::Value = serde_json::from_str(&text).expect("vectors are JSON");
    Some(story["cases"].as_array().expect("a story has cases").clone())
}

#[test]
fn stories() {
    let mut cases_read = 0;
    for (number, cases) in (0..=31).filter_map(|number| Some((number, story(number)?))) {
        let mut decoder = Decoder::new(4096);
        for case in cases {
            // A case may begin with a limit of its own.
            if let Some(size) = case["header_table_size"].as_u64() {
                decoder.set_table_len_max(size as u32);
            }
            let fields = case["headers"].as_array().unwrap().iter();
            let pairs = fields.flat_map(|field| field.as_object().unwrap());
            let want: Vec<Line> = pairs
                .map(|(name, value)| {
                    (name.as_bytes().into(), value.as_str().unwrap().into(), false)
                })
                .collect();
            let mut lines = decode(&mut decoder, &hex(case["wire"].as_str().unwrap()));
            for line in lines.iter_mut().flatten() {
                line.2 = false;
            }
            assert_eq!(lines, Ok(want), "story {number}, case {}", case["seqno"]);
            cases_read += 1;
        }
    }
    if cases_read == 0 {
        eprintln!("NOT RUN: the stories are not at ../shared/data/hpack");
    }
}
