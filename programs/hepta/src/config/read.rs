//! From text to a tree that the schema allows.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kdl::{KdlDocument, KdlNode, KdlValue};
use server::Address;

use super::access_log::LogPlace;
use super::problem::{At, Problem, Problems, Source};
use super::schema::{Argument, FILE, How, Key};
use super::tree::Node;
use super::value::{Kind, Value};
use crate::serve::Place;

/// How deep files may include each other.
const DEPTH_MAX: usize = 16;

/// How different a key may be from one that exists to be taken for a slip of the pen.
const LIKENESS_MIN: f64 = 0.7;

/// Reads a file and what it includes. Of the nodes that stand in no braces those are left out in which
/// something is wrong, so that sense can be made of the others.
pub(super) fn file(path: &Path) -> (Vec<Node>, Problems) {
    let mut reader = Reader { problems: Problems::new(), open: Vec::new() };
    let nodes = reader.file(path, Problem::nowhere);
    (nodes, reader.problems)
}

struct Reader {
    problems: Problems,
    /// The files that include the one that is read.
    open: Vec<PathBuf>,
}

impl Reader {
    /// The nodes of a file; `problem` says where it is asked for, if it cannot be read.
    fn file(&mut self, path: &Path, problem: impl Fn(String) -> Problem) -> Vec<Node> {
        let read = std::fs::read(path);
        match read.map(String::from_utf8) {
            Ok(Ok(text)) => return self.text(path, text),
            Ok(Err(error)) => {
                let offset = error.utf8_error().valid_up_to();
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let source = Arc::new(Source { path: path.to_owned(), text });
                let problem = Problem::at(&At::new(&source, offset, 1), "this is not UTF-8");
                self.problems.push(problem.with_hint("save the file in UTF-8"));
            }
            Err(error) => {
                let what = format!("cannot read {}: {error}", path.display());
                self.problems.push(problem(what));
            }
        }
        Vec::new()
    }

    fn text(&mut self, path: &Path, text: String) -> Vec<Node> {
        let parsed = text.parse::<KdlDocument>();
        let source = Arc::new(Source { path: path.to_owned(), text });
        match parsed {
            Ok(document) => {
                self.open.push(real(path));
                let mut nodes = self.block(&source, &document, FILE, "the file");
                self.open.pop();
                nodes.retain(|node| node.is_sound);
                nodes
            }
            Err(error) => {
                for bad in error.diagnostics {
                    let at = At::new(&source, bad.span.offset(), bad.span.len());
                    if let Some(problem) = keyword(&at) {
                        self.problems.push(problem);
                        continue;
                    }
                    let what = bad.message.unwrap_or_else(|| "this is not KDL".to_owned());
                    let problem = Problem::at(&at, what);
                    self.problems.push(match bad.help.or(bad.label) {
                        Some(hint) => problem.with_hint(hint),
                        None => problem,
                    });
                }
                Vec::new()
            }
        }
    }

    fn block(
        &mut self,
        source: &Arc<Source>,
        document: &KdlDocument,
        keys: &'static [Key],
        inside: &str,
    ) -> Vec<Node> {
        let mut nodes: Vec<Node> = Vec::new();
        for node in document.nodes() {
            let (name, span) = (node.name().value(), node.name().span());
            let at = At::new(source, span.offset(), span.len());
            let Some(key) = keys.iter().find(|key| key.name == name) else {
                self.problems.push(unknown(&at, name, keys, inside));
                continue;
            };
            let read = self.node(source, node, key, at);
            if name == "include" {
                for included in self.included(&read) {
                    self.add(included, &mut nodes);
                }
            } else {
                self.add(read, &mut nodes);
            }
        }
        nodes
    }

    /// Adds a node to those of its block, unless there is one of that name and may be no other.
    fn add(&mut self, node: Node, nodes: &mut Vec<Node>) {
        let is_same = |before: &&Node| before.key.name == node.key.name && !node.key.may_repeat;
        match nodes.iter().find(is_same) {
            None => nodes.push(node),
            Some(Node { at: before, .. }) => {
                let what = format!("`{}` stands here a second time", node.key.name);
                let hint = format!("the first is in {}", before.place_seen_from(&node.at));
                self.problems.push(Problem::at(&node.at, what).with_hint(hint));
            }
        }
    }

    fn node(&mut self, source: &Arc<Source>, node: &KdlNode, key: &'static Key, at: At) -> Node {
        let before = self.problems.count();
        let values = self.values(source, node, key, &at);
        let block = match node.children() {
            Some(_) if key.block.is_empty() => {
                let what = format!("`{}` takes no braces", key.name);
                self.problems.push(Problem::at(&at, what));
                Vec::new()
            }
            Some(children) => self.block(source, children, key.block, &format!("`{}`", key.name)),
            None => Vec::new(),
        };
        Node { key, values, block, at, is_sound: self.problems.count() == before }
    }

    fn values(
        &mut self,
        source: &Arc<Source>,
        node: &KdlNode,
        key: &'static Key,
        at: &At,
    ) -> Vec<(&'static str, Value, At)> {
        let mut values = Vec::new();
        let mut seen = Vec::new();
        let mut places = key.takes.iter().filter(|argument| argument.how != How::Named).peekable();
        for entry in node.entries() {
            let span = entry.span();
            let here = At::new(source, span.offset(), span.len());
            let argument = match entry.name() {
                Some(name) => named(key, name.value()),
                None => match places.peek() {
                    Some(argument) if argument.how == How::Several => Some(*argument),
                    _ => places.next(),
                },
            };
            let Some(argument) = argument else {
                let problem = Problem::at(&here, "this is more than the key takes");
                self.problems.push(problem.with_hint(format!("it is written {}", key.usage())));
                continue;
            };
            if argument.how == How::Named && seen.contains(&argument.name) {
                let what = format!("`{}` stands here a second time", argument.name);
                self.problems.push(Problem::at(&here, what));
                continue;
            }
            seen.push(argument.name);
            match read_value(source, argument, entry.value()) {
                Ok(value) => values.push((argument.name, value, here)),
                Err(why) => self.problems.push(Problem::at(&here, why)),
            }
        }
        let is_missing = |argument: &&Argument| {
            matches!(argument.how, How::Required | How::Several) && !seen.contains(&argument.name)
        };
        let missing = key.takes.iter().find(is_missing);
        if let Some(argument) = missing {
            let problem = Problem::at(at, format!("`{}` lacks its {}", key.name, argument.name));
            self.problems.push(problem.with_hint(format!("it is written {}", key.usage())));
        }
        values
    }

    fn included(&mut self, node: &Node) -> Vec<Node> {
        let Some(path) = node.path("file") else { return Vec::new() };
        let paths = match meant(path) {
            Ok(paths) => paths,
            Err(what) => {
                self.problems.push(Problem::at(&node.at, what));
                return Vec::new();
            }
        };
        let mut nodes = Vec::new();
        for path in paths {
            if self.open.len() >= DEPTH_MAX || self.open.contains(&real(&path)) {
                self.problems.push(Problem::at(&node.at, "this file includes itself"));
                continue;
            }
            nodes.extend(self.file(&path, |what| Problem::at(&node.at, what)));
        }
        nodes
    }
}

/// The path by which a file is known however it was written, if it is there.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The files that an `include` means: with a star in its last part those of the directory that have such
/// a name, in the order of their names; hidden ones only where the dot is written.
fn meant(path: &Path) -> Result<Vec<PathBuf>, String> {
    let Some(pattern) = path.file_name().and_then(OsStr::to_str).filter(|name| name.contains('*'))
    else {
        return Ok(vec![path.to_owned()]);
    };
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let cannot = |error| format!("cannot read {}: {error}", directory.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(cannot)? {
        let name = entry.map_err(cannot)?.file_name();
        let fits = |name: &str| {
            fits(pattern, name) && (pattern.starts_with('.') || !name.starts_with('.'))
        };
        if name.to_str().is_some_and(fits) {
            found.push(path.with_file_name(&name));
        }
    }
    found.sort();
    Ok(found)
}

/// Whether a name is the pattern, with anything in place of each star.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((before, mut pattern)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut rest) = name.strip_prefix(before) else { return false };
    while let Some((part, behind)) = pattern.split_once('*') {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
        pattern = behind;
    }
    rest.ends_with(pattern)
}

/// What is wrong with a word that KDL 1 had without its mark, if it is one.
fn keyword(at: &At) -> Option<Problem> {
    let word = at.source.text.get(at.bytes.clone())?;
    matches!(word, "true" | "false" | "null").then(|| {
        let problem = Problem::at(at, format!("`{word}` is no value by itself"));
        problem.with_hint(format!("write #{word}"))
    })
}

/// Reads a value, with the environment's variables put in.
fn read_value(source: &Source, argument: &Argument, value: &KdlValue) -> Result<Value, String> {
    let expanded = match value.as_string() {
        Some(text) if text.contains("${") => as_if_written(argument.kind, expand(text)?),
        _ => value.clone(),
    };
    match argument.kind.read(&expanded)? {
        // Paths are relative to the file that they stand in.
        Value::Path(path) => Ok(Value::Path(source.beside(&path))),
        Value::Log(LogPlace::File(path)) => Ok(Value::Log(LogPlace::File(source.beside(&path)))),
        Value::Address(Place::Address(Address::Unix(path))) => {
            Ok(Value::Address(Place::Address(Address::Unix(source.beside(&path)))))
        }
        value => Ok(value),
    }
}

/// What came from the environment, as it would be written: a variable has no numbers and no #true.
fn as_if_written(kind: Kind, text: String) -> KdlValue {
    match (kind, &*text, text.parse()) {
        (Kind::Count | Kind::Size | Kind::Status, _, Ok(number)) => KdlValue::Integer(number),
        (Kind::Flag, "true" | "#true", _) => KdlValue::Bool(true),
        (Kind::Flag, "false" | "#false", _) => KdlValue::Bool(false),
        _ => KdlValue::String(text),
    }
}

fn named(key: &'static Key, name: &str) -> Option<&'static Argument> {
    key.takes.iter().find(|argument| argument.how == How::Named && argument.name == name)
}

fn unknown(at: &At, name: &str, keys: &[Key], inside: &str) -> Problem {
    let problem = Problem::at(at, format!("`{name}` is no key of {inside}"));
    let likeness = |key: &&Key| strsim::jaro_winkler(name, key.name);
    let nearest = keys.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match nearest.filter(|key| likeness(key) >= LIKENESS_MIN) {
        Some(key) => problem.with_hint(format!("did you mean `{}`?", key.name)),
        None => {
            let names: Vec<_> = keys.iter().map(|key| key.name).collect();
            problem.with_hint(format!("there are: {}", names.join(", ")))
        }
    }
}

/// Puts in what the environment says: `${NAME}`.
fn expand(text: &str) -> Result<String, String> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, behind) =
            after.split_once('}').ok_or_else(|| "`${` has no `}` behind it".to_owned())?;
        let value =
            std::env::var(name).map_err(|_| format!("the environment has no variable `{name}`"))?;
        expanded.push_str(before);
        expanded.push_str(&value);
        rest = behind;
    }
    expanded.push_str(rest);
    Ok(expanded)
}
