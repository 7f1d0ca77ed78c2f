//! Requests that came before and led to a file around which nothing stands: where they lead is not
//! looked for again.
//!
//! HTTP remembers heads that came before, and gives the same request for the same bytes. So it is
//! enough to compare where requests lie.

use std::rc::Rc;
use std::sync::Arc;

use message::Request;
use server::Peer;

use super::directory::Directory;

/// How many requests are remembered: as many as HTTP/1.1 remembers heads.
const REQUESTS_MAX: usize = 64;

/// Where the requests of a worker led.
pub(crate) struct Remembered {
    slots: [Option<Box<Plain>>; REQUESTS_MAX],
}

/// Where a request leads: to a name below a directory.
pub(crate) struct Plain {
    request: Arc<Request>,
    /// The name of its connection's TLS session, on which the site depends.
    came_under: Option<Arc<str>>,
    pub(crate) directory: Rc<Directory>,
    pub(crate) name: Box<[u8]>,
    /// Where the directory found it.
    pub(crate) hint: files::Hint,
    /// By which requests like it are counted.
    pub(crate) mark: u32,
}

impl Default for Remembered {
    fn default() -> Self {
        Self { slots: [const { None }; REQUESTS_MAX] }
    }
}

impl Remembered {
    /// Where this request led.
    #[inline]
    pub(crate) fn find(&self, request: &Arc<Request>, peer: &Peer<'_>) -> Option<&Plain> {
        let plain = self.slots.get(slot(request))?.as_deref()?;
        let is_same = Arc::ptr_eq(&plain.request, request)
            && plain.came_under.as_deref() == came_under(peer).map(|name| &**name);
        is_same.then_some(plain)
    }

    /// Remembers where a request led, if it may come again as it is: then HTTP remembers it too.
    /// Secrets are not kept longer than they are needed.
    pub(crate) fn add(
        &mut self,
        request: &Arc<Request>,
        peer: &Peer<'_>,
        (directory, name, mark): (&Rc<Directory>, &[u8], u32),
    ) {
        let is_kept_elsewhere = Arc::strong_count(request) > 1;
        let has_secret = request.fields.iter().any(|(name, _)| name.is_private());
        if !is_kept_elsewhere || has_secret {
            return;
        }
        if let Some(slot) = self.slots.get_mut(slot(request)) {
            *slot = Some(Box::new(Plain {
                request: Arc::clone(request),
                came_under: came_under(peer).cloned(),
                directory: Rc::clone(directory),
                name: name.into(),
                hint: files::Hint::default(),
                mark,
            }));
        }
    }
}

#[inline]
fn came_under<'p>(peer: &Peer<'p>) -> Option<&'p Arc<str>> {
    peer.tls?.server_name.as_ref()
}

/// A place for it. Allocations lie at multiples of sixteen.
#[inline]
fn slot(request: &Arc<Request>) -> usize {
    let address = Arc::as_ptr(request).addr() >> 4;
    (address ^ (address >> 6)) % REQUESTS_MAX
}
