use std::net::TcpStream;

use crate::connection::Connection;

/// An idle connection is this, its place in the registry (16 bytes) and one entry of the wheel.
#[test]
fn an_idle_connection_is_small() {
    let len = size_of::<Connection<TcpStream>>();
    assert!(len <= 392, "{len}");
}
