//! From a request to what answers it: by the name it asks for, then by path and method.

use std::collections::HashMap;
use std::io;
use std::rc::Rc;

use base::Cx;
use message::target::Form;
use message::{Method, Request, Status};
use server::{Answer, Handler, Listening, Peer, Record, Reply};

use super::access_log::AccessLog;
use super::directory::{Directory, METHODS};
use super::routes::{Found, Routes};
use super::{pages, respond};
use crate::config::{Action, HostPattern, Settings, Site};

/// The longest name that there can be (RFC 1035 §2.3.4): longer ones are not looked for.
const HOST_LEN_MAX: usize = 255;

/// All sites of a server, for one worker.
pub(crate) struct Sites {
    exactly: HashMap<Box<str>, Rc<Routes<Responder>>>,
    below: HashMap<Box<str>, Rc<Routes<Responder>>>,
    default: Option<Routes<Responder>>,
    directories: Vec<Rc<Directory>>,
    log: AccessLog,
}

/// What answers the requests of a route.
pub(crate) enum Responder {
    /// A directory; of the path, this many bytes led here.
    Directory(Rc<Directory>, usize),
    Respond(Status, Option<String>),
    Redirect(String, Status),
    Close,
}

impl Sites {
    /// Opens what is to be served.
    pub(crate) fn open(settings: &Settings, log: AccessLog) -> io::Result<Self> {
        let mut sites = Self {
            exactly: HashMap::new(),
            below: HashMap::new(),
            default: None,
            directories: Vec::new(),
            log,
        };
        for site in &settings.sites {
            let routes = Rc::new(sites.open_site(site)?);
            for name in &site.names {
                let (names, name) = match name {
                    HostPattern::Exactly(name) => (&mut sites.exactly, name),
                    HostPattern::Below(name) => (&mut sites.below, name),
                };
                names.insert(name.as_str().into(), Rc::clone(&routes));
            }
        }
        if let Some(site) = &settings.default {
            sites.default = Some(sites.open_site(site)?);
        }
        Ok(sites)
    }

    fn open_site(&mut self, site: &Site) -> io::Result<Routes<Responder>> {
        let mut routes = Routes::default();
        for route in &site.routes {
            let responder = match &route.action {
                Action::Files(settings) => {
                    let directory = Rc::new(Directory::open(settings)?);
                    self.directories.push(Rc::clone(&directory));
                    Responder::Directory(directory, route.path.prefix_len())
                }
                Action::Respond { status, text } => Responder::Respond(*status, text.clone()),
                Action::Redirect { location, status } => {
                    Responder::Redirect(location.clone(), *status)
                }
                Action::Close => Responder::Close,
            };
            routes.add(&route.path, route.method.clone(), responder);
        }
        Ok(routes)
    }

    /// The routes of the site that has this request's name.
    #[inline]
    fn find(&self, request: &Request) -> Option<&Routes<Responder>> {
        if self.exactly.is_empty() && self.below.is_empty() {
            return self.default.as_ref();
        }
        let authority = request.authority();
        let host = authority.as_ref().map_or("", |authority| authority.host);
        self.find_named(host).or(self.default.as_ref())
    }

    fn find_named(&self, host: &str) -> Option<&Routes<Responder>> {
        // RFC 9110 §4.2.3: names are the same in any case; RFC 3986 §3.2.2: a dot at the end says
        // only that the name is complete.
        let host = host.strip_suffix('.').unwrap_or(host);
        if host.len() > HOST_LEN_MAX {
            return None;
        }
        let lower;
        let host = if host.bytes().any(|b| b.is_ascii_uppercase()) {
            lower = host.to_ascii_lowercase();
            &lower
        } else {
            host
        };
        if let Some(routes) = self.exactly.get(host) {
            return Some(routes);
        }
        let mut rest = host;
        while let Some((_, parent)) = rest.split_once('.') {
            if let Some(routes) = self.below.get(parent) {
                return Some(routes);
            }
            rest = parent;
        }
        None
    }
}

impl Handler for Sites {
    fn handle(&self, cx: &mut Cx<'_>, request: &Request, _peer: &Peer) -> Reply {
        if let Method::Other(_) = request.method {
            // RFC 9110 §9.1: 501 for a method nobody here knows, 405 for one that has no use here.
            let why = "this server does not know the method";
            return pages::error(request, Status::NOT_IMPLEMENTED, why).into();
        }
        let Some(routes) = self.find(request) else {
            let why = "this server has no site of that name";
            return pages::error(request, Status::MISDIRECTED_REQUEST, why).into();
        };
        let path = match request.target.normal_path() {
            Ok(path) => path,
            Err(bad) => return without_path(request, bad.what).into(),
        };
        match routes.find(&path, &request.method) {
            Found::Route(responder) => responder.answer(cx, request, &path),
            Found::OtherMethods(methods) => respond::not_allowed(request, &methods).into(),
            Found::Nothing => {
                pages::error(request, Status::NOT_FOUND, "there is nothing here").into()
            }
        }
    }

    fn finished(&self, record: &Record<'_>) {
        self.log.add(record);
    }

    fn listens(&self) -> Vec<Listening> {
        self.directories.iter().filter_map(|directory| directory.listening()).collect()
    }

    fn tick(&self) {
        self.log.flush();
        for directory in &self.directories {
            directory.tick();
        }
    }
}

impl Responder {
    fn answer(&self, cx: &mut Cx<'_>, request: &Request, path: &[u8]) -> Reply {
        match self {
            Self::Directory(directory, prefix_len) => {
                match path.get(*prefix_len..).unwrap_or_default() {
                    // The directory itself, which has a slash at its end.
                    b"" => respond::redirect_to_slash(&request.target).into(),
                    name => {
                        let name = name.strip_prefix(b"/").unwrap_or(name);
                        directory.answer(cx, request, name)
                    }
                }
            }
            Self::Respond(status, Some(text)) => respond::text(*status, text).into(),
            Self::Respond(status, None) if status.is_error() => {
                pages::error(request, *status, status.reason()).into()
            }
            Self::Respond(status, None) => respond::text(*status, "").into(),
            Self::Redirect(location, status) => {
                respond::redirect(*status, &fill_in(location, request)).into()
            }
            Self::Close => Reply::Close,
        }
    }
}

/// Answers a request whose target has no path that could be looked for.
#[cold]
fn without_path(request: &Request, what: &str) -> Answer {
    match request.target.form() {
        // RFC 9110 §9.3.6: no tunnels begin here.
        Form::Authority => respond::not_allowed(request, &METHODS),
        // RFC 9110 §9.3.7: OPTIONS of the server as a whole.
        Form::Asterisk => respond::options(&METHODS),
        Form::Origin | Form::Absolute => pages::error(request, Status::BAD_REQUEST, what),
    }
}

/// Puts what was asked for into a redirect's location.
fn fill_in(location: &str, request: &Request) -> String {
    if !location.contains('{') {
        return location.to_owned();
    }
    // Two slashes in front would lead to another server.
    let path = format!("/{}", request.target.path().trim_start_matches('/'));
    let query = request.target.query().map(|query| format!("?{query}")).unwrap_or_default();
    let authority = request.authority();
    let host = authority.as_ref().map_or("", |authority| authority.host);
    location.replace("{path}", &path).replace("{query}", &query).replace("{host}", host)
}
