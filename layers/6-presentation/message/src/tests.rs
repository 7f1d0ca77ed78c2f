mod date;
mod fields;
mod head;
mod list;
mod media;
mod oracle;
mod target;
mod uri;
mod words;

/// The vectors of this name that are kept beside the workspace, if they are there.
fn vectors(name: &str) -> Option<serde_json::Value> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../..");
    let path = format!("{root}/../shared/data/{name}");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("NOT RUN: the vectors {name} are not at ../shared/data");
        return None;
    };
    Some(serde_json::from_str(&text).expect("vectors are JSON"))
}
