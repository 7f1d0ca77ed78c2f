//! The handler that serves a directory.

use std::cell::Cell;
use std::rc::Rc;

use base::Cx;
use files::{Entry, File, Refused, Root};
use message::{Method, Name, Request, Status};
use server::{Answer, Handler, Peer, Record, Reply};

use super::access_log::AccessLog;
use super::coded::Coded;
use super::pages;
use super::representation::Representation;
use super::respond::{self, Selected};
use crate::listing;

/// What a resource here understands.
const METHODS: [Method; 3] = [Method::Get, Method::Head, Method::Options];

/// A directory on the web.
pub(crate) struct Site(Rc<Inner>);

struct Inner {
    root: Rc<Root<Representation>>,
    coded: Rc<Coded>,
    log: AccessLog,
    /// The worker's round in which changes of files were last asked for.
    round: Cell<u64>,
}

impl Site {
    pub(crate) fn new(root: Root<Representation>, log: AccessLog) -> Self {
        let root = Rc::new(root);
        let watched = Rc::clone(&root);
        tokio::task::spawn_local(async move { watched.watch().await });
        Self(Rc::new(Inner { root, coded: Rc::default(), log, round: Cell::new(0) }))
    }
}

impl Handler for Site {
    fn handle(&self, cx: &mut Cx<'_>, request: &Request, _peer: &Peer) -> Reply {
        match request.method {
            Method::Get | Method::Head => self.0.get(cx, request),
            Method::Options => respond::options(&METHODS).into(),
            // RFC 9110 §9.1: 501 for a method nobody here knows, 405 for one that has no use here.
            Method::Other(_) => pages::error(
                request,
                Status::NOT_IMPLEMENTED,
                "this server does not know the method",
            )
            .into(),
            _ => respond::not_allowed(request, &METHODS).into(),
        }
    }

    fn finished(&self, record: &Record<'_>) {
        self.0.log.add(record);
    }

    fn tick(&self) {
        self.0.log.flush();
        for notice in self.0.root.take_notices() {
            tracing::warn!("{notice:?}");
        }
    }
}

impl Inner {
    fn get(&self, cx: &mut Cx<'_>, request: &Request) -> Reply {
        let path = match request.target.normal_path() {
            Ok(path) => path,
            Err(bad) => return pages::error(request, Status::BAD_REQUEST, bad.what).into(),
        };
        self.hear_changes();
        let name = path.strip_prefix(b"/").unwrap_or(&path);
        match name.strip_suffix(b"/") {
            Some(directory) => self.get_directory(cx, request, directory),
            None if name.is_empty() => self.get_directory(cx, request, name),
            None => match self.root.lookup(name, cx.now()) {
                Ok(Entry::File(file)) => self.get_file(cx, request, name, file),
                Ok(Entry::Directory) => respond::redirect_to_slash(&request.target, &path).into(),
                Err(refused) => self.refuse(cx, request, refused),
            },
        }
    }

    /// A change that was made before a request was sent shows in its answer. The kernel may report
    /// both at once, so changes are asked for before the first request of each round: one system
    /// call for all the requests that came in together.
    fn hear_changes(&self) {
        let round = server::round_number();
        if self.round.replace(round) != round {
            self.root.drain();
        }
    }

    fn get_directory(&self, cx: &mut Cx<'_>, request: &Request, directory: &[u8]) -> Reply {
        match self.root.lookup(directory, cx.now()) {
            Ok(Entry::Directory) => {}
            // A file is no directory, whatever stands behind its name.
            Ok(Entry::File(_)) => return self.refuse(cx, request, Refused::NotFound),
            Err(refused) => return self.refuse(cx, request, refused),
        }
        let index: &[u8] = if directory.is_empty() {
            b"index.html"
        } else {
            &[directory, b"/index.html"].concat()
        };
        match self.root.lookup(index, cx.now()) {
            Ok(Entry::File(file)) => self.get_file(cx, request, index, file),
            Ok(Entry::Directory) | Err(Refused::NotFound) => match self.root.list(directory) {
                Ok(listing) => pages::directory(request, directory, listing).into(),
                Err(refused) => self.refuse(cx, request, refused),
            },
            Err(refused) => self.refuse(cx, request, refused),
        }
    }

    #[inline]
    fn get_file(
        &self,
        cx: &mut Cx<'_>,
        request: &Request,
        path: &[u8],
        file: Rc<File<Representation>>,
    ) -> Reply {
        if request.fields.contains(Name::AcceptEncoding) {
            return self.coded.choose(cx, &self.root, request, path, file);
        }
        let selected = Selected::identity(&file);
        respond::with(cx, request, &selected).into()
    }

    fn refuse(&self, cx: &Cx<'_>, request: &Request, refused: Refused) -> Reply {
        let (status, explanation) = match refused {
            // Whether something hides there is nobody's business (RFC 9110 §15.5.4).
            Refused::NotFound | Refused::Hidden | Refused::OutsideRoot | Refused::NotAFile => {
                return self.not_found(cx, request).into();
            }
            Refused::Denied => (Status::FORBIDDEN, "this may not be read"),
            Refused::Exhausted => (Status::SERVICE_UNAVAILABLE, "too much is going on; try again"),
            Refused::Other(_) => (Status::INTERNAL_SERVER_ERROR, "this cannot be read"),
        };
        if let Refused::Other(kind) = refused {
            tracing::error!(target = request.target.as_str(), %kind, "cannot be read");
        }
        pages::error(request, status, explanation).into()
    }

    /// The site's own page, `404.html` at its top, for who would rather read HTML; else ours.
    fn not_found(&self, cx: &Cx<'_>, request: &Request) -> Answer {
        let status = Status::NOT_FOUND;
        if listing::Form::of_error(&request.fields) == listing::Form::Html
            && let Ok(Entry::File(page)) = self.root.lookup(b"404.html", cx.now())
        {
            return respond::error_page(status, &Selected::identity(&page));
        }
        pages::error(request, status, "there is nothing here")
    }
}
