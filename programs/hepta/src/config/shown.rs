//! A configuration as it may be shown: includes in their place, secrets left out, and what came from
//! the environment as it was written.

use std::fmt::Write as _;

use kdl::KdlValue;
use server::Address;

use super::access_log::LogPlace;
use super::problem::At;
use super::schema::{Argument, How, Kind};
use super::tree::Node;
use super::value::Value;
use crate::serve::Place;

/// What stands in place of a secret.
const HIDDEN: &str = "\"(hidden)\"";

/// What a tree says, in KDL.
pub(super) fn shown(nodes: &[Node]) -> String {
    let mut text = String::new();
    append(nodes, 0, &mut text);
    text
}

fn append(nodes: &[Node], depth: usize, text: &mut String) {
    for node in nodes {
        let indent = "    ".repeat(depth);
        let _ = write!(text, "{indent}{}", node.key.name);
        for (name, value, at) in &node.values {
            let argument = node.key.takes.iter().find(|argument| argument.name == *name);
            if let Some(argument) = argument {
                append_value(argument, value, at, text);
            }
        }
        if !node.block.is_empty() {
            text.push_str(" {\n");
            append(&node.block, depth + 1, text);
            let _ = write!(text, "{indent}}}");
        }
        text.push('\n');
    }
}

fn append_value(argument: &Argument, value: &Value, at: &At, text: &mut String) {
    text.push(' ');
    let written = written(at);
    let written = match argument.how {
        How::Named => {
            let _ = write!(text, "{}=", argument.name);
            written.split_once('=').map_or(written, |(_, value)| value)
        }
        _ => written,
    };
    match value {
        _ if argument.kind == Kind::Secret => text.push_str(HIDDEN),
        // The environment may hold secrets.
        _ if written.contains("${") => text.push_str(written),
        // What is relative to a file is shown as it is found.
        Value::Path(path) | Value::Log(LogPlace::File(path)) => {
            text.push_str(&quoted(&path.display().to_string()))
        }
        Value::Address(Place::Address(Address::Unix(path))) => {
            text.push_str(&quoted(&format!("unix:{}", path.display())));
        }
        _ => text.push_str(written),
    }
}

/// What stands in the file.
fn written(at: &At) -> &str {
    at.source.text.get(at.bytes.clone()).unwrap_or_default().trim()
}

fn quoted(text: &str) -> String {
    // A bare word of KDL would be right too, but nobody writes paths so.
    let quoted = KdlValue::String(text.to_owned()).to_string();
    if quoted.starts_with('"') { quoted } else { format!("\"{quoted}\"") }
}
