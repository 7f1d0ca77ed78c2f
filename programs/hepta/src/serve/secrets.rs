//! Certificates of listeners, and what is to be said about them.

use tls::{Alpn, ClientAuth};

use crate::certificates::{Pair, Store, local_ca};
use crate::config::Tls;

/// The sessions that listeners can begin, each with its certificates.
#[derive(Default)]
pub(super) struct Secrets {
    open: Vec<Open>,
    /// What a person should know about the certificate of this machine.
    pub(super) advice: Option<String>,
}

/// The sessions that a listener can begin.
struct Open {
    tls: Tls,
    manner: Manner,
    config: tls::ServerConfig,
    store: Store,
}

/// How sessions begin, whatever their certificates.
#[derive(Clone, PartialEq)]
pub(super) struct Manner {
    /// The protocols that are offered, the preferred one first.
    pub(super) alpn: Vec<Alpn>,
    /// Whose certificates clients may show.
    pub(super) client_auth: Vec<ClientAuth>,
}

impl Secrets {
    /// What begins sessions with these certificates; the same as before if they were open before,
    /// so that clients can resume.
    pub(super) fn open(
        &mut self,
        tls: &Tls,
        manner: &Manner,
        before: &mut Self,
    ) -> anyhow::Result<tls::ServerConfig> {
        let is_same = |open: &Open| open.tls == *tls && open.manner == *manner;
        if let Some(open) = self.open.iter().find(|open| is_same(open)) {
            return Ok(open.config.clone());
        }
        if let Some(at) = before.open.iter().position(is_same) {
            let open = before.open.swap_remove(at);
            let config = open.config.clone();
            self.open.push(open);
            return Ok(config);
        }
        let pairs = match tls {
            Tls::Pairs(pairs) => pairs.clone(),
            Tls::Local => vec![self.local_pair()?],
        };
        let store = Store::open(pairs)?;
        let Manner { alpn, client_auth } = manner.clone();
        let options = tls::ServerOptions { alpn, client_auth, ..Default::default() };
        let config = tls::ServerConfig::new(store.certificates(), &options)
            .map_err(|fault| anyhow::anyhow!("TLS cannot be spoken: {fault}"))?;
        let (tls, manner) = (tls.clone(), manner.clone());
        self.open.push(Open { tls, manner, config: config.clone(), store });
        Ok(config)
    }

    /// Reads certificates whose files have changed.
    pub(super) fn reload_if_changed(&mut self) {
        for open in &mut self.open {
            open.store.reload_if_changed();
        }
    }

    /// Keeps what `others` have open.
    pub(super) fn take_back(&mut self, others: Self) {
        self.open.extend(others.open);
    }

    fn local_pair(&mut self) -> anyhow::Result<Pair> {
        let local = local_ca::prepare(&local_ca::Place::of_this_machine()?)?;
        self.advice = Some(if local.is_new {
            local_ca::how_to_trust(&local.ca)
        } else {
            let names = local.names.join(", ");
            let ca = local.ca.display();
            format!("The certificate, for {names}, is from this machine's own authority, {ca}")
        });
        Ok(local.pair)
    }
}
