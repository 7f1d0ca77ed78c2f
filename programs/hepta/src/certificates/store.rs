use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context, Result};
use tls::{Certificates, Table};

use super::pair::{Loaded, Pair, shown};

/// The certificates of a server, read from files, and read again when the files change.
#[derive(Debug)]
pub(crate) struct Store {
    pairs: Vec<Pair>,
    certificates: Arc<Certificates>,
    /// The files as they were when they were read, well or not.
    read: Vec<Stamp>,
    /// The files as they were when somebody last looked.
    seen: Vec<Stamp>,
}

/// What tells whether a file is another one, or has changed; nothing when it is not there.
type Stamp = Option<(u64, u64, u64, i64, i64)>;

impl Store {
    /// Reads all `pairs`. The certificate of the first is for clients that ask for a name that none
    /// of them has, or for no name.
    ///
    /// # Errors
    ///
    /// There is no pair, or one cannot be used.
    pub(crate) fn open(pairs: Vec<Pair>) -> Result<Self> {
        let read = stamps(&pairs);
        let certificates = Arc::new(Certificates::new(table(&pairs)?));
        Ok(Self { pairs, certificates, seen: read.clone(), read })
    }

    /// What a [`tls::ServerConfig`] is made with.
    pub(crate) fn certificates(&self) -> Arc<Certificates> {
        Arc::clone(&self.certificates)
    }

    /// Reads the files again if one has changed, and uses what is in them for new connections; says
    /// whether it did. Costs one `stat` a file, so call it once a second.
    ///
    /// A change is read when it has lasted from one call to the next, because certificate and key
    /// are hardly ever replaced in the same moment. Files that cannot be used change nothing but
    /// the log.
    pub(crate) fn reload_if_changed(&mut self) -> bool {
        let now = stamps(&self.pairs);
        let has_lasted = now == self.seen;
        self.seen.clone_from(&now);
        if now == self.read || !has_lasted {
            return false;
        }
        self.read = now;
        match table(&self.pairs) {
            Ok(table) => {
                self.certificates.replace(table);
                tracing::info!("certificates have changed and are in use");
                true
            }
            Err(error) => {
                tracing::warn!(
                    "certificates have changed, but the old ones stay in use: {error:#}"
                );
                false
            }
        }
    }
}

fn table(pairs: &[Pair]) -> Result<Table> {
    let loaded: Vec<Loaded> = pairs.iter().map(Pair::load).collect::<Result<_>>()?;
    let first = loaded.first().context("TLS needs a certificate: give --cert and --key")?;
    let mut table = Table::new(first.key.clone());
    for (pair, loaded) in pairs.iter().zip(&loaded) {
        warn_of(pair, loaded);
        for name in &loaded.names {
            table.add(name, loaded.key.clone());
        }
    }
    Ok(table)
}

/// Says what clients will complain about.
fn warn_of(pair: &Pair, loaded: &Loaded) {
    let path = shown(&pair.certificate);
    if loaded.not_after <= SystemTime::now() {
        tracing::warn!("the certificate in {path} has expired; clients will refuse it");
    }
    if loaded.key.chain().len() == 1 && loaded.names.is_empty() {
        tracing::warn!(
            "the certificate in {path} has no DNS name; clients that ask for one will refuse it"
        );
    }
}

fn stamps(pairs: &[Pair]) -> Vec<Stamp> {
    pairs.iter().flat_map(|pair| [stamp(&pair.certificate), stamp(&pair.key)]).collect()
}

fn stamp(path: &Path) -> Stamp {
    let file = fs::metadata(path).ok()?;
    Some((file.dev(), file.ino(), file.size(), file.mtime(), file.mtime_nsec()))
}
