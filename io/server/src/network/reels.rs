//! The films of the layers below a connection: what they say of frames, cut into pieces and given to
//! whose they are.
//!
//! A frame is filmed before anybody knows whose it is: the lower layers come first. So its notes are
//! kept until it is done, and then they belong to the connection that TCP named meanwhile. What is of
//! no connection (ARP, pings, segments to nobody) is the network's own film.

use std::collections::HashMap;

use base::xray::{AnyNote, Film, Form, Sink, Stamp};

/// How many connections have a film that nobody has taken yet. In the film of everything these are
/// handshakes that are not finished; with 256 of them, and of each [`PENDING_LEN_MAX`], it is 8 MiB.
const PENDING_MAX: usize = 256;

/// How much of a connection's film is kept from one of its turns to the next.
const PENDING_LEN_MAX: usize = 32 * 1024;

/// How much of the network's own film is kept from one round to the next.
const REST_LEN_MAX: usize = 256 * 1024;

/// How many connections that are over keep their titles, for the segments that still come.
const ENDED_MAX: usize = 256;

/// The films of a stack.
#[derive(Debug)]
pub(crate) struct Reels {
    /// Whether everything is filmed, or only who is in `flows`.
    films_all: bool,
    /// What was said of the frame at hand, in both forms.
    lines: [Film; 2],
    /// Whose frame it is, once that is known.
    owner: Option<u64>,
    /// By connections' numbers in the x-ray.
    flows: HashMap<u64, Film>,
    /// Connections that are over, with their titles, in the order in which they ended.
    ended: Vec<(u64, String)>,
    rest: Film,
}

impl Reels {
    pub(super) fn new() -> Self {
        let line = |form| Film::bounded(PENDING_LEN_MAX).in_form(form);
        Self {
            films_all: false,
            lines: [line(Form::Text), line(Form::JsonLines)],
            owner: None,
            flows: HashMap::new(),
            ended: Vec::new(),
            rest: Film::bounded(REST_LEN_MAX),
        }
    }

    /// Whether anybody is filmed.
    pub(super) fn is_on(&self) -> bool {
        self.films_all || !self.flows.is_empty()
    }

    /// Films everything from now on, or only who is asked for.
    pub(super) fn film_all(&mut self, films_all: bool) {
        self.films_all = films_all;
    }

    /// Films a connection from now on.
    pub(super) fn begin(&mut self, flow: u64, form: Form) {
        self.cut();
        let new = || Film::bounded(PENDING_LEN_MAX).in_form(form);
        self.flows.entry(flow).or_insert_with(new);
    }

    /// What was filmed of a connection since the last time.
    pub(super) fn take(&mut self, flow: u64) -> String {
        self.cut();
        self.flows.get_mut(&flow).map(Film::take).unwrap_or_default()
    }

    /// Films a connection no longer, unless everything is filmed.
    pub(super) fn end(&mut self, flow: u64) {
        if !self.films_all {
            self.flows.remove(&flow);
        }
    }

    /// The connection is over, but for the last segments. The film so far goes under its title.
    pub(super) fn bury(&mut self, flow: u64, title: String, film: &str) {
        self.cut();
        let later = self.take(flow);
        let of_flow = self.flows.entry(flow).or_insert_with(|| Film::bounded(PENDING_LEN_MAX));
        // It was bounded where it was made.
        of_flow.text = film.to_owned() + &later;
        if self.ended.len() >= ENDED_MAX {
            let (oldest, _) = self.ended.remove(0);
            self.forget(oldest);
        }
        self.ended.push((flow, title));
    }

    /// What there is to print beside the films of connections that are still there: the network's own,
    /// and those of connections that are over, each with its title.
    pub(super) fn take_rest(&mut self) -> Vec<(Option<String>, String)> {
        self.cut();
        if self.films_all && self.flows.len() > PENDING_MAX {
            self.make_room();
        }
        let mut rest = vec![(None, self.rest.take())];
        for (flow, title) in &self.ended {
            let film = self.flows.get_mut(flow).map(Film::take).unwrap_or_default();
            rest.push((Some(title.clone()), film));
        }
        rest.retain(|(_, film)| !film.is_empty());
        rest
    }

    /// The frame at hand is done: its notes go to whose it is.
    pub(super) fn cut(&mut self) {
        let owner = self.owner.take();
        let [text, json] = &mut self.lines;
        if text.text.is_empty() {
            return;
        }
        let (text, json) = (text.take(), json.take());
        let to = match owner.map(|owner| self.flows.entry(owner)) {
            Some(std::collections::hash_map::Entry::Occupied(film)) => film.into_mut(),
            Some(std::collections::hash_map::Entry::Vacant(place)) if self.films_all => {
                place.insert(Film::bounded(PENDING_LEN_MAX))
            }
            _ if self.films_all => &mut self.rest,
            _ => return,
        };
        to.append(if to.form() == Form::Text { &text } else { &json });
    }

    /// Forgets films in which nothing stands; if those that are left are still too many, all of them
    /// become the network's own.
    fn make_room(&mut self) {
        self.flows.retain(|_, film| !film.text.is_empty());
        if self.flows.len() > PENDING_MAX {
            let all: Vec<u64> = self.flows.keys().copied().collect();
            all.into_iter().for_each(|flow| self.forget(flow));
        }
    }

    /// Puts what is left of a connection's film into the network's own.
    fn forget(&mut self, flow: u64) {
        if let Some(mut film) = self.flows.remove(&flow) {
            self.rest.append(&film.take());
        }
        self.ended.retain(|(ended, _)| *ended != flow);
    }
}

impl Sink for Reels {
    fn record(&mut self, stamp: &Stamp, note: &dyn AnyNote) {
        if stamp.connection.is_some() && self.owner.is_some() && self.owner != stamp.connection {
            self.cut();
        }
        self.owner = self.owner.or(stamp.connection);
        for film in &mut self.lines {
            film.record(stamp, note);
        }
    }
}
