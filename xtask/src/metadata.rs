//! What Cargo knows about the workspace, in our own words.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::tree;

/// The crates of the repository, and what matters of the others.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    /// Our own crates.
    pub(crate) packages: Vec<Package>,
    /// The names of the outside crates that are procedural macros.
    pub(crate) proc_macros: BTreeSet<String>,
}

/// One of our crates.
#[derive(Debug, Default)]
pub(crate) struct Package {
    /// The package's name.
    pub(crate) name: String,
    /// Its folder, from the root.
    pub(crate) folder: String,
    /// The library's name, if it has one.
    pub(crate) lib: Option<String>,
    /// Its Cargo features.
    pub(crate) features: Vec<String>,
    /// Whether it runs code when it is built.
    pub(crate) has_build_script: bool,
    /// What it depends on, but for its tests.
    pub(crate) dependencies: Vec<String>,
}

impl Workspace {
    /// What `cargo metadata` says now.
    pub(crate) fn read() -> Result<Self, String> {
        let output = tree::cargo(&["metadata", "--format-version=1"])
            .output()
            .map_err(|error| format!("cargo metadata did not start: {error}"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        let metadata = serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("cargo metadata is not what we expect: {error}"))?;
        Ok(Self::from_json(&metadata))
    }

    /// The same, from the text that Cargo prints.
    pub(crate) fn from_json(metadata: &Value) -> Self {
        let root = metadata["workspace_root"].as_str().unwrap_or_default();
        let mut workspace = Self::default();
        for package in metadata["packages"].as_array().into_iter().flatten() {
            let kinds: Vec<&str> = strings(package, "targets", "kind").collect();
            if package["source"].is_null() {
                workspace.packages.push(Package::from_json(package, &kinds, root));
            } else if kinds.contains(&"proc-macro") {
                workspace.proc_macros.insert(text(package, "name"));
            }
        }
        workspace.packages.sort_by(|a, b| a.folder.cmp(&b.folder));
        workspace
    }
}

impl Package {
    fn from_json(package: &Value, kinds: &[&str], root: &str) -> Self {
        let manifest = text(package, "manifest_path");
        let folder = manifest.strip_prefix(root).unwrap_or(&manifest);
        let is_lib = |target: &&Value| {
            target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|k| k == "lib"))
        };
        Self {
            name: text(package, "name"),
            folder: folder.trim_start_matches('/').trim_end_matches("/Cargo.toml").to_owned(),
            lib: list(package, "targets").find(is_lib).map(|target| text(target, "name")),
            features: package["features"]
                .as_object()
                .into_iter()
                .flat_map(|f| f.keys())
                .cloned()
                .collect(),
            has_build_script: kinds.contains(&"custom-build"),
            dependencies: list(package, "dependencies")
                .filter(|dependency| dependency["kind"] != "dev")
                .map(|dependency| text(dependency, "name"))
                .collect(),
        }
    }
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

fn strings<'a>(value: &'a Value, outer: &str, inner: &'a str) -> impl Iterator<Item = &'a str> {
    list(value, outer).flat_map(move |item| list(item, inner)).filter_map(Value::as_str)
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}
