use base::Cx;
use message::Request;
use tokio::net::TcpStream;

use crate::connection::Connection;
use crate::{Handler, Peer, Reply};

struct Nobody;

impl Handler for Nobody {
    fn handle(&self, _cx: &mut Cx<'_>, _request: &Request, _peer: &Peer) -> Reply {
        unreachable!("nobody asks")
    }
}

/// An idle connection is this, the runtime's place for its socket (256 bytes) and its task's head.
/// Tasks begin at multiples of 128 bytes, so that every bit less may save as much.
#[test]
fn an_idle_connection_is_small() {
    let len = size_of::<Connection<Nobody, TcpStream>>();
    assert!(len <= 256, "{len}");
}
