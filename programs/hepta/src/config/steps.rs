//! What stands around handlers: who may come in, and what becomes of requests and answers.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use message::{Fields, Name, Pace, Rate, Status};
use semantics::{cors, cross_site};

use super::browsers::{self, Caching, Security};
use super::preload::preload;
use super::problem::{At, Problem, Problems};
use super::settings::set;
use super::template::{Fact, Part, Template};
use super::tree::{Node, all, one};
use crate::passwords::{Hash, User};
use crate::serve::{Crowding, Limiter};

/// What stands around a handler. A route has what its site has, where it says nothing else.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steps {
    pub(crate) access: Access,
    pub(crate) login: Option<Login>,
    /// How many requests a client may make; the routes of a site share its limit.
    pub(crate) rate: Option<Arc<Limiter>>,
    /// How many requests may be under way at once; the routes of a site share its limit.
    pub(crate) at_once: Option<Arc<Crowding>>,
    /// The longest body that a request may announce.
    pub(crate) body_max: Option<u64>,
    /// How fast clients must be, where that is not the same for all.
    pub(crate) pace: Option<Arc<Pace>>,
    /// Whether who comes in must have shown a certificate.
    pub(crate) needs_certificate: bool,
    /// Who comes in clear text is sent to TLS, at this port.
    pub(crate) https_only: Option<u16>,
    pub(crate) cors: Option<cors::Policy>,
    pub(crate) cross_site: Option<cross_site::Policy>,
    pub(crate) security: Option<Security>,
    pub(crate) caching: Caching,
    /// Whether answers say what the server knows of how long they took.
    pub(crate) server_timing: bool,
    /// Changes of the request that the handler sees: the site's, then the route's.
    pub(crate) request_fields: Vec<FieldStep>,
    /// Values of Link: what the client will need besides. The site's, then the route's.
    pub(crate) preloads: Vec<String>,
    /// Whether links wait for their answer, and do not go ahead of it.
    pub(crate) keeps_hints: bool,
    /// Changes of the answer: the site's, then the route's.
    pub(crate) fields: Vec<FieldStep>,
    /// Pages for errors; of two for one status the first counts.
    pub(crate) error_pages: Vec<ErrorPage>,
}

impl Steps {
    /// Whether nothing stands around the handler.
    pub(crate) fn is_empty(&self) -> bool {
        let Self {
            access: Access { allow, deny },
            login,
            rate,
            at_once,
            body_max,
            pace,
            needs_certificate,
            https_only,
            cors,
            cross_site,
            security,
            caching: Caching { cache_control, expires },
            server_timing,
            preloads,
            // Of what nobody has nothing is kept.
            keeps_hints: _,
            request_fields,
            fields,
            error_pages,
        } = self;
        let lets_all_in = allow.is_empty() && deny.is_empty() && login.is_none();
        lets_all_in
            && rate.is_none()
            && at_once.is_none()
            && body_max.is_none()
            && pace.is_none()
            && !needs_certificate
            && https_only.is_none()
            && cors.is_none()
            && cross_site.is_none()
            && security.is_none()
            && cache_control.is_none()
            && expires.is_none()
            && !server_timing
            && preloads.is_empty()
            && request_fields.is_empty()
            && fields.is_empty()
            && error_pages.is_empty()
    }
}

/// Who may come in, by address: nobody who is denied; and if somebody is allowed, nobody else. What
/// a route allows stands in place of what its site allows; whom a site denies, its routes deny.
#[derive(Clone, Debug, Default)]
pub(crate) struct Access {
    pub(crate) allow: Vec<IpNet>,
    pub(crate) deny: Vec<IpNet>,
}

/// Who may come in, by name and password.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) realm: String,
    pub(crate) users: Vec<User>,
}

/// A change of one field.
#[derive(Clone, Debug)]
pub(crate) struct FieldStep {
    pub(crate) name: String,
    pub(crate) change: Change,
}

/// What becomes of a field.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// It has this value, and no other.
    Set(Template),
    /// It has this value also.
    Add(Template),
    /// It is left out.
    Remove,
}

/// What is shown for an error.
#[derive(Clone, Debug)]
pub(crate) struct ErrorPage {
    pub(crate) status: Status,
    /// The path at which the site has the page.
    pub(crate) path: String,
}

/// Fields that say where a message ends or what becomes of its connection: HTTP's own business.
const FRAMING: [Name; 9] = [
    Name::Connection,
    Name::ContentLength,
    Name::Host,
    Name::KeepAlive,
    Name::ProxyConnection,
    Name::Te,
    Name::Trailer,
    Name::TransferEncoding,
    Name::Upgrade,
];

/// Reads what a block says, over what the one around it said.
pub(super) fn steps(block: &[Node], outer: &Steps, problems: &mut Problems) -> Steps {
    let mut steps = outer.clone();
    let networks = |name| one(block, name).map(|node| node.networks("network"));
    set(&mut steps.access.allow, networks("allow"));
    steps.access.deny.extend(networks("deny").unwrap_or_default());
    if let Some(node) = one(block, "basic-auth") {
        steps.login = login(node, problems);
    }
    if let Some(node) = one(block, "rate") {
        steps.rate = rate(node, problems);
    }
    if let Some(node) = one(block, "at-once") {
        for name in ["requests", "per-client"] {
            at_least_one(node, name, problems);
        }
        let count = |name| node.number(name).map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        let crowding = |most| Arc::new(Crowding::new(most, count("per-client")));
        steps.at_once = count("requests").map(crowding);
    }
    if let Some(node) = one(block, "body-max") {
        steps.body_max = node.number("size");
    }
    if let Some(pace) = pace(block, outer.pace.as_deref(), problems) {
        steps.pace = Some(Arc::new(pace));
    }
    if let Some(node) = one(block, "client-certificate") {
        steps.needs_certificate = node.flag("needed").unwrap_or(true);
    }
    if let Some(node) = one(block, "https-only") {
        steps.https_only = https_only(node, problems);
    }
    if let Some(node) = one(block, "cors") {
        steps.cors = browsers::cors(node, problems);
    }
    if let Some(node) = one(block, "cross-site") {
        steps.cross_site = browsers::cross_site(node, problems);
    }
    if let Some(node) = one(block, "security") {
        steps.security = Some(browsers::security(node, problems));
    }
    if let Some(caching) = caching(block, problems) {
        steps.caching = caching;
    }
    if let Some(node) = one(block, "server-timing") {
        steps.server_timing = node.flag("on").unwrap_or(true);
    }
    steps.preloads.extend(all(block, "preload").filter_map(|node| preload(node, problems)));
    if let Some(node) = one(block, "early-hints") {
        steps.keeps_hints = node.flag("on") == Some(false);
    }
    steps.fields.extend(field_steps(one(block, "fields"), When::Answered, problems));
    let of_request = field_steps(one(block, "request-fields"), When::Asked, problems);
    steps.request_fields.extend(of_request);
    let pages = all(block, "error-page").flat_map(|node| error_pages(node, problems));
    steps.error_pages = pages.collect::<Vec<_>>().into_iter().chain(steps.error_pages).collect();
    steps
}

/// What a block says of how fast clients must be, over what the one around it said.
fn pace(block: &[Node], outer: Option<&Pace>, problems: &mut Problems) -> Option<Pace> {
    let (head, body) = (one(block, "timeout-head"), one(block, "body-rate"));
    if head.is_none() && body.is_none() {
        return None;
    }
    let mut pace = outer.copied().unwrap_or_default();
    pace.head = head.and_then(|node| node.time("time")).or(pace.head);
    pace.body = body.and_then(|node| body_rate(node, problems)).or(pace.body);
    Some(pace)
}

/// A size, in ten seconds where no time is said.
pub(super) fn body_rate(node: &Node, problems: &mut Problems) -> Option<Rate> {
    let interval = node.time("per").unwrap_or(Duration::from_secs(10));
    if interval.is_zero() {
        problems.push(Problem::at(&node.at, "nothing comes in no time"));
    }
    Some(Rate { len: node.number("size")?, interval })
}

/// `10/s` is ten a second.
fn rate(node: &Node, problems: &mut Problems) -> Option<Arc<Limiter>> {
    let (text, at) = node.texts("requests").next()?;
    let read = || {
        let (count, unit) = text.split_once('/')?;
        let count: u32 = count.parse().ok().filter(|count| *count > 0)?;
        let unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return None,
        };
        Some(Duration::from_secs(unit) / count)
    };
    let Some(interval) = read() else {
        let problem = Problem::at(at, "this is no rate");
        problems.push(problem.with_hint("write \"10/s\", \"100/m\" or \"1000/h\""));
        return None;
    };
    at_least_one(node, "burst", problems);
    let burst = node.number("burst").unwrap_or(1).max(1);
    Some(Arc::new(Limiter::new(interval, u32::try_from(burst).unwrap_or(u32::MAX))))
}

/// Says that with none of something nobody would ever be answered.
pub(super) fn at_least_one(node: &Node, name: &str, problems: &mut Problems) {
    if node.number(name) == Some(0) {
        problems.push(Problem::at(&node.at, format!("with {name} 0 nobody would be answered")));
    }
}

fn https_only(node: &Node, problems: &mut Problems) -> Option<u16> {
    if node.flag("on") == Some(false) {
        return None;
    }
    let port = node.number("port").unwrap_or(443);
    let port = u16::try_from(port).ok().filter(|port| *port > 0);
    if port.is_none() {
        problems.push(Problem::at(&node.at, "ports are numbers from 1 to 65535"));
    }
    port
}

/// What a block says of caching; both keys stand in place of both of the block around it.
fn caching(block: &[Node], problems: &mut Problems) -> Option<Caching> {
    let (control, expires) = (one(block, "cache-control"), one(block, "expires"));
    if control.is_none() && expires.is_none() {
        return None;
    }
    if let Some((text, at)) = control.and_then(|node| node.texts("directives").next())
        && !is_value(text)
    {
        problems.push(Problem::at(at, "there are control characters in it"));
    }
    Some(Caching {
        cache_control: control.and_then(|node| node.text("directives")).map(str::to_owned),
        expires: expires.and_then(|node| node.time("time")),
    })
}

fn login(node: &Node, problems: &mut Problems) -> Option<Login> {
    let (realm, at) = node.texts("realm").next()?;
    if realm == "off" {
        if !node.block.is_empty() {
            problems.push(Problem::at(at, "what is off has nothing in braces"));
        }
        return None;
    }
    if !realm.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\') {
        problems.push(Problem::at(at, "a realm is of plain letters, without quotes"));
    }
    let mut users = Vec::new();
    for user in all(&node.block, "user") {
        let (Some(name), Some((hash, at))) = (user.text("name"), user.texts("hash").next()) else {
            continue;
        };
        users.extend(self::user(name, hash).map_err(|(what, hint)| {
            problems.push(Problem::at(at, what).with_hint(hint));
        }));
    }
    for file in all(&node.block, "users-file") {
        if let Some(path) = file.path("file") {
            users.extend(users_file(path, &file.at, problems));
        }
    }
    if node.block.is_empty() {
        let problem = Problem::at(&node.at, "nobody may come in");
        problems.push(problem.with_hint("give it a `user` or a `users-file`"));
    }
    Some(Login { realm: realm.to_owned(), users })
}

/// Somebody who may come in; else what is wrong, and what would be right.
fn user(name: &str, hash: &str) -> Result<User, (String, &'static str)> {
    // RFC 7617 §2: a name ends at the first colon.
    if name.contains(':') || name.is_empty() {
        let what = format!("{name:?} is no name: it is empty or has a colon");
        return Err((what, "write a name without one"));
    }
    let hash = Hash::parse(hash).ok_or_else(|| {
        let what = format!("the password of {name:?} is no hash");
        (what, "`hepta passwd` makes one; argon2 and bcrypt are read")
    })?;
    Ok(User { name: name.to_owned(), hash })
}

/// Reads a file as htpasswd writes it: `NAME:HASH` in each line.
fn users_file(path: &Path, at: &At, problems: &mut Problems) -> Vec<User> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let what = format!("cannot read {}: {error}", path.display());
            problems.push(Problem::at(at, what));
            return Vec::new();
        }
    };
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let mut users = Vec::new();
    for (number, line) in lines {
        let read = match line.split_once(':') {
            Some((name, hash)) => user(name, hash),
            None => Err(("a line has no colon".to_owned(), "a line is NAME:HASH")),
        };
        // The line itself is not shown: it has somebody's password in it.
        users.extend(read.map_err(|(what, hint)| {
            let what = format!("{}:{number}: {what}", path.display());
            problems.push(Problem::at(at, what).with_hint(hint));
        }));
    }
    users
}

/// When fields are changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum When {
    Asked,
    Answered,
}

fn field_steps(node: Option<&Node>, when: When, problems: &mut Problems) -> Vec<FieldStep> {
    let nodes = node.map(|node| &*node.block).unwrap_or_default();
    nodes.iter().filter_map(|node| field_step(node, when, problems)).collect()
}

fn field_step(node: &Node, when: When, problems: &mut Problems) -> Option<FieldStep> {
    let (name, at) = node.texts("name").next()?;
    if let Err(bad) = check_name(name) {
        problems.push(Problem::at(at, bad));
        return None;
    }
    let change = match node.texts("value").next() {
        None => Change::Remove,
        Some((value, at)) => {
            let value = template(value, at, problems)?;
            if when == When::Asked && value.has(&Fact::Status) {
                problems.push(Problem::at(at, "a request has no `{status}`"));
            }
            if node.key.name == "add" { Change::Add(value) } else { Change::Set(value) }
        }
    };
    Some(FieldStep { name: name.to_owned(), change })
}

fn check_name(name: &str) -> Result<(), String> {
    if !is_name(name) {
        return Err(format!("{name:?} is no field's name"));
    }
    if FRAMING.iter().any(|framing| framing.as_str().eq_ignore_ascii_case(name)) {
        return Err(format!("{name} is set by what is sent, and cannot be chosen"));
    }
    Ok(())
}

/// Whether a field can have this name (RFC 9110 §5.1).
fn is_name(name: &str) -> bool {
    Fields::new().try_push(name, b"").is_ok()
}

/// Whether a field can have this in its value (RFC 9110 §5.5).
fn is_value(text: &str) -> bool {
    Fields::new().try_push("a", text.as_bytes()).is_ok()
}

/// Reads a template for a field or for a path, whose values hold no control bytes.
pub(super) fn template(text: &str, at: &At, problems: &mut Problems) -> Option<Template> {
    let template = match Template::parse(text) {
        Ok(template) => template,
        Err((what, hint)) => {
            problems.push(Problem::at(at, what).with_hint(hint));
            return None;
        }
    };
    for part in template.parts() {
        let (fits, what) = match part {
            Part::Text(text) => (is_value(text), "there are control characters in it"),
            Part::Fact(Fact::Field(name)) => (is_name(name), "this is no field's name"),
            Part::Fact(_) => (true, ""),
        };
        if !fits {
            problems.push(Problem::at(at, what));
            return None;
        }
    }
    Some(template)
}

fn error_pages(node: &Node, problems: &mut Problems) -> Vec<ErrorPage> {
    let Some((path, at)) = node.texts("path").next() else { return Vec::new() };
    if !path.starts_with('/') || path.contains(['?', '#']) {
        let problem = Problem::at(at, "this is no path");
        problems
            .push(problem.with_hint("the site's own path to the page, as \"/errors/404.html\""));
    }
    let statuses = node.statuses("status");
    if let Some(status) = statuses.iter().find(|status| !status.is_error()) {
        let what = format!("{} is no error", status.code());
        problems.push(Problem::at(&node.at, what));
    }
    statuses.into_iter().map(|status| ErrorPage { status, path: path.to_owned() }).collect()
}
