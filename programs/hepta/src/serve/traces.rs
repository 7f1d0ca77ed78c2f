//! To which trace a request belongs: the one it came with, or one that begins here. (W3C Trace
//! Context)
//!
//! Nothing is kept. The names of what begins here are made of the numbers of its connection and its
//! exchange with keys that nobody knows, so that whoever asks for them, when the request is answered
//! or when its line is written, is told the same.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;

use message::{Name, Request};
use semantics::trace_context::Traceparent;
use server::Peer;

/// For the two halves of a trace's name, and for ours in it; drawn by the program when it is first
/// asked.
static KEYS: LazyLock<[RandomState; 3]> = LazyLock::new(|| [(); 3].map(|()| RandomState::new()));

/// The trace, with us as who sends: what whoever is asked on behalf of this request is told.
///
/// Who began no trace has left it to us whether a record is kept, and a log keeps one.
pub(crate) fn traceparent(request: Option<&Request>, peer: &Peer<'_>) -> Traceparent {
    let [high, low, own] =
        KEYS.each_ref().map(|key| key.hash_one((peer.connection, peer.exchange.0)));
    let parent_id = own.to_be_bytes();
    let came = request.and_then(|request| request.fields.get_only(Name::Traceparent));
    match came.and_then(|value| Traceparent::parse(value).ok()) {
        Some(came) => came.child(parent_id),
        None => {
            let trace_id = u128::from(high) << 64 | u128::from(low);
            Traceparent::start(trace_id.to_be_bytes(), parent_id, true)
        }
    }
}

/// The name of the trace, as it is written everywhere.
pub(crate) fn trace_id(traceparent: Traceparent) -> String {
    format!("{:032x}", u128::from_be_bytes(traceparent.trace_id()))
}

/// Our own name in it.
pub(crate) fn span_id(traceparent: Traceparent) -> String {
    format!("{:016x}", u64::from_be_bytes(traceparent.parent_id()))
}

#[cfg(test)]
mod tests {
    use message::{ExchangeId, Fields, Method, Target, Version};
    use server::Notes;

    use super::*;

    fn request(lines: &[&str]) -> Request {
        let mut fields = Fields::new();
        lines.iter().for_each(|line| fields.push(Name::Traceparent, line));
        let target = Target::origin("/").unwrap();
        Request { method: Method::Get, target, version: Version { major: 1, minor: 1 }, fields }
    }

    #[test]
    fn a_trace_that_came_goes_on_under_our_name() {
        let notes = Notes::default();
        let came = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
        let trace = traceparent(Some(&request(&[came])), &Peer::new(1, ExchangeId(1), &notes));
        assert_eq!(trace_id(trace), "0af7651916cd43dd8448eb211c80319c");
        assert_ne!(span_id(trace), "b7ad6b7169203331");
        assert!(!trace.is_sampled(), "that was decided before");
    }

    #[test]
    fn others_begin_here_each_its_own_and_always_the_same() {
        let notes = Notes::default();
        let of = |exchange, lines: &[&str]| {
            traceparent(Some(&request(lines)), &Peer::new(1, ExchangeId(exchange), &notes))
                .to_string()
        };
        let came = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
        assert_eq!(of(1, &[]), of(1, &["nonsense"]));
        assert_eq!(of(1, &[]), of(1, &[came, came]), "of two none counts");
        assert_ne!(of(1, &[]), of(2, &[]));
        assert!(of(1, &[]).ends_with("-03"), "a record is kept, and it is random: {}", of(1, &[]));
    }
}
