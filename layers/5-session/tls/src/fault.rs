use std::error::Error;
use std::fmt;

use rustls::InvalidMessage;

use crate::wire::Alert;

/// Why there is no session, or no more.
///
/// A fault of TLS always ends the whole connection (RFC 8446 §6.2), so it says nothing of scope.
/// What the peer must be told is in [`Session::poll_transmit`](crate::Session::poll_transmit)
/// already.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// Who made the mistake.
    pub blame: Blame,
    /// What is wrong.
    pub why: Why,
    /// More about it, for people; may be empty.
    pub detail: Box<str>,
}

/// Who made the mistake.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Blame {
    /// The other side.
    Peer,
    /// This program, or the machine it runs on.
    Us,
    /// Who configured this side.
    User,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// The peer speaks HTTP in clear text where TLS is spoken. It was told nothing: whoever holds
    /// the connection can still answer in clear text.
    ClearText,
    /// These bytes are no records (RFC 8446 §5.1).
    NotTls,
    /// A message cannot be read (RFC 8446 §6.2, `decode_error`).
    Malformed,
    /// A record is longer than records may be (RFC 8446 §5.2, `record_overflow`).
    RecordTooLong,
    /// A handshake message is longer than anybody needs; the standard allows 16 MiB
    /// (RFC 8446 §4).
    MessageTooLong,
    /// A record cannot be decrypted (RFC 8446 §5.2, `bad_record_mac`).
    Undecryptable,
    /// A message is out of place (RFC 8446 §6.2, `unexpected_message`).
    Unexpected,
    /// No version, suite, group or signature that both sides have (RFC 8446 §4.1.1).
    NothingInCommon,
    /// No application protocol that both sides have (RFC 7301 §3.2).
    NoProtocolInCommon,
    /// The peer does what it must not (RFC 8446 §6.2, `illegal_parameter` and others).
    Misbehaved,
    /// The server's certificate is not one to trust (RFC 8446 §4.4.2.4).
    BadCertificate,
    /// We have no certificate for this client (RFC 8446 §4.4.2.2).
    NoCertificate,
    /// The peer gave up and said why (RFC 8446 §6.2).
    Alert(Alert),
    /// The peer went away during the handshake (RFC 8446 §6.1).
    Gone,
    /// So much was sent that the keys are used up, and this version cannot change them
    /// (RFC 8446 §5.5).
    KeysExhausted,
    /// This is neither the name of a host nor an address (RFC 6066 §3).
    BadName,
    /// The private key cannot be used.
    BadKey,
    /// The private key belongs to another certificate.
    KeyMismatch,
    /// The configuration makes no sense.
    BadConfig,
    /// Something that should not happen happened here.
    Internal,
}

impl Fault {
    pub(crate) fn new(blame: Blame, why: Why, detail: impl Into<Box<str>>) -> Self {
        Self { blame, why, detail: detail.into() }
    }
}

impl From<&rustls::Error> for Fault {
    fn from(error: &rustls::Error) -> Self {
        use rustls::Error as E;
        let (blame, why) = match error {
            E::InvalidMessage(InvalidMessage::InvalidContentType)
            | E::InvalidMessage(InvalidMessage::UnknownProtocolVersion) => {
                (Blame::Peer, Why::NotTls)
            }
            E::InvalidMessage(InvalidMessage::HandshakePayloadTooLarge) => {
                (Blame::Peer, Why::MessageTooLong)
            }
            E::InvalidMessage(InvalidMessage::MessageTooLarge) | E::PeerSentOversizedRecord => {
                (Blame::Peer, Why::RecordTooLong)
            }
            E::InvalidMessage(_) => (Blame::Peer, Why::Malformed),
            E::InappropriateMessage { .. } | E::InappropriateHandshakeMessage { .. } => {
                (Blame::Peer, Why::Unexpected)
            }
            E::DecryptError => (Blame::Peer, Why::Undecryptable),
            E::PeerIncompatible(_) => (Blame::Peer, Why::NothingInCommon),
            E::PeerMisbehaved(_) => (Blame::Peer, Why::Misbehaved),
            E::AlertReceived(alert) => (Blame::Peer, Why::Alert(Alert((*alert).into()))),
            E::InvalidCertificate(_) | E::NoCertificatesPresented => {
                (Blame::Peer, Why::BadCertificate)
            }
            E::NoApplicationProtocol => (Blame::Peer, Why::NoProtocolInCommon),
            E::UnsupportedNameType => (Blame::User, Why::BadName),
            E::InconsistentKeys(_) => (Blame::User, Why::KeyMismatch),
            // The one thing rustls says in words on this path: our resolver found nothing.
            E::General(text) if text.contains("certificate chain resolved") => {
                (Blame::Us, Why::NoCertificate)
            }
            // rustls refuses to encrypt for no other reason: sizes are asked for.
            E::EncryptError => (Blame::Us, Why::KeysExhausted),
            _ => (Blame::Us, Why::Internal),
        };
        Self::new(blame, why, error.to_string())
    }
}

impl From<rustls::Error> for Fault {
    fn from(error: rustls::Error) -> Self {
        Self::from(&error)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.why.text())?;
        match (self.why, &*self.detail) {
            (Why::Alert(alert), _) => write!(f, ": {alert:?}"),
            (_, "") => Ok(()),
            (_, detail) => write!(f, ": {detail}"),
        }
    }
}

impl Error for Fault {}

impl Why {
    const fn text(self) -> &'static str {
        match self {
            Self::ClearText => "the peer speaks HTTP in clear text, not TLS",
            Self::NotTls => "the peer does not speak TLS",
            Self::Malformed => "the peer sent a message that cannot be read",
            Self::RecordTooLong => "the peer sent a record that is too long",
            Self::MessageTooLong => "the peer sent a handshake message that is too long",
            Self::Undecryptable => "the peer sent a record that cannot be decrypted",
            Self::Unexpected => "the peer sent a message out of place",
            Self::NothingInCommon => "no version or algorithm of TLS that both sides speak",
            Self::NoProtocolInCommon => "no application protocol that both sides speak",
            Self::Misbehaved => "the peer breaks the rules of TLS",
            Self::BadCertificate => "the peer's certificate cannot be trusted",
            Self::NoCertificate => "no certificate for this client",
            Self::Alert(_) => "the peer ended the session with an alert",
            Self::Gone => "the peer closed the connection during the handshake",
            Self::KeysExhausted => "the keys of this connection are used up",
            Self::BadName => "not a host name or an address",
            Self::BadKey => "the private key cannot be used",
            Self::KeyMismatch => "the private key does not belong to the certificate",
            Self::BadConfig => "the configuration of TLS makes no sense",
            Self::Internal => "an internal error in TLS",
        }
    }
}
