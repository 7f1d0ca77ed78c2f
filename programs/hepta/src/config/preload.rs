//! What the client of a page will need besides, as a value of Link. (RFC 8288, HTML: link type `preload`)

use message::list;
use message::uri::Reference;

use super::problem::{Problem, Problems};
use super::tree::Node;

/// What a preload can be for; browsers ignore others (Fetch, destinations).
const DESTINATIONS: [&str; 13] = [
    "audio", "document", "embed", "fetch", "font", "image", "json", "object", "script", "style",
    "track", "video", "worker",
];

/// How a preload can be asked for from other origins.
const MODES: [&str; 2] = ["anonymous", "use-credentials"];

/// The value of Link that `preload URL as=…` stands for.
pub(super) fn preload(node: &Node, problems: &mut Problems) -> Option<String> {
    let (url, at) = node.texts("url").next()?;
    if url.is_empty() || Reference::parse(url).is_err() {
        let problem = Problem::at(at, "this is no URL");
        problems.push(problem.with_hint("write \"/style.css\" or \"https://example.org/code.js\""));
        return None;
    }
    let words = |words: &[&str]| format!("write one of {}", words.join(", "));
    let Some((destination, at)) = node.texts("as").next() else {
        let problem = Problem::at(&node.at, "`preload` lacks what it is for");
        problems.push(problem.with_hint("as in preload \"/style.css\" as=\"style\""));
        return None;
    };
    if !DESTINATIONS.contains(&destination) {
        let problem = Problem::at(at, format!("browsers preload no {destination:?}"));
        problems.push(problem.with_hint(words(&DESTINATIONS)));
    }
    let mut link = format!("<{url}>; rel=preload; as={destination}");
    if let Some((mode, at)) = node.texts("crossorigin").next() {
        if !MODES.contains(&mode) {
            let problem = Problem::at(at, format!("there is no mode {mode:?}"));
            problems.push(problem.with_hint(words(&MODES)));
        }
        link.push_str("; crossorigin=");
        link.push_str(mode);
    } else if destination == "font" {
        // Fonts are always asked for like this, and what was preloaded otherwise is asked for again.
        link.push_str("; crossorigin=anonymous");
    }
    if let Some((media_type, at)) = node.texts("type").next() {
        let mut parameter = Vec::new();
        list::append_parameter(&mut parameter, "type", media_type.as_bytes());
        match String::from_utf8(parameter) {
            Ok(parameter) if !media_type.bytes().any(|b| b.is_ascii_control()) => {
                link.push_str(&parameter);
            }
            _ => problems.push(Problem::at(at, "there are control characters in it")),
        }
    }
    if node.flag("push") == Some(false) {
        link.push_str("; nopush");
    }
    Some(link)
}
