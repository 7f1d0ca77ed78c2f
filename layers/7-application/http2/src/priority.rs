//! Which response matters more, as the client says. (RFC 9218 §4)

use std::fmt;

use crate::Why;
use crate::structured::{self, BareItem};

/// The urgency of what can wait for everything else (RFC 9218 §4.1).
pub(crate) const URGENCY_LEAST: u8 = 7;

/// What RFC 9218 §4 has: how urgent a response is, and whether parts of it are of use.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Priority {
    /// 0 to 7; 0 comes first (§4.1).
    pub urgency: u8,
    /// Whether the client can use the response while it comes (§4.2).
    pub incremental: bool,
}

impl Default for Priority {
    fn default() -> Self {
        // RFC 9218 §4.1, §4.2: what holds where nothing is said.
        Self { urgency: 3, incremental: false }
    }
}

impl Priority {
    /// Reads the value of the field `priority`, or of PRIORITY_UPDATE.
    ///
    /// # Errors
    ///
    /// The value is no dictionary of RFC 9651; then all of it is to be ignored.
    pub fn parse(value: &[u8]) -> Result<Self, Why> {
        let mut priority = Self::default();
        // RFC 9218 §4: parameters that are unknown, or have a value of another type or out of their
        // range, are ignored.
        structured::dictionary(value, |key, item| match (key, item) {
            (b"u", item) => {
                priority.urgency = match item {
                    Some(BareItem::Integer(urgency @ 0..=7)) => urgency as u8,
                    _ => Self::default().urgency,
                };
            }
            (b"i", item) => priority.incremental = matches!(item, Some(BareItem::Boolean(true))),
            _ => {}
        })
        .map_err(|_| Why::PriorityMalformed)?;
        Ok(priority)
    }
}

impl fmt::Debug for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "u={}{}", self.urgency, if self.incremental { ", i" } else { "" })
    }
}
