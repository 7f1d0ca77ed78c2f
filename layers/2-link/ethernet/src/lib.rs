//! Layer 2, link: frames on a shared cable. (IEEE 802.3, IEEE 802.1Q, RFC 894, RFC 2464)
//!
//! ```text
//!   0              6              12      (14          16)      14 or 18
//!   ┌──────────────┬──────────────┬───────┬─────────────┬───────┬─────────
//!   │ destination  │ source       │ 0x8100│ tag         │ type  │ payload
//!   └──────────────┴──────────────┴───────┴─────────────┴───────┴─────────
//!                                  only with a VLAN tag
//! ```
//!
//! Start reading at [`Header`]. [`Groups`] are the multicast addresses that we listen to; whether a
//! frame is for us ([`Groups::destination_is_us`]) is all that a station decides here.
//!
//! Not here: LLC frames (a length instead of a type), stacked tags, switching.

mod groups;
mod wire;
mod xray;

pub use groups::{GROUPS_MAX, Groups, group_v4, group_v6};
pub use wire::{EtherType, Header, Tag};
pub use xray::{Seen, Why};

#[cfg(test)]
mod tests;
