use base::xray::{Private, Text};
use message::{Method, Status, Version};

use crate::framing::Framing;
use crate::machine::Timer;

base::notes! {
    /// What HTTP/1.1 tells the x-ray.
    pub enum Seen<'a> in Application {
        /// A request's head came in.
        RequestIn { id: u64, method: &'a Method, target: Text<'a>, version: Version, body: Framing },
        /// A response's head came in.
        ResponseIn { id: u64, status: Status, version: Version, body: Framing },
        /// A field line of the head above.
        Field { name: &'a str, value: Text<'a> },
        /// A field line of the head above whose value is nobody's business.
        SecretField { name: &'a str, value: Private<'a> },
        /// A part of a body came in.
        BodyIn { id: u64, bytes: Private<'a> },
        /// The trailer section came in.
        TrailersIn { id: u64, fields: usize },
        /// The message that came in is complete.
        CompleteIn { id: u64 },
        /// A request's head goes out.
        RequestOut { id: u64, method: &'a Method, target: Text<'a>, body: Framing },
        /// A response's head goes out.
        ResponseOut { id: u64, status: Status, body: Framing, persists: bool },
        /// A part of a body goes out.
        BodyOut { id: u64, len: u64 },
        /// The message that goes out is complete.
        CompleteOut { id: u64 },
        /// The client waited for leave to send its body, and gets it.
        Continued { id: u64 },
        /// The body is of no use to anybody; it is taken from the wire and forgotten.
        Discarding { id: u64, len: u64 },
        /// The connection speaks another protocol from here on.
        Upgraded { id: u64 },
        /// The next request is already here, and waits for its turn.
        Pipelined { bytes: usize },
        /// What the user sent does not fit here, and was left out.
        NotSent { id: u64, why: Why },
        /// A field that may not stand in a trailer section was left out of it.
        TrailerLeftOut { id: u64, name: &'a str },
        /// A message was refused; the status is what the peer is told, if it can still be told.
        Refused { why: Why, status: Option<Status> },
        /// A time limit has passed.
        TimedOut { timer: Timer },
        /// The peer will send nothing more.
        PeerFinished { mid_message: bool },
        /// The connection will be closed when everything has been sent.
        Closing { why: Why },
        /// Bytes that came after the end were forgotten.
        Lingering { len: usize },
    }
}

/// Why something was refused, left out or ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// The first line is no request line, or no status line (RFC 9112 §3, §4).
    StartLineMalformed,
    /// The target has none of the four forms (RFC 9112 §3.2); the part that is wrong.
    TargetMalformed(&'static str),
    /// The request line is longer than we read (RFC 9112 §3).
    RequestLineTooLong,
    /// The method is longer than any we could know (RFC 9112 §3).
    MethodTooLong,
    /// The major version is not 1 (RFC 9110 §2.5).
    VersionNotSupported,
    /// The Host field is missing, doubled or malformed (RFC 9112 §3.2); what exactly.
    HostMalformed(&'static str),
    /// A line ends without CR (RFC 9112 §2.2).
    BareLineFeed,
    /// A CR stands inside a line (RFC 9112 §2.2).
    BareCarriageReturn,
    /// A control byte stands in a line (RFC 9110 §5.5).
    ControlByte,
    /// A line begins with white space (RFC 9112 §5.2, §2.2).
    FoldedLine,
    /// White space stands between name and colon (RFC 9112 §5.1).
    SpaceBeforeColon,
    /// A name is no token (RFC 9110 §5.1).
    FieldNameMalformed,
    /// A line has no colon (RFC 9112 §5).
    FieldWithoutColon,
    /// The head, or the trailer section, has more lines than we read (RFC 9110 §5.4).
    TooManyFields,
    /// The head, or the trailer section, is longer than we read (RFC 9110 §5.4).
    HeadTooLarge,
    /// Content-Length is not a number (RFC 9112 §6.3 rule 5).
    LengthMalformed,
    /// Two lengths that differ (RFC 9112 §6.3 rule 5).
    LengthsDiffer,
    /// A length and a transfer coding (RFC 9112 §6.1, §6.3 rule 3).
    LengthAndTransferEncoding,
    /// A transfer coding in a message of HTTP/1.0 (RFC 9112 §6.1).
    TransferEncodingIn10,
    /// Transfer-Encoding without a coding.
    TransferEncodingEmpty,
    /// A transfer coding we do not know (RFC 9112 §6.1).
    TransferCodingUnknown,
    /// A coding after chunked, chunked twice, or not at all (RFC 9112 §6.1, §6.3 rule 4).
    ChunkedNotLast,
    /// A chunk's size, extension or delimiter is wrong (RFC 9112 §7.1).
    ChunkMalformed,
    /// More chunk extensions than we read (RFC 9112 §7.1.1).
    ChunkExtensionsTooLong,
    /// An expectation we do not know (RFC 9110 §10.1.1).
    ExpectationUnknown,
    /// The head took too long.
    HeadTooSlow,
    /// The body came too slowly.
    BodyTooSlow,
    /// Nothing came for too long on a persistent connection.
    Idle,
    /// The peer went away in the middle of a message (RFC 9112 §8).
    CutShort,
    /// The peer sent a message nobody asked for.
    Unsolicited,
    /// More interim responses than a final one can need (RFC 9110 §15.2).
    TooManyInterims,
    /// A switch to another protocol that the client did not ask for (RFC 9110 §7.8).
    UpgradeNotWished,
    /// No tunnel was made, but the client may have sent what was to go through it (RFC 9110 §9.3.6).
    TunnelRefused,
    /// One side said `close`, or would have had to say `keep-alive` (RFC 9112 §9.3).
    SaidClose,
    /// The body ends with the connection.
    BodyUntilClose,
    /// The connection has made as many requests as it may.
    RequestsUsedUp,
    /// More of a body nobody reads is left than we take.
    BodyUnread,
    /// The client still waits for leave to send a body that nobody wants.
    NeverContinued,
    /// The server is going down.
    ShuttingDown,
    /// The user ended the exchange.
    UserReset,
    /// The user sent more or less than it had announced.
    LengthBroken,
    /// A length where there can be none: with 1xx, 204 or a tunnel (RFC 9110 §8.6).
    NoLengthHere,
    /// A body where there can be none: to HEAD, with 1xx, 204 or 304 (RFC 9112 §6.3).
    NoBodyHere,
    /// Trailers where there is no place for them (RFC 9112 §7.1.2).
    NoTrailersHere,
    /// An interim response to a client that does not know them (RFC 9110 §15.2).
    InterimTo10,
    /// A field that the connection itself speaks for (RFC 9110 §7.6.1).
    ConnectionsOwnField,
    /// An event that cannot come now.
    OutOfTurn,
}

impl Why {
    /// What a request refused for this is answered with, if it can be answered.
    pub const fn status(self) -> Option<Status> {
        Some(match self {
            Self::StartLineMalformed
            | Self::TargetMalformed(_)
            | Self::HostMalformed(_)
            | Self::BareLineFeed
            | Self::BareCarriageReturn
            | Self::ControlByte
            | Self::FoldedLine
            | Self::SpaceBeforeColon
            | Self::FieldNameMalformed
            | Self::FieldWithoutColon
            | Self::LengthMalformed
            | Self::LengthsDiffer
            | Self::LengthAndTransferEncoding
            | Self::TransferEncodingIn10
            | Self::TransferEncodingEmpty
            | Self::ChunkedNotLast
            | Self::ChunkMalformed
            | Self::ChunkExtensionsTooLong
            | Self::CutShort => Status::BAD_REQUEST,
            Self::TransferCodingUnknown | Self::MethodTooLong => Status::NOT_IMPLEMENTED,
            // Only our own user can be the reason: it answered with a switch nobody wished for.
            Self::UpgradeNotWished => Status::INTERNAL_SERVER_ERROR,
            Self::RequestLineTooLong => Status::URI_TOO_LONG,
            Self::TooManyFields | Self::HeadTooLarge => Status::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::VersionNotSupported => Status::HTTP_VERSION_NOT_SUPPORTED,
            Self::ExpectationUnknown => Status::EXPECTATION_FAILED,
            Self::HeadTooSlow | Self::BodyTooSlow => Status::REQUEST_TIMEOUT,
            _ => return None,
        })
    }

    /// The reason in words for whoever sent the request.
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::StartLineMalformed => "the request line is not \"method target version\"",
            Self::TargetMalformed(what) | Self::HostMalformed(what) => what,
            Self::RequestLineTooLong => "the request line is too long",
            Self::MethodTooLong => "the method is too long",
            Self::VersionNotSupported => "this server speaks HTTP/1.1",
            Self::BareLineFeed => "a line ends without a carriage return",
            Self::BareCarriageReturn => "a carriage return stands inside a line",
            Self::ControlByte => "a control byte stands in the head",
            Self::FoldedLine => "a field line begins with white space",
            Self::SpaceBeforeColon => "white space stands before a field's colon",
            Self::FieldNameMalformed => "a field name is not a token",
            Self::FieldWithoutColon => "a field line has no colon",
            Self::TooManyFields => "there are too many field lines",
            Self::HeadTooLarge => "the head is too large",
            Self::LengthMalformed => "Content-Length is not a number",
            Self::LengthsDiffer => "there are two Content-Lengths that differ",
            Self::LengthAndTransferEncoding => {
                "Content-Length and Transfer-Encoding exclude each other"
            }
            Self::TransferEncodingIn10 => "HTTP/1.0 has no Transfer-Encoding",
            Self::TransferEncodingEmpty => "Transfer-Encoding names no coding",
            Self::TransferCodingUnknown => "this server knows no transfer coding but chunked",
            Self::ChunkedNotLast => "chunked must be the last transfer coding, and only once",
            Self::ChunkMalformed => "a chunk is malformed",
            Self::ChunkExtensionsTooLong => "the chunk extensions are too long",
            Self::ExpectationUnknown => "this server meets no expectation but 100-continue",
            Self::HeadTooSlow => "the request took too long",
            Self::BodyTooSlow => "the body came too slowly",
            Self::Idle => "nothing came for too long",
            Self::CutShort => "the peer went away in the middle of a message",
            Self::Unsolicited => "the peer sent a message nobody asked for",
            Self::TooManyInterims => "there are too many interim responses",
            Self::UpgradeNotWished => "nobody asked for another protocol",
            Self::TunnelRefused => "no tunnel was made",
            Self::SaidClose => "one side said close",
            Self::BodyUntilClose => "the body ends with the connection",
            Self::RequestsUsedUp => "the connection has made as many requests as it may",
            Self::BodyUnread => "too much of the body is left unread",
            Self::NeverContinued => "the client still waits for leave to send its body",
            Self::ShuttingDown => "the server is going down",
            Self::UserReset => "the exchange was given up",
            Self::LengthBroken => "the body is not as long as announced",
            Self::NoLengthHere => "there can be no length here",
            Self::NoBodyHere => "there can be no body here",
            Self::NoTrailersHere => "there can be no trailers here",
            Self::InterimTo10 => "HTTP/1.0 knows no interim responses",
            Self::ConnectionsOwnField => "the connection speaks for this field itself",
            Self::OutOfTurn => "this cannot come now",
        }
    }
}
