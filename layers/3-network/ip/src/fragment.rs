//! Cutting a packet that a link does not take. (RFC 791 §2.3, RFC 8200 §4.5)

use base::{Malformed, TxBuf};

use crate::{v4, v6};

/// The parts of a packet that is too long, one after another.
#[derive(Debug)]
pub struct Fragments {
    /// The whole packet.
    packet: Vec<u8>,
    header_len: usize,
    /// How long a part may be, header and all.
    mtu: usize,
    /// For IPv6, where the part belongs; IPv4's header says it itself.
    identification: u32,
    /// How much of the payload is gone.
    done: usize,
}

impl Fragments {
    /// Cuts `packet`, whose checksums are finished, into parts of at most `mtu` bytes.
    ///
    /// For IPv6 the parts carry `identification`; IPv4 has its own in the header.
    ///
    /// # Errors
    /// For what is no packet, has no room for payload in a part, or may not be cut.
    pub fn new(packet: &[u8], mtu: usize, identification: u32) -> Result<Self, Malformed> {
        let is_v6 = packet.first().is_some_and(|first| first >> 4 == 6);
        let header_len = if is_v6 {
            v6::Header::parse(packet)?;
            v6::LEN
        } else {
            let (header, _) = v4::Header::parse(packet)?;
            if header.dont_fragment {
                return Err(Malformed::new("a packet that may not be cut"));
            }
            header.len()
        };
        let in_front = header_len + if is_v6 { v6::FRAGMENT_LEN } else { 0 };
        if mtu < in_front + 8 {
            return Err(Malformed::new("an MTU without room for payload"));
        }
        Ok(Self { packet: packet.to_vec(), header_len, mtu, identification, done: 0 })
    }

    /// Writes the next part into `out`, whatever that held; whether there was one.
    #[must_use]
    pub fn next(&mut self, out: &mut TxBuf) -> bool {
        out.clear();
        let Some((header, payload)) = self.packet.split_at_checked(self.header_len) else {
            return false;
        };
        let Some(rest) = payload.get(self.done..).filter(|rest| !rest.is_empty()) else {
            return false;
        };
        let len = if header.first().is_some_and(|first| first >> 4 == 6) {
            self.emit_v6(rest, out)
        } else {
            self.emit_v4(rest, out)
        };
        self.done += len;
        len > 0
    }

    fn emit_v4(&self, rest: &[u8], out: &mut TxBuf) -> usize {
        let Ok((header, _)) = v4::Header::parse(&self.packet) else { return 0 };
        let copied;
        let options = if self.done == 0 {
            header.options
        } else {
            copied = v4::copied_options(header.options);
            &copied
        };
        let (part, is_last) = cut(rest, self.mtu - v4::LEN - options.len());
        out.append(part);
        let header = v4::Header {
            options,
            // What we cut may have been a fragment already.
            more_fragments: header.more_fragments || !is_last,
            offset: header.offset + self.done,
            ..header
        };
        header.emit(out);
        part.len()
    }

    fn emit_v6(&self, rest: &[u8], out: &mut TxBuf) -> usize {
        let Ok((header, _)) = v6::Header::parse(&self.packet) else { return 0 };
        let (part, is_last) = cut(rest, self.mtu - v6::LEN - v6::FRAGMENT_LEN);
        out.append(part);
        let fragment = v6::FragmentHeader {
            next: header.next,
            offset: self.done,
            more_fragments: !is_last,
            identification: self.identification,
        };
        fragment.emit(out);
        v6::Header { next: v6::FRAGMENT, ..header }.emit(out);
        part.len()
    }
}

/// The next part of at most `room` bytes, and whether nothing is left after it. All but the last are
/// multiples of eight bytes long.
fn cut(rest: &[u8], room: usize) -> (&[u8], bool) {
    if rest.len() <= room {
        return (rest, true);
    }
    (rest.get(..room / 8 * 8).unwrap_or_default(), false)
}
