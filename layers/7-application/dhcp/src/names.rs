//! Names of domains that servers of DHCP tell. (RFC 2132 §3.17, RFC 3397, RFC 1035 §4.1.4)

/// The longest name, as it is written. (RFC 1035 §2.3.4: 255 bytes on the wire)
const NAME_LEN_MAX: usize = 253;

/// The longest label. (RFC 1035 §2.3.4)
const LABEL_LEN_MAX: usize = 63;

/// How many pointers one name may follow: those who write lists point once, to a whole end.
const POINTERS_MAX: usize = 16;

/// The name in an option that is text; some end it with a zero or a dot.
pub(crate) fn of_text(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?.trim_end_matches('\0').trim();
    let name = text.strip_suffix('.').unwrap_or(text);
    is_name(name).then(|| name.to_ascii_lowercase())
}

/// The first `most` names of a search list, and whether all could be read and kept.
///
/// Names point to ends of earlier ones. Each pointer leads backwards, and no name follows more than
/// [`POINTERS_MAX`].
pub(crate) fn of_list(list: &[u8], most: usize) -> (Vec<String>, bool) {
    let (mut names, mut at) = (Vec::new(), 0);
    while at < list.len() {
        if names.len() == most {
            return (names, false);
        }
        let Some((name, after)) = read(list, at) else { return (names, false) };
        // The root as a domain to search in adds nothing.
        if !name.is_empty() {
            names.push(name);
        }
        at = after;
    }
    (names, true)
}

/// The name at `at`, and where the next begins.
fn read(list: &[u8], mut at: usize) -> Option<(String, usize)> {
    let (mut name, mut end, mut pointers) = (String::new(), None, 0);
    loop {
        let len = usize::from(*list.get(at)?);
        match len {
            0 => return is_name_or_root(&name).then_some((name, end.unwrap_or(at + 1))),
            1..=LABEL_LEN_MAX => {
                let label = std::str::from_utf8(list.get(at + 1..at + 1 + len)?).ok()?;
                if !name.is_empty() {
                    name.push('.');
                }
                name.push_str(&label.to_ascii_lowercase());
                // A label that holds a dot would be two.
                if label.contains('.') || name.len() > NAME_LEN_MAX {
                    return None;
                }
                at += 1 + len;
            }
            _ if len >= 0xc0 && pointers < POINTERS_MAX => {
                pointers += 1;
                let target = (len & 0x3f) << 8 | usize::from(*list.get(at + 1)?);
                end = end.or(Some(at + 2));
                // RFC 1035 §4.1.4: a pointer leads to what came before.
                at = Some(target).filter(|target| *target < at)?;
            }
            // Too many, or bits that are reserved. (RFC 1035 §4.1.4)
            _ => return None,
        }
    }
}

fn is_name_or_root(name: &str) -> bool {
    name.is_empty() || is_name(name)
}

/// Whether it is a name that hosts have, with the underlines that the DNS has beside them. Nothing
/// else goes on to where it might mean something.
fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=LABEL_LEN_MAX).contains(&label.len()) && label.bytes().all(is_good)
    };
    name.len() <= NAME_LEN_MAX && name.split('.').all(is_label)
}
