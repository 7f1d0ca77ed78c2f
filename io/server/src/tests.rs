use crate::connection::Connection;
use crate::transport::Stream;

/// An idle connection is this, its place in the registry (16 bytes) and one entry of the wheel. The
/// allocator gives out 392 bytes and 16 more, and nothing between.
#[test]
fn an_idle_connection_is_small() {
    let len = size_of::<Connection<Stream>>();
    assert!(len <= 392, "{len}");
}
