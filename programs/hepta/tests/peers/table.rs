//! The table of what is tested, `tests/peers/README.md`, names every test there is, and no other.

use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn the_table_names_every_test() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = BTreeSet::new();
    for entry in std::fs::read_dir(package.join("tests/peers")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let module = path.file_stem().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let names = text.split("#[test]\nfn ").skip(1);
        tests.extend(names.map(|rest| format!("{module}::{}", rest.split('(').next().unwrap())));
    }
    let table = std::fs::read_to_string(package.join("../../tests/peers/README.md")).unwrap();
    let words = table.split('`').filter(|word| word.contains("::") && !word.contains(' '));
    let named: BTreeSet<String> = words.map(str::to_owned).collect();
    let missing: Vec<_> = tests.difference(&named).collect();
    let invented: Vec<_> = named.difference(&tests).collect();
    assert!(missing.is_empty() && invented.is_empty(), "missing {missing:#?}, gone {invented:#?}");
}
