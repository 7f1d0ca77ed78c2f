use super::Attempt;

/// How much a pipe holds: sixteen pages.
const ROOM: usize = 65_536;

/// Pipes: of what is in them only the length matters, for all bytes of scripts are alike.
#[derive(Debug, Default)]
pub(super) struct Pipes(Vec<Pipe>);

#[derive(Debug, Default)]
struct Pipe {
    len: usize,
    has_no_writer: bool,
    has_no_reader: bool,
}

impl Pipes {
    pub(super) fn open(&mut self) -> usize {
        self.0.push(Pipe::default());
        self.0.len() - 1
    }

    pub(super) fn len(&self, pipe: usize) -> usize {
        self.0.get(pipe).map_or(0, |pipe| pipe.len)
    }

    pub(super) fn room(&self, pipe: usize) -> usize {
        ROOM - self.len(pipe)
    }

    pub(super) fn read(&mut self, pipe: usize, len: usize) -> Attempt {
        let Some(pipe) = self.0.get_mut(pipe) else { return Attempt::error("EBADF") };
        if pipe.len == 0 && !pipe.has_no_writer && len > 0 {
            return Attempt::Blocked(None);
        }
        let n = len.min(pipe.len);
        pipe.len -= n;
        Attempt::Returned(n as i64)
    }

    pub(super) fn write(&mut self, pipe: usize, len: usize) -> Attempt {
        let Some(pipe) = self.0.get_mut(pipe) else { return Attempt::error("EBADF") };
        if pipe.has_no_reader {
            return Attempt::error("EPIPE");
        }
        if pipe.len + len > ROOM {
            return Attempt::Blocked(None);
        }
        pipe.len += len;
        Attempt::Returned(len as i64)
    }

    pub(super) fn close(&mut self, pipe: usize, is_writer: bool) -> Attempt {
        if let Some(pipe) = self.0.get_mut(pipe) {
            *(if is_writer { &mut pipe.has_no_writer } else { &mut pipe.has_no_reader }) = true;
        }
        Attempt::Returned(0)
    }
}
