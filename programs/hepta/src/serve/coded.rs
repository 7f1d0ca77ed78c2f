//! Content codings: files that lie ready compressed beside the original, or compressed on the way
//! and kept.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use base::{Chunk, Cx};
use bytes::Bytes;
use coding::{Coding, Effort, Encoder};
use files::{Content, Entry, File, Modified, Root};
use message::{Fields, Name, Request, Response, Status};
use semantics::conditional::{self, Verdict};
use semantics::encoding;
use server::{Answer, Body, Reply, Source};
use tokio::sync::OnceCell;

use super::pages;
use super::representation::{self, Representation};
use super::respond::{self, Selected};

/// Shorter content is sent as it is: what compressing it wins does not pay for the fields that say
/// so, and it fits one packet anyway.
const CODED_LEN_MIN: u64 = 1024;

/// Content up to this length is compressed whole, once, and kept. Longer content is compressed
/// each time, while it is sent, so that nobody waits for a minute and no memory is filled.
const WHOLE_LEN_MAX: u64 = 4 * 1024 * 1024;

/// How many bytes of compressed content a worker keeps.
const KEPT_LEN_MAX: usize = 32 * 1024 * 1024;

/// How much of a long file is read and compressed at a time: about a millisecond of work.
const STEP_LEN: usize = 64 * 1024;

/// Representations in content codings, of one worker.
#[derive(Debug, Default)]
pub(crate) struct Coded {
    kept: RefCell<HashMap<Key, Slot>>,
    /// In the order in which they came, for the one to forget first.
    order: RefCell<VecDeque<Key>>,
    kept_len: Rc<Cell<usize>>,
}

/// The content of a file at one time, in one coding.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Key {
    device: u64,
    inode: u64,
    changed: Modified,
    len: u64,
    coding: Coding,
}

/// The compressed content, as soon as it is there; everybody who asks meanwhile waits for the same.
type Slot = Rc<OnceCell<Bytes>>;

impl Coded {
    /// Answers with the coding of `file` that the client likes best.
    pub(crate) fn choose(
        &self,
        cx: &mut Cx<'_>,
        root: &Root<Representation>,
        request: &Request,
        path: &[u8],
        file: Rc<File<Representation>>,
    ) -> Reply {
        if !file.derived.is_compressible {
            return match encoding::choose(cx, &request.fields, &[Coding::Identity]) {
                Some(_) => respond::with(cx, request, &Selected::identity(&file)).into(),
                None => not_acceptable(cx, request, &[Coding::Identity]).into(),
            };
        }
        let siblings = Coding::ALL.map(|coding| (coding, sibling(cx, root, path, coding, &file)));
        let offered = offered(request, file.len);
        let ready = siblings.iter().filter(|(_, file)| file.is_some()).map(|(coding, _)| *coding);
        let mut codings: Vec<Coding> = ready.collect();
        let chosen = if codings.is_empty() {
            encoding::choose(cx, &request.fields, offered)
        } else {
            // What lies ready comes first among what the client likes equally well.
            codings.extend_from_slice(offered);
            encoding::choose(cx, &request.fields, &codings)
        };
        for (coding, sibling) in siblings {
            if let (true, Some(sibling)) = (chosen == Some(coding), sibling) {
                return with_sibling(cx, request, coding, &file, &sibling).into();
            }
        }
        match chosen {
            Some(Coding::Identity) => respond::with(cx, request, &Selected::identity(&file)).into(),
            Some(coding) if file.len <= WHOLE_LEN_MAX => self.whole(cx, request, coding, file),
            Some(coding) => stream(cx, request, coding, &file).into(),
            None => self.without_identity(cx, request, file),
        }
    }

    /// The client will not have it as it is, which is how we would rather send it.
    fn without_identity(
        &self,
        cx: &mut Cx<'_>,
        request: &Request,
        file: Rc<File<Representation>>,
    ) -> Reply {
        match encoding::choose(cx, &request.fields, &Coding::ALL) {
            Some(coding) if file.len <= WHOLE_LEN_MAX => self.whole(cx, request, coding, file),
            Some(coding) => stream(cx, request, coding, &file).into(),
            None => {
                let all = [Coding::Identity, Coding::Brotli, Coding::Zstd, Coding::Gzip];
                not_acceptable(cx, request, &all).into()
            }
        }
    }

    /// Compresses the whole content, or has done so before.
    fn whole(
        &self,
        cx: &mut Cx<'_>,
        request: &Request,
        coding: Coding,
        file: Rc<File<Representation>>,
    ) -> Reply {
        let etag = representation::etag(file.modified, file.len, file.is_settled, coding);
        let slot = self.slot(Key::of(&file, coding));
        if let Some(bytes) = slot.get() {
            let fields = file.derived.fields_in(coding, &etag, Some(bytes.len() as u64));
            let content = Content::Memory(bytes.clone());
            return respond::with(cx, request, &coded(&file, &content, &etag, &fields)).into();
        }
        // Whether the client wants it can be told before it is made.
        let (fields, content) =
            (file.derived.fields_in(coding, &etag, None), Content::Memory(Bytes::new()));
        let selected = coded(&file, &content, &etag, &fields);
        let verdict =
            conditional::evaluate(cx, &request.method, &request.fields, &selected.validators());
        if !matches!(verdict, Verdict::Proceed { .. }) {
            return respond::with(cx, request, &selected).into();
        }
        let kept_len = Rc::clone(&self.kept_len);
        // A range of what is not there yet is not waited for: a server may ignore Range
        // (RFC 9110 §14.2).
        Reply::Later(Box::pin(async move {
            match slot.get_or_try_init(|| compress(file.content.clone(), file.len, coding)).await {
                Ok(bytes) => {
                    kept_len.set(kept_len.get() + bytes.len());
                    let fields = file.derived.fields_in(coding, &etag, Some(bytes.len() as u64));
                    let content = Content::Memory(bytes.clone());
                    respond::whole(&coded(&file, &content, &etag, &fields))
                }
                Err(error) => {
                    tracing::error!(%error, coding = coding.as_str(), "cannot be compressed");
                    respond::whole(&Selected::identity(&file))
                }
            }
        }))
    }

    fn slot(&self, key: Key) -> Slot {
        let (mut kept, mut order) = (self.kept.borrow_mut(), self.order.borrow_mut());
        if let Some(slot) = kept.get(&key) {
            return Rc::clone(slot);
        }
        while self.kept_len.get() > KEPT_LEN_MAX {
            let Some(oldest) = order.pop_front() else { break };
            let len = kept.remove(&oldest).and_then(|slot| slot.get().map(Bytes::len));
            self.kept_len.set(self.kept_len.get().saturating_sub(len.unwrap_or(0)));
        }
        order.push_back(key);
        Rc::clone(kept.entry(key).or_default())
    }
}

impl Key {
    fn of(file: &File<Representation>, coding: Coding) -> Self {
        let File { device, inode, changed, len, .. } = *file;
        Self { device, inode, changed, len, coding }
    }
}

/// What is worth being sent in another coding than as it is, in our order.
fn offered(request: &Request, len: u64) -> &'static [Coding] {
    // A part of a long file is wanted, and only what has a known length has parts.
    let wants_part_of_long = len > WHOLE_LEN_MAX && request.fields.contains(Name::Range);
    if len < CODED_LEN_MIN || wants_part_of_long {
        &[Coding::Identity]
    } else {
        &[Coding::Brotli, Coding::Zstd, Coding::Gzip, Coding::Identity]
    }
}

/// The file that lies ready in this coding, unless it is older than the original.
fn sibling(
    cx: &Cx<'_>,
    root: &Root<Representation>,
    path: &[u8],
    coding: Coding,
    file: &File<Representation>,
) -> Option<Rc<File<Representation>>> {
    let path = [path, coding.extension().as_bytes()].concat();
    match root.lookup(&path, cx.now()) {
        Ok(Entry::File(sibling)) if sibling.modified >= file.modified => Some(sibling),
        _ => None,
    }
}

fn with_sibling(
    cx: &mut Cx<'_>,
    request: &Request,
    coding: Coding,
    file: &File<Representation>,
    sibling: &File<Representation>,
) -> Answer {
    let etag = representation::etag(sibling.modified, sibling.len, sibling.is_settled, coding);
    let fields = file.derived.fields_in(coding, &etag, Some(sibling.len));
    let selected = Selected { len: sibling.len, ..coded(file, &sibling.content, &etag, &fields) };
    respond::with(cx, request, &selected)
}

fn coded<'a>(
    file: &'a File<Representation>,
    content: &'a Content,
    etag: &'a str,
    fields: &'a Fields,
) -> Selected<'a> {
    let len = if let Content::Memory(bytes) = content { bytes.len() as u64 } else { 0 };
    Selected {
        content,
        len,
        etag,
        last_modified: file.derived.last_modified,
        content_type: &file.derived.content_type,
        fields,
    }
}

/// Sends a long page of our own in the coding that the client likes best, or as it is where it takes none:
/// a page is better than none (RFC 9110 §12.5.3).
pub(crate) fn page(cx: &mut Cx<'_>, request: &Request, mut answer: Answer) -> Reply {
    let Body::Memory(plain) = &answer.body else { return answer.into() };
    if (plain.len() as u64) < CODED_LEN_MIN {
        return answer.into();
    }
    semantics::vary::add(&mut answer.response.fields, Name::AcceptEncoding);
    let offered = [Coding::Brotli, Coding::Zstd, Coding::Gzip, Coding::Identity];
    let chosen = encoding::choose(cx, &request.fields, &offered);
    let Some(coding) = chosen.filter(|coding| *coding != Coding::Identity) else {
        return answer.into();
    };
    let plain = plain.clone();
    Reply::Later(Box::pin(async move {
        let work = move || coding::encode_all(coding, Effort::Once, &plain);
        // It fails only where the program ends.
        if let Ok(coded) = tokio::task::spawn_blocking(work).await {
            let fields = &mut answer.response.fields;
            fields.set(Name::ContentEncoding, coding.as_str());
            fields.set(Name::ContentLength, coded.len().to_string());
            answer.body = Body::Memory(coded.into());
        }
        answer
    }))
}

/// Compresses in a thread of its own, so that the worker goes on.
async fn compress(content: Content, len: u64, coding: Coding) -> io::Result<Bytes> {
    let work = move || {
        let whole = match content {
            Content::Memory(bytes) => bytes,
            Content::Open(file) => {
                let mut bytes = vec![0; len as usize];
                let read = files::read_range(&file, 0, &mut bytes)?;
                if read < bytes.len() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                bytes.into()
            }
        };
        Ok(Bytes::from(coding::encode_all(coding, Effort::Kept, &whole)))
    };
    tokio::task::spawn_blocking(work).await?
}

/// Compresses a long file while it is sent.
fn stream(
    cx: &mut Cx<'_>,
    request: &Request,
    coding: Coding,
    file: &File<Representation>,
) -> Answer {
    let etag = representation::etag(file.modified, file.len, file.is_settled, coding);
    let fields = file.derived.fields_in(coding, &etag, None);
    let selected = coded(file, &file.content, &etag, &fields);
    let verdict =
        conditional::evaluate(cx, &request.method, &request.fields, &selected.validators());
    if !matches!(verdict, Verdict::Proceed { .. }) {
        return respond::with(cx, request, &selected);
    }
    let body = match &file.content {
        Content::Open(open) => Body::Stream(Box::new(Stream {
            file: Arc::clone(open),
            offset: 0,
            left: file.len,
            encoder: Some(Encoder::new(coding, Effort::Once, Some(file.len))),
        })),
        Content::Memory(bytes) => {
            Body::Memory(coding::encode_all(coding, Effort::Once, bytes).into())
        }
    };
    Answer { response: Response::new(Status::OK, fields), body }
}

/// A file that is compressed while it is sent.
struct Stream {
    file: Arc<std::fs::File>,
    offset: u64,
    left: u64,
    encoder: Option<Encoder>,
}

impl Source for Stream {
    fn poll_next(
        &mut self,
        cx: &mut Cx<'_>,
        _task: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Chunk>>> {
        let mut coded = Vec::new();
        let mut buffer = vec![0; STEP_LEN];
        while coded.is_empty() {
            let Some(encoder) = &mut self.encoder else { return Poll::Ready(None) };
            if self.left == 0 {
                if let Some(encoder) = self.encoder.take() {
                    encoder.finish(cx, &mut coded);
                }
                break;
            }
            let len = self.left.min(STEP_LEN as u64) as usize;
            let part = buffer.get_mut(..len).unwrap_or_default();
            match files::read_range(&self.file, self.offset, part) {
                Ok(read) if read == len => encoder.write(part, &mut coded),
                Ok(_) => return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into()))),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
            self.offset += len as u64;
            self.left -= len as u64;
        }
        Poll::Ready(Some(Ok(coded.into())))
    }
}

/// RFC 9110 §12.5.3, §15.5.7: the client excludes every coding there is, the plain one included.
fn not_acceptable(cx: &mut Cx<'_>, request: &Request, available: &[Coding]) -> Answer {
    let names: Vec<&str> = available.iter().map(|coding| coding.as_str()).collect();
    let mut answer = pages::error(cx, request, Status::NOT_ACCEPTABLE, |say| {
        (say.no_coding_acceptable)(&names.join(", "))
    });
    semantics::vary::add(&mut answer.response.fields, Name::AcceptEncoding);
    answer
}
