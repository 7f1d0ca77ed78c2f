use base::xray::{Private, Text};
use message::{Method, Status};

use crate::Timer;
use crate::priority::Priority;
use crate::stream::State;
use crate::wire::{ErrorCode, Flags, Kind, SettingId};

base::notes! {
    /// What HTTP/2 tells the x-ray.
    pub enum Seen<'a> in Application {
        /// A frame came in.
        FrameIn { kind: Kind, flags: Flags, stream: u32, len: u32 },
        /// A frame goes out.
        FrameOut { kind: Kind, flags: Flags, stream: u32, len: u32 },
        /// The client's preface came in: it speaks HTTP/2.
        Preface,
        /// A setting of the peer's came in.
        SettingIn { name: SettingId, value: u32 },
        /// A setting of ours goes out.
        SettingOut { name: SettingId, value: u32 },
        /// The peer has taken our settings.
        SettingsAcknowledged,
        /// A stream is in another state.
        Stream { id: u32, was: State, is: State, by: Kind },
        /// A stream is over, and nothing of it is held any more.
        StreamGone { id: u32 },
        /// A request's head came in.
        RequestIn { id: u32, method: &'a Method, target: Text<'a>, priority: Priority },
        /// The head above came before; it was not read again.
        HeadRemembered { id: u32 },
        /// A response's head came in.
        ResponseIn { id: u32, status: Status },
        /// The server promises the response to a request that nobody made.
        PromiseIn { id: u32, parent: u32 },
        /// A field line of the head above.
        Field { name: &'a str, value: Text<'a> },
        /// A field line of the head above whose value is nobody's business.
        SecretField { name: &'a str, value: Private<'a> },
        /// A part of a body came in.
        BodyIn { id: u32, bytes: Private<'a> },
        /// The trailer section came in.
        TrailersIn { id: u32, fields: usize },
        /// The message that came in is complete.
        CompleteIn { id: u32 },
        /// A request's head goes out.
        RequestOut { id: u32, method: &'a Method, target: Text<'a> },
        /// A response's head goes out.
        ResponseOut { id: u32, status: Status },
        /// We promise the response to a request that nobody made.
        PromiseOut { id: u32, parent: u32 },
        /// A part of a body goes out; what both windows allow after it.
        BodyOut { id: u32, len: u64, window: i64, connection_window: i64 },
        /// The message that goes out is complete.
        CompleteOut { id: u32 },
        /// The client waited for leave to send its body, and gets it.
        Continued { id: u32 },
        /// The peer lets us send more; stream 0 is the connection.
        WindowIn { stream: u32, increment: u32, window: i64 },
        /// We let the peer send more; stream 0 is the connection.
        WindowOut { stream: u32, increment: u32, window: i64 },
        /// The windows we give grow, because the path takes so much in one round trip.
        WindowGrows { size: u32, round_trip_micros: u64 },
        /// A stream has something to send and cannot.
        Waits { id: u32, what: Wait, pending: u64 },
        /// A stream has another place among those that send.
        Prioritised { id: u32, priority: Priority },
        /// The rest of a request's body is taken and forgotten: its response is out.
        Discarding { id: u32, len: u64 },
        /// A frame, or a part of one, was ignored.
        Ignored { stream: u32, why: Why },
        /// What the user sent does not fit here, and was left out.
        NotSent { id: u32, why: Why },
        /// A field that may not stand here was left out.
        FieldLeftOut { id: u32, name: &'a str },
        /// A request was refused; the status is what the client is told.
        Refused { id: u32, why: Why, status: Status },
        /// The peer ended a stream.
        ResetIn { id: u32, code: ErrorCode },
        /// We end a stream.
        ResetOut { id: u32, code: ErrorCode, why: Why },
        /// The peer takes no streams above `last` any more.
        GoAwayIn { last: u32, code: ErrorCode, debug: Text<'a> },
        /// We take no streams above `last` any more.
        GoAwayOut { last: u32, code: ErrorCode, why: Why },
        /// Something that could be an attack counts against the peer.
        Counted { what: Why, left: u32 },
        /// A time limit has passed.
        TimedOut { timer: Timer },
        /// The peer will send nothing more.
        PeerFinished { streams: usize },
        /// The connection will be closed when everything has been sent.
        Closing { why: Why },
        /// Bytes that came after the end were forgotten.
        Lingering { len: usize },
    }
}

/// What a stream waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wait {
    /// The peer, to give the stream a window (RFC 9113 §6.9.1).
    WindowOfStream,
    /// The peer, to give the connection a window (RFC 9113 §6.9.1).
    WindowOfConnection,
    /// Streams that come first (RFC 9218 §10).
    Priority,
    /// What was sent before to be taken from us.
    Transport,
}

/// Why something was refused, ignored, left out or ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// The first bytes are not the client's preface (RFC 9113 §3.4).
    PrefaceMalformed,
    /// The first frame is not SETTINGS (RFC 9113 §3.4).
    SettingsMissing,
    /// A frame is longer than we take (RFC 9113 §4.2).
    FrameTooLong,
    /// A frame is shorter than its type and flags need (RFC 9113 §4.2).
    FrameTooShort,
    /// A frame has not the one length that its type has (RFC 9113 §6.3, §6.4, §6.7, §6.9).
    FrameLength,
    /// SETTINGS of a length that is no multiple of six (RFC 9113 §6.5).
    SettingsLength,
    /// SETTINGS that acknowledge and carry something (RFC 9113 §6.5).
    AckWithPayload,
    /// Padding that is longer than the frame (RFC 9113 §6.1).
    PaddingTooLong,
    /// A frame about one stream on stream 0, or one about the connection on a stream (RFC 9113 §6).
    WrongStream,
    /// A frame on a stream that was never opened (RFC 9113 §5.1).
    StreamIdle,
    /// A frame on a stream that is closed (RFC 9113 §5.1).
    StreamClosed,
    /// A part of a message on a stream whose peer has finished (RFC 9113 §5.1).
    HalfClosed,
    /// A stream of the other parity, or not above those before (RFC 9113 §5.1.1).
    StreamNumber,
    /// All stream numbers have been used (RFC 9113 §5.1.1).
    StreamsUsedUp,
    /// More streams at a time than we allow (RFC 9113 §5.1.2).
    TooManyStreams,
    /// More streams at a time than the peer allows (RFC 9113 §5.1.2).
    PeerIsFull,
    /// A frame between the frames of a block (RFC 9113 §6.10).
    BlockInterrupted,
    /// CONTINUATION without a block that it continues (RFC 9113 §6.10).
    ContinuationUnexpected,
    /// A stream that depends on itself (RFC 9113 §5.3.1, RFC 7540 §5.3.1).
    DependsOnItself,
    /// ENABLE_PUSH, or another switch, is neither 0 nor 1, or is not the peer's to turn (RFC 9113
    /// §6.5.2, RFC 8441 §3, RFC 9218 §2.1).
    SettingMalformed,
    /// INITIAL_WINDOW_SIZE above 2³¹ − 1 (RFC 9113 §6.5.2).
    InitialWindowTooLarge,
    /// MAX_FRAME_SIZE out of its range (RFC 9113 §6.5.2).
    MaxFrameSizeOutOfRange,
    /// Our settings were not acknowledged in time (RFC 9113 §6.5.3).
    SettingsNotAcknowledged,
    /// An acknowledgement of settings that were not sent.
    AckUnexpected,
    /// WINDOW_UPDATE by nothing (RFC 9113 §6.9).
    IncrementZero,
    /// A window above 2³¹ − 1 (RFC 9113 §6.9.1, §6.9.2).
    WindowOverflow,
    /// More DATA than the window allowed (RFC 9113 §6.9.1).
    WindowExceeded,
    /// The compression of fields is broken (RFC 9113 §4.3).
    Compression,
    /// PUSH_PROMISE where none may be sent (RFC 9113 §6.6, §8.4).
    PushNotAllowed,
    /// A promise that nobody wants (RFC 9113 §8.4).
    PushUnwanted,
    /// A promise of what the client was sent before, or of more than is kept in mind (RFC 9113 §8.4).
    SentBefore,
    /// A promised request that is not safe, or has a body (RFC 9113 §8.4).
    PromiseNotSafe,
    /// GOAWAY that takes back a promise to process streams (RFC 9113 §6.8).
    GoAwayGrows,
    /// A stream above the last one of our GOAWAY (RFC 9113 §6.8).
    BeyondGoAway,
    /// No new stream, because one side is going away (RFC 9113 §6.8).
    GoingAway,
    /// PRIORITY_UPDATE to a client, or about a stream that cannot be (RFC 9218 §7.1).
    PriorityUpdateMisplaced,
    /// A priority that cannot be read (RFC 9218 §4, RFC 9651 §4.2.2).
    PriorityMalformed,
    /// The priorities of RFC 7540, which are not obeyed (RFC 9113 §5.3.2).
    OldPriority,
    /// More priorities of streams to come than are remembered (RFC 9218 §7).
    TooManyPriorities,
    /// A frame type that we do not know, or have no use for (RFC 9113 §5.5, RFC 7838 §4, RFC 8336 §2).
    NoUse,
    /// A setting that we do not know (RFC 9113 §6.5.2).
    SettingUnknown,
    /// A frame on a stream that we reset a moment ago (RFC 9113 §5.1).
    ResetBefore,
    /// A head without the pseudo-fields it must have (RFC 9113 §8.3.1, §8.3.2).
    PseudoMissing,
    /// A pseudo-field twice (RFC 9113 §8.3).
    PseudoTwice,
    /// A pseudo-field that does not exist, or not here (RFC 9113 §8.3, §8.1).
    PseudoUnknown,
    /// A pseudo-field behind a field (RFC 9113 §8.3).
    PseudoLate,
    /// A method that is no token (RFC 9113 §8.3.1).
    MethodMalformed,
    /// A scheme that is none (RFC 9113 §8.3.1).
    SchemeMalformed,
    /// A path or an authority that is none (RFC 9113 §8.3.1, §8.5); the part that is wrong.
    TargetMalformed(&'static str),
    /// A status that is none (RFC 9113 §8.3.2).
    StatusMalformed,
    /// Host says something else than :authority, or is there twice (RFC 9113 §8.3.1).
    HostDiffers,
    /// A field name with a capital, or with something that no name may hold (RFC 9113 §8.2.1).
    FieldNameMalformed,
    /// A field value with a control byte, or with white space around it (RFC 9113 §8.2.1).
    FieldValueMalformed,
    /// A field that is about a connection of HTTP/1.1 (RFC 9113 §8.2.2).
    ConnectionField,
    /// TE with something else than `trailers` (RFC 9113 §8.2.2).
    TeMalformed,
    /// Content-Length that is not one number (RFC 9113 §8.1.1).
    LengthMalformed,
    /// DATA of another length than Content-Length says (RFC 9113 §8.1.1).
    LengthDiffers,
    /// A body where there can be none (RFC 9110 §6.4.1).
    BodyUnexpected,
    /// DATA before the head (RFC 9113 §8.1).
    DataBeforeHead,
    /// A second head that is no trailer section (RFC 9113 §8.1).
    HeadTwice,
    /// 101, which HTTP/2 does not have (RFC 9113 §8.6).
    SwitchingProtocols,
    /// 1xx that ends the stream (RFC 9113 §8.1).
    InterimEnds,
    /// More interim responses than a final one can need (RFC 9110 §15.2).
    TooManyInterims,
    /// An expectation we do not know (RFC 9110 §10.1.1).
    ExpectationUnknown,
    /// More field lines, or more bytes of them, than we read (RFC 9113 §10.5.1).
    FieldsTooLarge,
    /// A block of more frames than one needs (CVE-2024-27316, RFC 9113 §10.5).
    TooManyContinuations,
    /// A block of more bytes than a list of fields can need (RFC 9113 §10.5.1).
    BlockTooLong,
    /// More streams reset, by the peer or because of it, than anybody needs (CVE-2023-44487,
    /// CVE-2025-8671, RFC 9113 §10.5).
    TooManyResets,
    /// More frames that do no work than anybody needs (RFC 9113 §10.5).
    TooManyControlFrames,
    /// Every stream waits, because the peer gives the connection no window.
    WindowsAllStalled,
    /// The stream waits too long for the peer to give it a window.
    WindowStalled,
    /// The head took too long.
    HeadTooSlow,
    /// The body came too slowly.
    BodyTooSlow,
    /// Nothing came for too long.
    Idle,
    /// The peer went away in the middle of an exchange.
    CutShort,
    /// One side has said that it ends the connection (RFC 9113 §6.8).
    SaidClose,
    /// The response is out, and the rest of the request is of no use (RFC 9113 §8.1).
    BodyUnread,
    /// The program is going down.
    ShuttingDown,
    /// The peer ended the stream (RFC 9113 §6.4).
    PeerReset,
    /// The peer refused the stream before it did anything for it (RFC 9113 §8.7).
    PeerRefused,
    /// The user ended the exchange.
    UserReset,
    /// The user went wrong.
    UserError,
    /// The user sent more or less than it had announced.
    LengthBroken,
    /// A body where there can be none: to HEAD, with 204 or 304.
    NoBodyHere,
    /// An event that cannot come now.
    OutOfTurn,
    /// A target that cannot be asked for in HTTP/2.
    TargetUnfit,
    /// Extended CONNECT, which the peer does not take (RFC 8441 §3).
    NoExtendedConnect,
}

impl Why {
    /// Whose fault it is.
    pub(crate) const fn blame(self) -> crate::fault::Blame {
        use crate::fault::Blame;
        match self {
            Self::UserReset
            | Self::UserError
            | Self::LengthBroken
            | Self::NoBodyHere
            | Self::OutOfTurn
            | Self::TargetUnfit
            | Self::NoExtendedConnect => Blame::User,
            Self::StreamsUsedUp
            | Self::GoingAway
            | Self::BeyondGoAway
            | Self::PushUnwanted
            | Self::SaidClose
            | Self::BodyUnread
            | Self::ShuttingDown => Blame::Us,
            _ => Blame::Peer,
        }
    }

    /// What a request refused for this is answered with, where an answer is due before the stream
    /// is closed.
    pub const fn status(self) -> Option<Status> {
        match self {
            Self::FieldsTooLarge => Some(Status::REQUEST_HEADER_FIELDS_TOO_LARGE),
            Self::ExpectationUnknown => Some(Status::EXPECTATION_FAILED),
            Self::BodyTooSlow => Some(Status::REQUEST_TIMEOUT),
            _ => None,
        }
    }

    /// The reason in words.
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::PrefaceMalformed => "the first bytes are not HTTP/2's",
            Self::SettingsMissing => "the first frame is not SETTINGS",
            Self::FrameTooLong => "a frame is too long",
            Self::FrameTooShort => "a frame is too short",
            Self::FrameLength => "a frame has a length that it cannot have",
            Self::SettingsLength => "SETTINGS have a length that they cannot have",
            Self::AckWithPayload => "an acknowledgement carries something",
            Self::PaddingTooLong => "the padding is longer than the frame",
            Self::WrongStream => "the frame cannot come on this stream",
            Self::StreamIdle => "the stream was never opened",
            Self::StreamClosed => "the stream is closed",
            Self::HalfClosed => "the message was complete",
            Self::StreamNumber => "the stream has a number that it cannot have",
            Self::StreamsUsedUp => "all stream numbers have been used",
            Self::TooManyStreams => "there are too many streams at a time",
            Self::PeerIsFull => "the peer takes no more streams at a time",
            Self::BlockInterrupted => "a block of fields was interrupted",
            Self::ContinuationUnexpected => "there is nothing to be continued",
            Self::DependsOnItself => "a stream depends on itself",
            Self::SettingMalformed => "a setting has a value that it cannot have",
            Self::InitialWindowTooLarge => "the initial window is too large",
            Self::MaxFrameSizeOutOfRange => "the largest frame is out of its range",
            Self::SettingsNotAcknowledged => "the settings were not acknowledged",
            Self::AckUnexpected => "nothing was to be acknowledged",
            Self::IncrementZero => "a window grows by nothing",
            Self::WindowOverflow => "a window is too large",
            Self::WindowExceeded => "there is more data than the window allows",
            Self::Compression => "the block of fields cannot be read",
            Self::PushNotAllowed => "nothing may be pushed",
            Self::PushUnwanted => "the promise is not wanted",
            Self::SentBefore => "the client was sent this before",
            Self::PromiseNotSafe => "only safe requests without a body can be promised",
            Self::GoAwayGrows => "GOAWAY takes more than the one before",
            Self::BeyondGoAway => "the connection is going away",
            Self::GoingAway => "the connection is going away",
            Self::PriorityUpdateMisplaced => "PRIORITY_UPDATE cannot come here",
            Self::PriorityMalformed => "the priority cannot be read",
            Self::OldPriority => "the priorities of RFC 7540 are not obeyed",
            Self::TooManyPriorities => "too many priorities of streams to come",
            Self::NoUse => "there is no use for the frame",
            Self::SettingUnknown => "the setting is unknown",
            Self::ResetBefore => "the stream was reset before",
            Self::PseudoMissing => "a pseudo-field is missing",
            Self::PseudoTwice => "a pseudo-field is there twice",
            Self::PseudoUnknown => "a pseudo-field has no place here",
            Self::PseudoLate => "a pseudo-field stands behind a field",
            Self::MethodMalformed => "the method is not a token",
            Self::SchemeMalformed => "the scheme is none",
            Self::TargetMalformed(what) => what,
            Self::StatusMalformed => "the status is none",
            Self::HostDiffers => "Host and :authority differ",
            Self::FieldNameMalformed => "a field name is malformed",
            Self::FieldValueMalformed => "a field value is malformed",
            Self::ConnectionField => "a field of HTTP/1.1 connections has no place here",
            Self::TeMalformed => "TE says something else than trailers",
            Self::LengthMalformed => "Content-Length is not one number",
            Self::LengthDiffers => "the body is not as long as Content-Length says",
            Self::BodyUnexpected => "there can be no body here",
            Self::DataBeforeHead => "a body came before its head",
            Self::HeadTwice => "there is a second head",
            Self::SwitchingProtocols => "HTTP/2 has no 101",
            Self::InterimEnds => "an interim response ends the stream",
            Self::TooManyInterims => "there are too many interim responses",
            Self::ExpectationUnknown => "this server meets no expectation but 100-continue",
            Self::FieldsTooLarge => "the fields are too large",
            Self::TooManyContinuations => "a block of fields has too many frames",
            Self::BlockTooLong => "a block of fields is too long",
            Self::TooManyResets => "too many streams were reset",
            Self::TooManyControlFrames => "too many frames do no work",
            Self::WindowsAllStalled => "the connection was given no window for too long",
            Self::WindowStalled => "the stream was given no window for too long",
            Self::HeadTooSlow => "the head took too long",
            Self::BodyTooSlow => "the body came too slowly",
            Self::Idle => "nothing came for too long",
            Self::CutShort => "the peer went away in the middle of an exchange",
            Self::SaidClose => "one side ends the connection",
            Self::BodyUnread => "the rest of the request is of no use",
            Self::ShuttingDown => "the program is going down",
            Self::PeerReset => "the peer ended the exchange",
            Self::PeerRefused => "the peer refused the exchange",
            Self::UserReset => "the exchange was given up",
            Self::UserError => "the user went wrong",
            Self::LengthBroken => "the body is not as long as announced",
            Self::NoBodyHere => "there can be no body here",
            Self::OutOfTurn => "this cannot come now",
            Self::TargetUnfit => "the target cannot be asked for",
            Self::NoExtendedConnect => "the peer takes no extended CONNECT",
        }
    }
}
