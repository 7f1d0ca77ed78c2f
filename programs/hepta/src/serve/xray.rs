//! What the server itself tells the x-ray: how a request came to its answer.

use message::Status;
use server::Or;

use crate::listing::Form;

base::notes! {
    /// What became of a request on its way to a handler and back.
    pub(crate) enum Seen<'a> in Application {
        /// It was not let in.
        Refused { because: Why },
        /// It comes from an address that is not let in.
        RefusedAddress { address: Or },
        /// Its path cannot be used (RFC 3986 §3.3).
        PathRefused { what: &'a str },
        /// It is answered as if it had asked for this path.
        Rewritten { path: &'a str },
        /// A page of the site's own is shown for an error.
        ErrorPageShown { status: Status, path: &'a str },
        /// The answer is a page of our own, in this form and language.
        PageWritten { form: Form, language: &'a str },
    }
}

/// Why a request was not let in, or not answered as it was meant to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Why {
    /// No site has its name, or it came under the name of another site (RFC 9110 §15.5.20).
    Misdirected,
    /// The client has made too many in a short time (RFC 6585 §4).
    TooManyRequests,
    /// As many are under way as may be.
    TooManyAtOnce,
    /// It announces a longer body than it may have (RFC 9110 §15.5.14).
    BodyTooLong,
    /// The client has shown no certificate that counts here.
    NoCertificate,
    /// It has no name and password (RFC 7617 §2).
    NoCredentials,
    /// They cannot be read (RFC 7617 §2).
    CredentialsUnreadable,
    /// They are wrong (RFC 9110 §15.5.2).
    CredentialsWrong,
    /// Too many passwords are being looked at.
    TooManyLogins,
    /// Rewriting leads round in a circle.
    RewritesGoRound,
}
