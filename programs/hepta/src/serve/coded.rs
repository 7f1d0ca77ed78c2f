//! Content codings: files that lie ready compressed beside the original, or compressed on the way
//! and kept.

use std::rc::Rc;

use base::Cx;
use files::{Entry, File, Root};
use message::{Request, Status};
use semantics::encoding::{self, Coding};
use server::Reply;

use super::pages;
use super::representation::{self, Representation};
use super::respond::{self, Selected};

/// Our order among codings that the client likes equally well: the smallest first.
const PREFERENCE: [(Coding, &str); 3] =
    [(Coding::Brotli, ".br"), (Coding::Zstd, ".zst"), (Coding::Gzip, ".gz")];

/// Representations in content codings.
#[derive(Debug, Default)]
pub(crate) struct Coded {}

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
        let siblings = if file.derived.is_compressible {
            PREFERENCE.map(|(coding, suffix)| (coding, sibling(cx, root, path, suffix, &file)))
        } else {
            PREFERENCE.map(|(coding, _)| (coding, None))
        };
        let mut offered = Vec::with_capacity(4);
        offered.extend(siblings.iter().filter(|(_, s)| s.is_some()).map(|(coding, _)| *coding));
        offered.push(Coding::Identity);
        match encoding::choose(cx, &request.fields, &offered) {
            Some(Coding::Identity) => respond::with(cx, request, &Selected::identity(&file)).into(),
            Some(coding) => {
                let sibling = siblings.into_iter().find(|(c, _)| *c == coding).and_then(|(_, s)| s);
                match sibling {
                    Some(sibling) => with_sibling(cx, request, coding, &file, &sibling),
                    None => respond::with(cx, request, &Selected::identity(&file)).into(),
                }
            }
            None => not_acceptable(request, &file),
        }
    }
}

/// The file that lies ready in this coding, unless it is older than the original.
fn sibling(
    cx: &Cx<'_>,
    root: &Root<Representation>,
    path: &[u8],
    suffix: &str,
    file: &File<Representation>,
) -> Option<Rc<File<Representation>>> {
    let path = [path, suffix.as_bytes()].concat();
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
) -> Reply {
    let etag = representation::etag(sibling.modified, sibling.len, sibling.is_settled, coding);
    let fields = file.derived.fields_in(coding, &etag, Some(sibling.len));
    let selected = Selected {
        content: &sibling.content,
        len: sibling.len,
        etag: &etag,
        last_modified: file.derived.last_modified,
        content_type: &file.derived.content_type,
        fields: &fields,
    };
    respond::with(cx, request, &selected).into()
}

/// RFC 9110 §12.5.3, §15.5.7: the client excludes every coding there is, the plain one included.
fn not_acceptable(request: &Request, file: &File<Representation>) -> Reply {
    let explanation = if file.derived.is_compressible {
        "it can be had as identity, br, zstd or gzip"
    } else {
        "it can be had as identity only"
    };
    let mut answer = pages::error(request, Status::NOT_ACCEPTABLE, explanation);
    semantics::vary::add(&mut answer.response.fields, "Accept-Encoding");
    answer.into()
}
