//! What the fuzzer has found, or was given to begin with, is looked at again by every test run.

use std::path::{Path, PathBuf};

/// How many files a corpus may have, and how long they may be: it is a collection of examples, not
/// a heap.
const FILES_MAX: usize = 40;
const LEN_MAX: usize = 4 * 1024;

fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name)
}

#[test]
fn every_corpus_is_replayed() {
    for (name, target) in fuzzed::TARGETS {
        let path = corpus(name);
        let files = std::fs::read_dir(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        paths.sort();
        assert!((1..=FILES_MAX).contains(&paths.len()), "{name}: {} files", paths.len());
        for path in paths {
            let bytes = std::fs::read(&path).unwrap();
            assert!(bytes.len() <= LEN_MAX, "{}: {} bytes", path.display(), bytes.len());
            let replayed = std::panic::catch_unwind(|| target(&bytes));
            assert!(replayed.is_ok(), "{}", path.display());
        }
    }
}

/// Every program calls the function of its name, and every function has a program and a corpus.
#[test]
fn programs_and_functions_have_the_same_names() {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/fuzz_targets");
    let mut names: Vec<_> = std::fs::read_dir(programs)
        .unwrap()
        .map(|file| {
            let path = file.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = std::fs::read_to_string(path).unwrap();
            assert!(text.contains(&format!("fuzzed::{name}(data)")), "{name}");
            name
        })
        .collect();
    names.sort();
    assert_eq!(names, fuzzed::TARGETS.map(|(name, _)| name));
}
