use super::*;

fn wrong(file: &str, text: &str) -> Vec<String> {
    let only_wrong = |finding| match finding {
        Finding::Wrong(complaint) => Some(complaint),
        Finding::Note(_) => None,
    };
    check(file, text).into_iter().filter_map(only_wrong).collect()
}

#[test]
fn a_clean_file_is_clean() {
    assert_eq!(check("a.rs", "fn main() {\n    f();\n}\n"), []);
    assert_eq!(check("a.rs", ""), []);
}

#[test]
fn left_overs_are_found_with_their_line() {
    let texts: Vec<String> = UNFINISHED
        .iter()
        .chain(&DEBUGGING)
        .chain(&PRIVATE)
        .map(|word| format!("fine\n// {word}x\n"))
        .chain(["a\nb \n", "a\n\tb\n", "a\nb\r\n"].map(str::to_owned))
        .collect();
    for text in texts {
        let found = wrong("a.rs", &text);
        assert_eq!(found.len(), 1, "{text:?}: {found:?}");
        assert!(found[0].starts_with("a.rs:2: "), "{found:?}");
    }
    assert_eq!(wrong("a.md", "no end").len(), 1);
}

#[test]
fn some_files_may_be_odd() {
    assert!(wrong("bench/Makefile", "a:\n\tb\n").is_empty());
    assert!(wrong("fuzz/corpus/head/1", "GET / HTTP/1.1\r\n\t").is_empty());
    assert!(wrong("LICENSE-APACHE", "a \n").is_empty());
    let debugging = format!("`{}x)` prints\n", DEBUGGING[0]);
    assert!(wrong("docs/style.md", &debugging).is_empty());
}

#[test]
fn long_files_are_noted_and_too_long_ones_refused() {
    let lines = |n: usize| check("a.rs", &"f();\n".repeat(n));
    assert_eq!(lines(LINES_NOTED), []);
    assert!(matches!(lines(LINES_NOTED + 1).as_slice(), [Finding::Note(_)]));
    assert!(matches!(lines(LINES_MAX).as_slice(), [Finding::Note(_)]));
    assert!(matches!(lines(LINES_MAX + 1).as_slice(), [Finding::Wrong(_)]));
    assert_eq!(check("table.txt", &"1\n".repeat(LINES_MAX + 1)), []);
}
