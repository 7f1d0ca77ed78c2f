//! Who agrees on what.

use std::sync::{Arc, Mutex};

use base::Wall;
use expect_test::{Expect, expect};
use rustls::crypto::CryptoProvider;

use super::cable::{
    Authority, End, TODAY, authority, certificates, client_config, connect, server_config, talk,
};
use crate::{
    Alpn, Blame, Certificates, CertifiedKey, ClientConfig, ClientOptions, Event, Fault,
    ServerConfig, ServerOptions, Session, Table, Version, Why,
};

#[test]
fn a_session_is_no_larger_than_two_pointers() {
    assert_eq!(size_of::<Session>(), 2 * size_of::<usize>());
}

//= test RFC 8446 §2: the full handshake, seen from both sides.
#[test]
fn a_handshake_in_tls13() {
    let (mut client, mut server) =
        connect(&client_config(|_| ()), &server_config(|_| ()), "localhost");
    check(
        &mut client,
        expect![[r#"
            0.000000s Session ClientHello by=Us server_name="localhost" alpn=["http/1.1"] versions=["1.3", "1.2"] suites=10 resumes=false
            0.000000s Session Established version=Tls13 suite="TLS_AES_128_GCM_SHA256" group="X25519" alpn=Http11 server_name="localhost" resumed=false
            => Established
        "#]],
    );
    check(
        &mut server,
        expect![[r#"
            0.000000s Session ClientHello by=Peer server_name="localhost" alpn=["http/1.1"] versions=["1.3", "1.2"] suites=10 resumes=false
            0.000000s Session Established version=Tls13 suite="TLS_AES_128_GCM_SHA256" group="X25519" alpn=Http11 server_name="localhost" resumed=false
            0.000000s Session TicketsSent len=<len>
            => Established
        "#]],
    );
    assert_eq!(client.session.peer_certificates().map(<[_]>::len), Some(1));
}

//= test RFC 5246 §7.3: the full handshake, seen from both sides.
#[test]
fn a_handshake_in_tls12() {
    let server = server_config(|options| options.versions = vec![Version::Tls12]);
    let (mut client, mut server) = connect(&client_config(|_| ()), &server, "localhost");
    check(
        &mut server,
        expect![[r#"
            0.000000s Session ClientHello by=Peer server_name="localhost" alpn=["http/1.1"] versions=["1.3", "1.2"] suites=10 resumes=false
            0.000000s Session Established version=Tls12 suite="TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" group="X25519" alpn=Http11 server_name="localhost" resumed=false
            => Established
        "#]],
    );
    assert_eq!(client.heard(), "Established");
}

#[test]
fn no_version_in_common() {
    let server = server_config(|options| options.versions = vec![Version::Tls13]);
    let client = client_config(|options| options.versions = vec![Version::Tls12]);
    let (mut client, mut server) = connect(&client, &server, "localhost");
    check(
        &mut server,
        expect![[r#"
            0.000000s Session ClientHello by=Peer server_name="localhost" alpn=["http/1.1"] versions=["1.2"] suites=10 resumes=false
            0.000000s Session AlertSent alert=protocol_version
            0.000000s Session Refused why=NothingInCommon detail="peer is incompatible: Tls12NotOfferedOrEnabled"
            => Failed(Peer NothingInCommon)
        "#]],
    );
    check(
        &mut client,
        expect![[r#"
            0.000000s Session ClientHello by=Us server_name="localhost" alpn=["http/1.1"] versions=["1.2"] suites=10 resumes=false
            0.000000s Session AlertReceived alert=protocol_version
            0.000000s Session Refused why=Alert(protocol_version) detail="received fatal alert: ProtocolVersion"
            => Failed(Peer Alert(protocol_version))
        "#]],
    );
}

//= test RFC 6066 §3: the certificate is chosen by the name that the client asks for.
//= test RFC 9525 §6.3: a wildcard is one label.
#[test]
fn the_name_chooses_the_certificate() {
    let (client, server) = (client_config(|options| options.insecure = true), certificates());
    let table = server.table();
    let server = ServerConfig::new(server, &ServerOptions::default()).unwrap();
    assert_eq!(table.names_len(), 2);
    for (name, problem) in [
        ("localhost", None),
        ("127.0.0.1", None),
        ("[::1]", None),
        ("www.example.org", None),
        ("WWW.Example.ORG", None),
        ("mail.example.org", None),
        ("example.org", Some("localhost")),
        ("a.b.example.org", Some("localhost")),
        ("elsewhere.test", Some("localhost")),
    ] {
        let (client, server) = connect(&client, &server, name);
        let facts = client.facts();
        assert_eq!(facts.problem.is_some(), problem.is_some(), "{name}: {:?}", facts.problem);
        if let (Some(problem), Some(shown)) = (&facts.problem, problem) {
            assert!(problem.contains(shown), "{name}: {problem}");
        }
        let called = name.to_ascii_lowercase();
        let is_address = called.contains(':') || called.contains("127.");
        assert_eq!(server.facts().server_name.as_deref(), (!is_address).then_some(&*called));
    }
}

#[test]
fn the_exact_name_wins_over_the_wildcard() {
    let certificates = certificates();
    let config = ServerConfig::new(certificates, &ServerOptions::default()).unwrap();
    let shown = |name| {
        let (client, _) = connect(&client_config(|_| ()), &config, name);
        client.session.peer_certificates().unwrap()[0].clone()
    };
    assert_ne!(shown("www.example.org"), shown("mail.example.org"));
    assert_eq!(shown("ftp.example.org"), shown("mail.example.org"));
}

#[test]
fn the_first_certificate_that_the_client_understands_is_taken() {
    let ed25519 = authority().certify_with(&["localhost"], &rcgen::PKCS_ED25519);
    let mut table = Table::new(ed25519.clone());
    let p384 = authority().certify_with(&["localhost"], &rcgen::PKCS_ECDSA_P384_SHA384);
    table.add_default(p384);
    let config =
        ServerConfig::new(Arc::new(Certificates::new(table)), &ServerOptions::default()).unwrap();
    let (client, _) = connect(&client_config(|_| ()), &config, "localhost");
    assert_eq!(client.session.peer_certificates(), Some(ed25519.chain()));
}

#[test]
fn certificates_are_replaced_while_the_server_runs() {
    let certificates = Arc::new(Certificates::new(Table::new(authority().certify(&["old.test"]))));
    let config = ServerConfig::new(certificates.clone(), &ServerOptions::default()).unwrap();
    let client = client_config(|_| ());
    let (_, mut standing) = connect(&client, &config, "old.test");

    certificates.replace(Table::new(authority().certify(&["new.test"])));
    connect(&client, &config, "new.test").0.facts();
    assert!(!standing.session.is_handshaking());
    assert_eq!(standing.write(b"still here"), 10);
}

//= test RFC 7301 §3.2: the server's preference decides among what the client offers.
//= test RFC 7301 §3.2: nothing in common ends the handshake with no_application_protocol.
#[test]
fn the_protocol_inside() {
    use Alpn::{H2, Http10, Http11};
    let ok = |alpn: Option<Alpn>| Ok(alpn);
    let none = Err(Why::NoProtocolInCommon);
    for (speaks, offers, want) in [
        (&[Http11][..], &[Http11][..], ok(Some(Http11))),
        (&[Http11], &[Http10], ok(Some(Http10))),
        (&[Http11], &[Http10, Http11], ok(Some(Http11))),
        (&[H2, Http11], &[Http11, H2], ok(Some(H2))),
        (&[H2, Http11], &[], ok(None)),
        (&[Http11], &[H2], none),
        (&[H2], &[Http10], none),
        (&[], &[H2], ok(None)),
    ] {
        let server = server_config(|options| options.alpn = speaks.to_vec());
        let client = client_config(|options| options.alpn = offers.to_vec());
        let (client, mut server) = connect(&client, &server, "localhost");
        let got = match server.events.pop() {
            Some(Event::Established(facts)) => Ok(facts.alpn),
            Some(Event::Failed(fault)) => Err(fault.why),
            other => panic!("{other:?}"),
        };
        assert_eq!(got, want, "{speaks:?} {offers:?}");
        assert_eq!(client.session.facts().map(|facts| facts.alpn), want.ok());
    }
}

#[test]
fn a_protocol_nobody_here_speaks() {
    let client = client_config(|options| options.alpn = vec![Alpn::H2]);
    let (mut client, _) = connect(&client, &server_config(|_| ()), "localhost");
    assert_eq!(client.heard(), "Failed(Peer Alert(no_application_protocol))");
}

/// Our suite wins, except with a client that puts ChaCha20 before AES.
#[test]
fn the_suite_suits_the_client() {
    use rustls::crypto::aws_lc_rs::{self, cipher_suite as suite};
    let (aes_128, aes_256) = (suite::TLS13_AES_128_GCM_SHA256, suite::TLS13_AES_256_GCM_SHA384);
    let chacha20 = suite::TLS13_CHACHA20_POLY1305_SHA256;
    let aes_in_12 = suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384;
    let chacha20_in_12 = suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256;
    for (offered, want) in [
        (vec![aes_256, chacha20, aes_128], "TLS_AES_128_GCM_SHA256"),
        (vec![aes_256, chacha20], "TLS_AES_256_GCM_SHA384"),
        (vec![chacha20, aes_256, aes_128], "TLS_CHACHA20_POLY1305_SHA256"),
        (vec![aes_in_12, chacha20_in_12], "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
        (vec![chacha20_in_12, aes_in_12], "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
    ] {
        let provider = CryptoProvider { cipher_suites: offered, ..aws_lc_rs::default_provider() };
        let mut roots = rustls::RootCertStore::empty();
        roots.add(authority().der.clone()).unwrap();
        let config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(rustls::ALL_VERSIONS)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = "localhost".try_into().unwrap();
        let mut client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
        let mut server = End::server(&server_config(|_| ()));
        while server.session.is_handshaking() {
            let mut bytes = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut bytes).unwrap();
            }
            server.receive(&bytes);
            client.read_tls(&mut server.sent().as_slice()).unwrap();
            client.process_new_packets().unwrap();
        }
        assert_eq!(server.facts().suite, want);
    }
}

//= test RFC 8446 §2.2: a client comes back with a ticket.
#[test]
fn sessions_are_resumed() {
    for versions in [vec![Version::Tls13], vec![Version::Tls12]] {
        let server = server_config(|options| options.versions = versions.clone());
        let client = client_config(|_| ());
        let resumed = |name| {
            let (client, server) = connect(&client, &server, name);
            assert_eq!(client.facts().resumed, server.facts().resumed);
            server.facts().resumed
        };
        assert_eq!([resumed("localhost"), resumed("localhost")], [false, true], "{versions:?}");
        assert!(!resumed("www.example.org"), "a ticket is for one name only");
    }
}

#[test]
fn without_tickets_nothing_is_resumed() {
    for versions in [vec![Version::Tls13], vec![Version::Tls12]] {
        let server = server_config(|options| (options.tickets, options.versions) = (0, versions));
        let client = client_config(|_| ());
        connect(&client, &server, "localhost");
        assert!(!connect(&client, &server, "localhost").1.facts().resumed);
    }
}

//= test RFC 8446 §4.4.2.4: a certificate that does not verify ends the handshake.
#[test]
fn a_certificate_that_is_not_to_be_trusted_is_refused() {
    let stranger = Authority::new("a stranger").certify(&["localhost"]);
    let config = config_with(stranger);
    let (mut client, mut server) = connect(&client_config(|_| ()), &config, "localhost");
    check(
        &mut client,
        expect![[r#"
            0.000000s Session ClientHello by=Us server_name="localhost" alpn=["http/1.1"] versions=["1.3", "1.2"] suites=10 resumes=false
            0.000000s Session AlertSent alert=-
            0.000000s Session Refused why=BadCertificate detail="invalid peer certificate: UnknownIssuer"
            => Failed(Peer BadCertificate)
        "#]],
    );
    assert_eq!(server.heard(), "Failed(Peer Alert(unknown_ca))");
}

#[test]
fn a_certificate_for_another_name_or_another_day_is_refused() {
    let fault = |name: &str, today: Wall| {
        let (mut client, mut server) =
            (End::client(&client_config(|_| ()), name), End::server(&server_config(|_| ())));
        client.today = today;
        talk(&mut client, &mut server);
        let Some(Event::Failed(fault)) = client.events.pop() else { panic!("{name} was trusted") };
        assert_eq!(fault.why, Why::BadCertificate);
        fault.to_string()
    };
    expect![[r#"the peer's certificate cannot be trusted: invalid peer certificate: certificate not valid for name "example.org"; certificate is only valid for DnsName("localhost"), IpAddress(127.0.0.1) or IpAddress(0::1)"#]]
        .assert_eq(&fault("example.org", TODAY));
    let earlier = fault("localhost", Wall(1));
    assert!(earlier.contains("not valid yet"), "{earlier}");
}

#[test]
fn who_trusts_everybody_still_hears_what_is_wrong() {
    for (roots, problem) in [
        (vec![authority().der.clone()], "invalid peer certificate: UnknownIssuer"),
        (vec![], "there is no root to trust"),
    ] {
        let config = config_with(Authority::new("a stranger").certify(&["localhost"]));
        let client = client_config(|options| (options.insecure, options.roots) = (true, roots));
        let (mut client, mut server) = connect(&client, &config, "localhost");
        assert_eq!(client.facts().problem.as_deref(), Some(problem));
        assert!(client.film.take().contains("Distrusted"));
        assert_eq!((client.write(b"all the same"), server.rest.len()), (12, 0));
        talk(&mut client, &mut server);
        assert_eq!(server.plain, b"all the same");
    }
}

#[test]
fn the_client_may_keep_the_name_to_itself() {
    let client = client_config(|options| options.server_name = false);
    let (client, server) = connect(&client, &server_config(|_| ()), "localhost");
    assert_eq!(server.facts().server_name, None);
    assert_eq!(client.facts().server_name.as_deref(), Some("localhost"));
}

#[test]
fn secrets_are_told_to_who_may_know_them() {
    #[derive(Debug, Default)]
    struct Labels(Mutex<Vec<String>>);
    impl crate::KeyLog for Labels {
        fn log(&self, label: &str, _random: &[u8], _secret: &[u8]) {
            self.0.lock().unwrap().push(label.to_owned());
        }
    }
    let (of_client, of_server) = (Arc::new(Labels::default()), Arc::new(Labels::default()));
    let client = client_config(|options| options.key_log = Some(of_client.clone()));
    let server = server_config(|options| options.key_log = Some(of_server.clone()));
    connect(&client, &server, "localhost");
    let [of_client, of_server] = [of_client, of_server].map(|labels| {
        let mut labels = labels.0.lock().unwrap().clone();
        labels.sort();
        labels
    });
    assert_eq!(of_client, of_server);
    assert!(of_client.contains(&"CLIENT_TRAFFIC_SECRET_0".to_owned()), "{of_client:?}");
}

#[test]
fn what_the_user_gets_wrong() {
    let (certificate, key) = authority().issue(&["a.test"], &rcgen::PKCS_ECDSA_P256_SHA256);
    let (_, other_key) = authority().issue(&["b.test"], &rcgen::PKCS_ECDSA_P256_SHA256);
    let bad_key = crate::pki_types::PrivatePkcs8KeyDer::from(vec![1, 2, 3]).into();
    let certified = |chain: Vec<_>, key| CertifiedKey::new(chain, key).err();
    let why = |fault: Option<Fault>| fault.map(|fault| (fault.blame, fault.why));
    let user = |why| Some((Blame::User, why));
    assert_eq!(why(certified(vec![certificate.clone()], other_key)), user(Why::KeyMismatch));
    assert_eq!(why(certified(vec![certificate], bad_key)), user(Why::BadKey));
    assert_eq!(why(certified(vec![vec![0; 9].into()], key.clone_key())), user(Why::BadCertificate));
    assert_eq!(why(certified(vec![], key)), user(Why::NoCertificate));

    let nobody = ClientOptions::default();
    assert_eq!(why(ClientConfig::new(&nobody).err()), user(Why::BadConfig));
    let silent = ServerOptions { versions: vec![], ..ServerOptions::default() };
    assert_eq!(why(ServerConfig::new(certificates(), &silent).err()), user(Why::BadConfig));
}

fn config_with(key: CertifiedKey) -> ServerConfig {
    let certificates = Arc::new(Certificates::new(Table::new(key)));
    ServerConfig::new(certificates, &ServerOptions::default()).unwrap()
}

/// Compares the film of one end, and what its owner heard, with `want`.
#[track_caller]
fn check(end: &mut End, want: Expect) {
    let mut film = String::new();
    for line in end.film.take().lines() {
        film.push_str(line.split_once(" len=").map_or(line, |(before, _)| before));
        film.push_str(if line.contains(" len=") { " len=<len>\n" } else { "\n" });
    }
    want.assert_eq(&format!("{film}=> {}\n", end.heard()));
}
