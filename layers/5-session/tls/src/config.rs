use std::fmt;
use std::sync::Arc;

use rustls::SupportedCipherSuite::Tls13;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, cipher_suite as suite};
use rustls::pki_types::CertificateDer;
use rustls::server::NoServerSessionStorage;
use rustls::{
    KeyLog, NoKeyLog, RootCertStore, SupportedCipherSuite, SupportedProtocolVersion,
    Tls13CipherSuite, version,
};

use crate::certificates::Certificates;
use crate::client_auth::ClientAuth;
use crate::clock::Clock;
use crate::fault::{Blame, Fault, Why};
use crate::key_schedule::{with_sha256, with_sha384};
use crate::verifier::Lenient;
use crate::wire::ClientHello;

/// Sessions that a client remembers, to resume them: enough for the hosts of one page, at about
/// 2 KiB each.
const RESUMABLE_MAX: usize = 64;

static TLS13_AES_128_GCM_SHA256: Tls13CipherSuite = with_sha256(&suite::TLS13_AES_128_GCM_SHA256);
static TLS13_AES_256_GCM_SHA384: Tls13CipherSuite = with_sha384(&suite::TLS13_AES_256_GCM_SHA384);
static TLS13_CHACHA20_POLY1305_SHA256: Tls13CipherSuite =
    with_sha256(&suite::TLS13_CHACHA20_POLY1305_SHA256);

/// Our order where AES is done in hardware: AES-128 has 10 rounds, AES-256 has 14.
const AES_FIRST: [SupportedCipherSuite; 9] = [
    Tls13(&TLS13_AES_128_GCM_SHA256),
    Tls13(&TLS13_AES_256_GCM_SHA384),
    Tls13(&TLS13_CHACHA20_POLY1305_SHA256),
    suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];

/// Our order for a client whose AES is slow.
const CHACHA20_FIRST: [SupportedCipherSuite; 9] = [
    Tls13(&TLS13_CHACHA20_POLY1305_SHA256),
    Tls13(&TLS13_AES_128_GCM_SHA256),
    Tls13(&TLS13_AES_256_GCM_SHA384),
    suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
];

/// A protocol that may run inside a session (RFC 7301).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Alpn {
    /// HTTP/1.0: some clients offer nothing else.
    Http10,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2.
    H2,
}

impl Alpn {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "http/1.0",
            Self::Http11 => "http/1.1",
            Self::H2 => "h2",
        }
    }

    pub(crate) fn from_wire(name: &[u8]) -> Option<Self> {
        [Self::Http10, Self::Http11, Self::H2]
            .into_iter()
            .find(|alpn| alpn.as_str().as_bytes() == name)
    }
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Version {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

impl Version {
    /// Both, the better one first.
    pub const ALL: [Self; 2] = [Self::Tls13, Self::Tls12];
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls12 => "TLS 1.2",
            Self::Tls13 => "TLS 1.3",
        })
    }
}

/// What a server's operator may choose.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Protocols to speak, the preferred one first; `http/1.0` comes along with `http/1.1`. Nothing
    /// means that ALPN is not answered.
    pub alpn: Vec<Alpn>,
    /// Versions to speak.
    pub versions: Vec<Version>,
    /// Tickets for each handshake in TLS 1.3, each good for one resumption (RFC 8446 §C.4). None
    /// turns resumption off, in TLS 1.2 too.
    ///
    /// One it is: a client that comes back with several connections was given one on each, and each
    /// resumption brings a new one for the one that it used up. Measured, with everything in the
    /// processor's caches: a full handshake costs a server 61 µs without tickets, 64 µs with one and
    /// 66 µs with two.
    pub tickets: usize,
    /// Whose certificates clients may show, by the name under which they come; under other names
    /// nobody is asked for one. [`Facts`](crate::Facts) say whether a client showed one.
    pub client_auth: Vec<ClientAuth>,
    /// Who is told the secrets of each session, for reading recorded traffic.
    pub key_log: Option<Arc<dyn KeyLog>>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            alpn: vec![Alpn::Http11],
            versions: Version::ALL.to_vec(),
            tickets: 1,
            client_auth: Vec::new(),
            key_log: None,
        }
    }
}

/// How a server speaks TLS. A clone is a reference.
#[derive(Clone, Debug)]
pub struct ServerConfig(Arc<Server>);

#[derive(Debug)]
struct Server {
    flavours: Flavours,
    /// For clients that may be asked for a certificate.
    by_name: Vec<(ClientAuth, Flavours)>,
    clock: Arc<Clock>,
}

/// The same, but for the order of suites.
#[derive(Debug)]
struct Flavours {
    aes_first: Arc<rustls::ServerConfig>,
    chacha20_first: Arc<rustls::ServerConfig>,
}

impl ServerConfig {
    /// A server with these certificates.
    ///
    /// # Errors
    ///
    /// There is no version to speak, no randomness for the keys of tickets, or no authority that
    /// clients' certificates could be checked by.
    pub fn new(certificates: Arc<Certificates>, options: &ServerOptions) -> Result<Self, Fault> {
        let clock = Arc::new(Clock::default());
        let flavours = |auth| Flavours::new(&clock, &certificates, options, auth);
        let by_name =
            options.client_auth.iter().map(|auth| Ok((auth.clone(), flavours(Some(auth))?)));
        Ok(Self(Arc::new(Server {
            flavours: flavours(None)?,
            by_name: by_name.collect::<Result<_, Fault>>()?,
            clock,
        })))
    }

    pub(crate) fn for_client(&self, hello: Option<&ClientHello<'_>>) -> Arc<rustls::ServerConfig> {
        let Server { flavours, by_name, .. } = &*self.0;
        let named = hello.filter(|_| !by_name.is_empty()).and_then(|hello| {
            let name = str::from_utf8(hello.server_name?).ok()?.to_ascii_lowercase();
            let closeness = |(auth, _): &&(ClientAuth, Flavours)| auth.closeness(&name);
            let closest = by_name.iter().filter(|named| closeness(named).is_some());
            closest.max_by_key(closeness)
        });
        let flavours = named.map_or(flavours, |(_, flavours)| flavours);
        match hello {
            Some(hello) if hello.prefers_chacha20() => Arc::clone(&flavours.chacha20_first),
            _ => Arc::clone(&flavours.aes_first),
        }
    }

    pub(crate) fn clock(&self) -> &Arc<Clock> {
        &self.0.clock
    }
}

impl Flavours {
    /// Both orders, with keys for tickets of their own: who resumes a session that began without a
    /// certificate never comes in where one is asked for.
    fn new(
        clock: &Arc<Clock>,
        certificates: &Arc<Certificates>,
        options: &ServerOptions,
        auth: Option<&ClientAuth>,
    ) -> Result<Self, Fault> {
        let config = |suites| server_config(suites, clock, certificates, options, auth);
        let mut aes_first = config(&AES_FIRST)?;
        if options.tickets > 0 {
            aes_first.ticketer = aws_lc_rs::Ticketer::new()?;
        }
        let mut chacha20_first = config(&CHACHA20_FIRST)?;
        // A client may come back with its suites in another order; its ticket is good all the same.
        chacha20_first.ticketer = Arc::clone(&aes_first.ticketer);
        Ok(Self { aes_first: Arc::new(aes_first), chacha20_first: Arc::new(chacha20_first) })
    }
}

fn server_config(
    suites: &[SupportedCipherSuite],
    clock: &Arc<Clock>,
    certificates: &Arc<Certificates>,
    options: &ServerOptions,
    auth: Option<&ClientAuth>,
) -> Result<rustls::ServerConfig, Fault> {
    let (clock, certificates) = (Arc::clone(clock), Arc::clone(certificates));
    let provider = provider(suites);
    let builder = rustls::ServerConfig::builder_with_details(Arc::clone(&provider), clock)
        .with_protocol_versions(&versions(&options.versions))
        .map_err(bad_config)?;
    let builder = match auth {
        Some(auth) => builder.with_client_cert_verifier(auth.verifier(&provider)?),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(certificates);
    config.ignore_client_order = true;
    config.alpn_protocols = alpn_names(&options.alpn);
    if options.alpn.contains(&Alpn::Http11) && !options.alpn.contains(&Alpn::Http10) {
        config.alpn_protocols.push(Alpn::Http10.as_str().into());
    }
    // Tickets hold the state of a session, so the server keeps none: what strangers can make it
    // remember is nothing.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = options.tickets;
    config.max_early_data_size = 0;
    config.key_log = key_log(options.key_log.as_ref());
    Ok(config)
}

/// What a client's user may choose.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Certificates to trust, in DER; those that cannot be read are left out and counted.
    pub roots: Vec<CertificateDer<'static>>,
    /// Whether to take any certificate. What is wrong with it shows in
    /// [`Facts::problem`](crate::Facts::problem).
    pub insecure: bool,
    /// Protocols to offer, the preferred one first.
    pub alpn: Vec<Alpn>,
    /// Versions to speak.
    pub versions: Vec<Version>,
    /// Whether to tell the server which name it was called by (RFC 6066 §3).
    pub server_name: bool,
    /// Whether to resume sessions.
    pub resume: bool,
    /// Who is told the secrets of each session, for reading recorded traffic.
    pub key_log: Option<Arc<dyn KeyLog>>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            roots: Vec::new(),
            insecure: false,
            alpn: vec![Alpn::Http11],
            versions: Version::ALL.to_vec(),
            server_name: true,
            resume: true,
            key_log: None,
        }
    }
}

/// How a client speaks TLS, and the sessions it may resume. A clone is a reference.
#[derive(Clone, Debug)]
pub struct ClientConfig(Arc<Client>);

#[derive(Debug)]
struct Client {
    rustls: Arc<rustls::ClientConfig>,
    /// What would verify, were we not told to trust anybody.
    strict: Option<Arc<WebPkiServerVerifier>>,
    insecure: bool,
    unreadable_roots: usize,
    clock: Arc<Clock>,
}

impl ClientConfig {
    /// A client that trusts `options.roots`.
    ///
    /// # Errors
    ///
    /// There is nobody to trust, or no version to speak.
    pub fn new(options: &ClientOptions) -> Result<Self, Fault> {
        let clock = Arc::new(Clock::default());
        let provider = provider(&AES_FIRST);
        let mut roots = RootCertStore::empty();
        let (_, unreadable_roots) = roots.add_parsable_certificates(options.roots.iter().cloned());
        let strict =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build();
        let strict = match strict {
            Ok(strict) => Some(strict),
            Err(_) if options.insecure => None,
            Err(error) => return Err(bad_config(error)),
        };
        let builder = rustls::ClientConfig::builder_with_details(provider, clock.clone())
            .with_protocol_versions(&versions(&options.versions))
            .map_err(bad_config)?;
        // Where everybody is trusted, each session has a verifier of its own, which remembers why
        // nobody should.
        let mut config = match &strict {
            Some(strict) => builder.dangerous().with_custom_certificate_verifier(strict.clone()),
            None => {
                let lenient = Arc::new(Lenient::new(None));
                builder.dangerous().with_custom_certificate_verifier(lenient)
            }
        }
        .with_no_client_auth();
        config.alpn_protocols = alpn_names(&options.alpn);
        config.enable_sni = options.server_name;
        config.resumption = if options.resume && !options.insecure {
            Resumption::in_memory_sessions(RESUMABLE_MAX)
        } else {
            Resumption::disabled()
        };
        config.key_log = key_log(options.key_log.as_ref());
        let (rustls, insecure) = (Arc::new(config), options.insecure);
        Ok(Self(Arc::new(Client { rustls, strict, insecure, unreadable_roots, clock })))
    }

    /// How many of the roots could not be read and are not trusted.
    pub fn unreadable_roots(&self) -> usize {
        self.0.unreadable_roots
    }

    /// The configuration for one session, and who remembers what is wrong when nobody minds.
    pub(crate) fn for_session(&self) -> (Arc<rustls::ClientConfig>, Option<Arc<Lenient>>) {
        if !self.0.insecure {
            return (Arc::clone(&self.0.rustls), None);
        }
        let lenient = Arc::new(Lenient::new(self.0.strict.clone()));
        let mut config = rustls::ClientConfig::clone(&self.0.rustls);
        config.dangerous().set_certificate_verifier(lenient.clone());
        (Arc::new(config), Some(lenient))
    }

    pub(crate) fn clock(&self) -> &Arc<Clock> {
        &self.0.clock
    }
}

fn provider(suites: &[SupportedCipherSuite]) -> Arc<CryptoProvider> {
    let provider = aws_lc_rs::default_provider();
    Arc::new(CryptoProvider { cipher_suites: suites.to_vec(), ..provider })
}

fn versions(versions: &[Version]) -> Vec<&'static SupportedProtocolVersion> {
    let of = |version: &Version| match version {
        Version::Tls12 => &version::TLS12,
        Version::Tls13 => &version::TLS13,
    };
    versions.iter().map(of).collect()
}

fn alpn_names(alpn: &[Alpn]) -> Vec<Vec<u8>> {
    alpn.iter().map(|alpn| alpn.as_str().into()).collect()
}

fn key_log(key_log: Option<&Arc<dyn KeyLog>>) -> Arc<dyn KeyLog> {
    key_log.map_or_else(|| Arc::new(NoKeyLog) as Arc<dyn KeyLog>, Arc::clone)
}

fn bad_config(error: impl fmt::Display) -> Fault {
    Fault::new(Blame::User, Why::BadConfig, error.to_string())
}
