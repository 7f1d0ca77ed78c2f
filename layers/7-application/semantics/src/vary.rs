//! Vary: which request fields did the choice depend on? (RFC 9110 §12.5.5)

use message::fields::FieldName;
use message::{Fields, Name};

/// Says that the response was chosen by a field of the request; saying it twice changes nothing.
///
/// Where Vary says `*` already, it says more than any name could.
pub fn add<'a>(response: &mut Fields, name: impl Into<FieldName<'a>>) {
    let name = name.into().as_str();
    if !response.contains(Name::Vary) {
        response.push(Name::Vary, name);
        return;
    }
    if response.has_element(Name::Vary, name) || response.has_element(Name::Vary, "*") {
        return;
    }
    // One line, because there are caches that read one line.
    let mut joined = response.joined(Name::Vary).unwrap_or_default();
    if !joined.is_empty() {
        joined.extend_from_slice(b", ");
    }
    joined.extend_from_slice(name.as_bytes());
    response.set(Name::Vary, joined);
}

/// Says that the response was chosen by more than fields: no later request can tell whether it
/// would be chosen again.
pub fn add_star(response: &mut Fields) {
    if response.contains(Name::Vary) {
        response.set(Name::Vary, "*");
    } else {
        response.push(Name::Vary, "*");
    }
}
