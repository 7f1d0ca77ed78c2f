//! What can be asked of a server that runs, from any thread.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base::Instant;
use base::xray::Form;
use host::Host;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::inbox::{Inbox, Letter};
use crate::listen::Address;
use crate::tally::{Counts, Tally};
use crate::transport::TcpFacts;

/// How long a worker may take to answer. It does so between two turns, which are short.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// What tells of a server that runs.
///
/// Counters are read where they lie. What else is asked goes to each worker as a letter, and the
/// worker answers it when it is the letter's turn: nothing is shared, and nobody waits on its way.
pub struct Observer<H> {
    inboxes: Vec<Arc<Inbox<H>>>,
    tallies: Vec<Arc<Tally>>,
    /// How many films were asked for.
    films: AtomicU64,
}

/// A film that somebody waits for.
#[derive(Debug)]
pub(crate) struct FilmWanted {
    /// Its number, so that who gives up ends his own and no other.
    pub(crate) number: u64,
    pub(crate) connection: u64,
    pub(crate) form: Form,
    pub(crate) reply: oneshot::Sender<String>,
}

/// The connections of a server.
#[derive(Clone, Debug, Default)]
pub struct Connections {
    /// Those that are told of: first those on which something is under way.
    pub shown: Vec<ConnectionFacts>,
    /// How many more there are.
    pub more: usize,
    /// How many workers did not answer.
    pub silent_workers: usize,
}

/// A connection as it was a moment ago.
#[derive(Clone, Debug)]
pub struct ConnectionFacts {
    /// Its number; the x-ray uses the same.
    pub number: u64,
    /// The client; nothing for one of a socket in the file system.
    pub client: Option<SocketAddr>,
    /// Where the client came to.
    pub server: Option<Address>,
    /// How long it has been there, in whole seconds.
    pub age: Duration,
    /// Whether it is a session of TLS.
    pub is_secure: bool,
    /// What was agreed in its handshake, once it is done.
    pub tls: Option<tls::Facts>,
    /// Whether its film is recorded.
    pub is_filmed: bool,
    /// What is under way.
    pub requests: Vec<RequestFacts>,
    /// Bytes of answers that the socket did not take yet.
    pub unsent_len: u64,
    /// What TCP knows of it, if it is TCP.
    pub tcp: Option<TcpFacts>,
}

/// A request whose answer is not out yet.
#[derive(Clone, Debug)]
pub struct RequestFacts {
    /// Its method.
    pub method: String,
    /// Its target, cut when it is long.
    pub target: String,
    /// How long ago it came.
    pub age: Duration,
    /// How many bytes of the answer's body were handed on.
    pub body_len: u64,
}

/// Why there is no film.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NoFilm {
    /// There is no such connection, or it is filmed already, or as many are filmed as may be.
    Refused,
    /// The worker did not answer.
    Silent,
}

impl<H> Observer<H> {
    pub(crate) const fn new(inboxes: Vec<Arc<Inbox<H>>>, tallies: Vec<Arc<Tally>>) -> Self {
        Self { inboxes, tallies, films: AtomicU64::new(0) }
    }

    /// What happened at the server's sockets so far.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for tally in &self.tallies {
            tally.add_to(&mut counts);
        }
        counts
    }

    /// How many workers there are.
    pub fn workers(&self) -> usize {
        self.tallies.len()
    }

    /// The connections that there are now; `most` of them are told of.
    pub async fn connections(&self, most: usize) -> Connections {
        let asked: Vec<_> = self
            .inboxes
            .iter()
            .map(|inbox| {
                let (reply, answer) = oneshot::channel();
                inbox.put(Letter::List(most, reply));
                answer
            })
            .collect();
        let mut all = Connections::default();
        for answer in asked {
            match timeout(ANSWER_MAX, answer).await {
                Ok(Ok(part)) => all.add(part, most),
                _ => all.silent_workers += 1,
            }
        }
        all
    }

    /// What `look` sees of each network of a worker's own: of its host, of what went over its ports, and
    /// by its clock. Nothing is told of workers without one, nor of those that do not answer.
    pub async fn networks<T: Send + 'static>(
        &self,
        look: impl Fn(&Host, phys::Counts, Instant) -> T + Clone + Send + 'static,
    ) -> Vec<T> {
        let asked: Vec<_> = self
            .inboxes
            .iter()
            .map(|inbox| {
                let ((reply, answer), look) = (oneshot::channel(), look.clone());
                inbox.put(Letter::Look(Box::new(move |host, counts, now| {
                    // Who asked may be gone.
                    let _ = reply.send(look(host, counts, now));
                })));
                answer
            })
            .collect();
        let mut seen = Vec::new();
        for answer in asked {
            seen.extend(timeout(ANSWER_MAX, answer).await.ok().and_then(Result::ok));
        }
        seen
    }

    /// The film of a connection from now on, until it ends or this time is over.
    ///
    /// # Errors
    ///
    /// There is none.
    pub async fn film(
        &self,
        connection: u64,
        form: Form,
        time: Duration,
    ) -> Result<String, NoFilm> {
        // Workers take turns in giving numbers, the first begins with 1.
        let worker = connection.checked_sub(1).ok_or(NoFilm::Refused)? % self.workers() as u64;
        let inbox = self.inboxes.get(worker as usize).ok_or(NoFilm::Refused)?;
        let (reply, mut film) = oneshot::channel();
        let number = self.films.fetch_add(1, Ordering::Relaxed);
        inbox.put(Letter::BeginFilm(FilmWanted { number, connection, form, reply }));
        let filming = Filming { inbox, number };
        if let Ok(ended) = timeout(time, &mut film).await {
            return ended.map_err(|_| NoFilm::Refused);
        }
        drop(filming);
        match timeout(ANSWER_MAX, film).await {
            Ok(film) => film.map_err(|_| NoFilm::Refused),
            Err(_) => Err(NoFilm::Silent),
        }
    }
}

/// A film that is recorded; it ends with this, also when nobody waits for it any more.
struct Filming<'a, H> {
    inbox: &'a Arc<Inbox<H>>,
    number: u64,
}

impl<H> Drop for Filming<'_, H> {
    fn drop(&mut self) {
        self.inbox.put(Letter::EndFilm(self.number));
    }
}

impl Connections {
    /// Adds what one worker told, up to `most`.
    fn add(&mut self, part: Self, most: usize) {
        self.shown.extend(part.shown);
        self.more += part.more;
        // Who is busy comes first, whichever worker it has.
        self.shown.sort_by_key(|connection| connection.requests.is_empty());
        self.more += self.shown.len().saturating_sub(most);
        self.shown.truncate(most);
    }
}
