//! What may stand in a trailer section. (RFC 9110 §6.5.1)

use crate::{Fields, Name};

/// The fields that mean something only in front of a body: framing, routing, conditions and other
/// modifiers of a request, authentication, control of a response, and how to read the body. Whoever
/// merged one of these from a trailer section into the head could be led to act on a message other
/// than the one that was checked.
const FORBIDDEN: [Name; 50] = [
    // Framing and the connection.
    Name::Connection,
    Name::ContentLength,
    Name::KeepAlive,
    Name::ProxyConnection,
    Name::Te,
    Name::Trailer,
    Name::TransferEncoding,
    Name::Upgrade,
    Name::Http2Settings,
    // Routing.
    Name::Host,
    Name::Forwarded,
    Name::MaxForwards,
    Name::Via,
    Name::XForwardedFor,
    Name::XForwardedHost,
    Name::XForwardedProto,
    // What modifies a request.
    Name::CacheControl,
    Name::EarlyData,
    Name::Expect,
    Name::IfMatch,
    Name::IfModifiedSince,
    Name::IfNoneMatch,
    Name::IfRange,
    Name::IfUnmodifiedSince,
    Name::Origin,
    Name::Pragma,
    Name::Range,
    // Who asks.
    Name::Authorization,
    Name::Cookie,
    Name::ProxyAuthenticate,
    Name::ProxyAuthorization,
    Name::SetCookie,
    Name::WwwAuthenticate,
    // What controls a response.
    Name::AccessControlAllowCredentials,
    Name::AccessControlAllowOrigin,
    Name::Age,
    Name::CdnCacheControl,
    Name::ContentSecurityPolicy,
    Name::Date,
    Name::Expires,
    Name::Location,
    Name::RetryAfter,
    Name::StrictTransportSecurity,
    Name::Vary,
    Name::XContentTypeOptions,
    Name::XFrameOptions,
    // How to read the body.
    Name::ContentDisposition,
    Name::ContentEncoding,
    Name::ContentRange,
    Name::ContentType,
];

/// The fields in `trailers` that have no place there.
pub fn forbidden(trailers: &Fields) -> impl Iterator<Item = Name> {
    FORBIDDEN.into_iter().filter(|&name| trailers.contains(name))
}
