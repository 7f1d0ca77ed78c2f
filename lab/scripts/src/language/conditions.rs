//! `#ifdef FreeBSD … #endif`: parts of a script that are for one system only.

use crate::language::lexer::advance;
use crate::position::{Parsed, Position, Refusal};

/// The systems that have parts of their own.
const SYSTEMS: [&str; 5] = ["Linux", "FreeBSD", "OpenBSD", "NetBSD", "Darwin"];

/// What only scripts for FreeBSD say.
const OF_FREEBSD: [&str; 4] = ["kldload ", "net.inet.", "TCP_FUNCTION_BLK", "#ifdef FreeBSD"];

/// Whether a script shows that it was written for FreeBSD.
pub(super) fn is_for_freebsd(text: &str) -> bool {
    OF_FREEBSD.iter().any(|sign| text.contains(sign))
}

/// The script as `system` has it: of what is for others only the lines' ends are left, so that
/// everything stands where it stood.
pub(super) fn resolve(text: &str, system: &str) -> Parsed<String> {
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    let mut at = Position { line: 1, column: 1 };
    while let Some((before, inside)) = rest.split_once("#ifdef") {
        at = advance(at, before);
        resolved += before;
        let Some((inside, after)) = inside.split_once("#endif") else {
            return Err(Refusal::new(at, "#ifdef has no #endif"));
        };
        let name = inside.split_whitespace().next().unwrap_or_default();
        if !SYSTEMS.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return Err(Refusal::new(at, format!("unknown system '{name}'")));
        }
        blank("#ifdef", &mut resolved);
        match inside.split_once(name) {
            Some((before, inside)) if name.eq_ignore_ascii_case(system) => {
                blank(before, &mut resolved);
                blank(name, &mut resolved);
                resolved += inside;
            }
            _ => blank(inside, &mut resolved),
        }
        blank("#endif", &mut resolved);
        at = advance(advance(advance(at, "#ifdef"), inside), "#endif");
        rest = after;
    }
    Ok(resolved + rest)
}

/// As many blanks, in as many lines.
fn blank(text: &str, into: &mut String) {
    into.extend(text.chars().map(|c| if c == '\n' { c } else { ' ' }));
}
