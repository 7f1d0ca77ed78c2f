mod handshake;
mod pipe;
mod stage;
