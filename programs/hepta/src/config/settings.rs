//! What a configuration means, free of its text.

use std::collections::HashSet;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use message::uri::Authority;
use message::{Method, Status};

use super::problem::{At, Problem, Problems};
use super::tree::{Node, all, one};
use crate::certificates::Pair;
use crate::serve::Place;

/// Everything that a server is told.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) listen: Vec<Listen>,
    pub(crate) workers: Option<NonZeroU16>,
    pub(crate) access_log: Option<PathBuf>,
    pub(crate) limits: Limits,
    pub(crate) sites: Vec<Site>,
    /// What is served under names that no site has.
    pub(crate) default: Option<Site>,
}

/// An address to serve at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Listen {
    pub(crate) place: Place,
    pub(crate) tls: Option<Tls>,
}

/// Whose certificates are shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Tls {
    /// One for localhost, from this machine's own authority.
    Local,
    Pairs(Vec<Pair>),
}

/// What strangers may use.
#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) http1: http1::Config,
    pub(crate) sockets: server::Limits,
    pub(crate) grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            http1: http1::Config::default(),
            sockets: server::Limits::default(),
            grace: Duration::from_secs(30),
        }
    }
}

/// What is served under some names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Site {
    pub(crate) names: Vec<HostPattern>,
    pub(crate) routes: Vec<Route>,
}

/// A name, or all below it; in lower case.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum HostPattern {
    Exactly(String),
    Below(String),
}

/// What is served at some paths.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) path: PathPattern,
    /// For this method only; GET is also HEAD.
    pub(crate) method: Option<Method>,
    pub(crate) action: Action,
}

/// A path, or it and all below it; as the name of a file below a root is written, with a slash in
/// front and, of the second kind, none behind.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum PathPattern {
    Exactly(String),
    Below(String),
}

impl PathPattern {
    /// How many bytes of a path that it matches led here; what follows is below.
    pub(crate) const fn prefix_len(&self) -> usize {
        match self {
            Self::Exactly(_) => 0,
            Self::Below(path) => path.len(),
        }
    }
}

/// What answers.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    Files(FilesSettings),
    Respond { status: Status, text: Option<String> },
    Redirect { location: String, status: Status },
    Close,
}

/// How a directory is served.
#[derive(Clone, Debug)]
pub(crate) struct FilesSettings {
    pub(crate) directory: PathBuf,
    pub(crate) index: Vec<String>,
    pub(crate) tries: Vec<String>,
    pub(crate) has_listing: bool,
}

impl FilesSettings {
    /// A directory as a configuration that says nothing else has it.
    pub(crate) fn new(directory: PathBuf) -> Self {
        let index = vec!["index.html".to_owned()];
        Self { directory, index, tries: Vec::new(), has_listing: false }
    }
}

/// Makes sense of a tree.
pub(super) fn from_tree(nodes: &[Node]) -> Result<Settings, Problems> {
    let mut problems = Problems::new();
    let mut names = HashSet::new();
    let settings = Settings {
        listen: all(nodes, "listen").filter_map(|node| listen(node, &mut problems)).collect(),
        workers: one(nodes, "workers").and_then(|node| workers(node, &mut problems)),
        access_log: one(nodes, "access-log").and_then(|node| node.path("file").map(Into::into)),
        limits: one(nodes, "limits").map(|node| limits(&node.block)).unwrap_or_default(),
        sites: all(nodes, "site").map(|node| site(node, &mut names, &mut problems)).collect(),
        default: one(nodes, "default").map(|node| site(node, &mut names, &mut problems)),
    };
    problems.or(settings)
}

fn listen(node: &Node, problems: &mut Problems) -> Option<Listen> {
    let pairs: Vec<_> = all(&node.block, "certificate")
        .filter_map(|certificate| {
            let file = certificate.path("file")?;
            let Some(key) = certificate.path("key") else {
                let problem = Problem::at(&certificate.at, "this certificate lacks its key");
                problems.push(problem.with_hint("write key=\"FILE\" behind it"));
                return None;
            };
            Some(Pair { certificate: file.into(), key: key.into() })
        })
        .collect();
    let local = one(&node.block, "local-certificate");
    if let (Some(local), false) = (local, pairs.is_empty()) {
        let what = "a listener has certificates of its own or the local one";
        problems.push(Problem::at(&local.at, what));
    }
    let tls = match local {
        Some(_) => Some(Tls::Local),
        None => (!pairs.is_empty()).then_some(Tls::Pairs(pairs)),
    };
    Some(Listen { place: node.address("address")?, tls })
}

fn workers(node: &Node, problems: &mut Problems) -> Option<NonZeroU16> {
    let count = node.number("count")?;
    let workers = u16::try_from(count).ok().and_then(NonZeroU16::new);
    if workers.is_none() {
        problems.push(Problem::at(&node.at, "there is at least one worker, and at most 65535"));
    }
    workers
}

fn limits(block: &[Node]) -> Limits {
    let mut limits = Limits::default();
    let size = |name| one(block, name).and_then(|node| node.number("size")).map(as_usize);
    let count = |name| one(block, name).and_then(|node| node.number("count"));
    let time = |name| one(block, name).and_then(|node| node.time("time"));
    let http1 = &mut limits.http1;
    set(&mut http1.request_line_len_max, size("request-line-max"));
    set(&mut http1.head_len_max, size("head-max"));
    set(&mut http1.fields_max, count("fields-max").map(as_usize));
    let requests = count("requests-max").map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    set(&mut http1.requests_max, requests);
    set(&mut http1.timeout_idle, time("timeout-idle"));
    set(&mut http1.timeout_head, time("timeout-head"));
    set(&mut limits.sockets.timeout_write, time("timeout-write"));
    set(&mut limits.sockets.connections_max, count("connections-max").map(as_usize));
    set(&mut limits.grace, time("grace"));
    limits
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn as_usize(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

fn site(node: &Node, taken: &mut HashSet<HostPattern>, problems: &mut Problems) -> Site {
    let mut names = Vec::new();
    for (text, at) in node.texts("host") {
        match host(text) {
            Some(name) if taken.insert(name.clone()) => names.push(name),
            Some(_) => problems.push(Problem::at(at, "a site before this one has this name")),
            None => problems.push(
                Problem::at(at, "this is no host")
                    .with_hint("write \"example.org\" or \"*.example.org\", without a port"),
            ),
        }
    }
    let mut routes = Vec::new();
    if let Some(action) = action(&node.block, problems) {
        routes.push(Route { path: PathPattern::Below(String::new()), method: None, action });
    }
    for inner in all(&node.block, "route") {
        routes.extend(route(inner, &routes, problems));
    }
    if routes.is_empty() {
        let problem = Problem::at(&node.at, format!("this {} serves nothing", node.key.name));
        problems.push(problem.with_hint("give it `files`, `respond`, `redirect` or a `route`"));
    }
    Site { names, routes }
}

fn host(text: &str) -> Option<HostPattern> {
    let (rest, is_below) = match text.strip_prefix("*.") {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let authority = Authority::parse(rest.as_bytes()).ok()?;
    if authority.port.is_some() || authority.host.len() != rest.len() || rest.contains('*') {
        return None;
    }
    let name = rest.to_ascii_lowercase();
    Some(if is_below { HostPattern::Below(name) } else { HostPattern::Exactly(name) })
}

fn route(node: &Node, before: &[Route], problems: &mut Problems) -> Option<Route> {
    let (text, at) = node.texts("path").next()?;
    let path = path(text, at).map_err(|problem| problems.push(problem)).ok()?;
    let method = match node.text("method").map(|name| Method::from_bytes(name.as_bytes())) {
        Some(None) => {
            problems.push(Problem::at(&node.at, "a method is a token, as GET or POST"));
            return None;
        }
        Some(method) => method,
        None => None,
    };
    if before.iter().any(|route| route.path == path && route.method == method) {
        problems.push(Problem::at(at, "this path is taken by what stands before"));
    }
    let Some(action) = action(&node.block, problems) else {
        let problem = Problem::at(&node.at, "this route serves nothing");
        problems.push(problem.with_hint("give it `files`, `respond`, `redirect` or `close`"));
        return None;
    };
    Some(Route { path, method, action })
}

fn path(text: &str, at: &At) -> Result<PathPattern, Problem> {
    if !text.starts_with('/') {
        return Err(Problem::at(at, "a path begins with a slash"));
    }
    let (rest, is_below) = match text.strip_suffix("/*") {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    if rest.contains('*') {
        let problem = Problem::at(at, "a star stands at the end only");
        return Err(problem.with_hint("\"/docs/*\" is /docs and all below it"));
    }
    let is_normal = rest.split('/').skip(1).all(|name| !matches!(name, "." | ".."))
        && !rest.contains("//")
        && !rest.contains(['%', '?', '#']);
    if !is_normal {
        let problem = Problem::at(at, "no request is found at this path");
        return Err(problem.with_hint("write it decoded, without dot segments or a query"));
    }
    Ok(if is_below { PathPattern::Below(rest.into()) } else { PathPattern::Exactly(rest.into()) })
}

/// The one handler of a block, if it has one.
fn action(block: &[Node], problems: &mut Problems) -> Option<Action> {
    let mut handlers = block.iter().filter(|node| node.key.name != "route");
    let handler = handlers.next()?;
    if let Some(second) = handlers.next() {
        let what = format!("`{}` answers already", handler.key.name);
        problems.push(Problem::at(&second.at, what).with_hint("there is one handler for a path"));
    }
    Some(match handler.key.name {
        "files" => Action::Files(files(handler)?),
        "respond" => Action::Respond {
            status: handler.status("status")?,
            text: handler.text("text").map(str::to_owned),
        },
        "redirect" => redirect(handler, problems)?,
        _ => Action::Close,
    })
}

fn files(node: &Node) -> Option<FilesSettings> {
    let texts = |key, name| -> Option<Vec<String>> {
        Some(one(&node.block, key)?.texts(name).map(|(text, _)| text.to_owned()).collect())
    };
    let mut files = FilesSettings::new(node.path("directory")?.into());
    set(&mut files.index, texts("index", "name"));
    set(&mut files.tries, texts("try", "path"));
    set(&mut files.has_listing, one(&node.block, "listing").and_then(|node| node.flag("on")));
    Some(files)
}

fn redirect(node: &Node, problems: &mut Problems) -> Option<Action> {
    let status = node.status("status").unwrap_or(Status::PERMANENT_REDIRECT);
    if !matches!(status.code(), 301 | 302 | 303 | 307 | 308) {
        let problem = Problem::at(&node.at, format!("{} leads nowhere", status.code()));
        problems.push(problem.with_hint("the statuses of redirects are 301, 302, 303, 307, 308"));
    }
    Some(Action::Redirect { location: node.text("location")?.to_owned(), status })
}
