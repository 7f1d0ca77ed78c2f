//! Every script in `scripts/` is played.

use std::path::{Path, PathBuf};

use scripts::{Options, run_file};

/// Scripts that do not pass, and why: each is a finding. One that passes must go from here.
const KNOWN_FAILURES: &[(&str, &str)] = &[];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts")
}

/// Every script below `folder`, by its name there.
fn scripts_in(folder: &Path, prefix: &str, into: &mut Vec<(String, PathBuf)>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for entry in entries {
        let path = entry.expect("a folder can be read to its end").path();
        let name = path.file_name().expect("it is in a folder").to_string_lossy();
        let name = format!("{prefix}{name}");
        if path.is_dir() {
            scripts_in(&path, &format!("{name}/"), into);
        } else if name.ends_with(".pkt") {
            into.push((name, path));
        }
    }
}

#[test]
fn every_script_goes_as_it_says() {
    let mut all = Vec::new();
    scripts_in(&folder(), "", &mut all);
    all.sort();
    assert!(!all.is_empty());
    let mut complaints = Vec::new();
    for (name, path) in &all {
        let known = KNOWN_FAILURES.iter().find(|(known, _)| known == name);
        let outcome = run_file(path, &Options::default()).unwrap();
        match (outcome.is_passed(), known) {
            (true, None) | (false, Some(_)) => {}
            (false, None) => complaints.push(outcome.describe(name)),
            (true, Some((_, why))) => {
                complaints.push(format!("{name} passes now: take it off the list ({why})"));
            }
        }
    }
    for (known, _) in KNOWN_FAILURES {
        if !all.iter().any(|(name, _)| name == known) {
            complaints.push(format!("{known} is on the list and not there"));
        }
    }
    assert!(complaints.is_empty(), "{}\n", complaints.join("\n\n"));
}

/// What a segment can be that arrives (RFC 9293 §3.10.7).
const EVENTS: [&str; 9] = [
    "reset",
    "reset-beside",
    "reset-outside",
    "syn",
    "out-of-window",
    "no-ack",
    "ack-of-unsent",
    "data",
    "fin",
];

/// In which state it arrives, and which events there are nothing of their own: before the peer's
/// number is known nothing is outside or beside, and data comes with something else.
const STATES: [(&str, &[&str]); 10] = [
    ("listen", &["reset-beside", "reset-outside", "out-of-window", "data"]),
    ("syn-sent", &["reset-outside", "out-of-window", "data"]),
    ("syn-received", &[]),
    ("established", &[]),
    ("fin-wait-1", &[]),
    ("fin-wait-2", &[]),
    ("close-wait", &[]),
    ("closing", &[]),
    ("last-ack", &[]),
    ("time-wait", &[]),
];

#[test]
fn every_event_in_every_state_has_its_conversation() {
    for (state, without) in STATES {
        for event in EVENTS.iter().filter(|event| !without.contains(event)) {
            let path = folder().join(format!("events/{state}-{event}.pkt"));
            assert!(path.is_file(), "{} is missing", path.display());
        }
    }
}

/// Every RFC of which the stack claims that it is obeyed in a conversation (docs/tcp.md says where), and
/// those that TCP meets on its way.
const RFCS: [u32; 48] = [
    768, 791, 792, 813, 896, 1122, 1191, 1337, 2018, 2385, 2474, 2525, 2861, 2883, 3042, 3168,
    3522, 3708, 4015, 4443, 4821, 4987, 5482, 5681, 5682, 5927, 5961, 6093, 6191, 6298, 6528, 6582,
    6633, 6675, 6691, 6928, 6937, 6994, 7323, 7413, 7661, 8200, 8201, 8985, 9293, 9406, 9438, 9937,
];

/// The table of `scripts/README.md`: an RFC, and its scripts.
fn conversations() -> Vec<(u32, Vec<String>)> {
    let text = std::fs::read_to_string(folder().join("README.md")).expect("the table is there");
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let rfc = cells.next()?.parse().ok()?;
        let names = cells.last()?.split('`').skip(1).step_by(2);
        Some((rfc, names.filter(|name| name.ends_with(".pkt")).map(str::to_owned).collect()))
    });
    rows.collect()
}

#[test]
fn every_rfc_has_a_conversation_that_cites_it() {
    let table = conversations();
    let rfcs: Vec<u32> = table.iter().map(|(rfc, _)| *rfc).collect();
    assert_eq!(rfcs, RFCS, "the rows of the table, in order");
    for (rfc, names) in table {
        assert!(!names.is_empty(), "RFC {rfc} has no conversation");
        for name in names {
            let text = std::fs::read_to_string(folder().join(&name));
            let text = text.unwrap_or_else(|error| panic!("RFC {rfc}: {name}: {error}"));
            assert!(cites(&text, rfc), "{name} does not cite RFC {rfc}");
        }
    }
}

fn cites(text: &str, rfc: u32) -> bool {
    let wanted = format!("RFC {rfc}");
    text.split(&wanted).skip(1).any(|after| !after.starts_with(|c: char| c.is_ascii_digit()))
}

/// What docs/tcp.md says is obeyed is in the table too.
#[test]
fn what_is_obeyed_is_in_the_table() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tcp.md");
    let text = std::fs::read_to_string(docs).expect("the page is there");
    let (_, rest) = text.split_once("## What it obeys").expect("the chapter is there");
    let (chapter, _) = rest.split_once("\n## ").expect("another follows");
    let rows = chapter.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    let cells = rows.filter_map(|line| line.split(" | ").nth(1));
    let numbers: Vec<u32> = cells
        .flat_map(|cell| cell.split(", "))
        .map(|n| n.trim().parse().expect("a number"))
        .collect();
    assert!(numbers.len() > 20, "{numbers:?}");
    for rfc in numbers {
        assert!(RFCS.contains(&rfc), "RFC {rfc} is obeyed, and not in the table");
    }
}
