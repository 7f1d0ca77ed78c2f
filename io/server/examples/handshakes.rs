//! Makes connections to a TLS server of this machine, finishes each handshake and closes: what
//! `bench/handshakes` has for a load.
//!
//! `cargo run --release -p hepta-server --example handshakes -- PORT SECONDS` prints how many there were.
//!
//! A server whose handshakes are to be counted has to be busy with nothing else and all the time, by a client
//! that shares the machine with it. So this one does what a full handshake takes and leaves out the rest: it
//! looks neither at the certificate nor at the signature, and resumes nothing.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs};
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
    let provider = aws_lc_rs::default_provider();
    let trustful = Trustful(provider.signature_verification_algorithms);
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&version::TLS13])
        .expect("there are suites for it")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(trustful))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config
}

/// One handshake after the other; how many.
fn client(server: SocketAddr, config: &Arc<ClientConfig>, end: Instant) -> io::Result<u64> {
    let name = ServerName::try_from("localhost").expect("it is a name");
    let mut count = 0;
    while Instant::now() < end {
        let mut tls =
            ClientConnection::new(Arc::clone(config), name.clone()).map_err(io::Error::other)?;
        tls.complete_io(&mut TcpStream::connect(server)?)?;
        count += 1;
    }
    Ok(count)
}

/// Takes any certificate, and any signature with it by one of these algorithms.
#[derive(Debug)]
struct Trustful(WebPkiSupportedAlgorithms);

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
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_tls13_signature(message, certificate, signature)
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
        self.0.supported_schemes()
    }
}
