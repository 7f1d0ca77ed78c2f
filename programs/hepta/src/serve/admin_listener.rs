//! The admin listener among all that runs: begun, changed and stopped.

use std::io;
use std::sync::Arc;

use server::{Server, Stop};

use super::listeners::{Plan, Who};
use crate::admin::{self, Admin, Overview};
use crate::config::Settings;

/// The server beside, that tells of the one that runs.
pub(super) struct AdminListener {
    pub(super) overview: Arc<Overview>,
    token: Option<String>,
    server: Option<Server<Admin>>,
}

/// What the admin listener is told of the settings.
pub(super) struct Told {
    is_wanted: bool,
    token: Option<String>,
    shown: String,
}

impl Told {
    pub(super) fn of(settings: &Settings) -> Self {
        let admin = settings.admin.as_ref();
        Self {
            is_wanted: admin.is_some(),
            token: admin.and_then(|admin| admin.token.clone()),
            shown: settings.shown.clone(),
        }
    }
}

impl AdminListener {
    /// Nobody asked for one yet.
    pub(super) const fn new(overview: Arc<Overview>) -> Self {
        Self { overview, token: None, server: None }
    }

    /// Serves at the plan's places, if somebody wants it.
    ///
    /// # Errors
    ///
    /// There are no descriptors left, or no thread; then nothing changes.
    pub(super) fn change(&mut self, told: Told, plan: &Plan) -> io::Result<()> {
        let Told { is_wanted, token, shown } = told;
        let places = plan.places(Who::Admin)?;
        let is_as_before = is_wanted && token == self.token;
        let (overview, expected) = (Arc::clone(&self.overview), token.clone());
        let make = move |_| Ok(Admin::new(Arc::clone(&overview), expected.clone(), shown.clone()));
        if let (Some(server), true) = (&self.server, is_as_before) {
            return server.change(admin::config(), places, None, make);
        }
        // Connections do not stay: who came in by another token, or where there was none, may not
        // have this one.
        let start = || Server::start(admin::config(), 1, places, make);
        let server = is_wanted.then(start).transpose()?;
        self.stop(Stop::Gracefully);
        (self.server, self.token) = (server, token);
        Ok(())
    }

    /// Says whether, and how, to stop.
    pub(super) fn stop(&self, how: Stop) {
        if let Some(server) = &self.server {
            server.stop(how);
        }
    }

    /// Waits until it has ended.
    pub(super) fn wait(self) -> io::Result<()> {
        self.server.map_or(Ok(()), Server::wait)
    }
}
