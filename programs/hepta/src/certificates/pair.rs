use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use tls::CertifiedKey;
use tls::pki_types::pem::{Error as PemError, PemObject};
use tls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

/// The largest file of certificates or keys that is read: a chain has 2 to 8 KiB.
const FILE_LEN_MAX: u64 = 1024 * 1024;

/// A file of certificates and the file of the first one's private key, both PEM.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Pair {
    /// The server's own certificate, then the ones that lead from it to a root.
    pub(crate) certificate: PathBuf,
    /// PKCS #8, PKCS #1 or SEC 1. It may be the same file.
    pub(crate) key: PathBuf,
}

/// What stands in the files of a [`Pair`].
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) key: CertifiedKey,
    /// The DNS names of the certificate, wildcards included.
    pub(crate) names: Vec<String>,
    pub(crate) not_after: SystemTime,
}

impl Pair {
    /// Reads both files.
    ///
    /// # Errors
    ///
    /// Each names the file, and what can be done about it.
    pub(crate) fn load(&self) -> Result<Loaded> {
        let chain = read_chain(&self.certificate)?;
        let key = read_key(&self.key)?;
        let first = chain.first().context("a chain that was read is not empty")?;
        let (names, not_after) = names_and_end(first).with_context(|| {
            format!("cannot read the certificate in {}", shown(&self.certificate))
        })?;
        let key = CertifiedKey::new(chain, key).map_err(|fault| match fault.why {
            tls::Why::KeyMismatch => anyhow::anyhow!(
                "the private key in {} does not belong to the certificate in {} \
                 (the first one in the file counts: the server's own, then the chain)",
                shown(&self.key),
                shown(&self.certificate),
            ),
            tls::Why::BadKey => anyhow::anyhow!(
                "cannot use the private key in {}: {}; keys may be RSA from 2048 bits, \
                 ECDSA on P-256, P-384 or P-521, or Ed25519",
                shown(&self.key),
                fault.detail,
            ),
            _ => anyhow::anyhow!(
                "cannot use the certificate in {}: {fault}",
                shown(&self.certificate)
            ),
        })?;
        Ok(Loaded { key, names, not_after })
    }
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let pem = read(path, "certificate")?;
    let chain: Result<Vec<_>, PemError> = CertificateDer::pem_slice_iter(&pem).collect();
    let chain = chain.map_err(|error| bad_pem(&error, path))?;
    if !chain.is_empty() {
        return Ok(chain);
    }
    if PrivateKeyDer::from_pem_slice(&pem).is_ok() {
        bail!(
            "there is a private key in {}, but no certificate: are --cert and --key swapped?",
            shown(path)
        );
    }
    bail!("there is no certificate in {}: {}", shown(path), what_instead(&pem, "x509"));
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    let pem = read(path, "private key")?;
    match PrivateKeyDer::from_pem_slice(&pem) {
        Ok(key) => Ok(key),
        Err(PemError::NoItemsFound) if contains(&pem, b"BEGIN ENCRYPTED PRIVATE KEY") => bail!(
            "the private key in {} is encrypted, and there is nobody to ask for its password; \
             take that off with: openssl pkey -in {0} -out NEW-FILE",
            shown(path),
        ),
        Err(PemError::NoItemsFound) if contains(&pem, b"BEGIN CERTIFICATE") => bail!(
            "there is a certificate in {}, but no private key: are --cert and --key swapped?",
            shown(path),
        ),
        Err(PemError::NoItemsFound) => {
            bail!("there is no private key in {}: {}", shown(path), what_instead(&pem, "pkey"))
        }
        Err(error) => Err(bad_pem(&error, path)),
    }
}

fn read(path: &Path, what: &str) -> Result<Vec<u8>> {
    let cannot = || format!("cannot read the {what} {}", shown(path));
    let file = File::open(path).with_context(cannot)?;
    let mut bytes = Vec::new();
    file.take(FILE_LEN_MAX + 1).read_to_end(&mut bytes).with_context(cannot)?;
    ensure!(!bytes.is_empty(), "the {what} {} is empty", shown(path));
    let fits = bytes.len() as u64 <= FILE_LEN_MAX;
    ensure!(fits, "the {what} {} is larger than 1 MiB: is it the right file?", shown(path));
    Ok(bytes)
}

fn bad_pem(error: &PemError, path: &Path) -> anyhow::Error {
    anyhow::anyhow!("cannot read {}: it is damaged PEM ({error})", shown(path))
}

/// What to do about a file that has not what it should.
fn what_instead(bytes: &[u8], command: &str) -> String {
    // A sequence, as every certificate and key in DER begins.
    if bytes.starts_with(&[0x30]) {
        return format!(
            "it looks like DER; make PEM of it with: \
             openssl {command} -inform der -in FILE -out NEW-FILE"
        );
    }
    "it should be PEM, with a line that begins with -----BEGIN".to_owned()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// The DNS names of a certificate, and when it ends.
fn names_and_end(certificate: &CertificateDer<'_>) -> Result<(Vec<String>, SystemTime)> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate)?;
    let seconds = u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or(0);
    Ok((dns_names(&parsed), UNIX_EPOCH + Duration::from_secs(seconds)))
}

/// The names that count are the alternative ones; clients have not looked at the subject's common
/// name for years (RFC 9525 §2).
pub(crate) fn dns_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let dns = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    };
    names.value.general_names.iter().filter_map(dns).collect()
}

pub(crate) fn shown(path: &Path) -> std::path::Display<'_> {
    path.display()
}
