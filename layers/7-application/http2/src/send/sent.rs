//! What the client of a connection was sent, so that nothing is pushed that it has. (RFC 9113 §8.4)

use message::{Method, Name, Request};

use crate::memory::number;

/// How many resources are remembered: 4 KiB for each connection whose client may be pushed to. When
/// there are more, nothing is pushed any more: who has asked for so much has what all pages share.
const SENT_MAX: usize = 512;

/// The resources that were asked for or pushed, by a number each, in their order. Two that have the
/// same number by accident cost one push.
#[derive(Debug, Default)]
pub(crate) struct Sent(Vec<u64>);

impl Sent {
    /// This is what the client gets now.
    pub(crate) fn add(&mut self, request: &Request) {
        if request.method != Method::Get || self.0.len() >= SENT_MAX {
            return;
        }
        let resource = resource(request);
        if let Err(place) = self.0.binary_search(&resource) {
            self.0.insert(place, resource);
        }
    }

    /// Whether the client was sent this before, or may have been.
    pub(crate) fn may_have(&self, request: &Request) -> bool {
        self.0.len() >= SENT_MAX || self.0.binary_search(&resource(request)).is_ok()
    }
}

fn resource(request: &Request) -> u64 {
    let host = request.fields.get(Name::Host).unwrap_or_default();
    number(host).rotate_left(32) ^ number(request.target.as_bytes())
}
