//! Whom to trust.

use std::path::{Path, PathBuf};

use tls::pki_types::CertificateDer;
use tls::pki_types::pem::PemObject;
use tls::{Alpn, ClientConfig, ClientOptions};

use super::options::Options;
use super::problem::{Code, Problem, note};
use crate::certificates::local_ca::Place;

/// A configuration that trusts the certificates of `--cacert`, else those of the system and of the
/// authority that `hepta serve --tls` has made on this machine, if it has.
pub(super) fn client_config(options: &Options) -> Result<ClientConfig, Problem> {
    let roots = match &options.cacert {
        Some(file) => read_roots(file)?,
        None => {
            let mut roots = rustls_native_certs::load_native_certs().certs;
            roots.extend(local_authority().into_iter().flat_map(|file| read_pem(&file)));
            roots
        }
    };
    let alpn = match options.http1_only {
        true => vec![Alpn::Http11],
        false => vec![Alpn::H2, Alpn::Http11],
    };
    let options_of_tls =
        ClientOptions { roots, insecure: options.insecure, alpn, ..Default::default() };
    let config = ClientConfig::new(&options_of_tls).map_err(|fault| {
        Problem::new(Code::Certificate, format!("there is nobody to trust: {fault}")).hint(
            "install ca-certificates, name a file of certificates with --cacert FILE, \
             or trust anybody with --insecure",
        )
    })?;
    if options.cacert.is_some() && config.unreadable_roots() > 0 {
        let count = config.unreadable_roots();
        note(options.silent, format_args!("{count} certificates cannot be read, and are left out"));
    }
    Ok(config)
}

/// The certificate of this machine's own authority, if there is one.
pub(super) fn local_authority() -> Option<PathBuf> {
    let place = Place::of_this_machine().ok()?;
    Some(place.dir.join("ca.pem")).filter(|file| file.is_file())
}

fn read_roots(file: &Path) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let shown = file.display();
    let bad = |what: String| Problem::new(Code::Certificate, format!("{shown}: {what}"));
    let certificates = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| bad(format!("cannot be read: {error}")))?;
    if certificates.is_empty() {
        return Err(bad("there is no certificate in it".to_owned())
            .hint("it must be PEM, with lines like -----BEGIN CERTIFICATE-----"));
    }
    Ok(certificates)
}

/// What can be read; nobody has named this file, so what cannot is no error.
fn read_pem(file: &Path) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(file).map(|found| found.flatten().collect()).unwrap_or_default()
}
