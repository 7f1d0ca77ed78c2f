//! Who may come in, by name and password (RFC 7617).

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base::{Cx, Instant};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use message::{Name, Request, Status};
use server::{Answer, Reply};

use super::pages;
use super::xray::{Seen, Why};
use crate::config;
use crate::passwords::{User, is_one_of};

/// How long a password that was right is not looked at again.
const GOOD_FOR: Duration = Duration::from_secs(300);

/// How long a password that was wrong is not looked at again.
const BAD_FOR: Duration = Duration::from_secs(10);

/// How many are remembered: 40 bytes each, 40 KiB.
const KNOWN_MAX: usize = 1024;

/// How many passwords of one login may be looked at or wait for it, in each worker. Each takes some
/// hundredths of a second of a processor, so this is a second of waiting.
const UNDER_WAY_MAX: usize = 32;

/// A login, for one worker.
///
/// To look at a password takes long, on purpose, and is done beside the worker; then the request is
/// asked again. What came of it is kept under a keyed hash of what the client sent.
pub(crate) struct Login {
    challenge: String,
    users: Arc<[User]>,
    keys: (RandomState, RandomState),
    known: RefCell<HashMap<(u64, u64), Known>>,
    under_way: Arc<AtomicUsize>,
}

#[derive(Clone, Copy)]
struct Known {
    is_right: bool,
    until: Instant,
}

impl Login {
    pub(crate) fn new(settings: &config::Login) -> Self {
        Self {
            challenge: format!("Basic realm=\"{}\", charset=\"UTF-8\"", settings.realm),
            users: settings.users.clone().into(),
            keys: Default::default(),
            known: RefCell::default(),
            under_way: Arc::default(),
        }
    }

    /// What to answer somebody who may not come in, or not before it was looked at.
    pub(crate) fn check(self: &Rc<Self>, cx: &mut Cx<'_>, request: &Request) -> Option<Reply> {
        let Some(credentials) = request.fields.get_only(Name::Authorization) else {
            return Some(self.refuse(cx, request, Why::NoCredentials).into());
        };
        let key = (self.keys.0.hash_one(credentials), self.keys.1.hash_one(credentials));
        let known = self.known.borrow().get(&key).copied();
        match known.filter(|known| known.until > cx.now()) {
            Some(Known { is_right: true, .. }) => return None,
            Some(_) => return Some(self.refuse(cx, request, Why::CredentialsWrong).into()),
            None => {}
        }
        let Some((name, password)) = read(credentials) else {
            return Some(self.refuse(cx, request, Why::CredentialsUnreadable).into());
        };
        let Some(place) = Place::take(&self.under_way) else {
            cx.note(|| Seen::Refused { because: Why::TooManyLogins });
            return Some(pages::busy(cx, request, |say| say.too_many_logins).into());
        };
        let (login, users, now) = (Rc::clone(self), Arc::clone(&self.users), cx.now());
        Some(Reply::Again(Box::pin(async move {
            let look = move || {
                // It is taken until the work is done, also when the client has gone.
                let _place = place;
                is_one_of(&users, &name, &password)
            };
            let is_right = tokio::task::spawn_blocking(look).await.unwrap_or(false);
            login.remember(key, is_right, now);
        })))
    }

    fn remember(&self, key: (u64, u64), is_right: bool, now: Instant) {
        let mut known = self.known.borrow_mut();
        if known.len() >= KNOWN_MAX {
            known.retain(|_, known| known.until > now);
        }
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        let until = now.after(if is_right { GOOD_FOR } else { BAD_FOR });
        known.insert(key, Known { is_right, until });
    }

    fn refuse(&self, cx: &mut Cx<'_>, request: &Request, because: Why) -> Answer {
        cx.note(|| Seen::Refused { because });
        let status = Status::UNAUTHORIZED;
        let mut answer = pages::error(cx, request, status, |say| say.login_needed);
        answer.response.fields.push(Name::WwwAuthenticate, &self.challenge);
        answer
    }
}

/// The name and the password of `Basic …`.
fn read(credentials: &[u8]) -> Option<(String, Vec<u8>)> {
    let (scheme, rest) = credentials.split_at_checked("Basic ".len())?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let mut pair = STANDARD.decode(rest.trim_ascii()).ok()?;
    let colon = pair.iter().position(|&b| b == b':')?;
    let password = pair.split_off(colon + 1);
    pair.pop();
    Some((String::from_utf8(pair).ok()?, password))
}

/// One of the places among the passwords that are looked at.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(under_way: &Arc<AtomicUsize>) -> Option<Self> {
        if under_way.load(Ordering::Relaxed) >= UNDER_WAY_MAX {
            return None;
        }
        under_way.fetch_add(1, Ordering::Relaxed);
        Some(Self(Arc::clone(under_way)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
