use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use crate::fault::{Blame, Fault, Why};

/// Whose certificates clients may show under some names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClientAuth {
    /// Names of the server in lower case: `a.example`, or `*.example` for whatever stands below.
    pub names: Vec<String>,
    /// The authorities (RFC 5280 §6.1.1, trust anchors).
    pub authorities: Vec<CertificateDer<'static>>,
}

impl ClientAuth {
    /// How closely it names `server_name`: by the length of what is said of it; a name in full
    /// counts most.
    pub(crate) fn closeness(&self, server_name: &str) -> Option<usize> {
        let closeness = |name: &String| match name.strip_prefix("*.") {
            Some(parent) => {
                let label = server_name.strip_suffix(parent)?.strip_suffix('.')?;
                (!label.is_empty()).then_some(parent.len())
            }
            None => (name == server_name).then_some(usize::MAX),
        };
        self.names.iter().filter_map(closeness).max()
    }

    /// What checks certificates. Who shows none is let in too: whether that is enough is for the
    /// layers above, which can say no in words that people understand.
    pub(crate) fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, Fault> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.authorities.iter().cloned());
        WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(provider))
            .allow_unauthenticated()
            .build()
            .map_err(|error| Fault::new(Blame::User, Why::BadConfig, error.to_string()))
    }
}
