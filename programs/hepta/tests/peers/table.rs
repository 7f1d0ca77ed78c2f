//! The table of what is tested, `tests/peers/README.md`, names every test there is, and no other.

use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn the_table_names_every_test() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = BTreeSet::new();
    add_tests(&package.join("tests/peers"), "", &mut tests);
    let table = std::fs::read_to_string(package.join("../../tests/peers/README.md")).unwrap();
    let words = table.split('`').filter(|word| word.contains("::") && !word.contains(' '));
    let named: BTreeSet<String> = words.map(str::to_owned).collect();
    let missing: Vec<_> = tests.difference(&named).collect();
    let invented: Vec<_> = named.difference(&tests).collect();
    assert!(missing.is_empty() && invented.is_empty(), "missing {missing:#?}, gone {invented:#?}");
}

/// Every test in this folder and those below it, by its path from the folder of the first call.
fn add_tests(folder: &Path, within: &str, tests: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let module = format!("{within}{}::", path.file_stem().unwrap().to_str().unwrap());
        if path.is_dir() {
            add_tests(&path, &module, tests);
        }
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let module = if path.ends_with("mod.rs") { within } else { &module };
        let text = std::fs::read_to_string(&path).unwrap();
        let names = text.split("#[test]\nfn ").skip(1);
        tests.extend(names.map(|rest| format!("{module}{}", rest.split('(').next().unwrap())));
    }
}
