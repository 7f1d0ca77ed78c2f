use crate::decoder::Why;
use crate::name::Coding;

base::notes! {
    /// What this layer tells the x-ray about content codings.
    pub enum Seen in Presentation {
        /// Content was put into a coding; lengths in bytes, before and after.
        Encoded { coding: Coding, from: u64, to: u64 },
        /// Content was taken out of its coding; lengths in bytes, before and after.
        Decoded { coding: Coding, from: u64, to: u64 },
        /// Content was not taken out of its coding, or not all of it.
        Refused { coding: Coding, why: Why, from: u64, to: u64 },
    }
}
