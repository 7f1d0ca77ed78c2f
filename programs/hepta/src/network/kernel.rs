//! What the kernel of this machine has.

use std::net::IpAddr;

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::SockaddrStorage;

/// The interface of the kernel's that has this address, if one has it.
pub(super) fn interface_with(address: IpAddr) -> Option<String> {
    // Where the kernel does not say, nothing is refused.
    let mut all = getifaddrs().ok()?;
    let has_it = |found: &nix::ifaddrs::InterfaceAddress| {
        found.address.as_ref().and_then(ip_of) == Some(address)
    };
    all.find(has_it).map(|found| found.interface_name)
}

fn ip_of(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| IpAddr::from(v4.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::from(v6.ip())))
}
