//! The page on request smuggling says what these tests show, and nothing else.

use std::path::Path;

const PAGE: &str = "../../../docs/request-smuggling.md";
const TESTS: [&str; 6] = [
    include_str!("framing.rs"),
    include_str!("chunks.rs"),
    include_str!("tunnels.rs"),
    include_str!("client.rs"),
    include_str!("trailers.rs"),
    include_str!("limits.rs"),
];

/// The names in the last column, as `module::function`.
fn named_on_the_page() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| case"));
    let last = rows.filter_map(|row| row.trim_end_matches('|').rsplit('|').next());
    last.map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
}

#[test]
fn every_row_has_a_test() {
    let names = named_on_the_page();
    assert!(names.len() > 30, "only {} rows", names.len());
    for name in names {
        let (module, function) = name.split_once("::").unwrap_or_else(|| panic!("no test: {name}"));
        let file = match module {
            "framing" => TESTS[0],
            "chunks" => TESTS[1],
            "tunnels" => TESTS[2],
            "client" => TESTS[3],
            "trailers" => TESTS[4],
            "limits" => TESTS[5],
            other => panic!("no module {other}"),
        };
        assert!(file.contains(&format!("#[test]\nfn {function}()")), "no test {name}");
    }
}

/// What guards against smuggling stands on the page.
#[test]
fn every_test_has_a_row() {
    let names = named_on_the_page();
    for (module, file) in [("framing", TESTS[0]), ("chunks", TESTS[1])] {
        for (at, _) in file.match_indices("#[test]\nfn ") {
            let function = file[at..].split(['(', ' ', '\n']).nth(2).unwrap();
            let name = format!("{module}::{function}");
            let is_play = matches!(
                function,
                "a_body_in_pieces"
                    | "what_came_before_an_error_is_shown_before_it"
                    | "an_error_behind_the_answers_head_breaks_off"
                    | "a_body_is_read_as_the_user_gets_done_with_it"
            );
            assert!(is_play || names.contains(&name), "{name} is not on the page");
        }
    }
}
