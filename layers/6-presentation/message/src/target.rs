//! (skeleton)

/// Where a request goes.
#[derive(Clone, Debug)]
pub struct Target;
