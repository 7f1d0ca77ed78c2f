//! hyper, as it is, over our own TCP: a server and a client of it on two hosts in one process, with a
//! cable between them.
//!
//! `cargo run -p hepta-net --example hyper` says what the client got. hyper's own `TokioIo` takes our
//! streams as it takes tokio's: they are `AsyncRead` and `AsyncWrite`, and nothing else is asked of them.

use std::convert::Infallible;
use std::error::Error;
use std::io::{self, Write as _};
use std::net::SocketAddr;

use base::Mac;
use host::Config;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use neighbor::Claim;
use net::{Builder, Port, PortConfig, Stack, TcpListener, TcpStream, cable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (a, b) = cable(PortConfig::default())?;
    let (client, server) = (stack(1, "10.0.0.1/24", a)?, stack(2, "10.0.0.2/24", b)?);
    let listener = TcpListener::bind(&server, SocketAddr::from(([0, 0, 0, 0], 80)))?;
    tokio::spawn(serve(listener));
    let to = SocketAddr::from(([10, 0, 0, 2], 80));
    let stream = TcpStream::connect(&client, to).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    // Two requests on one connection, the second for more than one segment.
    for path in ["/hello", "/large"] {
        let request = Request::get(path).header("Host", "10.0.0.2").body(Empty::<Bytes>::new())?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        writeln!(io::stdout(), "{path}: {status}, {} bytes", body.len())?;
    }
    Ok(())
}

async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let answers = hyper::server::conn::http1::Builder::new();
        tokio::spawn(answers.serve_connection(TokioIo::new(stream), service_fn(answer)));
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let len = if request.uri().path() == "/large" { 1 << 20 } else { 5 };
    Ok(Response::new(Full::new(Bytes::from(vec![b'h'; len]))))
}

/// A stack with one port and one address. A program that others can reach draws its secret at random.
fn stack(number: u8, address: &str, port: impl Port + 'static) -> io::Result<Stack> {
    let mut builder = Builder::new(Config::new([number; 16]));
    let id = builder.add_port("eth0", Mac([2, 0, 0, 0, 0, number]), port)?;
    let address = address.parse().map_err(|bad: base::Malformed| io::Error::other(bad.what))?;
    builder.add_address(id, address, Claim::Announce)?;
    builder.start()
}
