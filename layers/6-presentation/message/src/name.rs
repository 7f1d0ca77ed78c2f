use std::fmt;

macro_rules! names {
    ($( $Name:ident $text:literal )*) => {
        /// A field name we know, as one byte. Names are case-insensitive (RFC 9110 §5.1).
        #[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[repr(u8)]
        #[allow(missing_docs)]
        pub enum Name { $( $Name ),* }

        impl Name {
            /// Every name we know.
            pub const ALL: &'static [Self] = &[$( Self::$Name ),*];

            /// The name as HTTP/1.1 writes it.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$Name => $text ),* }
            }

            /// The name as HTTP/2 writes it (RFC 9113 §8.2.1).
            pub const fn as_lower_str(self) -> &'static str {
                match self {
                    $( Self::$Name => {
                        const BYTES: &[u8] = &in_lower_case::<{ $text.len() }>($text);
                        const { text_of(BYTES) }
                    } ),*
                }
            }
        }
    };
}

/// A name in lower case; made when it is compiled.
#[allow(clippy::indexing_slicing, reason = "checked when the table is compiled")]
const fn in_lower_case<const N: usize>(name: &str) -> [u8; N] {
    let (mut lower, mut at) = ([0; N], 0);
    while at < N {
        lower[at] = name.as_bytes()[at].to_ascii_lowercase();
        at += 1;
    }
    lower
}

/// What the bytes of a name are as text.
const fn text_of(name: &'static [u8]) -> &'static str {
    match str::from_utf8(name) {
        Ok(text) => text,
        Err(_) => panic!("names are ASCII"),
    }
}

names! {
    Accept "Accept"
    AcceptCharset "Accept-Charset"
    AcceptEncoding "Accept-Encoding"
    AcceptLanguage "Accept-Language"
    AcceptPatch "Accept-Patch"
    AcceptRanges "Accept-Ranges"
    AccessControlAllowCredentials "Access-Control-Allow-Credentials"
    AccessControlAllowHeaders "Access-Control-Allow-Headers"
    AccessControlAllowMethods "Access-Control-Allow-Methods"
    AccessControlAllowOrigin "Access-Control-Allow-Origin"
    AccessControlExposeHeaders "Access-Control-Expose-Headers"
    AccessControlMaxAge "Access-Control-Max-Age"
    AccessControlRequestHeaders "Access-Control-Request-Headers"
    AccessControlRequestMethod "Access-Control-Request-Method"
    Age "Age"
    Allow "Allow"
    AltSvc "Alt-Svc"
    AuthenticationInfo "Authentication-Info"
    Authorization "Authorization"
    CacheControl "Cache-Control"
    CacheStatus "Cache-Status"
    CdnCacheControl "CDN-Cache-Control"
    Connection "Connection"
    ContentDisposition "Content-Disposition"
    ContentEncoding "Content-Encoding"
    ContentLanguage "Content-Language"
    ContentLength "Content-Length"
    ContentLocation "Content-Location"
    ContentRange "Content-Range"
    ContentSecurityPolicy "Content-Security-Policy"
    ContentType "Content-Type"
    Cookie "Cookie"
    CrossOriginEmbedderPolicy "Cross-Origin-Embedder-Policy"
    CrossOriginOpenerPolicy "Cross-Origin-Opener-Policy"
    CrossOriginResourcePolicy "Cross-Origin-Resource-Policy"
    Date "Date"
    ETag "ETag"
    EarlyData "Early-Data"
    Expect "Expect"
    Expires "Expires"
    Forwarded "Forwarded"
    From "From"
    Host "Host"
    Http2Settings "HTTP2-Settings"
    IfMatch "If-Match"
    IfModifiedSince "If-Modified-Since"
    IfNoneMatch "If-None-Match"
    IfRange "If-Range"
    IfUnmodifiedSince "If-Unmodified-Since"
    KeepAlive "Keep-Alive"
    LastModified "Last-Modified"
    Link "Link"
    Location "Location"
    MaxForwards "Max-Forwards"
    Origin "Origin"
    Pragma "Pragma"
    Priority "Priority"
    ProxyAuthenticate "Proxy-Authenticate"
    ProxyAuthorization "Proxy-Authorization"
    ProxyConnection "Proxy-Connection"
    ProxyStatus "Proxy-Status"
    Range "Range"
    Referer "Referer"
    ReferrerPolicy "Referrer-Policy"
    RetryAfter "Retry-After"
    SecFetchDest "Sec-Fetch-Dest"
    SecFetchMode "Sec-Fetch-Mode"
    SecFetchSite "Sec-Fetch-Site"
    SecWebSocketKey "Sec-WebSocket-Key"
    Server "Server"
    ServerTiming "Server-Timing"
    SetCookie "Set-Cookie"
    StrictTransportSecurity "Strict-Transport-Security"
    SurrogateKey "Surrogate-Key"
    Te "TE"
    Traceparent "Traceparent"
    Tracestate "Tracestate"
    Trailer "Trailer"
    TransferEncoding "Transfer-Encoding"
    Upgrade "Upgrade"
    UpgradeInsecureRequests "Upgrade-Insecure-Requests"
    UserAgent "User-Agent"
    Vary "Vary"
    Via "Via"
    WwwAuthenticate "WWW-Authenticate"
    XContentTypeOptions "X-Content-Type-Options"
    XForwardedFor "X-Forwarded-For"
    XForwardedHost "X-Forwarded-Host"
    XForwardedProto "X-Forwarded-Proto"
    XFrameOptions "X-Frame-Options"
    XXssProtection "X-XSS-Protection"
}

/// How many places the table below has: so many that most names have one to themselves.
const SLOTS: usize = 512;

/// The names we know, each at the place that four of its bytes give, or behind it when that is taken.
/// So a name is compared with one other, and not with all of its length.
#[allow(clippy::indexing_slicing, reason = "checked when the table is compiled")]
static BY_SLOT: [Option<Name>; SLOTS] = {
    let (mut slots, mut i) = ([None; SLOTS], 0);
    while i < Name::ALL.len() {
        let name = Name::ALL[i].as_str().as_bytes();
        let mut at = slot(name.len(), name[0], name[name.len() / 2], name[name.len() - 2]);
        while slots[at].is_some() {
            at = (at + 1) % SLOTS;
        }
        slots[at] = Some(Name::ALL[i]);
        i += 1;
    }
    slots
};

/// The factor was found by trying: with it no two of today's names meet. Others would only be slower.
const fn slot(len: usize, first: u8, middle: u8, last_but_one: u8) -> usize {
    let bytes = [len as u8, first | 0x20, middle | 0x20, last_but_one | 0x20];
    (u32::from_le_bytes(bytes).wrapping_mul(0x5216_30ff) >> 23) as usize % SLOTS
}

/// Whether `bytes` are `name`, in any case; both have the same length.
///
/// In our names only letters have the bit 0x40, and case is the bit 0x20: where two bytes differ in
/// nothing else, and ours is a letter, they are the same letter.
#[inline]
fn is_same(name: &[u8], bytes: &[u8]) -> bool {
    let (names, name_rest) = name.as_chunks::<8>();
    let (words, rest) = bytes.as_chunks::<8>();
    let mut difference = 0;
    for (ours, theirs) in names.iter().zip(words) {
        let (ours, theirs) = (u64::from_le_bytes(*ours), u64::from_le_bytes(*theirs));
        difference |= (ours ^ theirs) & !((ours & 0x4040_4040_4040_4040) >> 1);
    }
    for (ours, theirs) in name_rest.iter().zip(rest) {
        difference |= u64::from((ours ^ theirs) & !((ours & 0x40) >> 1));
    }
    difference == 0
}

impl Name {
    /// The name these bytes are, in any case, if we know it.
    #[inline]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let [first, .., last_but_one, _] = bytes else {
            // Two bytes are their own first and last but one.
            let [first, _] = bytes else { return None };
            return Self::at_slot(slot(2, *first, *bytes.get(1)?, *first), bytes);
        };
        let middle = bytes.get(bytes.len() / 2)?;
        Self::at_slot(slot(bytes.len(), *first, *middle, *last_but_one), bytes)
    }

    #[inline]
    fn at_slot(mut at: usize, bytes: &[u8]) -> Option<Self> {
        while let Some(Some(name)) = BY_SLOT.get(at) {
            let known = name.as_str().as_bytes();
            if known.len() == bytes.len() && is_same(known, bytes) {
                return Some(*name);
            }
            at = (at + 1) % SLOTS;
        }
        None
    }

    /// Whether the x-ray must not show the value.
    pub const fn is_private(self) -> bool {
        matches!(
            self,
            Self::Authorization | Self::ProxyAuthorization | Self::Cookie | Self::SetCookie
        )
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
