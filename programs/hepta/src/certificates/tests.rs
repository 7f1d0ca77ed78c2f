use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base::{Cx, Instant, TxQueue, Wall, World};
use rcgen::{CertificateParams, Issuer, KeyPair, SignatureAlgorithm};
use tls::pki_types::CertificateDer;
use tls::pki_types::pem::PemObject;
use tls::{ClientConfig, ClientOptions, ServerConfig, ServerOptions, Session};

use super::local_ca::{self, Local, Place};
use super::{Pair, Store};

const DAY: u64 = 24 * 60 * 60;

/// A directory that goes away with the test.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("hepta-certificates-{}-{next}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        fs::create_dir(&dir).unwrap();
        Self(dir)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// A certificate that signs itself, for `names`.
    fn pair(&self, name: &str, names: &[&str]) -> Pair {
        self.pair_with(name, names, &rcgen::PKCS_ECDSA_P256_SHA256)
    }

    fn pair_with(
        &self,
        name: &str,
        names: &[&str],
        algorithm: &'static SignatureAlgorithm,
    ) -> Pair {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        Pair {
            certificate: self.write(&format!("{name}.pem"), certificate.pem()),
            key: self.write(&format!("{name}.key"), key.serialize_pem()),
        }
    }

    fn place(&self, host: Option<&str>, days: u64) -> Place {
        Place { dir: self.0.join("hepta"), host: host.map(str::to_owned), now: day(days) }
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Days from 2026-01-01.
fn day(days: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_767_225_600 + days * DAY)
}

/// What a client that trusts the authority in `ca` finds wrong when it asks for `name` on that day.
fn visit(store: &Store, ca: &Path, name: &str, today: SystemTime) -> Result<(), String> {
    let roots = vec![CertificateDer::from_pem_file(ca).unwrap()];
    let client = ClientOptions { roots, insecure: true, ..ClientOptions::default() };
    let client = ClientConfig::new(&client).unwrap();
    let server = ServerConfig::new(store.certificates(), &ServerOptions::default()).unwrap();
    let wall = Wall(today.duration_since(UNIX_EPOCH).unwrap().as_secs() as i64);
    let mut world = World::seeded(1);
    let cx = &mut Cx::new(Instant::ORIGIN, wall, &mut world);
    let mut client = Session::client(cx, &client, name).unwrap();
    let mut server = Session::server(&server).unwrap();
    let mut queue = TxQueue::new();
    while client.is_handshaking() {
        carry(cx, &mut client, &mut server, &mut queue);
        carry(cx, &mut server, &mut client, &mut queue);
    }
    match &client.facts().unwrap().problem {
        Some(problem) => Err(problem.to_string()),
        None => Ok(()),
    }
}

fn carry(cx: &mut Cx<'_>, from: &mut Session, to: &mut Session, queue: &mut TxQueue) {
    from.poll_transmit(cx, queue);
    let mut bytes = queue.as_one_slice().unwrap().to_vec();
    queue.clear(cx);
    assert_eq!(to.handle_bytes(cx, &mut bytes, &mut Vec::new()), bytes.len());
}

fn store(local: &Local) -> Store {
    Store::open(vec![local.pair.clone()]).unwrap()
}

#[test]
fn this_machine_is_trusted_by_all_its_names_and_nobody_else_is() {
    let dir = Dir::new();
    let local = local_ca::prepare(&dir.place(Some("workbench"), 0)).unwrap();
    assert!(local.is_new);
    assert_eq!(local.names, ["localhost", "workbench", "127.0.0.1", "::1"]);
    let store = store(&local);
    for name in ["localhost", "workbench", "127.0.0.1", "::1"] {
        assert_eq!(visit(&store, &local.ca, name, day(1)), Ok(()), "{name}");
    }
    for name in ["example.org", "app.localhost", "10.0.0.1"] {
        assert!(visit(&store, &local.ca, name, day(1)).is_err(), "{name}");
    }
}

#[test]
fn a_stolen_authority_is_good_for_this_machine_only() {
    let dir = Dir::new();
    let local = local_ca::prepare(&dir.place(None, 0)).unwrap();
    let key = fs::read_to_string(local.ca.with_extension("key")).unwrap();
    let key = KeyPair::from_pem(&key).unwrap();
    let ca = CertificateDer::from_pem_file(&local.ca).unwrap();
    let thief = Issuer::from_ca_cert_der(&ca, key).unwrap();
    for name in ["bank.example", "192.0.2.1"] {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let pair = Pair {
            certificate: dir.write("x.pem", params.signed_by(&key, &thief).unwrap().pem()),
            key: dir.write("x.key", key.serialize_pem()),
        };
        let store = Store::open(vec![pair]).unwrap();
        let problem = visit(&store, &local.ca, name, day(1)).unwrap_err();
        assert!(problem.contains("NameConstraint"), "{name}: {problem}");
    }
}

#[test]
fn the_authority_stays_and_its_certificates_are_renewed() {
    let dir = Dir::new();
    let read =
        |local: &Local| (fs::read(&local.ca).unwrap(), fs::read(&local.pair.certificate).unwrap());
    let first = local_ca::prepare(&dir.place(Some("bench"), 0)).unwrap();
    let (ca, leaf) = read(&first);

    let later = local_ca::prepare(&dir.place(Some("bench"), 300)).unwrap();
    assert!(!later.is_new);
    assert_eq!(read(&later), (ca.clone(), leaf.clone()));

    let renewed = local_ca::prepare(&dir.place(Some("bench"), 370)).unwrap();
    assert!(!renewed.is_new && read(&renewed).0 == ca && read(&renewed).1 != leaf);
    assert_eq!(visit(&store(&renewed), &renewed.ca, "bench", day(700)), Ok(()));

    // The machine has another name, which the authority may not certify.
    let renamed = local_ca::prepare(&dir.place(Some("other"), 371)).unwrap();
    assert_eq!(renamed.names, ["localhost", "127.0.0.1", "::1"]);
    assert!(!renamed.is_new && read(&renamed).0 == ca);

    let after_ten_years = local_ca::prepare(&dir.place(Some("other"), 3640)).unwrap();
    assert!(after_ten_years.is_new && read(&after_ten_years).0 != ca);
    assert_eq!(visit(&store(&after_ten_years), &after_ten_years.ca, "other", day(3641)), Ok(()));
}

#[test]
fn a_certificate_that_is_broken_or_gone_is_made_again() {
    let dir = Dir::new();
    let first = local_ca::prepare(&dir.place(None, 0)).unwrap();
    fs::write(&first.pair.certificate, "rubbish").unwrap();
    let second = local_ca::prepare(&dir.place(None, 0)).unwrap();
    assert!(!second.is_new);
    fs::remove_file(&second.pair.key).unwrap();
    let third = local_ca::prepare(&dir.place(None, 0)).unwrap();
    assert_eq!(visit(&store(&third), &third.ca, "localhost", day(0)), Ok(()));
}

#[test]
fn an_authority_that_cannot_be_used_is_left_alone() {
    let dir = Dir::new();
    let local = local_ca::prepare(&dir.place(None, 0)).unwrap();
    fs::remove_file(local.ca.with_extension("key")).unwrap();
    let error = format!("{:#}", local_ca::prepare(&dir.place(None, 0)).unwrap_err());
    assert!(error.contains("remove its files ca.pem and ca.key"), "{error}");
    assert!(error.contains("ca.key: No such file"), "{error}");
    assert!(local.ca.exists());
}

#[test]
fn keys_are_nobody_elses_business() {
    let dir = Dir::new();
    fs::create_dir(dir.0.join("hepta")).unwrap();
    fs::set_permissions(dir.0.join("hepta"), fs::Permissions::from_mode(0o755)).unwrap();
    let local = local_ca::prepare(&dir.place(None, 0)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir.0.join("hepta")), 0o700);
    for key in [local.ca.with_extension("key"), local.pair.key] {
        assert_eq!(mode(&key), 0o600);
    }
}

#[test]
fn a_directory_that_cannot_be_made() {
    let dir = Dir::new();
    let place = Place { dir: dir.write("file", "").join("hepta"), host: None, now: day(0) };
    let error = format!("{:#}", local_ca::prepare(&place).unwrap_err());
    assert!(error.starts_with("cannot make the directory "), "{error}");
}

#[test]
fn how_to_trust_it_can_be_typed() {
    let text = local_ca::how_to_trust(Path::new("/srv/o'neil/my files/ca.pem"));
    assert!(text.contains(r"curl --cacert '/srv/o'\''neil/my files/ca.pem' URL"), "{text}");
    assert!(local_ca::how_to_trust(Path::new("/a/ca.pem")).contains(" -i /a/ca.pem\n"));
    assert!(text.lines().all(|line| line.len() < 160), "{text}");
}

#[test]
fn keys_of_every_kind_are_read() {
    let dir = Dir::new();
    for (name, algorithm) in [
        ("p256", &rcgen::PKCS_ECDSA_P256_SHA256),
        ("p384", &rcgen::PKCS_ECDSA_P384_SHA384),
        ("ed25519", &rcgen::PKCS_ED25519),
        ("rsa", &rcgen::PKCS_RSA_SHA256),
    ] {
        let pair = dir.pair_with(name, &["a.test", "*.a.test"], algorithm);
        let loaded = pair.load().unwrap();
        assert_eq!(loaded.names, ["a.test", "*.a.test"], "{name}");
        // Both in one file will do.
        let both = [fs::read(&pair.key).unwrap(), fs::read(&pair.certificate).unwrap()].concat();
        let both = dir.write("both.pem", both);
        Pair { certificate: both.clone(), key: both }.load().unwrap();
    }
}

#[test]
fn every_mistake_is_explained() {
    let dir = Dir::new();
    let (a, b) = (dir.pair("a", &["a.test"]), dir.pair("b", &["b.test"]));
    let der = CertificateDer::from_pem_file(&a.certificate).unwrap();
    let (der, empty) = (dir.write("der", &der), dir.write("empty", ""));
    let text = dir.write("text", "hello\n");
    let damaged =
        dir.write("damaged", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n");
    let locked =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let locked = dir.write("locked", locked);
    let large = dir.write("large", vec![b'x'; 1_100_000]);
    let hollow = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let hollow = dir.write("hollow", hollow);
    for (certificate, key, want) in [
        (&dir.0.join("gone"), &a.key, "cannot read the certificate DIR/gone: No such file"),
        (&a.certificate, &dir.0.join("gone"), "cannot read the private key DIR/gone: No such file"),
        (&empty, &a.key, "the certificate DIR/empty is empty"),
        (&a.certificate, &empty, "the private key DIR/empty is empty"),
        (&text, &a.key, "there is no certificate in DIR/text: it should be PEM"),
        (&a.certificate, &text, "there is no private key in DIR/text: it should be PEM"),
        (&der, &a.key, "there is no certificate in DIR/der: it looks like DER; make PEM of it"),
        (&damaged, &a.key, "cannot read DIR/damaged: it is damaged PEM"),
        (&large, &a.key, "the certificate DIR/large is larger than 1 MiB"),
        (
            &a.key,
            &a.certificate,
            "there is a private key in DIR/a.key, but no certificate: are --cert",
        ),
        (&a.certificate, &b.certificate, "there is a certificate in DIR/b.pem, but no private key"),
        (&a.certificate, &locked, "the private key in DIR/locked is encrypted"),
        (&a.certificate, &hollow, "cannot use the private key in DIR/hollow: "),
        (
            &a.certificate,
            &b.key,
            "the private key in DIR/b.key does not belong to the certificate in DIR/a.pem",
        ),
    ] {
        let pair = Pair { certificate: certificate.clone(), key: key.clone() };
        let error = format!("{:#}", pair.load().unwrap_err());
        let error = error.replace(dir.0.to_str().unwrap(), "DIR");
        assert!(error.starts_with(want), "{error}\n{want}");
    }
    let error = format!("{:#}", Store::open(vec![]).unwrap_err());
    assert!(error.contains("give --cert and --key"), "{error}");
}

#[test]
fn names_choose_among_pairs() {
    let dir = Dir::new();
    let pairs = vec![dir.pair("a", &["a.test"]), dir.pair("b", &["*.b.test", "b.test"])];
    let store = Store::open(pairs.clone()).unwrap();
    let table = store.certificates().table();
    assert_eq!(table.names_len(), 3);
    for (name, pair) in [("a.test", 0), ("www.b.test", 1), ("b.test", 1), ("c.test", 0)] {
        let shown = visit(&store, &pairs[pair].certificate, name, day(0));
        // A certificate that is its own authority is not a good one, but it is the right one.
        let other = visit(&store, &pairs[1 - pair].certificate, name, day(0));
        assert_ne!(shown, other, "{name}");
    }
}

#[test]
fn files_that_change_are_read_again() {
    let dir = Dir::new();
    let pair = dir.pair("site", &["old.test"]);
    let mut store = Store::open(vec![pair.clone()]).unwrap();
    let certificates = store.certificates();
    let before = certificates.table();
    assert!(!store.reload_if_changed());

    // Half a change, seen at once: nothing happens, and nothing breaks when it is whole a moment
    // later.
    let new = dir.pair("new", &["new.test", "www.new.test"]);
    fs::rename(&new.certificate, &pair.certificate).unwrap();
    assert!(!store.reload_if_changed());
    fs::rename(&new.key, &pair.key).unwrap();
    assert!(!store.reload_if_changed());
    assert!(Arc::ptr_eq(&before, &certificates.table()));
    assert!(store.reload_if_changed());
    assert_eq!(certificates.table().names_len(), 2);
    assert!(!store.reload_if_changed());

    // A change for the worse: the old ones stay, and it is said once.
    fs::write(&pair.certificate, "rubbish").unwrap();
    assert_eq!([(); 3].map(|()| store.reload_if_changed()), [false; 3]);
    fs::remove_file(&pair.key).unwrap();
    assert_eq!([(); 3].map(|()| store.reload_if_changed()), [false; 3]);
    assert_eq!(certificates.table().names_len(), 2);

    // And for the better again.
    let better = dir.pair("site", &["a.test", "b.test", "c.test"]);
    assert_eq!(better, pair);
    assert_eq!([(); 3].map(|()| store.reload_if_changed()), [false, true, false]);
    assert_eq!(certificates.table().names_len(), 3);
}
