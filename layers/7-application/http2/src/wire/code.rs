use std::fmt;

macro_rules! codes {
    ($( $(#[$attr:meta])* $NAME:ident = $code:literal ; )*) => {
        /// Why a stream or a connection ended, as a number on the wire (RFC 9113 §7). Codes that we
        /// do not know are carried as they are and mean nothing special.
        #[derive(Clone, Copy, Eq, Hash, PartialEq)]
        pub struct ErrorCode(pub u32);

        impl ErrorCode {
            $( $(#[$attr])* pub const $NAME: Self = Self($code); )*

            const fn name(self) -> Option<&'static str> {
                match self.0 { $( $code => Some(stringify!($NAME)), )* _ => None }
            }
        }
    };
}

codes! {
    /// Nothing is wrong.
    NO_ERROR = 0;
    /// A rule was broken for which there is no better code.
    PROTOCOL_ERROR = 1;
    /// The sender of the code is at fault.
    INTERNAL_ERROR = 2;
    /// More was sent than a window allowed.
    FLOW_CONTROL_ERROR = 3;
    /// SETTINGS were not acknowledged in time.
    SETTINGS_TIMEOUT = 4;
    /// A frame came on a stream that was half or wholly closed.
    STREAM_CLOSED = 5;
    /// A frame has a length it cannot have.
    FRAME_SIZE_ERROR = 6;
    /// The stream was refused before anything was done for it.
    REFUSED_STREAM = 7;
    /// The stream is not wanted any more.
    CANCEL = 8;
    /// The compression of fields is out of step.
    COMPRESSION_ERROR = 9;
    /// The connection that CONNECT made was reset.
    CONNECT_ERROR = 10;
    /// The peer behaves in a way that may be an attack.
    ENHANCE_YOUR_CALM = 11;
    /// The session below is not secure enough.
    INADEQUATE_SECURITY = 12;
    /// HTTP/1.1 is to be used instead.
    HTTP_1_1_REQUIRED = 13;
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{:#x}", self.0),
        }
    }
}
