mod closing;
mod handshake;
mod loss;
mod pipe;
mod receiving;
mod sending;
mod stage;
mod states;
