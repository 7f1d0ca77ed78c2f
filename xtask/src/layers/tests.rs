use serde_json::{Value, json};

use super::*;

/// A package as `cargo metadata` describes it; `dependencies` are (name, kind).
fn package(name: &str, folder: &str, dependencies: &[(&str, Option<&str>)]) -> Value {
    let lib = folder.rsplit('/').next().unwrap_or_default();
    json!({
        "name": name,
        "source": null,
        "manifest_path": format!("/src/hepta/{folder}/Cargo.toml"),
        "targets": [{ "name": lib, "kind": ["lib"] }],
        "features": {},
        "dependencies": dependencies
            .iter()
            .map(|(name, kind)| json!({ "name": name, "kind": kind }))
            .collect::<Vec<_>>(),
    })
}

fn workspace(packages: &[Value]) -> Workspace {
    Workspace::from_json(&json!({ "workspace_root": "/src/hepta", "packages": packages }))
}

fn complaints(packages: &[Value]) -> Vec<String> {
    check(&workspace(packages))
}

#[test]
fn what_stands_lower_may_be_used() {
    let fine = complaints(&[
        package("hepta-base", "layers/0-base/base", &[("bytes", None)]),
        package("hepta-message", "layers/6-presentation/message", &[("hepta-base", None)]),
        package("hepta-http1", "layers/7-application/http1", &[("hepta-message", None)]),
        package("hepta-endpoint", "stack/endpoint", &[("hepta-http1", None)]),
        package("hepta-server", "io/server", &[("hepta-endpoint", None), ("tokio", None)]),
        package("hepta-scripts", "lab/scripts", &[("hepta-server", None)]),
        package("hepta", "programs/hepta", &[("hepta-scripts", None), ("clap", None)]),
        package("hepta-peers", "tests/peers", &[("hepta", None)]),
        package("xtask", "xtask", &[("serde_json", None)]),
    ]);
    assert_eq!(fine, Vec::<String>::new());
}

#[test]
fn what_stands_higher_or_beside_may_not() {
    let cases = [
        ("layers/0-base/base", "layers/6-presentation/message", "it stands higher"),
        ("layers/7-application/http1", "layers/7-application/semantics", "do not know each other"),
        ("layers/7-application/http1", "stack/endpoint", "it stands higher"),
        ("stack/host", "stack/endpoint", "do not know each other"),
        ("io/server", "io/files", "do not know each other"),
        ("io/server", "lab/scripts", "it stands higher"),
        ("lab/scripts", "programs/proxy", "it stands higher"),
        ("programs/hepta", "tests/peers", "it stands higher"),
    ];
    for (from, to, why) in cases {
        let named = |folder: &str| format!("hepta-{}", folder.rsplit('/').next().unwrap());
        let target = named(to);
        let found = complaints(&[
            package(&named(from), from, &[(&target, None)]),
            package(&target, to, &[]),
        ]);
        assert_eq!(found.len(), 1, "{from} -> {to}: {found:?}");
        assert!(found[0].contains(why), "{found:?}");

        let for_tests = complaints(&[
            package(&named(from), from, &[(&target, Some("dev"))]),
            package(&target, to, &[]),
        ]);
        assert_eq!(for_tests, Vec::<String>::new(), "dependencies of tests are free");
    }
}

#[test]
fn outside_crates_have_a_first_layer() {
    let with = |folder: &str, dependency: &str, kind| {
        let name = format!("hepta-{}", folder.rsplit('/').next().unwrap());
        complaints(&[package(&name, folder, &[(dependency, kind)])])
    };
    for (name, first, reason) in OUTSIDE {
        assert!(!reason.is_empty());
        assert!(with(&format!("layers/{first}-x/y"), name, None).is_empty(), "{name} from {first}");
        assert!(with("stack/endpoint", name, None).is_empty(), "{name} in the stack");
        if let Some(below) = first.checked_sub(1) {
            assert_eq!(with(&format!("layers/{below}-x/y"), name, None).len(), 1, "{name}");
        }
    }
    assert_eq!(with("layers/7-x/y", "regex", None).len(), 1);
    assert_eq!(with("layers/7-x/y", "cc", Some("build")).len(), 1, "nor to build");
    assert_eq!(with("stack/endpoint", "tokio", None).len(), 1);
    assert_eq!(with("layers/7-x/y", "proptest", Some("dev")), Vec::<String>::new());
    assert_eq!(with("io/server", "tokio", None), Vec::<String>::new());
}

#[test]
fn a_place_is_read_from_the_path_alone() {
    let rank = |path| Place::of(path).map(|place| place.rank);
    assert_eq!(rank("layers/0-base/base"), Some(0));
    assert_eq!(rank("layers/7-application/http1"), Some(7));
    assert_eq!(rank("stack/endpoint"), Some(8));
    assert_eq!(rank("io/server"), Some(9));
    assert_eq!(rank("lab/scripts"), Some(10));
    assert_eq!(rank("programs/hepta"), Some(11));
    assert_eq!(rank("tests/peers"), Some(12));
    assert_eq!(rank("xtask"), Some(13));
    for nowhere in [
        "",
        "base",
        "layers/base",
        "layers/8-users/us",
        "layers/x-y/z",
        "misc/tool",
        "layers/7-application/http1/inner",
        "stack",
        "xtask/inner",
    ] {
        assert_eq!(rank(nowhere), None, "{nowhere}");
    }
    assert_eq!(complaints(&[package("hepta-z", "misc/z", &[])]).len(), 1);
}

#[test]
fn folder_library_and_package_have_one_name() {
    assert_eq!(complaints(&[package("tcp", "layers/4-transport/tcp", &[])]).len(), 1);
    assert_eq!(complaints(&[package("hepta-http1", "layers/7-application/http2", &[])]).len(), 1);

    let mut other_lib = package("hepta-tcp", "layers/4-transport/tcp", &[]);
    other_lib["targets"][0]["name"] = "hepta_tcp".into();
    assert_eq!(complaints(&[other_lib]).len(), 1);

    let mut no_lib = package("hepta-tcp", "layers/4-transport/tcp", &[]);
    no_lib["targets"] = json!([]);
    assert_eq!(complaints(&[no_lib]).len(), 1);
}

#[test]
fn layers_have_no_features_macros_or_build_scripts() {
    for folder in ["layers/7-application/x", "stack/x"] {
        let mut with_feature = package("hepta-x", folder, &[]);
        with_feature["features"] = json!({ "fast": [] });
        assert!(complaints(&[with_feature]).iter().any(|c| c.contains("features")));

        let mut with_script = package("hepta-x", folder, &[]);
        with_script["targets"] = json!([
            { "name": "x", "kind": ["lib"] },
            { "name": "build-script-build", "kind": ["custom-build"] },
        ]);
        assert!(complaints(&[with_script]).iter().any(|c| c.contains("build scripts")));

        let macro_crate = json!({
            "name": "derive-it", "source": "registry", "targets": [{ "kind": ["proc-macro"] }],
        });
        let with_macro = [package("hepta-x", folder, &[("derive-it", None)]), macro_crate];
        assert!(complaints(&with_macro).iter().any(|c| c.contains("procedural macro")));
    }
    let mut shell = package("hepta-x", "io/x", &[]);
    shell["features"] = json!({ "fast": [] });
    assert_eq!(complaints(&[shell]), Vec::<String>::new());
}

#[test]
fn layers_open_with_a_page() {
    let crates = workspace(&[
        package("hepta-base", "layers/0-base/base", &[]),
        package("hepta-server", "io/server", &[]),
    ]);
    let with = |page: Option<&str>| check_openings(&crates, |_| page.map(str::to_owned));
    assert_eq!(with(Some("//! Layer 0.\n//!\n//! Not here: protocols.\n")), Vec::<String>::new());
    assert_eq!(with(Some("//! Layer 0.\n")).len(), 1);
    assert_eq!(with(Some("// Not here: a page.\n")).len(), 1);
    assert_eq!(with(None).len(), 1);
}

#[test]
fn the_keyword_is_for_io() {
    let block = format!("fn f() {{\n    {KEYWORD} {{ g() }}\n}}\n");
    let explained = block.replace("    ", "    // SAFETY: g has no conditions.\n    ");
    assert_eq!(
        check_unsafe("layers/0-base/base/src/lib.rs", &explained),
        Some("layers/0-base/base/src/lib.rs:3: `unsafe` is for io/ only".to_owned())
    );
    assert!(check_unsafe("programs/hepta/src/main.rs", &block).is_some());
    assert!(check_unsafe("io/files/src/lib.rs", &block).is_some(), "nobody says why");
    assert_eq!(check_unsafe("io/files/src/lib.rs", &explained), None);

    let only_words = format!(
        "// {KEYWORD}\n/// {KEYWORD} {{\n#![forbid({KEYWORD}_code)]\nlet s = \"{KEYWORD}\";\n"
    );
    assert_eq!(check_unsafe("layers/0-base/base/src/lib.rs", &only_words), None);
}
