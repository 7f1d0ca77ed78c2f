//! Makes connections to a TLS server of this machine, finishes each handshake and closes: what
//! `bench/handshakes` has for a load.
//!
//! `cargo run --release -p hepta-server --example handshakes -- PORT SECONDS` prints how many there were.
//!
//! A server whose handshakes are to be counted has to be busy with nothing else and all the time, by a client
//! that shares the machine with it. So this one does what a full handshake takes and leaves out the rest: it
//! looks neither at the certificate nor at the signature, and resumes nothing.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, version,
};

/// So many clients at once: enough that one waits at the server's door whenever it has time.
const CLIENTS: usize = 16;

fn main() -> io::Result<()> {
    let mut args = std::env::args().skip(1);
    let mut number = || args.next()?.parse().ok();
    let (Some(port), Some(seconds)) = (number(), number()) else {
        return Err(io::Error::other("usage: handshakes PORT SECONDS"));
    };
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let end = Instant::now() + Duration::from_secs(seconds.into());
    let config = Arc::new(config());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let config = Arc::clone(&config);
            thread::spawn(move || client(server, &config, end))
        })
        .collect();
    let mut count = 0;
    for client in clients {
        count += client.join().expect("a client panicked")?;
    }
    writeln!(io::stdout(), "{count}")
}

/// TLS 1.3, and the key exchange that servers like best.
fn config() -> ClientConfig {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13])
        .expect("there are suites for it")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trustful))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config
}

/// One handshake after the other; how many.
fn client(server: SocketAddr, config: &Arc<ClientConfig>, end: Instant) -> io::Result<u64> {
    let name = ServerName::try_from("localhost").expect("it is a name");
    let mut count = 0;
    while Instant::now() < end {
        let tls =
            ClientConnection::new(Arc::clone(config), name.clone()).map_err(io::Error::other)?;
        handshake(TcpStream::connect(server)?, tls)?;
        count += 1;
    }
    Ok(count)
}

fn handshake(mut stream: TcpStream, mut tls: ClientConnection) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    loop {
        let mut flight = Vec::new();
        while tls.wants_write() {
            tls.write_tls(&mut flight)?;
        }
        stream.write_all(&flight)?;
        if !tls.is_handshaking() {
            return Ok(());
        }
        let len = stream.read(&mut buffer)?;
        let mut bytes = buffer
            .get(..len)
            .filter(|bytes| !bytes.is_empty())
            .ok_or_else(|| io::Error::other("the server closed in the middle of a handshake"))?;
        while !bytes.is_empty() {
            tls.read_tls(&mut bytes)?;
            tls.process_new_packets().map_err(io::Error::other)?;
        }
    }
}

/// Takes any certificate, and any signature with it.
#[derive(Debug)]
struct Trustful;

impl ServerCertVerifier for Trustful {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
