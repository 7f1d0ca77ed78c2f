//! What a site says to browsers: what pages may do with its answers, and how long they keep them.

use std::time::Duration;

use message::{Method, Name};
use semantics::{cors, cross_site};

use super::problem::{At, Problem, Problems};
use super::tree::{Node, all, one};

/// Fields against attacks on browsers.
#[derive(Clone, Debug)]
pub(crate) struct Security {
    /// What answers have beside what all have.
    pub(crate) fields: Vec<(Name, String)>,
    /// Strict-Transport-Security, in answers over TLS (RFC 6797 §7.2).
    pub(crate) hsts: Option<String>,
    /// Whether answers have not even what all have.
    pub(crate) is_off: bool,
}

/// How long answers may be kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Caching {
    pub(crate) cache_control: Option<String>,
    pub(crate) expires: Option<Duration>,
}

const REFERRER_POLICIES: [&str; 8] = [
    "no-referrer",
    "no-referrer-when-downgrade",
    "origin",
    "origin-when-cross-origin",
    "same-origin",
    "strict-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
];

/// The policies of HTML that have a few words each: the key, the field and the words.
const POLICIES: [(&str, Name, &[&str]); 4] = [
    ("referrer", Name::ReferrerPolicy, &REFERRER_POLICIES),
    (
        "opener",
        Name::CrossOriginOpenerPolicy,
        &["same-origin", "same-origin-allow-popups", "noopener-allow-popups", "unsafe-none"],
    ),
    (
        "embedder",
        Name::CrossOriginEmbedderPolicy,
        &["require-corp", "credentialless", "unsafe-none"],
    ),
    ("resource", Name::CrossOriginResourcePolicy, &["same-origin", "same-site", "cross-origin"]),
];

pub(super) fn security(node: &Node, problems: &mut Problems) -> Security {
    let mut security = Security { fields: Vec::new(), hsts: None, is_off: false };
    match node.texts("mode").next() {
        Some(("off", at)) if !node.block.is_empty() => {
            problems.push(Problem::at(at, "what is off has nothing in braces"));
        }
        Some(("off", _)) => security.is_off = true,
        Some((_, at)) => {
            let problem = Problem::at(at, "this is no mode of `security`");
            problems.push(problem.with_hint("write \"off\", or nothing"));
        }
        None => frames(one(&node.block, "frame"), &mut security.fields, problems),
    }
    for (key, name, words) in POLICIES {
        let Some((text, at)) = one(&node.block, key).and_then(|node| node.texts("policy").next())
        else {
            continue;
        };
        if words.contains(&text) {
            security.fields.push((name, text.to_owned()));
        } else {
            let problem = Problem::at(at, format!("this is no {}", name.as_str()));
            problems.push(problem.with_hint(format!("there are: {}", words.join(", "))));
        }
    }
    security.hsts = one(&node.block, "hsts").and_then(hsts);
    security
}

/// Who may show pages in frames. Of X-Frame-Options and `frame-ancestors` browsers obey the second
/// where they know it; the first has no word for other origins.
fn frames(node: Option<&Node>, fields: &mut Vec<(Name, String)>, problems: &mut Problems) {
    let mut option = None;
    let mut sources = Vec::new();
    for (text, at) in node.iter().flat_map(|node| node.texts("by")) {
        match text {
            "nobody" => {
                option = Some("DENY");
                sources.push("'none'");
            }
            "self" => {
                option = Some("SAMEORIGIN");
                sources.push("'self'");
            }
            _ => {
                check_origin(text, at, problems);
                sources.push(text);
            }
        }
    }
    let has_none = sources.contains(&"'none'");
    if let (true, Some(node)) = (has_none && sources.len() > 1, node) {
        problems.push(Problem::at(&node.at, "nobody is nobody: nobody else can stand beside it"));
    }
    if sources.is_empty() {
        option = Some("SAMEORIGIN");
        sources.push("'self'");
    }
    if let (1, Some(option)) = (sources.len(), option) {
        fields.push((Name::XFrameOptions, option.to_owned()));
    }
    let ancestors = format!("frame-ancestors {}", sources.join(" "));
    fields.push((Name::ContentSecurityPolicy, ancestors));
}

fn check_origin(text: &str, at: &At, problems: &mut Problems) {
    if let Err(invalid) = semantics::origin::Origins::parse(&[text]) {
        problems.push(Problem::at(at, invalid.to_string()));
    }
}

/// RFC 6797 §6.1.
fn hsts(node: &Node) -> Option<String> {
    let mut value = format!("max-age={}", node.time("max-age")?.as_secs());
    for (flag, word) in [("subdomains", "includeSubDomains"), ("preload", "preload")] {
        if node.flag(flag) == Some(true) {
            value.push_str("; ");
            value.push_str(word);
        }
    }
    Some(value)
}

/// Which pages of other origins may read answers.
pub(super) fn cors(node: &Node, problems: &mut Problems) -> Option<cors::Policy> {
    let texts = |key: &'static str, name: &'static str| {
        let nodes = all(&node.block, key).flat_map(move |node| node.texts(name));
        nodes.map(|(text, _)| text.to_owned()).collect::<Vec<_>>()
    };
    let mut config = cors::Config {
        origins: node.texts("origin").map(|(text, _)| text.to_owned()).collect(),
        request_fields: texts("request-fields", "name"),
        exposed_fields: texts("expose", "name"),
        with_credentials: one(&node.block, "credentials").and_then(|n| n.flag("on")) == Some(true),
        ..cors::Config::default()
    };
    if let Some(node) = one(&node.block, "methods") {
        config.methods = methods(node, problems);
    }
    let age = one(&node.block, "max-age").and_then(|node| node.time("time"));
    config.age_max_s = age.map(|age| u32::try_from(age.as_secs()).unwrap_or(u32::MAX));
    match cors::Policy::new(&config) {
        Ok(policy) => Some(policy),
        Err(invalid) => {
            problems.push(Problem::at(&node.at, invalid.to_string()));
            None
        }
    }
}

fn methods(node: &Node, problems: &mut Problems) -> Vec<Method> {
    let mut methods = Vec::new();
    for (text, at) in node.texts("method") {
        match Method::from_bytes(text.as_bytes()) {
            // They are told apart by case (RFC 9110 §9.1), and browsers send the usual ones in capitals.
            Some(Method::Other(name)) if is_known(&name.to_ascii_uppercase()) => {
                let problem = Problem::at(at, "no page asks with this method");
                let hint = format!("did you mean {}?", name.to_ascii_uppercase());
                problems.push(problem.with_hint(hint));
            }
            Some(method) => methods.push(method),
            None => problems.push(Problem::at(at, "a method is a token, as GET or POST")),
        }
    }
    methods
}

fn is_known(name: &str) -> bool {
    !matches!(Method::from_bytes(name.as_bytes()), Some(Method::Other(_)) | None)
}

/// Whose pages may have browsers send what changes something.
pub(super) fn cross_site(node: &Node, problems: &mut Problems) -> Option<cross_site::Policy> {
    let trusted = all(&node.block, "trust").flat_map(|node| node.texts("origin"));
    let config = cross_site::Config {
        trusted: trusted.map(|(text, _)| text.to_owned()).collect(),
        takes_same_site: one(&node.block, "same-site").and_then(|node| node.flag("on"))
            == Some(true),
    };
    match cross_site::Policy::new(&config) {
        Ok(policy) => Some(policy),
        Err(invalid) => {
            problems.push(Problem::at(&node.at, invalid.to_string()));
            None
        }
    }
}
