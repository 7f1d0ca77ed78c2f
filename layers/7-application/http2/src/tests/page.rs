//! The table of attacks says what these tests show.

use std::path::Path;

#[test]
fn every_row_has_a_test() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/http2.md");
    let page = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let (_, table) = page.split_once("| attack |").unwrap();
    let table = table.split("\n## ").next().unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| "));
    let mut seen = 0;
    for row in rows {
        let name = row.trim_end_matches('|').rsplit('|').next().unwrap().trim().trim_matches('`');
        let (module, function) = name.split_once("::").unwrap_or_else(|| panic!("no test: {name}"));
        let file = match module {
            "attacks" => include_str!("attacks.rs"),
            "blocks" => include_str!("blocks.rs"),
            "times" => include_str!("times.rs"),
            "windows" => include_str!("windows.rs"),
            other => panic!("no module {other}"),
        };
        assert!(file.contains(&format!("#[test]\nfn {function}()")), "no test {name}");
        seen += 1;
    }
    assert!(seen > 8, "only {seen} rows");
}

/// What the page says of memory with the defaults.
#[test]
fn the_most_a_connection_takes() {
    let c = crate::Config::default();
    let stream = 2 * u64::from(c.head_len_max) + 2 * u64::from(c.window) + 1024;
    let most = 3 * u64::from(c.table_len_max + c.own_table_len_max)
        + u64::from(c.streams_max) * stream
        + 2 * u64::from(c.window_growth_max)
        + 2 * c.block_len_max as u64
        + c.bodies_window
        + c.body_window as u64
        + 128 * 1024;
    assert_eq!(most / (1024 * 1024), 34, "docs/http2.md rounds it up");
}
