/// What an end of a connection of HTTP, of any version, wants to become of what carries it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Closing {
    /// It stays open.
    Open,
    /// When everything has been sent, our side is closed; what the peer sends is still taken, so
    /// that it is not answered by a reset which would destroy our last words (RFC 9112 §9.6).
    Fin,
    /// When everything has been sent, it is closed.
    Now,
    /// It is reset, so that nobody takes a message for complete.
    Abort,
}
