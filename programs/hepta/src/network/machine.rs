//! What stays of a machine from one start to the next.

use base::SipKey;

/// By which systemd and others know a machine: 32 hexadecimal digits, to be kept from strangers.
const MACHINE_ID: &str = "/etc/machine-id";

/// A secret from which addresses of IPv6 follow that stay the same when the program starts again
/// (RFC 7217 §5). Nothing, where the machine has no identity: then they follow from chance.
pub(super) fn stable_secret() -> Option<[u8; 16]> {
    secret_of(&std::fs::read_to_string(MACHINE_ID).ok()?)
}

/// The secret of a machine with this identity, which cannot be told from it.
pub(super) fn secret_of(machine_id: &str) -> Option<[u8; 16]> {
    let id = machine_id.trim();
    if id.len() != 32 || id.bytes().all(|digit| digit == b'0') {
        return None;
    }
    let key = SipKey::new(u128::from_str_radix(id, 16).ok()?.to_be_bytes());
    let half = |purpose: &[u8]| u128::from(key.hash(purpose));
    Some((half(b"hepta addresses 0") << 64 | half(b"hepta addresses 1")).to_be_bytes())
}
