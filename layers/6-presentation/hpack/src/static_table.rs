//! The fields that everybody knows (RFC 7541 Appendix A).

/// How many there are. Indexes begin at 1 (RFC 7541 §2.3.1); the dynamic table's begin behind them.
pub const STATIC_LEN: u8 = 61;

/// By index: name and value. The first place is no field's.
#[rustfmt::skip]
const LISTED: [(&str, &str); STATIC_LEN as usize + 1] = [
    ("", ""),
    (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"),
    (":path", "/index.html"), (":scheme", "http"), (":scheme", "https"), (":status", "200"),
    (":status", "204"), (":status", "206"), (":status", "304"), (":status", "400"),
    (":status", "404"), (":status", "500"), ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"), ("accept-language", ""), ("accept-ranges", ""),
    ("accept", ""), ("access-control-allow-origin", ""), ("age", ""), ("allow", ""),
    ("authorization", ""), ("cache-control", ""), ("content-disposition", ""),
    ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
    ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""),
    ("date", ""), ("etag", ""), ("expect", ""), ("expires", ""), ("from", ""), ("host", ""),
    ("if-match", ""), ("if-modified-since", ""), ("if-none-match", ""), ("if-range", ""),
    ("if-unmodified-since", ""), ("last-modified", ""), ("link", ""), ("location", ""),
    ("max-forwards", ""), ("proxy-authenticate", ""), ("proxy-authorization", ""), ("range", ""),
    ("referer", ""), ("refresh", ""), ("retry-after", ""), ("server", ""), ("set-cookie", ""),
    ("strict-transport-security", ""), ("transfer-encoding", ""), ("user-agent", ""), ("vary", ""),
    ("via", ""), ("www-authenticate", ""),
];

/// [`LISTED`] in memory.
static FIELDS: [(&str, &str); STATIC_LEN as usize + 1] = LISTED;

/// By index: how many fields have this name, at the first of them; 0 at the others.
static VARIANTS: [u8; STATIC_LEN as usize + 1] = COUNTED;

#[allow(clippy::indexing_slicing, reason = "checked when the table is compiled")]
const COUNTED: [u8; STATIC_LEN as usize + 1] = {
    let (mut variants, mut first, mut index) = ([0; STATIC_LEN as usize + 1], 1, 1);
    while index < LISTED.len() {
        if !is_same(LISTED[index].0.as_bytes(), LISTED[first].0.as_bytes()) {
            first = index;
        }
        variants[first] += 1;
        index += 1;
    }
    variants
};

const fn is_same(mut a: &[u8], mut b: &[u8]) -> bool {
    while let (Some((x, a_rest)), Some((y, b_rest))) = (a.split_first(), b.split_first()) {
        if *x != *y {
            return false;
        }
        (a, b) = (a_rest, b_rest);
    }
    a.is_empty() && b.is_empty()
}

/// Name and value of the field with this index, from 1 to [`STATIC_LEN`].
#[inline]
pub fn static_field(index: u8) -> Option<(&'static str, &'static str)> {
    FIELDS.get(usize::from(index)).copied().filter(|_| index > 0)
}

/// How many places the table below has: more than twice the 52 names.
const SLOTS: usize = 128;

/// The first index of each name, at the place that its length and three of its bytes give, or behind
/// it when that is taken; 0 where there is none. So a name is compared with one other.
#[allow(clippy::indexing_slicing, reason = "checked when the table is compiled")]
static BY_SLOT: [u8; SLOTS] = {
    let (mut slots, mut index) = ([0; SLOTS], 1);
    while index < LISTED.len() {
        let name = LISTED[index].0.as_bytes();
        if COUNTED[index] > 0 {
            let mut at = slot(name.len(), name[0], name[name.len() / 2], name[name.len() - 2]);
            while slots[at] > 0 {
                at = (at + 1) % SLOTS;
            }
            slots[at] = index as u8;
        }
        index += 1;
    }
    slots
};

/// The factor was found by trying: with it no two names meet. Others would only be slower.
const fn slot(len: usize, first: u8, middle: u8, last_but_one: u8) -> usize {
    let bytes = [len as u8, first, middle, last_but_one];
    (u32::from_le_bytes(bytes).wrapping_mul(0x9919_1add) >> 25) as usize % SLOTS
}

/// The first index of the field with this name; 0 if there is none.
#[inline]
pub(crate) fn find_name(name: &[u8]) -> u8 {
    let &[first, .., last_but_one, _] = name else { return 0 };
    let Some(&middle) = name.get(name.len() / 2) else { return 0 };
    let mut at = slot(name.len(), first, middle, last_but_one);
    while let Some(&index @ 1..) = BY_SLOT.get(at) {
        if FIELDS.get(usize::from(index)).is_some_and(|(known, _)| known.as_bytes() == name) {
            return index;
        }
        at = (at + 1) % SLOTS;
    }
    0
}

/// The index of the field that has the name of the field at `first`, and this value.
#[inline]
pub(crate) fn find_value(first: u8, value: &[u8]) -> Option<u8> {
    let variants = *VARIANTS.get(usize::from(first))?;
    (first..first + variants).find(|&index| {
        FIELDS.get(usize::from(index)).is_some_and(|(_, known)| known.as_bytes() == value)
    })
}
