//! From a name to a connected socket. (RFC 8305)

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;

use super::location::Origin;
use super::problem::{Again, Code, Problem};
use crate::network::{Network, addresses};
use crate::stream::Stream;

/// How long an address has before the next one is tried beside it (RFC 8305 §5: the recommended
/// connection attempt delay).
const STAGGER: Duration = Duration::from_millis(250);

/// How many addresses of a name are tried. A name with more has some to spare, and so many attempts
/// take 4 s to begin.
const ADDRESSES_MAX: usize = 16;

/// A connection to the first address of `origin` that answers, over `network` or the kernel's.
pub(super) async fn connect(origin: &Origin, network: Option<&Network>) -> Result<Stream, Problem> {
    let host = origin.dialled_host();
    let found = addresses(&host, origin.port, network).await;
    let mut addresses = interleaved(&match found {
        Ok(addresses) => addresses,
        Err(error) => return Err(not_found(&host, &error)),
    })
    .into_iter();

    let mut attempts = JoinSet::new();
    let mut failures = Vec::new();
    // Each turn begins another attempt: at first, when one has failed, and when they take long.
    loop {
        if let Some(address) = addresses.next() {
            let network = network.cloned();
            attempts
                .spawn(async move { (address, Stream::connect(network.as_ref(), address).await) });
        }
        let has_more = addresses.len() > 0;
        tokio::select! {
            done = attempts.join_next() => match done {
                Some(Ok((_, Ok(stream)))) => return Ok(stream),
                Some(Ok((address, Err(error)))) => failures.push((address, error)),
                Some(Err(_)) => {}
                None if has_more => {}
                None => return Err(unreachable(origin, &failures, network)),
            },
            () = tokio::time::sleep(STAGGER), if has_more => {}
        }
    }
}

/// The addresses with their families in turn, each in the resolver's order, the first one's family
/// first (RFC 8305 §4).
pub(super) fn interleaved(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let v6_first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let mut first = addresses.iter().filter(|address| address.is_ipv6() == v6_first);
    let mut second = addresses.iter().filter(|address| address.is_ipv6() != v6_first);
    let mut order: Vec<SocketAddr> = Vec::with_capacity(addresses.len());
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            break;
        }
        for address in pair.into_iter().flatten() {
            if !order.contains(address) && order.len() < ADDRESSES_MAX {
                order.push(*address);
            }
        }
    }
    order
}

fn not_found(host: &str, error: &io::Error) -> Problem {
    // The library says "failed to lookup address information: " in front of the resolver's words.
    let text = error.to_string();
    let why = text.rsplit(": ").next().unwrap_or(&text);
    Problem::new(Code::NotFound, format!("no address is known for {host}: {why}"))
        .hint("check the name's spelling, and whether this machine is online")
        .again(Again::Always)
}

fn unreachable(
    origin: &Origin,
    failures: &[(SocketAddr, io::Error)],
    network: Option<&Network>,
) -> Problem {
    let is_refused = failures.iter().any(|(_, e)| e.kind() == io::ErrorKind::ConnectionRefused);
    let what = match failures {
        [] => format!("no address is known for {origin}"),
        [(address, error)] => format!("cannot connect to {address}: {}", plain(error)),
        several => {
            let each =
                several.iter().map(|(address, error)| format!("{address}: {}", plain(error)));
            format!("cannot connect to {origin}: {}", each.collect::<Vec<_>>().join("; "))
        }
    };
    // Of our own network we know what is missing.
    let complaint = network.and_then(|network| {
        let source = failures.iter().map(|(address, _)| network.source_for(address.ip())).next()?;
        source.err().map(|error| error.to_string()).or_else(|| network.complaint())
    });
    let hint = match complaint {
        Some(complaint) => complaint,
        None if is_refused => {
            "nobody listens there: is the server running, and is that the port?".to_owned()
        }
        None => "is this machine online, and does a firewall stand between?".to_owned(),
    };
    Problem::new(Code::Unreachable, what).hint(hint).again(Again::Always)
}

/// The error without its number.
pub(super) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}
