//! Many slow peers at once, on one thread.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};

/// How long the crowd rests between two rounds.
const ROUND: Duration = Duration::from_millis(200);

/// Peers that each say a little, and then a byte now and then, for as long as they are let.
#[derive(Debug)]
pub struct Crowd {
    is_over: Arc<AtomicBool>,
    lost: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Crowd {
    /// `count` peers that begin with `opening` and go on with one byte of `drip` a round.
    ///
    /// # Panics
    ///
    /// Not all of them could connect.
    pub fn gather(address: SocketAddr, count: usize, opening: &[u8], drip: &'static [u8]) -> Self {
        let peers: Vec<TcpStream> = (0..count)
            .map(|_| {
                let mut peer = TcpStream::connect(address).expect("the server accepts everybody");
                peer.write_all(opening).expect("a first few bytes fit any buffer");
                peer.set_nonblocking(true).expect("sockets have this option");
                peer
            })
            .collect();
        let (is_over, lost) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let shared = (Arc::clone(&is_over), Arc::clone(&lost));
        let thread = std::thread::spawn(move || linger(peers, drip, &shared.0, &shared.1));
        Self { is_over, lost, thread: Some(thread) }
    }

    /// How many of them the server has sent away by now.
    pub fn lost(&self) -> usize {
        self.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn linger(mut peers: Vec<TcpStream>, drip: &[u8], is_over: &AtomicBool, lost: &AtomicUsize) {
    for byte in drip.iter().cycle() {
        if is_over.load(Ordering::Relaxed) || peers.is_empty() {
            return;
        }
        let before = peers.len();
        peers.retain_mut(|peer| is_held(peer, *byte));
        lost.fetch_add(before - peers.len(), Ordering::Relaxed);
        std::thread::sleep(ROUND);
    }
}

/// Says one more byte, and looks whether the server still listens; an answer is no end.
fn is_held(peer: &mut TcpStream, byte: u8) -> bool {
    if peer.write(&[byte]).is_err_and(|error| !would_block(&error)) {
        return false;
    }
    match peer.read(&mut [0; 4096]) {
        Ok(len) => len > 0,
        Err(error) => would_block(&error),
    }
}

fn would_block(error: &std::io::Error) -> bool {
    error.kind() == ErrorKind::WouldBlock
}

/// Lets this process, and what it starts, have as many descriptors as it may; says how many.
///
/// # Panics
///
/// They are fewer than `wanted`; the message says what to do.
pub fn raise_descriptor_limit(wanted: u64) {
    let mut limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    assert!(
        most >= wanted,
        "this test needs {wanted} descriptors, and {most} are allowed: raise `ulimit -Hn`"
    );
    if limit.current.is_some_and(|current| current < wanted) {
        limit.current = Some(wanted);
        setrlimit(Resource::Nofile, limit).expect("anybody may raise the limit to the maximum");
    }
}
