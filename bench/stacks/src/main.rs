//! Stacks to be measured, each driven in the same way, and the peer that measures them.
//!
//! ```text
//!   stacks ours DEVICE [HOW…]      our stack over a TAP device, in one thread, from frame to frame
//!   stacks smoltcp DEVICE [busy]   smoltcp in the same way
//!   stacks kernel [busy]           the kernel's own
//!   stacks memory STACK BYTES      two stacks of a kind in one thread, and a cable of memory between them
//!   stacks peer WHAT PID AMOUNT    asks the stack that process PID runs, by the kernel's TCP
//! ```
//!
//! HOW: `plain` is one packet a frame, `thread` that a thread of the kernel's takes our frames, `busy` that
//! it looks for frames again and again and never sleeps.
//!
//! A stack listens at [`ADDRESS`]. The first byte of a connection says what is wanted: `s` that it sends
//! until the peer leaves, `r` that it reads until the end, `e` that it sends back what comes.

mod memory;
mod ours;
mod peer;
mod smol;

use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};

use net::PortConfig;

/// Where stacks listen.
const ADDRESS: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 80, 0, 2), 7000);

/// How the kernel's TCP avoids congestion, in all measurements: Linux' default. A machine may have another for
/// all, and BBR, which sends by a timer, costs more than twice as much and would be what is measured.
const CONGESTION: &str = "cubic";

/// How much is written at once, and read.
const CHUNK_LEN: usize = 256 * 1024;

/// What a stack does with a connection.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    Send,
    Receive,
    Echo,
}

impl Role {
    fn of(byte: u8) -> Self {
        match byte {
            b's' => Self::Send,
            b'r' => Self::Receive,
            _ => Self::Echo,
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match *words.as_slice() {
        ["ours", device, ref how @ ..] => {
            let has_offloads = !how.contains(&"plain");
            let has_napi_thread = how.contains(&"thread");
            let config = PortConfig { has_offloads, has_napi_thread, ..PortConfig::default() };
            ours::serve(device, config, how.contains(&"busy"))
        }
        ["smoltcp", device, ref how @ ..] => smol::serve(device, how.contains(&"busy")),
        ["kernel", ref how @ ..] => serve_by_kernel(how.contains(&"busy")),
        ["memory", stack, bytes] => memory::run(stack, bytes.parse()?),
        ["peer", what, pid, amount] => peer::run(what, pid, amount.parse()?),
        _ => Err("stacks ours|smoltcp|kernel|memory|peer …".into()),
    }
}

/// Has the kernel's TCP send each piece at once, as its congestion control lets it.
fn set_up(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    Ok(rustix::net::sockopt::set_tcp_congestion(stream, CONGESTION)?)
}

/// Reads what there is; again and again, if the stream does not wait itself.
fn read_some(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            other => return other,
        }
    }
}

/// The kernel's stack, one connection after the other.
fn serve_by_kernel(is_busy: bool) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(ADDRESS)?;
    println!("ready");
    let mut buffer = vec![7; CHUNK_LEN];
    loop {
        let (mut stream, _) = listener.accept()?;
        set_up(&stream)?;
        let mut first = [0];
        if stream.read(&mut first)? == 0 {
            continue;
        }
        match Role::of(first[0]) {
            Role::Send => while stream.write(&buffer).is_ok() {},
            Role::Receive => while stream.read(&mut buffer)? > 0 {},
            Role::Echo => {
                stream.set_nonblocking(is_busy)?;
                while let Ok(len @ 1..) = read_some(&mut stream, &mut buffer) {
                    stream.write_all(&buffer[..len])?;
                }
            }
        }
    }
}
