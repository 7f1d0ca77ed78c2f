//! The peer: the kernel's TCP, and what the machine and the stack spent meanwhile.

use std::error::Error;
use std::fs::read_to_string;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::{ADDRESS, CHUNK_LEN, read_some, set_up};

/// How many questions go before those that count.
const WARM_UP: usize = 1000;

/// Asks the stack of process `pid`, and prints what came of it as JSON. `what`: `send`, `receive` (as
/// the stack does it, `amount` bytes), `ask` (`amount` questions of one byte), or `ask-busily`
/// (never sleeping while it waits).
pub(crate) fn run(what: &str, pid: &str, amount: usize) -> Result<(), Box<dyn Error>> {
    let mut stream = TcpStream::connect(ADDRESS)?;
    set_up(&stream)?;
    let before = (Instant::now(), machine_ticks()?, process_ticks(pid)?);
    let rest = match what {
        "send" => read(&mut stream, amount)?,
        "receive" => write(&mut stream, amount)?,
        _ => {
            stream.set_nonblocking(what == "ask-busily")?;
            ask(&mut stream, amount)?
        }
    };
    let seconds = before.0.elapsed().as_secs_f64();
    let machine = (machine_ticks()? - before.1) as f64 / 100.0;
    let own = (process_ticks(pid)? - before.2) as f64 / 100.0;
    println!(
        "{{\"seconds\": {seconds}, \"amount\": {amount}, \"machine_s\": {machine}, \"stack_s\": {own}{rest}}}"
    );
    Ok(())
}

/// Has the stack send.
fn read(stream: &mut TcpStream, amount: usize) -> Result<String, Box<dyn Error>> {
    stream.write_all(b"s")?;
    let (mut buffer, mut left) = (vec![0; CHUNK_LEN], amount);
    while left > 0 {
        match stream.read(&mut buffer)? {
            0 => return Err("it sends no more".into()),
            len => left = left.saturating_sub(len),
        }
    }
    Ok(String::new())
}

/// Has the stack receive.
fn write(stream: &mut TcpStream, amount: usize) -> Result<String, Box<dyn Error>> {
    stream.write_all(b"r")?;
    let (buffer, mut left) = (vec![7; CHUNK_LEN], amount);
    while left > 0 {
        left -= stream.write(&buffer[..left.min(CHUNK_LEN)])?;
    }
    stream.shutdown(Shutdown::Write)?;
    // It says goodbye when it has read everything.
    while stream.read(&mut [0; 64])? > 0 {}
    Ok(String::new())
}

/// Asks and waits for the answer.
fn ask(stream: &mut TcpStream, amount: usize) -> Result<String, Box<dyn Error>> {
    stream.write_all(b"e")?;
    let mut byte = [1];
    let mut once = || -> Result<Duration, Box<dyn Error>> {
        let began = Instant::now();
        stream.write_all(&byte)?;
        if read_some(stream, &mut byte)? == 0 {
            return Err("it answers no more".into());
        }
        Ok(began.elapsed())
    };
    for _ in 0..WARM_UP {
        once()?;
    }
    let began = Instant::now();
    let mut took = (0..amount).map(|_| once()).collect::<Result<Vec<_>, _>>()?;
    let per_second = amount as f64 / began.elapsed().as_secs_f64();
    took.sort_unstable();
    let of = |percent: usize| took[(amount - 1) * percent / 100].as_nanos() as f64 / 1e3;
    let (p50, p99) = (of(50), of(99));
    Ok(format!(", \"per_second\": {per_second}, \"p50_us\": {p50}, \"p99_us\": {p99}"))
}

/// How long all cores were busy so far, in hundredths of a second.
fn machine_ticks() -> Result<u64, Box<dyn Error>> {
    let all = read_to_string("/proc/stat")?;
    let words = all.split_whitespace().skip(1).take(8).map(str::parse);
    let words = words.collect::<Result<Vec<u64>, _>>()?;
    // Neither idle nor waiting for disks.
    Ok(words.iter().enumerate().filter(|(n, _)| !matches!(n, 3 | 4)).map(|(_, ticks)| ticks).sum())
}

/// How long a process was busy so far.
fn process_ticks(pid: &str) -> Result<u64, Box<dyn Error>> {
    let stat = read_to_string(format!("/proc/{pid}/stat"))?;
    let words: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    Ok(words[11].parse::<u64>()? + words[12].parse::<u64>()?)
}
