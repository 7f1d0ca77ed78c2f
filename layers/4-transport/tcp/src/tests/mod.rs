mod handshake;
mod loss;
mod pipe;
mod stage;
