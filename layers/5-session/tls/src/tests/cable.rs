//! Two sessions and the cable between them, in memory.

use std::mem::take;
use std::sync::{Arc, OnceLock};

use base::xray::{self, Film, Layer};
use base::{Cx, Instant, TxQueue, Wall, World};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SignatureAlgorithm,
};

use crate::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use crate::{
    Certificates, CertifiedKey, ClientConfig, ClientOptions, Event, ServerConfig, ServerOptions,
    Session, Table,
};

/// A day on which all certificates here are valid: 2026-01-01.
pub(super) const TODAY: Wall = Wall(1_767_225_600);

/// One end of the cable.
pub(super) struct End {
    pub(super) session: Session,
    /// What came and was not taken yet.
    pub(super) rest: Vec<u8>,
    pub(super) plain: Vec<u8>,
    pub(super) events: Vec<Event>,
    pub(super) film: Film,
    pub(super) today: Wall,
    world: World,
    out: TxQueue,
}

impl End {
    pub(super) fn server(config: &ServerConfig) -> Self {
        Self::new(Session::server(config).unwrap())
    }

    pub(super) fn client(config: &ClientConfig, name: &str) -> Self {
        let (mut world, mut film) = (World::seeded(1), Film::default());
        xray::watch(&[Layer::Session]);
        let mut cx = Cx::new(Instant::ORIGIN, TODAY, &mut world).watched_by(&mut film);
        let session = Session::client(&mut cx, config, name).unwrap();
        Self { film, ..Self::new(session) }
    }

    fn new(session: Session) -> Self {
        xray::watch(&[Layer::Session]);
        Self {
            session,
            rest: Vec::new(),
            plain: Vec::new(),
            events: Vec::new(),
            film: Film::default(),
            today: TODAY,
            world: World::seeded(1),
            out: TxQueue::new(),
        }
    }

    /// Calls the session and drains it, as its owner must.
    pub(super) fn with<T>(&mut self, call: impl FnOnce(&mut Session, &mut Cx<'_>) -> T) -> T {
        let mut cx =
            Cx::new(Instant::ORIGIN, self.today, &mut self.world).watched_by(&mut self.film);
        let result = call(&mut self.session, &mut cx);
        self.session.poll_transmit(&mut cx, &mut self.out);
        self.events.extend(std::iter::from_fn(|| self.session.poll_event()));
        result
    }

    /// Bytes arrive.
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        let (mut rest, mut plain) = (take(&mut self.rest), take(&mut self.plain));
        let taken = self.with(|session, cx| session.handle_bytes(cx, &mut rest, &mut plain));
        rest.drain(..taken);
        (self.rest, self.plain) = (rest, plain);
        assert!(self.rest.len() <= crate::REST_LEN_MAX);
    }

    pub(super) fn eof(&mut self) {
        self.with(|session, cx| session.handle_eof(cx));
    }

    pub(super) fn close(&mut self) {
        self.with(|session, cx| session.close(cx));
    }

    /// Seals `plain` and says how much was taken.
    pub(super) fn write(&mut self, plain: &[u8]) -> usize {
        let mut records = Vec::new();
        let taken = self.with(|session, cx| session.write(cx, plain, &mut records));
        let mut cx = Cx::new(Instant::ORIGIN, self.today, &mut self.world);
        self.out.push(&mut cx, records.into());
        taken
    }

    /// Everything this end wants to send.
    pub(super) fn sent(&mut self) -> Vec<u8> {
        self.with(|_, _| ());
        let mut all = Vec::new();
        while let Some(chunk) = self.out.pop() {
            all.extend_from_slice(chunk.as_bytes().unwrap());
        }
        all
    }

    pub(super) fn facts(&self) -> &crate::Facts {
        self.session.facts().expect("the handshake is done")
    }

    /// The events as text, `Established` without its facts.
    pub(super) fn heard(&mut self) -> String {
        let name = |event: Event| match event {
            Event::Established(_) => "Established".to_owned(),
            Event::Failed(fault) => format!("Failed({:?} {:?})", fault.blame, fault.why),
            other => format!("{other:?}"),
        };
        self.events.drain(..).map(name).collect::<Vec<_>>().join(", ")
    }
}

/// Carries bytes both ways until nobody has any.
pub(super) fn talk(client: &mut End, server: &mut End) {
    talk_in_pieces(client, server, |bytes| bytes.len());
}

/// The same, with each write cut: `cut` says how long the next piece is.
pub(super) fn talk_in_pieces(
    client: &mut End,
    server: &mut End,
    mut cut: impl FnMut(&[u8]) -> usize,
) {
    loop {
        let (from_client, from_server) = (client.sent(), server.sent());
        if from_client.is_empty() && from_server.is_empty() {
            return;
        }
        for (bytes, end) in [(from_client, &mut *server), (from_server, &mut *client)] {
            let mut bytes = bytes.as_slice();
            while !bytes.is_empty() {
                let (piece, rest) = bytes.split_at(cut(bytes).clamp(1, bytes.len()));
                end.receive(piece);
                bytes = rest;
            }
        }
    }
}

/// A certificate authority for tests.
pub(super) struct Authority {
    pub(super) der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let der = params.self_signed(&key).unwrap().der().clone();
        Self { der, issuer: Issuer::new(params, key) }
    }

    pub(super) fn certify(&self, names: &[&str]) -> CertifiedKey {
        self.certify_with(names, &rcgen::PKCS_ECDSA_P256_SHA256)
    }

    pub(super) fn certify_with(
        &self,
        names: &[&str],
        algorithm: &'static SignatureAlgorithm,
    ) -> CertifiedKey {
        let (der, key) = self.issue(names, algorithm);
        CertifiedKey::new(vec![der], key).unwrap()
    }

    pub(super) fn issue(
        &self,
        names: &[&str],
        algorithm: &'static SignatureAlgorithm,
    ) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let params = CertificateParams::new(names).unwrap();
        let der = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        (der, PrivatePkcs8KeyDer::from(key.serialize_der()).into())
    }
}

/// The authority that clients here trust.
pub(super) fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| Authority::new("the authority"))
}

/// A server for `localhost`, `*.example.org` and `www.example.org`, one certificate each.
pub(super) fn certificates() -> Arc<Certificates> {
    let mut table = Table::new(authority().certify(&["localhost", "127.0.0.1", "::1"]));
    table.add("*.example.org", authority().certify(&["*.example.org"]));
    table.add("www.example.org", authority().certify(&["www.example.org"]));
    Arc::new(Certificates::new(table))
}

pub(super) fn server_config(change: impl FnOnce(&mut ServerOptions)) -> ServerConfig {
    let mut options = ServerOptions::default();
    change(&mut options);
    ServerConfig::new(certificates(), &options).unwrap()
}

pub(super) fn client_config(change: impl FnOnce(&mut ClientOptions)) -> ClientConfig {
    let roots = vec![authority().der.clone()];
    let mut options = ClientOptions { roots, ..ClientOptions::default() };
    change(&mut options);
    ClientConfig::new(&options).unwrap()
}

/// A session between them, the handshake done.
pub(super) fn connect(client: &ClientConfig, server: &ServerConfig, name: &str) -> (End, End) {
    let (mut client, mut server) = (End::client(client, name), End::server(server));
    talk(&mut client, &mut server);
    (client, server)
}

/// A session with defaults, the handshake done and what was said of it forgotten.
pub(super) fn connected() -> (End, End) {
    let (mut client, mut server) =
        connect(&client_config(|_| ()), &server_config(|_| ()), "localhost");
    assert_eq!((client.heard(), server.heard()), ("Established".into(), "Established".into()));
    client.film.take();
    server.film.take();
    (client, server)
}
