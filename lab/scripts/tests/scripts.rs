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
