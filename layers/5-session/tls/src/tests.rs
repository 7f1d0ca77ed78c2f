mod bytes;
mod cable;
mod client_auth;
mod handshake;
mod hostile;
mod key_schedule;
mod traffic;
