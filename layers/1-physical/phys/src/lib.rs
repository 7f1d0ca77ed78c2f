//! Layer 1, physical: what a device can do, and what went over it.
//!
//! ```text
//!   stack ── TxBuf with what is left open ─▶ Device::finish ─▶ bytes + Offload ─▶ the port, in io/
//!   stack ◀─ RxFrame: bytes, and what the device knows of them ──────────────── the port, in io/
//! ```
//!
//! Start reading at [`Device`]: the stack asks it how long packets may be and what need not be
//! computed, and [`Outlet`] does in software what the device cannot. [`Merger`] merges what it does not. [`Pool`] keeps the
//! memory of frames. [`Port`] is what a device is to whoever drives a stack. [`pcapng`] writes and reads
//! captures, as bytes; files are somebody else's. [`virtio`] is how Linux says what was left open.
//!
//! Not here: devices themselves (`io/`), the cable of the simulator.

pub mod pcapng;
pub mod virtio;

mod cut;
mod device;
mod merge;
mod pool;
mod port;
mod words;
mod xray;

pub use cut::cut;
pub use device::{Checksums, Device, Medium, RxChecksum, RxFrame, Segments};
pub use merge::Merger;
pub use pool::Pool;
pub use port::{Counts, FRAME_LEN_MAX, Outlet, Port, Received};
pub use xray::{Seen, Why};

#[cfg(test)]
mod tests;
