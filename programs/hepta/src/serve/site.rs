//! A site: from a path and a method to the route that answers, through the steps that stand around
//! it.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use base::Cx;
use message::target::Form;
use message::uri::percent;
use message::{Method, Pace, Request, Status, Target};
use semantics::cors;
use server::{Answer, Peer, Reply};

use super::access_log::{AccessLog, Logs};
use super::asked::Asked;
use super::browsers;
use super::directory::{Directory, METHODS};
use super::hush::Hush;
use super::routes::{Found, Routes};
use super::steps::{self, Counted, Steps};
use super::xray::{Seen, Why};
use super::{pages, respond};
use crate::config::{self, Action, Template};

/// How often a request may be rewritten.
const REWRITES_MAX: u8 = 8;

/// A site, for one worker.
pub(crate) struct Site {
    /// What logs call it.
    pub(crate) name: Box<str>,
    /// Its own log, if it has one.
    pub(crate) log: Option<AccessLog>,
    /// What stands around answers where there is no route.
    steps: Option<Steps>,
    routes: Routes<Route>,
    /// By which requests are counted that find no route.
    mark: u32,
    /// What is said of pages for errors that are not there.
    of_pages: Hush,
    /// What is said of rewrites that go round in a circle.
    of_circles: Hush,
}

/// What answers at some path.
pub(crate) struct Route {
    steps: Option<Steps>,
    /// How much of a path led here.
    prefix_len: usize,
    responder: Responder,
    /// By which its requests are counted.
    mark: u32,
}

/// What answers the requests of a route.
enum Responder {
    Directory(Rc<Directory>),
    Respond(Status, Option<String>),
    Redirect(Template, Status),
    Rewrite(Template),
    Close,
}

/// How a request came to where it is.
#[derive(Clone, Copy, Debug, Default)]
struct Way<'s> {
    rewrites: u8,
    /// The limits that have counted it already.
    counted: Counted<'s>,
    /// Whether it is for the page of an error. Whoever sees the error may see its page.
    is_for_page: bool,
}

impl Site {
    /// Opens what is to be served; adds its directories to `directories`. `mark_of` says by which
    /// mark the requests of a route are counted, or those that have none; `pushes`, whether anything may
    /// be pushed.
    pub(crate) fn open(
        settings: &config::Site,
        logs: &Logs,
        directories: &mut Vec<Rc<Directory>>,
        mark_of: impl Fn(Option<&config::PathPattern>) -> u32,
        pushes: bool,
    ) -> io::Result<Self> {
        let mut routes = Routes::default();
        for route in &settings.routes {
            let responder = match &route.action {
                Action::Files(settings) => {
                    let directory = Rc::new(Directory::open(settings)?);
                    directories.push(Rc::clone(&directory));
                    Responder::Directory(directory)
                }
                Action::Respond { status, text } => Responder::Respond(*status, text.clone()),
                Action::Redirect { location, status } => {
                    Responder::Redirect(location.clone(), *status)
                }
                Action::Rewrite(path) => Responder::Rewrite(path.clone()),
                Action::Close => Responder::Close,
            };
            let steps = Steps::open(&route.steps, pushes);
            let prefix_len = route.path.prefix_len();
            let mark = mark_of(Some(&route.path));
            let of_route = Route { steps, prefix_len, responder, mark };
            routes.add(&route.path, route.method.clone(), of_route);
        }
        let log = settings.access_log.as_ref().map(|log| logs.of_worker(Some(log)));
        let (name, steps) = (settings.name().into(), Steps::open(&settings.steps, pushes));
        let (of_pages, of_circles) = Default::default();
        Ok(Self { name, log, steps, routes, mark: mark_of(None), of_pages, of_circles })
    }

    /// What pace clients must keep who come here, if it is not the same for all.
    pub(crate) fn pace(&self) -> Option<Arc<Pace>> {
        self.steps.as_ref().and_then(Steps::pace)
    }

    /// Answers a request that asks for something here.
    pub(crate) fn answer(&self, cx: &mut Cx<'_>, request: &Request, peer: &Peer<'_>) -> Reply {
        self.answer_on(Way::default(), cx, request, peer)
    }

    /// The directory in which a request's file is, if it is in one around which nothing stands: most
    /// are. With it, how much of the request's path led there, and the route's mark.
    pub(crate) fn plain_directory(
        &self,
        path: &[u8],
        request: &Request,
    ) -> Option<(&Rc<Directory>, usize, u32)> {
        if !matches!(request.method, Method::Get | Method::Head) {
            return None;
        }
        match self.routes.get(path, &request.method)? {
            Route { steps: None, prefix_len, responder: Responder::Directory(directory), mark } => {
                Some((directory, *prefix_len, *mark))
            }
            _ => None,
        }
    }

    /// The route of a request; of a preflight, that of the request it announces, if that route knows
    /// what to say.
    #[inline]
    fn find(&self, path: &[u8], request: &Request) -> Found<'_, Route> {
        if let Some(announced) = browsers::announced_method(request)
            && let Found::Route(route) = self.routes.find(path, &announced)
            && route.steps.as_ref().is_some_and(Steps::has_cors)
        {
            return Found::Route(route);
        }
        self.routes.find(path, &request.method)
    }

    fn answer_on<'s>(
        &'s self,
        way: Way<'s>,
        cx: &mut Cx<'_>,
        request: &Request,
        peer: &Peer<'_>,
    ) -> Reply {
        let path = match request.target.normal_path() {
            Ok(path) => path,
            Err(bad) => return without_path(cx, request, bad.what).into(),
        };
        let found = self.find(&path, request);
        if !way.is_for_page {
            // Who rewrites a request leaves it to the route that answers it.
            peer.notes.mark.set(if let Found::Route(route) = &found {
                route.mark
            } else {
                self.mark
            });
        }
        let (route, steps) = match found {
            Found::Route(route @ Route { steps: None, .. }) => {
                return self.respond(way, cx, request, peer, &path, route);
            }
            Found::Route(route) => (Ok(route), &route.steps),
            Found::OtherMethods(methods) => {
                (Err(without_method(cx, request, &[], methods)), &self.steps)
            }
            Found::Nothing => {
                let answer = pages::error(cx, request, Status::NOT_FOUND, |say| say.nothing_here);
                (Err(answer), &self.steps)
            }
        };
        let Some(steps) = steps else {
            // Without a route and without steps: there is only the answer.
            return route.map_or_else(Reply::from, |_| Reply::Close);
        };
        let rest = route.as_ref().map_or(&b""[..], |route| route.rest(&path));
        let asked = Asked { request, peer, rest };
        self.answer_in_steps(way, cx, asked, &path, steps, route)
    }

    /// Answers in the steps of a route; or in the site's own where there is no route, but an answer.
    fn answer_in_steps<'s>(
        &'s self,
        way: Way<'s>,
        cx: &mut Cx<'_>,
        asked: Asked<'_>,
        path: &[u8],
        steps: &'s Steps,
        route: Result<&'s Route, Answer>,
    ) -> Reply {
        let Asked { request, peer, .. } = asked;
        let (cors, refused) = if way.is_for_page {
            (None, None)
        } else {
            peer.notes.pace.set(steps.pace());
            let cors = steps.decide_cors(cx, request);
            let refused = steps.refuse(cx, request, peer, way.counted, cors.as_ref());
            (cors, refused)
        };
        let way = Way { counted: steps.counted(way.counted), ..way };
        let reply = match (refused, route) {
            (Some(reply), _) => reply,
            (None, Err(answer)) => answer.into(),
            // What it leads to has steps of its own.
            (None, Ok(route @ Route { responder: Responder::Rewrite(_), .. })) => {
                return self.respond(way, cx, request, peer, path, route);
            }
            (None, Ok(route)) => {
                let changed = steps.change_request(asked);
                let request = changed.as_ref().unwrap_or(request);
                self.respond(way, cx, request, peer, path, route)
            }
        };
        let reply = match reply {
            Reply::Now(answer) => {
                self.finish(way, cx, asked, (steps, cors.as_ref()), answer).into()
            }
            other => other,
        };
        if way.is_for_page { reply } else { steps.put_hints_ahead(asked, reply) }
    }

    /// Does to an answer that was promised what is done to others.
    pub(crate) fn finish_promised(
        &self,
        cx: &mut Cx<'_>,
        request: &Request,
        peer: &Peer<'_>,
        answer: Answer,
    ) -> Reply {
        let mut rewritten;
        let (mut way, mut request) = (Way::default(), request);
        loop {
            let Ok(path) = request.target.normal_path() else { return answer.into() };
            let Found::Route(route) = self.routes.find(&path, &request.method) else {
                return answer.into();
            };
            let asked = Asked { request, peer, rest: route.rest(&path) };
            match (&route.responder, &route.steps) {
                (Responder::Rewrite(to), _) if way.rewrites < REWRITES_MAX => {
                    let Some(to) = rewrite(asked, to) else { return answer.into() };
                    rewritten = to;
                    request = &rewritten;
                    way.rewrites += 1;
                }
                (_, Some(steps)) => {
                    let cors = steps.decide_cors(cx, request);
                    let answer = self.finish(way, cx, asked, (steps, cors.as_ref()), answer);
                    return steps.put_other_hints_ahead(asked, answer);
                }
                (_, None) => return answer.into(),
            }
        }
    }

    fn finish(
        &self,
        way: Way<'_>,
        cx: &mut Cx<'_>,
        asked: Asked<'_>,
        (steps, cors): (&Steps, Option<&cors::Decision>),
        answer: Answer,
    ) -> Answer {
        let mut answer = self.with_page(way, cx, asked, steps, answer);
        steps.change_answer(cx, asked, cors, &mut answer.response);
        answer
    }

    /// The answer, or if it is an error for which the site has a page, that page.
    fn with_page(
        &self,
        way: Way<'_>,
        cx: &mut Cx<'_>,
        asked: Asked<'_>,
        steps: &Steps,
        answer: Answer,
    ) -> Answer {
        let status = answer.response.status;
        let page =
            if way.is_for_page || !status.is_error() { None } else { steps.error_page(status) };
        let Some(path) = page else { return answer };
        let Ok(target) = Target::origin(&percent::encode(path.as_bytes(), percent::PATH)) else {
            return answer;
        };
        let request = steps::request_for_page(asked.request, target);
        let way = Way { is_for_page: true, ..way };
        match self.answer_on(way, cx, &request, asked.peer) {
            Reply::Now(page) if page.response.status == Status::OK => {
                cx.note(|| Seen::ErrorPageShown { status, path });
                steps::show(page, answer)
            }
            // The client takes none of the page's types or languages: it gets ours.
            Reply::Now(page) if page.response.status == Status::NOT_ACCEPTABLE => answer,
            _ => {
                if let Some(unsaid) = self.of_pages.ask(cx.now()) {
                    let status = status.code();
                    tracing::warn!(path, status, unsaid, "the page for this error is not there");
                }
                answer
            }
        }
    }

    #[inline]
    fn respond(
        &self,
        way: Way<'_>,
        cx: &mut Cx<'_>,
        request: &Request,
        peer: &Peer<'_>,
        path: &[u8],
        route: &Route,
    ) -> Reply {
        let rest = route.rest(path);
        match &route.responder {
            // The directory itself has a slash at its end.
            Responder::Directory(_) if rest.is_empty() => {
                respond::redirect_to_slash(&request.target).into()
            }
            Responder::Directory(directory)
                if matches!(request.method, Method::Get | Method::Head) =>
            {
                directory.get(cx, request, rest.strip_prefix(b"/").unwrap_or(rest))
            }
            Responder::Directory(_) => {
                without_method(cx, request, &METHODS, self.routes.named_methods(path)).into()
            }
            Responder::Respond(status, Some(text)) => respond::text(*status, text).into(),
            Responder::Respond(status, None) if status.is_error() => {
                pages::bare_error(cx, request, *status).into()
            }
            Responder::Respond(status, None) => respond::text(*status, "").into(),
            Responder::Redirect(location, status) => {
                let location = Asked { request, peer, rest }.fill(location);
                respond::redirect(*status, &location).into()
            }
            Responder::Rewrite(to) => {
                let asked = Asked { request, peer, rest };
                self.rewrite(way, cx, asked, to)
            }
            Responder::Close => Reply::Close,
        }
    }

    fn rewrite(&self, way: Way<'_>, cx: &mut Cx<'_>, asked: Asked<'_>, to: &Template) -> Reply {
        let Asked { request, peer, .. } = asked;
        if way.rewrites >= REWRITES_MAX {
            cx.note(|| Seen::Refused { because: Why::RewritesGoRound });
            if let Some(unsaid) = self.of_circles.ask(cx.now()) {
                let target = request.target.as_str();
                tracing::error!(target, unsaid, "rewrites go round in a circle");
            }
            let status = Status::INTERNAL_SERVER_ERROR;
            return pages::error(cx, request, status, |say| say.rewrites_go_round).into();
        }
        let Some(rewritten) = rewrite(asked, to) else {
            return pages::error(cx, request, Status::NOT_FOUND, |say| say.nothing_here).into();
        };
        cx.note(|| Seen::Rewritten { path: rewritten.target.as_str() });
        let way = Way { rewrites: way.rewrites + 1, ..way };
        self.answer_on(way, cx, &rewritten, peer)
    }
}

impl Route {
    /// What of a path follows the route's own.
    #[inline]
    fn rest<'p>(&self, path: &'p [u8]) -> &'p [u8] {
        path.get(self.prefix_len..).unwrap_or_default()
    }
}

/// The same request for another path.
fn rewrite(asked: Asked<'_>, to: &Template) -> Option<Request> {
    let mut path = String::from_utf8(asked.fill(to)).ok()?;
    if let (Some(query), false) = (asked.request.target.query(), path.contains('?')) {
        path.push('?');
        path.push_str(query);
    }
    if !path.starts_with('/') {
        path.insert(0, '/');
    }
    let target = Target::origin(&path).ok()?;
    Some(Request { target, ..asked.request.clone() })
}

/// Answers a request whose method has no use at its path: OPTIONS asks which have, others are told so.
/// These are those `of_handler`, and those that routes of their own are there for.
#[cold]
fn without_method(
    cx: &mut Cx<'_>,
    request: &Request,
    of_handler: &[Method],
    named: Vec<Method>,
) -> Answer {
    let mut methods = of_handler.to_vec();
    for method in named {
        // RFC 9110 §9.3.2: where GET is, HEAD is too.
        let head = (method == Method::Get).then_some(Method::Head);
        methods.extend([method].into_iter().chain(head));
    }
    // RFC 9110 §9.3.7, §10.2.1: it is answered here, so it is one of them.
    methods.push(Method::Options);
    match request.method {
        Method::Options => respond::options(&methods),
        _ => respond::not_allowed(cx, request, &methods),
    }
}

/// Answers a request whose target has no path that could be looked for.
#[cold]
fn without_path(cx: &mut Cx<'_>, request: &Request, what: &str) -> Answer {
    match request.target.form() {
        // RFC 9110 §9.3.6: no tunnels begin here.
        Form::Authority => respond::not_allowed(cx, request, &METHODS),
        // RFC 9110 §9.3.7: OPTIONS of the server as a whole.
        Form::Asterisk => respond::options(&METHODS),
        Form::Origin | Form::Absolute => {
            cx.note(|| Seen::PathRefused { what });
            pages::error(cx, request, Status::BAD_REQUEST, |say| say.path_unusable)
        }
    }
}
