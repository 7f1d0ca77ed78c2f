//! Allow: which methods does the resource have? (RFC 9110 §10.2.1)

use message::Method;

/// The value of Allow for these methods, each once, in their order.
///
/// A 405 must have the field (RFC 9110 §15.5.6); no methods at all is an empty value, which says
/// that the resource is out of use for now.
pub fn value(methods: &[Method]) -> String {
    let mut value = String::new();
    for (index, method) in methods.iter().enumerate() {
        if methods.iter().take(index).any(|earlier| earlier == method) {
            continue;
        }
        if !value.is_empty() {
            value.push_str(", ");
        }
        value.push_str(method.as_str());
    }
    value
}
