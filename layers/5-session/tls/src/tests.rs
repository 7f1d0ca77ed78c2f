mod bytes;
mod cable;
mod handshake;
mod hostile;
mod traffic;
