//! Differences that we stand by, each with its reason.

use tcp::Flags;

use crate::conversation::{Action, Conversation, Piece, Step, Verb};
use crate::segment::Said;

/// A reason, and how such a difference is told: by the conversation up to the step, by what the kernel
/// said after it and what we did.
type Reason = (&'static str, fn(&[Step], &[Said], &[Said]) -> bool);

const REASONS: &[Reason] = &[
    (
        "RFC 7323 §2.2, §3.2, RFC 2018 §2: an answer to a SYN agrees to what that SYN offered, also \
         when both have opened; the kernel repeats its own wishes",
        |steps, kernel, ours| {
            last(steps).is_some_and(|piece| piece.flags == Flags::SYN)
                && both(kernel, ours, |a, b| a.flags == SYN_ACK && a.seq == b.seq)
        },
    ),
    (
        "RFC 7323 §2.2: the window of a segment with SYN is not scaled, not even when both have opened",
        |steps, kernel, ours| {
            let of = |flags| steps.iter().filter_map(piece).any(|piece| piece.flags == flags);
            of(Flags::SYN) && of(SYN_ACK) && kernel.iter().zip(ours).all(|(a, b)| a.seq == b.seq)
        },
    ),
    (
        "RFC 9293 §3.10.7.4, seventh: data behind a FIN cannot be and is ignored; the kernel resets",
        |_, kernel, ours| {
            kernel.iter().any(|said| said.flags == Flags::RST)
                && ours.iter().all(|said| !said.flags.has(Flags::RST))
        },
    ),
    (
        "RFC 9293 §3.10.7.4, eighth: nothing stands behind a FIN, also when that came out of order; the \
         kernel forgets it for what overlaps it",
        |steps, kernel, ours| {
            let mut early = steps.iter().filter_map(piece);
            let mut pairs = kernel.iter().zip(ours);
            early.any(|piece| piece.flags.has(Flags::FIN))
                && kernel.len() == ours.len()
                && pairs.all(|(a, b)| a.seq == b.seq && a.flags == b.flags)
        },
    ),
    (
        "RFC 9293 §3.8.6.3: two segments are acknowledged, though the user has not read them; the \
         kernel waits where its buffer, which counts memory and not bytes, opens less than before",
        |steps, kernel, ours| {
            last(steps).is_some_and(|piece| piece.len > 0)
                && kernel.is_empty()
                && matches!(ours, [said] if said.flags == Flags::ACK && said.len == 0)
        },
    ),
    (
        "RFC 8985 §6.2: what may have been overtaken is waited for a quarter of a round trip; the kernel's \
         timers tick more slowly than that",
        |steps, kernel, ours| {
            let is_claim = last(steps).is_some_and(|piece| !piece.sack.is_empty());
            is_claim && ours.len() == kernel.len() + 1 && ours.starts_with(kernel)
        },
    ),
    (
        "PSH is a hint: where it stands in the middle of a write is nobody's business",
        |_, kernel, ours| {
            let pairs = || kernel.iter().zip(ours);
            let without =
                |said: &Said| Said { flags: said.flags.without(Flags::PSH), ..said.clone() };
            kernel.len() == ours.len() && pairs().all(|(a, b)| without(a) == without(b))
        },
    ),
    (
        "RFC 2883 §4: a duplicate is reported once, and nothing behind a FIN; where the kernel says it in \
         every segment of a burst, or before it forgets, it needs more options",
        |_, kernel, ours| {
            let without =
                |said: &Said| Said { flags: said.flags.without(Flags::PSH), ..said.clone() };
            let first = kernel.iter().zip(ours).find(|(a, b)| without(a) != without(b));
            first.is_some_and(|(a, b)| {
                (a.flags.without(Flags::PSH), a.seq, a.ack)
                    == (b.flags.without(Flags::PSH), b.seq, b.ack)
                    && a.len <= b.len
                    && a.sack.len() > b.sack.len()
            })
        },
    ),
    (
        "RFC 2883 §4: duplicates are reported as long as there is a connection; of one that its user has \
         left the kernel keeps numbers only, once its FIN is acknowledged (and echoes nothing newer)",
        |steps, kernel, ours| {
            let has_left = |step: &Step| matches!(step.action, Action::Program(Verb::Close));
            steps.iter().any(has_left)
                && both(kernel, ours, |a, b| {
                    let without =
                        |said: &Said| Said { sack: Vec::new(), echo: None, ..said.clone() };
                    a.sack.is_empty() && b.sack.len() == 1 && without(a) == without(b)
                })
        },
    ),
    (
        "RFC 6093 §2: an urgent pointer of zero points at nothing; the kernel predicts no header after it, \
         and takes no timestamp from an acknowledgement that is too old",
        |steps, kernel, ours| {
            let is_empty_urgent = |piece: &Piece| piece.flags.has(Flags::URG) && piece.urgent == 0;
            steps.iter().filter_map(piece).any(is_empty_urgent)
                && last(steps).is_some_and(|piece| piece.ack < 1)
                && both(kernel, ours, |a, b| {
                    let without = |said: &Said| Said { echo: None, ..said.clone() };
                    a.echo < b.echo && without(a) == without(b)
                })
        },
    ),
    (
        "RFC 9293 §3.10.7.4: what answers a segment acknowledges all of it; the kernel sends again before \
         it looks at the data, and acknowledges that by itself",
        |steps, kernel, ours| {
            let carries = |said: &&Said| said.len > 0;
            let (theirs, own) = (kernel.iter().filter(carries), ours.iter().filter(carries));
            let mut pairs = theirs.clone().zip(own.clone());
            last(steps).is_some_and(|piece| piece.len > 0)
                && theirs.count() == own.count()
                && kernel.iter().map(|said| said.ack).max()
                    == ours.iter().map(|said| said.ack).max()
                && pairs.all(|(a, b)| {
                    (a.flags, a.seq, a.len) == (b.flags, b.seq, b.len) && a.ack <= b.ack
                })
        },
    ),
    (
        "a burst that may leave whole, and waits for more room for a millisecond, leaves with the next \
         occasion; for us a segment that is dropped is one",
        |steps, kernel, ours| {
            let is_dropped = |piece: &Piece| !piece.flags.has(Flags::ACK);
            last(steps).is_some_and(is_dropped)
                && matches!(ours, [first, rest @ ..] if first.len > 0 && rest == kernel)
        },
    ),
    (
        "a burst waits for more room, but in the kernel not for what lies in another piece of its buffer, \
         the first of which ends behind the eighteenth segment here",
        |_, kernel, ours| match kernel.strip_prefix(ours) {
            Some([more]) => {
                let len = more.len as i64;
                len > 0 && more.seq == 1 + 17 * len && !more.flags.has(Flags::PSH)
            }
            _ => false,
        },
    ),
    (
        "RFC 5961 §3.2, §4.2: resets and SYNs are asked about also where the user has left; the kernel, which \
         keeps numbers only, believes the one and answers the other with a reset",
        |steps, kernel, ours| {
            let has_left = |step: &Step| matches!(step.action, Action::Program(Verb::Close));
            let is_odd = |piece: &Piece| piece.flags.has_any(Flags::RST | Flags::SYN);
            steps.iter().any(has_left)
                && last(steps).is_some_and(is_odd)
                && kernel.iter().all(|said| said.flags.has(Flags::RST))
                && matches!(ours, [said] if said.flags == Flags::ACK && said.len == 0)
        },
    ),
    (
        "a reset says nothing of what came out of order: nobody will fill gaps any more",
        |_, kernel, ours| {
            both(kernel, ours, |a, b| {
                let without = |said: &Said| Said { sack: Vec::new(), ..said.clone() };
                a.flags.has(Flags::RST) && without(a) == without(b)
            })
        },
    ),
];

fn piece(step: &Step) -> Option<&Piece> {
    match &step.action {
        Action::Peer(piece) => Some(piece),
        Action::Program(_) => None,
    }
}

fn last(steps: &[Step]) -> Option<&Piece> {
    steps.last().and_then(piece)
}

const SYN_ACK: Flags = Flags::from_bits(Flags::SYN.bits() | Flags::ACK.bits());

/// Whether both said one thing, and `is_alike` holds of it.
fn both(kernel: &[Said], ours: &[Said], is_alike: impl Fn(&Said, &Said) -> bool) -> bool {
    matches!((kernel, ours), ([a], [b]) if is_alike(a, b))
}

/// Why what was said after step `at` differs, if that is known.
pub(crate) fn why(
    conversation: &Conversation,
    at: usize,
    kernel: &[Vec<Said>],
    ours: &[Vec<Said>],
) -> Option<&'static str> {
    let steps = &conversation.steps[..=at];
    let reason = REASONS.iter().find(|(_, is_it)| is_it(steps, &kernel[at], &ours[at]));
    let is_late = || is_late_timer(&kernel[at..], ours, at);
    reason.map(|(why, _)| *why).or_else(|| is_late().then_some(LATE_TIMER))
}

const LATE_TIMER: &str = "RFC 6298 §5: a timeout is due when it is due; the kernel's timers tick, and those \
     of more than a quarter of a second are up to 32 ms late";

/// Whether ours has sent something again at the end of step `at`, and the kernel does so after the step
/// that follows, if there is one.
fn is_late_timer(kernel: &[Vec<Said>], ours: &[Vec<Said>], at: usize) -> bool {
    let Some([again]) = ours[at].strip_prefix(&kernel[0][..]) else { return false };
    let alike = |said: &Said| (said.seq, said.len) == (again.seq, again.len);
    let is_again = ours[..at].iter().flatten().any(alike);
    let follows = kernel.get(1).is_none_or(|next| next.is_empty() || next.iter().any(alike));
    again.len > 0 && is_again && follows
}
