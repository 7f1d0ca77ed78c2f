use std::io::{IsTerminal, Write};
use std::sync::Mutex;

use base::xray::Layer;

/// Prints the films of connections, each block whole, so that they never mix.
#[derive(Debug)]
pub struct FilmPrinter {
    is_coloured: bool,
    lock: Mutex<()>,
}

impl FilmPrinter {
    /// A printer to standard error; in colours, if that is a terminal and `NO_COLOR` is not set.
    pub fn to_stderr() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { is_coloured: wanted && std::io::stderr().is_terminal(), lock: Mutex::new(()) }
    }

    /// Prints what happened on a connection since the last time; without a title the lines go on
    /// where the last ones ended.
    pub fn print(&self, title: Option<&str>, film: &str) {
        let block = self.render(title, film);
        let _guard = self.lock.lock();
        let _ = std::io::stderr().write_all(block.as_bytes());
    }

    fn render(&self, title: Option<&str>, film: &str) -> String {
        let mut block = match title {
            None => String::new(),
            Some(title) if self.is_coloured => format!("\x1b[1m-- {title}\x1b[0m\n"),
            Some(title) => format!("-- {title}\n"),
        };
        for line in film.lines() {
            if self.is_coloured {
                block.push_str(&coloured(line));
            } else {
                block.push_str(line);
            }
            block.push('\n');
        }
        block
    }
}

/// A line with its time dimmed and its layer in the layer's colour.
fn coloured(line: &str) -> String {
    let mut words = line.splitn(4, ' ');
    let (Some(time), Some(layer), Some(name)) = (words.next(), words.next(), words.next()) else {
        return line.to_owned();
    };
    let rest = words.next().unwrap_or_default();
    let colour = Layer::ALL
        .into_iter()
        .find(|known| format!("{known:?}") == layer)
        .map_or(37, |known| 30 + (known as u8) % 7 + 1);
    format!("\x1b[2m{time}\x1b[0m \x1b[{colour}m{layer} {name}\x1b[0m {rest}")
}
