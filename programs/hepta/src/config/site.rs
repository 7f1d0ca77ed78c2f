//! What a site says: its names, its routes, what stands before and behind their handlers, and the
//! handlers.

use std::net::Ipv6Addr;
use std::path::PathBuf;

use message::uri::Authority;
use message::{Method, Status};
use tls::pki_types::CertificateDer;
use tls::pki_types::pem::PemObject as _;

use super::access_log::{AccessLog, access_log};
use super::problem::{At, Problem, Problems};
use super::settings::{Taken, set};
use super::steps::{Steps, steps};
use super::template::{Fact, Part, Template};
use super::tree::{Node, all, one};

/// What is served under some names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Site {
    pub(crate) names: Vec<HostPattern>,
    pub(crate) routes: Vec<Route>,
    /// Whose certificates clients may show.
    pub(crate) authorities: Vec<CertificateDer<'static>>,
    /// What stands around every answer, also where no route is.
    pub(crate) steps: Steps,
    /// The log of this site, if it has one of its own.
    pub(crate) access_log: Option<AccessLog>,
}

impl Site {
    /// What it is called: its first name, or `default`.
    pub(crate) fn name(&self) -> String {
        match self.names.first() {
            Some(HostPattern::Exactly(name)) => name.clone(),
            Some(HostPattern::Below(name)) => format!("*.{name}"),
            None => "default".to_owned(),
        }
    }
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
    /// What stands around the handler: the site's and the route's own.
    pub(crate) steps: Steps,
    pub(crate) action: Action,
}

/// A path, or it and all below it; as the name of a file below a root is written, with a slash in
/// front and, of the second kind, none behind.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum PathPattern {
    Exactly(String),
    Below(String),
}

impl HostPattern {
    /// As it is written in a file.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Exactly(name) => name.clone(),
            Self::Below(name) => format!("*.{name}"),
        }
    }
}

impl PathPattern {
    /// As it is written in a file.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Exactly(path) => path.clone(),
            Self::Below(path) => format!("{path}/*"),
        }
    }

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
    Respond {
        status: Status,
        text: Option<String>,
    },
    Redirect {
        location: Template,
        status: Status,
    },
    /// The answer to the request for another path of the same site.
    Rewrite(Template),
    Close,
}

/// How a directory is served.
#[derive(Clone, Debug)]
pub(crate) struct FilesSettings {
    pub(crate) directory: PathBuf,
    pub(crate) index: Vec<String>,
    pub(crate) tries: Vec<String>,
    pub(crate) has_listing: bool,
    /// Whether files in several types and languages answer for one name.
    pub(crate) negotiates: bool,
    /// The languages there are, the one for who wants none of them first; any where none is listed.
    pub(crate) languages: Vec<String>,
}

impl FilesSettings {
    /// A directory as a configuration that says nothing else has it.
    pub(crate) fn new(directory: PathBuf) -> Self {
        let index = vec!["index.html".to_owned()];
        Self {
            directory,
            index,
            tries: Vec::new(),
            has_listing: false,
            negotiates: false,
            languages: Vec::new(),
        }
    }
}

pub(super) fn site(node: &Node, taken: &mut Taken, problems: &mut Problems) -> Site {
    let mut names = Vec::new();
    for (text, at) in node.texts("host") {
        match host(text) {
            Ok(name) if taken.names.insert(name.clone()) => names.push(name),
            Ok(_) => problems.push(Problem::at(at, "a site before this one has this name")),
            Err(hint) => problems.push(Problem::at(at, "this is no host").with_hint(hint)),
        }
    }
    let access_log = access_log(&node.block, &mut taken.logs, problems);
    let steps = steps(&node.block, &Steps::default(), problems);
    let mut routes = Vec::new();
    if let Some(action) = action(&node.block, problems) {
        let path = PathPattern::Below(String::new());
        if matches!(action, Action::Rewrite(_)) {
            let problem = Problem::at(&node.at, "every path would lead to this `rewrite` again");
            problems.push(problem.with_hint("give it a `route` of its own"));
        }
        routes.push(Route { path, method: None, steps: steps.clone(), action });
    }
    for inner in all(&node.block, "route") {
        routes.extend(route(inner, &steps, &routes, problems));
    }
    if routes.is_empty() {
        let problem = Problem::at(&node.at, format!("this {} serves nothing", node.key.name));
        problems.push(problem.with_hint("give it `files`, `respond`, `redirect` or a `route`"));
    }
    let authorities = authorities(node, !names.is_empty(), problems);
    if authorities.is_empty()
        && let Some(route) = routes.iter().find(|route| route.steps.needs_certificate)
    {
        let what = format!("nobody can show a certificate at {}", route.path.shown());
        let problem = Problem::at(&node.at, what);
        problems.push(problem.with_hint("name the authorities: client-authorities \"FILE\""));
    }
    Site { names, routes, authorities, steps, access_log }
}

/// The authorities of clients' certificates.
fn authorities(
    node: &Node,
    has_names: bool,
    problems: &mut Problems,
) -> Vec<CertificateDer<'static>> {
    let Some(node) = one(&node.block, "client-authorities") else { return Vec::new() };
    let Some(path) = node.path("file") else { return Vec::new() };
    if !has_names {
        let problem = Problem::at(&node.at, "nobody comes under names that no site has");
        problems.push(problem.with_hint("give the site its names, as site \"example.org\" { … }"));
    }
    let read = std::fs::read(path).map_err(|error| error.to_string()).and_then(|pem| {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        found.map_err(|error| error.to_string())
    });
    match read {
        Ok(found) if !found.is_empty() => return found,
        Ok(_) => {
            let what = format!("there is no certificate in {}", path.display());
            problems.push(Problem::at(&node.at, what));
        }
        Err(error) => {
            let what = format!("cannot read {}: {error}", path.display());
            problems.push(Problem::at(&node.at, what));
        }
    }
    Vec::new()
}

/// The name that a site has, as names of requests are looked for; else what would be right.
fn host(text: &str) -> Result<HostPattern, &'static str> {
    const HINT: &str = "write \"example.org\" or \"*.example.org\", without a port";
    let (rest, is_below) = match text.strip_prefix("*.") {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    // A dot at the end says only that the name is complete, and is not looked at in requests either.
    let rest = rest.strip_suffix('.').unwrap_or(rest);
    if text == "*" {
        return Err("what is served under all other names stands in `default`");
    }
    if !rest.is_ascii() {
        return Err(
            "write it as DNS has it, in ASCII: \"xn--bcher-kva.example\" is bücher.example",
        );
    }
    if rest.parse::<Ipv6Addr>().is_ok() {
        return Err("an address of IPv6 stands in brackets, as \"[2001:db8::1]\"");
    }
    if let Some(address) = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address: Ipv6Addr = address.parse().map_err(|_| HINT)?;
        return Ok(HostPattern::Exactly(format!("[{address}]")));
    }
    let authority = Authority::parse(rest.as_bytes()).map_err(|_| HINT)?;
    if authority.port.is_some() || authority.host.len() != rest.len() || rest.contains('*') {
        return Err(HINT);
    }
    if rest.split('.').any(str::is_empty) {
        return Err(
            "write \"example.org\" for the name, \"*.example.org\" for whatever stands below it",
        );
    }
    let name = rest.to_ascii_lowercase();
    Ok(if is_below { HostPattern::Below(name) } else { HostPattern::Exactly(name) })
}

fn route(node: &Node, of_site: &Steps, before: &[Route], problems: &mut Problems) -> Option<Route> {
    let (text, at) = node.texts("path").next()?;
    let path = path(text, at).map_err(|problem| problems.push(problem)).ok()?;
    let method = match node.texts("method").next().map(|(name, at)| method(name, at)) {
        Some(Err(problem)) => {
            problems.push(problem);
            return None;
        }
        Some(Ok(method)) => Some(method),
        None => None,
    };
    if before.iter().any(|route| route.path == path && route.method == method) {
        problems.push(Problem::at(at, "this path is taken by what stands before"));
    }
    let steps = steps(&node.block, of_site, problems);
    let Some(action) = action(&node.block, problems) else {
        let problem = Problem::at(&node.at, "this route serves nothing");
        problems.push(problem.with_hint("give it `files`, `respond`, `redirect` or `close`"));
        return None;
    };
    Some(Route { path, method, steps, action })
}

/// A method that a route can be for.
fn method(name: &str, at: &At) -> Result<Method, Problem> {
    match Method::from_bytes(name.as_bytes()) {
        // RFC 9110 §9.3.2: it is answered as GET is, so no route is chosen by it.
        Some(Method::Head) => {
            let problem = Problem::at(at, "HEAD has no routes of its own");
            Err(problem.with_hint("write method=\"GET\", which is also for HEAD"))
        }
        // RFC 9110 §9.1: methods are told apart by case, and one that nobody knows is 501 everywhere.
        Some(Method::Other(_)) => {
            let upper = name.to_ascii_uppercase();
            let problem = Problem::at(at, "no request with this method comes to a route");
            Err(match Method::from_bytes(upper.as_bytes()) {
                Some(Method::Other(_)) | None => {
                    problem.with_hint("there are: GET, POST, PUT, DELETE, OPTIONS, TRACE, PATCH")
                }
                Some(known) => problem.with_hint(format!("did you mean {known}?")),
            })
        }
        Some(method) => Ok(method),
        None => Err(Problem::at(at, "a method is a token, as GET or POST")),
    }
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
    let mut handlers = block.iter().filter(|node| is_handler(node.key.name));
    let handler = handlers.next()?;
    if let Some(second) = handlers.next() {
        let what = format!("`{}` answers already", handler.key.name);
        problems.push(Problem::at(&second.at, what).with_hint("there is one handler for a path"));
    }
    Some(match handler.key.name {
        "files" => Action::Files(files(handler, problems)?),
        "respond" => respond(handler, problems)?,
        "redirect" => redirect(handler, problems)?,
        "rewrite" => rewrite(handler, problems)?,
        _ => Action::Close,
    })
}

fn is_handler(name: &str) -> bool {
    super::schema::HANDLERS.iter().any(|key| key.name == name)
}

fn respond(node: &Node, problems: &mut Problems) -> Option<Action> {
    let (status, text) = (node.status("status")?, node.text("text"));
    let problem = match (status.code(), text) {
        // RFC 9110 §15.2, §15.4.5: others follow the ones, and the other belongs to a condition.
        (100..200 | 304, _) => Some(("this is no answer by itself", "write another status")),
        (444, _) => Some(("this is what nginx calls silence", "write `close`")),
        // RFC 9110 §15.3.5, §15.3.6.
        (204 | 205, Some(_)) => Some(("this answer has no content", "leave the text out")),
        _ => None,
    };
    if let Some((what, hint)) = problem {
        let what = format!("{}: {what}", status.code());
        problems.push(Problem::at(&node.at, what).with_hint(hint));
    }
    Some(Action::Respond { status, text: text.map(str::to_owned) })
}

fn files(node: &Node, problems: &mut Problems) -> Option<FilesSettings> {
    check_names(&node.block, problems);
    let texts = |key, name| -> Option<Vec<String>> {
        Some(one(&node.block, key)?.texts(name).map(|(text, _)| text.to_owned()).collect())
    };
    let mut files = FilesSettings::new(node.path("directory")?.into());
    set(&mut files.index, texts("index", "name"));
    set(&mut files.tries, texts("try", "path"));
    let flag = |key| one(&node.block, key).and_then(|node| node.flag("on"));
    set(&mut files.has_listing, flag("listing"));
    set(&mut files.negotiates, flag("negotiate"));
    set(&mut files.languages, texts("languages", "tag"));
    Some(files)
}

/// Looks through the names that stand in the braces of `files`.
fn check_names(block: &[Node], problems: &mut Problems) {
    let texts = |key, name| one(block, key).into_iter().flat_map(move |node| node.texts(name));
    for (name, at) in texts("index", "name") {
        if name.is_empty() || name.contains('/') {
            let problem = Problem::at(at, "this is no name of a file in a directory");
            problems.push(problem.with_hint("write a name alone, as \"index.html\""));
        }
    }
    for (pattern, at) in texts("try", "path") {
        let fixed = pattern.replacen("{path}", "", 1);
        let hint = match fixed.get(..1) {
            _ if fixed.contains(['{', '}']) => "`{path}` is all that can be put in, and once",
            Some("=") => {
                "what is not found is 404; another answer has a `route` or an `error-page`"
            }
            _ if fixed.contains('$') && !pattern.contains("{path}") => {
                "`{path}` is the path that was asked for"
            }
            _ => continue,
        };
        problems.push(Problem::at(at, "there is no such file to try").with_hint(hint));
    }
    for (tag, at) in texts("languages", "tag") {
        let is_subtag = |subtag: &str| {
            matches!(subtag.len(), 1..=8) && subtag.bytes().all(|b| b.is_ascii_alphanumeric())
        };
        // RFC 5646 §2.1.
        if !tag.split('-').all(is_subtag) {
            let problem = Problem::at(at, "this is no tag of a language");
            problems.push(problem.with_hint("write \"de\" or \"pt-BR\""));
        }
    }
}

fn redirect(node: &Node, problems: &mut Problems) -> Option<Action> {
    let status = node.status("status").unwrap_or(Status::PERMANENT_REDIRECT);
    if !matches!(status.code(), 301 | 302 | 303 | 307 | 308) {
        let problem = Problem::at(&node.at, format!("{} leads nowhere", status.code()));
        problems.push(problem.with_hint("the statuses of redirects are 301, 302, 303, 307, 308"));
    }
    let location = template(node, "location", problems)?;
    if location.parts().is_empty() {
        problems.push(Problem::at(&node.at, "there is nowhere that this leads to"));
    }
    Some(Action::Redirect { location, status })
}

fn rewrite(node: &Node, problems: &mut Problems) -> Option<Action> {
    let to = template(node, "path", problems)?;
    let begins_well = match to.parts().first() {
        Some(Part::Text(text)) => text.starts_with('/'),
        Some(Part::Fact(fact)) => matches!(fact, Fact::Path | Fact::Rest),
        None => false,
    };
    if !begins_well {
        problems.push(Problem::at(&node.at, "a path begins with a slash"));
    }
    Some(Action::Rewrite(to))
}

/// The template of this name, in which the answer's status is not known yet.
fn template(node: &Node, name: &str, problems: &mut Problems) -> Option<Template> {
    let (text, at) = node.texts(name).next()?;
    let template = super::steps::template(text, at, problems)?;
    if template.has(&Fact::Status) {
        problems.push(Problem::at(at, "there is no `{status}` yet"));
    }
    Some(template)
}
