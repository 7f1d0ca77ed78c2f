//! From a request to the site that answers it, by the name it asks for.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::{io, ptr};

use base::Cx;
use message::{Method, Pace, Request, Status};
use server::{Answer, Handler, Listening, Peer, Record, Reply};

use super::access_log::{AccessLog, Logs};
use super::directory::Directory;
use super::pages;
use super::remembered::Remembered;
use super::routes::Map;
use super::site::Site;
use super::tally::{OfWorker, Tallies};
use super::xray::{Seen, Why};
use crate::config::{self, HostPattern, LogFormat, LogPlace, Settings};
use crate::words::Errors;

/// The longest name that there can be (RFC 1035 §2.3.4): longer ones are not looked for.
const HOST_LEN_MAX: usize = 255;

/// The sentence that says why there is no site.
type Says = fn(&Errors) -> &'static str;

const NO_SITE: Says = |say| say.no_such_site;

/// All sites of a server, for one worker.
pub(crate) struct Sites {
    exactly: Map<Box<str>, Rc<Site>>,
    below: Map<Box<str>, Rc<Site>>,
    default: Option<Site>,
    directories: Vec<Rc<Directory>>,
    /// The log of what no site has a log for.
    log: AccessLog,
    /// Whether it depends on the site what is logged, and where.
    logs_by_site: bool,
    /// Counts requests, if somebody can ask for it.
    tally: Option<OfWorker>,
    remembered: RefCell<Remembered>,
}

impl Sites {
    /// Opens what is to be served by the worker of this number; its requests are counted if there
    /// are `tallies`.
    pub(crate) fn open(
        settings: &Settings,
        logs: &Logs,
        tallies: Option<&Tallies>,
        worker: usize,
    ) -> io::Result<Self> {
        let pushes = settings.limits.http2.as_ref().is_some_and(|http2| http2.push);
        let open = |site: &config::Site, directories: &mut Vec<Rc<Directory>>| {
            let mark_of = |path: Option<&_>| tallies.map_or(0, |all| all.mark_of(site, path));
            Site::open(site, logs, directories, mark_of, pushes)
        };
        let mut directories = Vec::new();
        let (mut exactly, mut below) = (Map::default(), Map::default());
        for settings in &settings.sites {
            let site = Rc::new(open(settings, &mut directories)?);
            for name in &settings.names {
                let (names, name) = match name {
                    HostPattern::Exactly(name) => (&mut exactly, name),
                    HostPattern::Below(name) => (&mut below, name),
                };
                names.insert(name.as_str().into(), Rc::clone(&site));
            }
        }
        let default = settings.default.as_ref();
        let default = default.map(|site| open(site, &mut directories)).transpose()?;
        let log = logs.of_worker(settings.access_log.as_ref());
        let logs_by_site = logs_by_site(settings);
        let tally = tallies.map(|tallies| tallies.of_worker(worker));
        Ok(Self {
            exactly,
            below,
            default,
            directories,
            log,
            logs_by_site,
            tally,
            remembered: RefCell::default(),
        })
    }

    /// The site that has this request's name.
    ///
    /// # Errors
    ///
    /// Why there is none: the answer is 421 (RFC 9110 §15.5.20).
    #[inline(always)]
    fn find(&self, request: &Request, peer: &Peer<'_>) -> Result<&Site, Says> {
        let default = self.default.as_ref();
        if self.exactly.is_empty() && self.below.is_empty() {
            return default.ok_or(NO_SITE);
        }
        let authority = request.authority();
        let host = authority.as_ref().map_or("", |authority| authority.host);
        let site = self.find_named(host).or(default).ok_or(NO_SITE)?;
        // RFC 9110 §7.4: who came under one name may not ask for what belongs to another, whose
        // certificate and rules it has not seen.
        let came_under = peer.tls.and_then(|tls| tls.server_name.as_deref());
        match came_under.filter(|name| !name.eq_ignore_ascii_case(host)) {
            Some(name) if !self.find_named(name).or(default).is_some_and(|s| ptr::eq(s, site)) => {
                Err(|say| say.other_site)
            }
            _ => Ok(site),
        }
    }

    fn handle_new(&self, cx: &mut Cx<'_>, request: &Arc<Request>, peer: &Peer<'_>) -> Reply {
        if let Method::Other(_) = request.method {
            // RFC 9110 §9.1: 501 for a method nobody here knows, 405 for one that has no use here.
            let status = Status::NOT_IMPLEMENTED;
            return pages::error(cx, request, status, |say| say.method_unknown).into();
        }
        match self.find(request, peer) {
            Ok(site) => {
                let reply = self.answer_plain(site, cx, request, peer);
                reply.unwrap_or_else(|| site.answer(cx, request, peer))
            }
            Err(why) => {
                cx.note(|| Seen::Refused { because: Why::Misdirected });
                pages::error(cx, request, Status::MISDIRECTED_REQUEST, why).into()
            }
        }
    }

    /// Answers a request for a file around which nothing stands, and remembers where it led.
    fn answer_plain(
        &self,
        site: &Site,
        cx: &mut Cx<'_>,
        request: &Arc<Request>,
        peer: &Peer<'_>,
    ) -> Option<Reply> {
        let path = request.target.normal_path().ok()?;
        let (directory, prefix_len, mark) = site.plain_directory(&path, request)?;
        let name = path.get(prefix_len..)?.strip_prefix(b"/")?;
        self.remembered.borrow_mut().add(request, peer, (directory, name, mark));
        peer.notes.mark.set(mark);
        Some(directory.get(cx, request, name))
    }

    /// Adds a line to the log of the site that answered.
    fn log_by_site(&self, record: &Record<'_>) {
        let site = record.request.and_then(|request| self.find(request, &record.peer).ok());
        let log = site.and_then(|site| site.log.as_ref()).unwrap_or(&self.log);
        log.add(record, site.map(|site| &*site.name));
    }

    fn find_named(&self, host: &str) -> Option<&Site> {
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
        if let Some(site) = self.exactly.get(host) {
            return Some(site);
        }
        let mut rest = host;
        while let Some((_, parent)) = rest.split_once('.') {
            if let Some(site) = self.below.get(parent) {
                return Some(site);
            }
            rest = parent;
        }
        None
    }
}

/// Whether a site has a log of its own, or a log may say which site answered.
fn logs_by_site(settings: &Settings) -> bool {
    let says_site = |log: &config::AccessLog| {
        log.place != LogPlace::Nowhere && log.format != LogFormat::Combined
    };
    let mut sites = settings.sites.iter().chain(&settings.default);
    settings.access_log.as_ref().is_some_and(says_site)
        || sites.any(|site| site.access_log.is_some())
}

impl Handler for Sites {
    fn handle(&self, cx: &mut Cx<'_>, request: &Arc<Request>, peer: &Peer<'_>) -> Reply {
        if let Some(plain) = self.remembered.borrow().find(request, peer) {
            peer.notes.mark.set(plain.mark);
            return plain.directory.answer_again(cx, request, &plain.name, &plain.hint);
        }
        self.handle_new(cx, request, peer)
    }

    fn pace(&self, server_name: Option<&str>) -> Option<Arc<Pace>> {
        let named = server_name.and_then(|name| self.find_named(name));
        named.or(self.default.as_ref())?.pace()
    }

    fn promised(
        &self,
        cx: &mut Cx<'_>,
        request: &Request,
        peer: &Peer<'_>,
        answer: Answer,
    ) -> Reply {
        match self.find(request, peer) {
            Ok(site) => site.finish_promised(cx, request, peer, answer),
            Err(_) => answer.into(),
        }
    }

    fn finished(&self, record: &Record<'_>) {
        if let Some(tally) = &self.tally {
            tally.add(record);
        }
        if self.logs_by_site {
            return self.log_by_site(record);
        }
        self.log.add(record, None);
    }

    fn listens(&self) -> Vec<Listening> {
        self.directories.iter().filter_map(|directory| directory.listening()).collect()
    }

    fn tick(&self) {
        self.log.flush();
        if self.logs_by_site {
            let named = self.exactly.values().chain(self.below.values()).map(|site| &**site);
            let own = named.chain(&self.default).filter_map(|site| site.log.as_ref());
            own.for_each(AccessLog::flush);
        }
        for directory in &self.directories {
            directory.tick();
        }
    }
}
