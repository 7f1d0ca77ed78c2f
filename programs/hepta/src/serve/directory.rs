//! A directory on the web.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io;
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};

use base::Cx;
use files::{Entry, File, Refused, Root};
use message::{Method, Name, Request, Status};
use server::{Answer, Listening, Reply};

use super::coded::{self, Coded};
use super::hush::Hush;
use super::pages;
use super::representation::Representation;
use super::respond::{self, Selected};
use super::variants::{Chosen, Variants};
use crate::config::FilesSettings;
use crate::listing;
use crate::words::Errors;

/// What a resource here understands.
pub(crate) const METHODS: [Method; 3] = [Method::Get, Method::Head, Method::Options];

/// A file that stands for a directory, behind its path.
type Index<'a> = (Cow<'a, [u8]>, Rc<File<Representation>>);

/// A directory on the web, for one worker.
pub(crate) struct Directory {
    root: Rc<Root<Representation>>,
    coded: Rc<Coded>,
    settings: FilesSettings,
    /// What is said of files that the file system cannot read.
    of_unreadable: Hush,
}

impl Directory {
    /// Opens a directory.
    pub(crate) fn open(settings: &FilesSettings) -> io::Result<Self> {
        let root = Root::open(&settings.directory, files::Config::default(), Representation::of)?;
        let (root, settings) = (Rc::new(root), settings.clone());
        Ok(Self { root, coded: Rc::default(), settings, of_unreadable: Hush::default() })
    }

    /// The same as [`get`](Self::get) for what was answered before, and of which this hint says where its
    /// file was found.
    #[inline(always)]
    pub(crate) fn answer_again(
        &self,
        cx: &mut Cx<'_>,
        request: &Request,
        name: &[u8],
        hint: &files::Hint,
    ) -> Reply {
        if self.settings.tries.is_empty()
            && let Some(file) = self.root.find_again(hint, name, cx.now())
        {
            return self.get_file(cx, request, name, file);
        }
        self.get(cx, request, name)
    }

    /// Changes of the files, where the kernel tells of them.
    pub(crate) fn listening(&self) -> Option<Listening> {
        let source = self.root.listen()?;
        let root = Rc::clone(&self.root);
        Some(Listening { source, hear: Box::new(move || root.drain()) })
    }

    /// Says what an operator should know. Each worker finds it out for itself; the log has it once.
    pub(crate) fn tick(&self) {
        for notice in self.root.take_notices() {
            say_once(format!("{}: {notice}", self.settings.directory.display()));
        }
    }

    /// Answers a GET or HEAD for `name`, which is the decoded path below the directory, without a slash
    /// in front.
    #[inline(always)]
    pub(crate) fn get(&self, cx: &mut Cx<'_>, request: &Request, name: &[u8]) -> Reply {
        if !self.settings.tries.is_empty() {
            return self.try_each(cx, request, name);
        }
        match name.strip_suffix(b"/") {
            Some(directory) => self.get_directory(cx, request, directory),
            None if name.is_empty() => self.get_directory(cx, request, name),
            None => match self.root.lookup(name, cx.now()) {
                Ok(Entry::File(file)) => self.get_file(cx, request, name, file),
                Ok(Entry::Directory) => respond::redirect_to_slash(&request.target).into(),
                Err(Refused::NotFound) if self.settings.negotiates => {
                    let reply = self.negotiate(cx, request, name);
                    reply.unwrap_or_else(|| self.refuse(cx, request, Refused::NotFound))
                }
                Err(refused) => self.refuse(cx, request, refused),
            },
        }
    }

    /// One of the files that answer for this name, if there are some.
    #[cold]
    fn negotiate(&self, cx: &mut Cx<'_>, request: &Request, name: &[u8]) -> Option<Reply> {
        let variants = Variants::find(cx, &self.root, &self.settings, name)?;
        Some(match variants.choose(cx, request)? {
            Chosen::File(path, file, choice) => {
                choice.describe(self.get_file(cx, request, &path, file))
            }
            Chosen::None(answer) => answer.into(),
        })
    }

    /// The first of the paths to try that leads to a file, to one of several that answer for it, or to a
    /// directory that something stands for.
    fn try_each(&self, cx: &mut Cx<'_>, request: &Request, name: &[u8]) -> Reply {
        for pattern in &self.settings.tries {
            let path = put_in(pattern, name);
            let path = path.strip_prefix(b"/").unwrap_or(&path);
            let entry = path.strip_suffix(b"/").unwrap_or(path);
            match self.root.lookup(entry, cx.now()) {
                Ok(Entry::File(file)) if entry == path => {
                    return self.get_file(cx, request, path, file);
                }
                Ok(Entry::Directory) => {
                    if let Some(reply) = self.stand_in(cx, request, entry) {
                        // Links on the page are relative to the directory.
                        return match name.is_empty() || name.ends_with(b"/") {
                            true => reply,
                            false => respond::redirect_to_slash(&request.target).into(),
                        };
                    }
                }
                Ok(Entry::File(_)) => {}
                Err(refused) if is_nothing(refused) => {
                    if self.settings.negotiates
                        && let Some(reply) = self.negotiate(cx, request, path)
                    {
                        return reply;
                    }
                }
                Err(refused) => return self.refuse(cx, request, refused),
            }
        }
        self.refuse(cx, request, Refused::NotFound)
    }

    fn get_directory(&self, cx: &mut Cx<'_>, request: &Request, directory: &[u8]) -> Reply {
        match self.root.lookup(directory, cx.now()) {
            Ok(Entry::Directory) => {}
            // A file is no directory, whatever stands behind its name.
            Ok(Entry::File(_)) => return self.refuse(cx, request, Refused::NotFound),
            Err(refused) => return self.refuse(cx, request, refused),
        }
        let reply = self.stand_in(cx, request, directory);
        reply.unwrap_or_else(|| self.refuse(cx, request, Refused::NotFound))
    }

    /// What stands for a directory: its index, one of those that answer for that name, or its listing.
    #[inline]
    fn stand_in(&self, cx: &mut Cx<'_>, request: &Request, directory: &[u8]) -> Option<Reply> {
        match self.index(cx, directory) {
            Ok(Some((index, file))) => return Some(self.get_file(cx, request, &index, file)),
            Ok(None) => {}
            Err(refused) => return Some(self.refuse(cx, request, refused)),
        }
        if self.settings.negotiates {
            let mut indexes = self.settings.index.iter().map(|name| within(directory, name));
            if let Some(reply) = indexes.find_map(|path| self.negotiate(cx, request, &path)) {
                return Some(reply);
            }
        }
        if !self.settings.has_listing {
            return None;
        }
        Some(match self.root.list(directory) {
            Ok(listing) => {
                let page = pages::directory(cx, request, directory, listing);
                coded::page(cx, request, page)
            }
            Err(refused) => self.refuse(cx, request, refused),
        })
    }

    /// The file that stands for a directory, and its path, if there is one.
    ///
    /// # Errors
    ///
    /// There may be one, but it cannot be opened.
    fn index(&self, cx: &Cx<'_>, directory: &[u8]) -> Result<Option<Index<'_>>, Refused> {
        for name in &self.settings.index {
            let path = within(directory, name);
            match self.root.lookup(&path, cx.now()) {
                Ok(Entry::File(file)) => return Ok(Some((path, file))),
                Ok(Entry::Directory) => {}
                Err(refused) if is_nothing(refused) => {}
                Err(refused) => return Err(refused),
            }
        }
        Ok(None)
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

    #[cold]
    fn refuse(&self, cx: &mut Cx<'_>, request: &Request, refused: Refused) -> Reply {
        let (status, why): (_, fn(&Errors) -> &'static str) = match refused {
            // Whether something hides there is nobody's business (RFC 9110 §15.5.4).
            _ if is_nothing(refused) => return self.not_found(cx, request).into(),
            Refused::Denied => (Status::FORBIDDEN, |say| say.not_readable),
            Refused::Exhausted => (Status::SERVICE_UNAVAILABLE, |say| say.exhausted),
            _ => (Status::INTERNAL_SERVER_ERROR, |say| say.unreadable),
        };
        self.report(cx, request, refused);
        pages::error(cx, request, status, why).into()
    }

    /// Tells the operator what is there and cannot be sent; strangers are told less.
    fn report(&self, cx: &Cx<'_>, request: &Request, refused: Refused) {
        let why = match refused {
            Refused::Denied => "the user that serves may not read it".to_owned(),
            Refused::Exhausted => "no descriptor or no memory is left".to_owned(),
            Refused::Other(kind) => kind.to_string(),
            Refused::NotFound | Refused::Hidden | Refused::OutsideRoot | Refused::NotAFile => {
                return;
            }
        };
        let Some(unsaid) = self.of_unreadable.ask(cx.now()) else { return };
        let directory = self.settings.directory.display();
        tracing::error!(target = request.target.as_str(), %directory, why, unsaid, "cannot be read");
    }

    /// The site's own page for who would rather read HTML, if it has one; else ours.
    fn not_found(&self, cx: &mut Cx<'_>, request: &Request) -> Answer {
        let is_html = listing::Form::of_error(&request.fields) == listing::Form::Html;
        let page = if is_html { self.own_not_found(cx, request) } else { None };
        page.unwrap_or_else(|| pages::error(cx, request, Status::NOT_FOUND, |say| say.nothing_here))
    }

    /// `404.html` at the top, or one of those that answer for it, such as `404.de.html`.
    fn own_not_found(&self, cx: &mut Cx<'_>, request: &Request) -> Option<Answer> {
        let name = b"404.html";
        let shown = |page: &_| respond::error_page(Status::NOT_FOUND, &Selected::identity(page));
        match self.root.lookup(name, cx.now()) {
            Ok(Entry::File(page)) => return Some(shown(&page)),
            _ if !self.settings.negotiates => return None,
            _ => {}
        }
        match Variants::find(cx, &self.root, &self.settings, name)?.choose(cx, request)? {
            Chosen::File(_, page, choice) => {
                let mut answer = shown(&page);
                choice.describe_page(&mut answer.response.fields);
                Some(answer)
            }
            Chosen::None(_) => None,
        }
    }
}

/// Whether a name stands for nothing that could be shown, so that the next one may have its turn.
///
/// A file that is there and cannot be opened, for want of leave or of a descriptor, does not make room
/// for another: that one would be taken, and kept by caches, for what was asked for.
const fn is_nothing(refused: Refused) -> bool {
    match refused {
        Refused::NotFound | Refused::Hidden | Refused::OutsideRoot | Refused::NotAFile => true,
        Refused::Denied | Refused::Exhausted | Refused::Other(_) => false,
    }
}

/// The path of a file in a directory.
fn within<'a>(directory: &[u8], name: &'a str) -> Cow<'a, [u8]> {
    match directory {
        b"" => Cow::Borrowed(name.as_bytes()),
        _ => Cow::Owned([directory, b"/", name.as_bytes()].concat()),
    }
}

/// Puts the path that was asked for where a pattern has `{path}`.
fn put_in(pattern: &str, name: &[u8]) -> Vec<u8> {
    match pattern.split_once("{path}") {
        Some((before, after)) => [before.as_bytes(), name, after.as_bytes()].concat(),
        None => pattern.as_bytes().to_vec(),
    }
}

/// Puts a line into the log that was not there before.
fn say_once(line: String) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if !said.contains(&line) {
        tracing::warn!("{line}");
        said.insert(line);
    }
}
