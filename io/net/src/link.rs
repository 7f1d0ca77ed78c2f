//! What the kernel says of an interface. (`rtnetlink(7)`)

use std::io;

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netdevice};

/// `struct nlmsghdr`: length, type, flags, sequence number, port.
const HEADER_LEN: usize = 16;
/// `struct ifinfomsg`: family, type, index, flags, change.
const INFO_LEN: usize = 16;
/// `NLMSG_ERROR`
const ERROR: u16 = 2;
/// `RTM_NEWLINK`
const NEW_LINK: u16 = 16;
/// `RTM_GETLINK`
const GET_LINK: u16 = 18;
/// `NLM_F_REQUEST`
const REQUEST: u16 = 1;
/// `IFLA_MASTER`: the number of the interface to which this one belongs.
const MASTER: u16 = 10;
/// What the kernel says of one interface is a few KiB.
const ANSWER_LEN_MAX: usize = 64 << 10;

/// Whether the interface `name` belongs to a bridge, or to another interface made of several: then
/// others than this machine's kernel are on its link.
///
/// # Errors
/// When there is no such interface, or the kernel does not say.
pub fn is_bridged(name: &str) -> io::Result<bool> {
    // Netlink's own protocol for links is number 0.
    let (family, kind) = (AddressFamily::NETLINK, SocketType::RAW);
    let socket = rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
    let index = netdevice::name_to_index(&socket, name)?;
    rustix::net::send(&socket, &question(index), SendFlags::empty())?;
    let mut answer = vec![0; ANSWER_LEN_MAX];
    let (len, _) = rustix::net::recv(&socket, &mut answer[..], RecvFlags::empty())?;
    has_master(answer.get(..len).unwrap_or_default())
}

/// Asks for one interface.
fn question(index: u32) -> [u8; HEADER_LEN + INFO_LEN] {
    let mut message = [0; HEADER_LEN + INFO_LEN];
    let len = (message.len() as u32).to_ne_bytes();
    let (kind, flags, index) = (GET_LINK.to_ne_bytes(), REQUEST.to_ne_bytes(), index.to_ne_bytes());
    let fields = [(0, &len[..]), (4, &kind[..]), (6, &flags[..]), (HEADER_LEN + 4, &index[..])];
    for (at, field) in fields {
        if let Some(place) = message.get_mut(at..at + field.len()) {
            place.copy_from_slice(field);
        }
    }
    message
}

/// Looks for the attribute that names a master.
fn has_master(answer: &[u8]) -> io::Result<bool> {
    let cut_short =
        || io::Error::new(io::ErrorKind::UnexpectedEof, "the kernel's answer is cut short");
    match u16_at(answer, 4).ok_or_else(cut_short)? {
        NEW_LINK => {}
        ERROR => {
            let errno = answer.get(HEADER_LEN..).and_then(<[u8]>::first_chunk::<4>);
            let errno = i32::from_ne_bytes(*errno.ok_or_else(cut_short)?);
            return Err(io::Error::from_raw_os_error(-errno));
        }
        _ => {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the kernel speaks of something else",
            ));
        }
    }
    let mut rest = answer.get(HEADER_LEN + INFO_LEN..).ok_or_else(cut_short)?;
    // Each attribute is its length, its type and its value, and begins at a multiple of four.
    while let (Some(len), Some(kind)) = (u16_at(rest, 0), u16_at(rest, 2)) {
        if kind == MASTER {
            return Ok(rest
                .get(4..)
                .and_then(<[u8]>::first_chunk::<4>)
                .is_some_and(|n| *n != [0; 4]));
        }
        let whole = usize::from(len.max(4)).next_multiple_of(4);
        rest = rest.get(whole..).unwrap_or_default();
    }
    Ok(false)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|two| u16::from_ne_bytes(*two))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_belongs_to_nobody() {
        assert!(!is_bridged("lo").unwrap());
        assert!(is_bridged("there-is-none").is_err());
    }

    /// An answer with these attributes, each with four bytes.
    fn answer(kind: u16, attributes: &[(u16, u32)]) -> Vec<u8> {
        let mut bytes = vec![0; HEADER_LEN + INFO_LEN];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        for (kind, value) in attributes {
            bytes.extend(8_u16.to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(value.to_ne_bytes());
        }
        bytes
    }

    #[test]
    fn an_answer_is_looked_through_and_believed_only_if_it_is_one() {
        assert!(has_master(&answer(NEW_LINK, &[(4, 1500), (MASTER, 7)])).unwrap());
        assert!(!has_master(&answer(NEW_LINK, &[(4, 1500)])).unwrap());
        assert!(has_master(&answer(3, &[])).is_err());
        assert!(has_master(&[]).is_err());
        let mut refused = answer(ERROR, &[]);
        refused[HEADER_LEN..HEADER_LEN + 4].copy_from_slice(&(-19_i32).to_ne_bytes());
        assert_eq!(has_master(&refused).unwrap_err().raw_os_error(), Some(19));
        // Attributes without a length end somewhere.
        let mut endless = answer(NEW_LINK, &[(4, 1)]);
        endless[HEADER_LEN + INFO_LEN] = 0;
        assert!(!has_master(&endless).unwrap());
    }
}
