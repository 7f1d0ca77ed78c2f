//! Two hosts in one process, a cable between them, and an echo: our own TCP from end to end.
//!
//! `cargo run -p hepta-net --example echo` says what the second host heard; with the name of a TAP
//! device and an address (`echo tap0 10.77.0.2/24`) it serves the echo at port 7 there instead.

use std::io;
use std::net::SocketAddr;

use base::Mac;
use host::Config;
use neighbor::Claim;
use net::{Builder, Mode, Port, PortConfig, Stack, Tap, TcpListener, TcpStream, cable};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let any = SocketAddr::from(([0, 0, 0, 0], 7));
    if let [device, address] = &args[..] {
        let tap = Tap::open(device, Mode::Tap, PortConfig::default())?;
        let stack = stack(1, address, tap)?;
        return serve(TcpListener::bind(&stack, any)?).await;
    }
    let (a, b) = cable(PortConfig::default())?;
    let (client, server) = (stack(1, "10.0.0.1/24", a)?, stack(2, "10.0.0.2/24", b)?);
    let listener = TcpListener::bind(&server, any)?;
    tokio::spawn(serve(listener));
    let mut stream = TcpStream::connect(&client, SocketAddr::from(([10, 0, 0, 2], 7))).await?;
    stream.write_all(b"is anybody there?").await?;
    stream.shutdown().await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let info = stream.info()?;
    let mut out = io::stdout().lock();
    io::Write::write_fmt(&mut out, format_args!("{answer} (round trip {:?})\n", info.rtt))
}

/// A stack with one port and one address. A program that others can reach draws its secret at random.
fn stack(number: u8, address: &str, port: impl Port + 'static) -> io::Result<Stack> {
    let mut builder = Builder::new(Config::new([number; 16]));
    let id = builder.add_port("eth0", Mac([2, 0, 0, 0, 0, number]), port)?;
    let address = address.parse().map_err(|bad: base::Malformed| io::Error::other(bad.what))?;
    builder.add_address(id, address, Claim::Announce)?;
    builder.start()
}

/// Sends back to everybody what they say.
async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let (mut read, mut write) = stream.split();
            if tokio::io::copy(&mut read, &mut write).await.is_ok() {
                let _ = write.shutdown().await;
            }
        });
    }
}
