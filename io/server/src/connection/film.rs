//! The film of a connection: who gets it, and when.

use super::Connection;
use crate::registry::Key;
use crate::server::Config;
use crate::transport::Transport;
use crate::worker::Worker;
use crate::xray::Or;

impl<T: Transport> Connection<T> {
    /// Has everybody see the film who waits for it, once a part of it is whole.
    #[cold]
    pub(super) fn show_film<H>(
        &mut self,
        worker: &Worker<H>,
        config: &Config,
        key: Key,
        is_over: bool,
    ) {
        match (is_over, self.stream.sends_later()) {
            // Whoever prints every film records none for anybody else.
            (true, true) if config.film.is_some() => {
                let text = self.aside().film.as_mut().map(|film| film.take()).unwrap_or_default();
                let title = self.title();
                return self.stream.leave_film(title, &text);
            }
            (false, true) => worker.films.print_later(key),
            _ if is_over || self.is_idle() => self.print_film(config),
            _ => {}
        }
        if is_over {
            worker.films.hand_over(self.number, self.take_film());
        }
    }

    /// Prints what happened since the last time; to be called when nothing is under way, so that a
    /// block is whole.
    #[cold]
    pub(crate) fn print_film(&mut self, config: &Config) {
        let film = self.aside.as_mut().and_then(|aside| aside.film.as_mut());
        let (Some(film), Some(printer)) = (film, &config.film) else { return };
        film.append(&self.stream.take_film());
        let text = film.take();
        if !text.is_empty() {
            printer.print(Some(&self.title()), &text);
        }
    }

    /// The line under which its film is printed.
    pub(super) fn title(&self) -> String {
        format!("connection {} from {:?}", self.number, Or(self.address))
    }
}
