//! A certificate authority for one developer's machine.
//!
//! Made once and kept in the user's data directory; a browser that trusts it takes this machine's
//! certificate without a word. Whoever steals its key can pretend to be this machine only: its
//! certificate says what it may certify (RFC 5280 §4.2.1.10), and clients obey that.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

use super::pair::{Pair, dns_names, shown};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long the authority lasts: as long as a machine.
const CA_DAYS: u32 = 3650;

/// How long a certificate lasts: browsers accept 398 days at most, and count the first one too.
const LEAF_DAYS: u32 = 397;

/// A certificate is made anew when it lasts no longer than this.
const RENEW_DAYS: u32 = 30;

/// Where the authority lives, and for whom.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The directory; it is made if it is not there.
    pub(crate) dir: PathBuf,
    /// The machine's name, if it has one that can stand in a certificate.
    pub(crate) host: Option<String>,
    /// Today.
    pub(crate) now: SystemTime,
}

/// A certificate for this machine, and the authority to trust.
#[derive(Debug)]
pub(crate) struct Local {
    /// The certificate and its key, for [`Store::open`](super::Store::open).
    pub(crate) pair: Pair,
    /// The authority's certificate.
    pub(crate) ca: PathBuf,
    /// Whether the authority is new, so that nobody can trust it yet.
    pub(crate) is_new: bool,
    /// The names in the certificate.
    pub(crate) names: Vec<String>,
}

impl Place {
    /// `$XDG_DATA_HOME/hepta` or `~/.local/share/hepta`, for this machine, today.
    ///
    /// # Errors
    ///
    /// The user has no home.
    pub(crate) fn of_this_machine() -> Result<Self> {
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
        // XDG Base Directory Specification: a relative path is to be ignored.
        let data = std::env::var_os("XDG_DATA_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(home)
            .context(
                "there is no place to keep a local certificate authority: \
                 set HOME or XDG_DATA_HOME, or give --cert and --key",
            )?;
        let host = fs::read_to_string("/proc/sys/kernel/hostname").ok();
        let host = host.and_then(|name| usable_host(name.trim()));
        Ok(Self { dir: data.join("hepta"), host, now: SystemTime::now() })
    }

    fn ca(&self) -> Pair {
        Pair { certificate: self.dir.join("ca.pem"), key: self.dir.join("ca.key") }
    }

    fn leaf(&self) -> Pair {
        Pair { certificate: self.dir.join("localhost.pem"), key: self.dir.join("localhost.key") }
    }
}

/// A name in lower case that is more than an alias of `localhost`.
fn usable_host(name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_host =
        name.len() <= 253 && name.split('.').all(is_label) && name.parse::<IpAddr>().is_err();
    (is_host && name != "localhost" && !name.ends_with(".localhost")).then_some(name)
}

/// The certificate for this machine: the one there is, or a new one, from the authority there is,
/// or a new one.
///
/// # Errors
///
/// Files cannot be read or written, or are not what they should be. What is there is never
/// overwritten because it cannot be read.
pub(crate) fn prepare(place: &Place) -> Result<Local> {
    make_dir(&place.dir)?;
    let _lock = lock(&place.dir)?;
    let ca = place.ca();
    let (authority, is_new) = match Authority::load(place, &ca)? {
        Some(authority) => (authority, false),
        None => (Authority::make(place, &ca)?, true),
    };
    let pair = place.leaf();
    let wanted = authority.names_for(place);
    if is_new || !is_good(&pair, &authority, &wanted, place.now) {
        authority.certify(place, &wanted, &pair)?;
    }
    Ok(Local { pair, ca: ca.certificate, is_new, names: wanted })
}

/// What to type so that clients on this machine trust the authority in the file `ca`.
pub(crate) fn how_to_trust(ca: &Path) -> String {
    let (ca, macos_keychain) = (shell_quoted(ca), "~/Library/Keychains/login.keychain-db");
    let into_nss = format!("-A -t C,, -n hepta-local-ca -i {ca}");
    format!(
        "To trust it, once, with what you use:\n\
         \x20 curl            curl --cacert {ca} URL\n\
         \x20 Debian, Ubuntu  sudo cp {ca} /usr/local/share/ca-certificates/hepta-local-ca.crt \
                               && sudo update-ca-certificates\n\
         \x20 Chrome          certutil -d sql:$HOME/.pki/nssdb {into_nss}\n\
         \x20 Firefox         certutil -d sql:PROFILE {into_nss}\n\
         \x20                 (PROFILE: see about:profiles; certutil comes with libnss3-tools)\n\
         \x20 macOS           security add-trusted-cert -k {macos_keychain} {ca}\n"
    )
}

fn shell_quoted(path: &Path) -> String {
    let path = path.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if path.chars().all(is_plain) {
        path.into_owned()
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

struct Authority {
    /// Its certificate.
    der: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
    not_after: SystemTime,
}

impl Authority {
    /// The authority that is there; nothing when there is none, or it ends soon.
    fn load(place: &Place, files: &Pair) -> Result<Option<Self>> {
        if !exists(&files.certificate)? && !exists(&files.key)? {
            return Ok(None);
        }
        let authority = Self::read(files).with_context(|| {
            format!(
                "cannot use the local certificate authority in {}; \
                 to begin again with a new one, remove its files ca.pem and ca.key",
                shown(&place.dir)
            )
        })?;
        Ok((authority.not_after > place.now + DAY * RENEW_DAYS).then_some(authority))
    }

    fn read(files: &Pair) -> Result<Self> {
        let loaded = files.load()?;
        let der = loaded.key.chain().first().context("there is no certificate")?.clone();
        let key = fs::read_to_string(&files.key)
            .with_context(|| format!("cannot read {}", shown(&files.key)))?;
        let key =
            KeyPair::from_pem(&key).with_context(|| format!("cannot use {}", shown(&files.key)))?;
        let issuer = Issuer::from_ca_cert_der(&der, key)?;
        Ok(Self { der: der.to_vec(), issuer, not_after: loaded.not_after })
    }

    fn make(place: &Place, files: &Pair) -> Result<Self> {
        let host = place.host.as_deref();
        let mut params = CertificateParams::new(Vec::new())?;
        let name = match host {
            Some(host) => format!("Hepta local CA on {host}"),
            None => "Hepta local CA".to_owned(),
        };
        params.distinguished_name.push(DnType::OrganizationName, "Hepta local CA");
        // Two authorities that were made one after the other must not look like one.
        let made = place.now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        params.distinguished_name.push(DnType::CommonName, format!("{name} ({made})"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.name_constraints = Some(constraints(host));
        set_validity(&mut params, place.now, place.now + DAY * CA_DAYS);
        let key = KeyPair::generate().context("cannot make a key")?;
        let certificate = params.self_signed(&key)?;
        // The key first: a certificate without its key would be of no use to anybody.
        write_private(&files.key, key.serialize_pem().as_bytes())?;
        write_private(&files.certificate, certificate.pem().as_bytes())?;
        Ok(Self {
            der: certificate.der().to_vec(),
            issuer: Issuer::new(params, key),
            not_after: place.now + DAY * CA_DAYS,
        })
    }

    /// The names of this machine, as far as this authority may certify them: it was perhaps made
    /// when the machine had another.
    ///
    /// Not `*.localhost`: browsers do not take a wildcard that stands for a whole top-level domain,
    /// and rustls refuses a certificate that has one.
    fn names_for(&self, place: &Place) -> Vec<String> {
        let mut names = vec!["localhost".to_owned()];
        names.extend(place.host.iter().filter(|host| self.may_certify(host)).cloned());
        names.extend([Ipv4Addr::LOCALHOST.to_string(), Ipv6Addr::LOCALHOST.to_string()]);
        names
    }

    fn may_certify(&self, host: &str) -> bool {
        let Ok((_, certificate)) = x509_parser::parse_x509_certificate(&self.der) else {
            return false;
        };
        let Ok(Some(constraints)) = certificate.name_constraints() else { return true };
        let permitted = constraints.value.permitted_subtrees.iter().flatten();
        permitted
            .map(|subtree| &subtree.base)
            .any(|base| matches!(base, GeneralName::DNSName(name) if *name == host))
    }

    fn certify(&self, place: &Place, names: &[String], files: &Pair) -> Result<()> {
        let mut params = CertificateParams::new(names.to_vec())?;
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        set_validity(&mut params, place.now, self.not_after.min(place.now + DAY * (LEAF_DAYS - 1)));
        let key = KeyPair::generate().context("cannot make a key")?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        write_private(&files.key, key.serialize_pem().as_bytes())?;
        write_private(&files.certificate, certificate.pem().as_bytes())
    }
}

/// Whether the certificate is this authority's, has these names and lasts.
fn is_good(pair: &Pair, authority: &Authority, names: &[String], now: SystemTime) -> bool {
    let Ok(loaded) = pair.load() else { return false };
    let Some(first) = loaded.key.chain().first() else { return false };
    let Ok((_, leaf)) = x509_parser::parse_x509_certificate(first) else { return false };
    let Ok((_, ca)) = x509_parser::parse_x509_certificate(&authority.der) else { return false };
    let dns: Vec<_> =
        names.iter().filter(|name| name.parse::<IpAddr>().is_err()).cloned().collect();
    leaf.issuer() == ca.subject()
        && dns_names(&leaf) == dns
        && begins_by(&leaf, now)
        && loaded.not_after > now + DAY * RENEW_DAYS
}

fn begins_by(certificate: &X509Certificate<'_>, now: SystemTime) -> bool {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    i64::try_from(now).is_ok_and(|now| certificate.validity().not_before.timestamp() <= now)
}

/// What the authority may certify: this machine. `localhost` stands for the names below it too.
fn constraints(host: Option<&str>) -> NameConstraints {
    let dns = |name: &str| GeneralSubtree::DnsName(name.to_owned());
    let ip = |address: IpAddr, prefix| {
        GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, prefix))
    };
    let mut permitted = vec![
        dns("localhost"),
        ip(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
        ip(IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
    ];
    permitted.extend(host.map(dns));
    NameConstraints { permitted_subtrees: permitted, excluded_subtrees: Vec::new() }
}

/// From an hour ago, for clients whose clock is late.
fn set_validity(params: &mut CertificateParams, from: SystemTime, to: SystemTime) {
    let since_1970 = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + since_1970(from).saturating_sub(Duration::from_secs(3600));
    params.not_after = epoch + since_1970(to);
}

fn exists(path: &Path) -> Result<bool> {
    path.try_exists().with_context(|| format!("cannot look for {}", shown(path)))
}

fn make_dir(dir: &Path) -> Result<()> {
    let cannot =
        || format!("cannot make the directory {} for the local certificate authority", shown(dir));
    DirBuilder::new().recursive(true).mode(0o700).create(dir).with_context(cannot)?;
    let mode = fs::metadata(dir).with_context(cannot)?.permissions().mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(dir, Permissions::from_mode(0o700)).with_context(cannot)?;
    }
    Ok(())
}

/// Two servers that start in the same moment must not make two authorities.
fn lock(dir: &Path) -> Result<File> {
    let path = dir.join("lock");
    let cannot = || format!("cannot lock {}", shown(&path));
    let file = private().truncate(false).open(&path).with_context(cannot)?;
    file.lock().with_context(cannot)?;
    Ok(file)
}

/// Writes a file that only its owner may read, whole or not at all.
fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let new = path.with_extension("new");
    let cannot = || format!("cannot write {}", shown(path));
    let mut file = private().truncate(true).open(&new).with_context(cannot)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).with_context(cannot)?;
    fs::rename(&new, path).with_context(cannot)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}
