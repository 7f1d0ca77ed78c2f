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

/// An idle connection is this, about 104 bytes that the runtime puts around it, and the runtime's
/// place for its socket. Tasks take multiples of 128 bytes: eight bytes more would cost 128.
#[test]
fn an_idle_connection_is_small() {
    let len = size_of::<Connection<Nobody, TcpStream>>();
    assert!(len <= 280, "{len}");
}
