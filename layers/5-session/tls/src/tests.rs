mod bytes;
mod cable;
mod client_auth;
mod handshake;
mod hostile;
mod traffic;
