//! Other devices than a TAP.

use std::process::Command;

use peers::{Program, Site, run};

use super::curl;
use crate::HEPTA;
use crate::commands::hepta;
use crate::net::in_namespace_over_each;

#[test]
fn other_devices_carry_it_too() {
    in_namespace_over_each("own_network::devices::other_devices_carry_it_too", |family| {
        let site = Site::new().with("hello.txt", "hello\n");
        family.make_network();
        // Packets without Ethernet, of both versions of IP.
        let _ = hepta(&["net", "up", "tun0", "10.78.0.1/24", "fd78::1/64", "--tun"]).ok();
        let ours = ["--net", "tun0", "--address", "10.78.0.2/24", "--address", "fd78::2/64"];
        let server = Program::serve(HEPTA, site.root()).args(&ours).listen("80").start();
        assert_eq!(server.urls(), ["http://10.78.0.2:80/", "http://[fd78::2]:80/"]);
        for url in server.urls() {
            // The kernel takes a moment to see that somebody has opened the device.
            assert_eq!(curl(&["--retry", "5", "-g", &format!("{url}hello.txt")]), "hello\n");
        }
        drop(server);
        // An interface that the kernel has too: one end of a cable, whose other end is the kernel's.
        let ip = |args: &str| run(Command::new("ip").args(args.split(' '))).ok();
        // Nobody is asked whether he has the kernel's address.
        std::fs::write("/proc/sys/net/ipv6/conf/default/accept_dad", "0").unwrap();
        let _ = ip("link add left type veth peer name right");
        let _ = ip(&family.say("address add 10.79.0.1/24 dev left"));
        let _ = ip("link set left up");
        let _ = ip("link set right up");
        // Nobody else is on it, so nobody is asked.
        let ours = family.say("10.79.0.2/24");
        let ours = ["--net", "right", "--address", &ours, "--probe", "never"];
        let program = Program::serve(HEPTA, site.root()).args(&ours);
        let server = program.listen(&family.say("10.79.0.2:80")).start();
        assert_eq!(curl(&[&family.say("http://10.79.0.2/hello.txt")]), "hello\n");
        drop(server);
    });
}
