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
        }
    };
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

/// The longest name we know, and one more.
const LEN_END: usize = 33;

/// The names we know by their length, so that a name is compared with few others.
#[allow(clippy::indexing_slicing, reason = "checked when the table is compiled")]
static BY_LEN: [&[Name]; LEN_END] = {
    const fn with_len(len: usize) -> ([Name; 16], usize) {
        let (mut found, mut count, mut i) = ([Name::Accept; 16], 0, 0);
        while i < Name::ALL.len() {
            if Name::ALL[i].as_str().len() == len {
                found[count] = Name::ALL[i];
                count += 1;
            }
            i += 1;
        }
        (found, count)
    }
    const SORTED: [([Name; 16], usize); LEN_END] = {
        let mut sorted = [([Name::Accept; 16], 0); LEN_END];
        let mut len = 0;
        while len < LEN_END {
            sorted[len] = with_len(len);
            len += 1;
        }
        sorted
    };
    let mut by_len: [&[Name]; LEN_END] = [&[]; LEN_END];
    let mut len = 0;
    while len < LEN_END {
        by_len[len] = SORTED[len].0.split_at(SORTED[len].1).0;
        len += 1;
    }
    by_len
};

impl Name {
    /// The name these bytes are, in any case, if we know it.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let first = bytes.first()? | 0x20;
        BY_LEN.get(bytes.len())?.iter().copied().find(|name| {
            let known = name.as_str().as_bytes();
            known.first().is_some_and(|b| b | 0x20 == first) && known.eq_ignore_ascii_case(bytes)
        })
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
