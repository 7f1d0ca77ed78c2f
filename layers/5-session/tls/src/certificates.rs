use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::{SignatureScheme, sign};

use crate::fault::{Blame, Fault, Why};

/// A chain of certificates and the private key of the first.
#[derive(Clone, Debug)]
pub struct CertifiedKey(Arc<sign::CertifiedKey>);

impl CertifiedKey {
    /// Puts a chain (the server's own certificate first) and its key together.
    ///
    /// # Errors
    ///
    /// The user is to blame: there is no certificate ([`Why::NoCertificate`]), it cannot be read
    /// ([`Why::BadCertificate`]), the key cannot be used ([`Why::BadKey`]), or it is another
    /// certificate's ([`Why::KeyMismatch`]).
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, Fault> {
        let by_user = |why| move |error: rustls::Error| user_fault(why, &error);
        if chain.is_empty() {
            return Err(Fault::new(Blame::User, Why::NoCertificate, "the chain is empty"));
        }
        let key = aws_lc_rs::sign::any_supported_type(&key).map_err(by_user(Why::BadKey))?;
        let pair = sign::CertifiedKey::new(chain, key);
        pair.keys_match().map_err(by_user(Why::BadCertificate))?;
        Ok(Self(Arc::new(pair)))
    }

    /// The chain, the server's own certificate first.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.0.cert
    }

    fn can_sign(&self, schemes: &[SignatureScheme]) -> bool {
        self.0.key.choose_scheme(schemes).is_some()
    }
}

fn user_fault(why: Why, error: &rustls::Error) -> Fault {
    match error {
        rustls::Error::InconsistentKeys(_) => Fault::new(Blame::User, Why::KeyMismatch, ""),
        other => Fault::new(Blame::User, why, other.to_string()),
    }
}

/// Which certificate for which name. The first one is for everybody whose name is not here.
///
/// A name may have several certificates (of ECDSA and RSA, say): the first whose key makes
/// signatures the client understands is taken.
#[derive(Clone, Debug)]
pub struct Table {
    /// Names in lower case; `*.` in front stands for exactly one label.
    names: BTreeMap<Box<str>, Vec<CertifiedKey>>,
    default: Vec<CertifiedKey>,
}

impl Table {
    /// A table with one certificate, for everybody.
    pub fn new(default: CertifiedKey) -> Self {
        Self { names: BTreeMap::new(), default: vec![default] }
    }

    /// Uses `key` for `name` too: `www.example.org`, or `*.example.org` for any one label.
    pub fn add(&mut self, name: &str, key: CertifiedKey) {
        let name = name.trim_end_matches('.').to_ascii_lowercase().into_boxed_str();
        self.names.entry(name).or_default().push(key);
    }

    /// Takes `key` as another default, for clients that cannot use the first.
    pub fn add_default(&mut self, key: CertifiedKey) {
        self.default.push(key);
    }

    /// How many names there are.
    pub fn names_len(&self) -> usize {
        self.names.len()
    }

    /// The certificate for a client that asks for `server_name` and understands `schemes`.
    ///
    /// RFC 6066 §3 lets a server go on when it does not know the name. We do: the client sees the
    /// certificate it gets, and a name mistyped is understood sooner that way than from an alert.
    fn find(&self, server_name: Option<&str>, schemes: &[SignatureScheme]) -> Option<CertifiedKey> {
        let named = server_name.and_then(|name| self.named(name)).unwrap_or(&self.default);
        match named {
            [only] => Some(only.clone()),
            several => several
                .iter()
                .find(|key| key.can_sign(schemes))
                .or_else(|| several.first())
                .cloned(),
        }
    }

    /// RFC 9525 §6.3: a wildcard stands for the whole first label and for one label only.
    fn named(&self, name: &str) -> Option<&[CertifiedKey]> {
        let found = self.names.get(name).or_else(|| {
            let (_label, parent) = name.split_once('.')?;
            self.names.get(format!("*.{parent}").as_str())
        });
        found.map(Vec::as_slice)
    }
}

/// The certificates of a server, which may be replaced while it runs.
///
/// Connections that stand keep the certificate they began with.
#[derive(Debug)]
pub struct Certificates(RwLock<Arc<Table>>);

impl Certificates {
    /// Certificates to begin with.
    pub fn new(table: Table) -> Self {
        Self(RwLock::new(Arc::new(table)))
    }

    /// Uses `table` for every handshake from now on.
    pub fn replace(&self, table: Table) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(table);
    }

    /// The certificates in use.
    pub fn table(&self) -> Arc<Table> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<sign::CertifiedKey>> {
        self.table().find(hello.server_name(), hello.signature_schemes()).map(|key| key.0)
    }
}
