//! Who asks for more than a crowd would.

use std::process::Stdio;

use peers::{run, tool};

use super::{CLEAR, Running, curl, network, serve, site};
use crate::net::{Family, in_namespace_over_each};

#[test]
fn a_flood_of_syns_and_closed_ports() {
    in_namespace_over_each("own_network::floods::a_flood_of_syns_and_closed_ports", |family| {
        let clear = &family.say(CLEAR);
        let site = site(family);
        family.make_network();
        let server = serve(&site, family);
        assert_eq!(curl(&[&format!("{clear}/hello.txt")]), "hello\n");
        let before = server.resident_kib();
        let mut flood = tool("python");
        let flood = flood
            .args(["-c", FLOOD, &family.say("10.77.0.2")])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut served = 0;
        let mut flood = Running(flood);
        while flood.0.try_wait().unwrap().is_none() {
            // A SYN may be lost in the crowd; the kernel sends it again after a second.
            let got = curl(&["--connect-timeout", "20", &format!("{clear}/hello.txt")]);
            assert_eq!(got, "hello\n");
            served += 1;
        }
        assert!(served > 0);
        let after = server.resident_kib();
        assert!(after < before + 32 * 1024, "{before} KiB, then {after} KiB");
        let seen = network();
        assert!(seen["connections"].as_array().unwrap().len() < 100, "half-open ones are not");
        // A port at which nobody listens says so at once.
        let closed = run(tool("curl").args(["-sS", &format!("{clear}:81/")]));
        assert_eq!(closed.status.code(), Some(7), "{}", closed.stderr);
        let mut nmap = tool("nmap");
        nmap.args(["-Pn", "-n", "-sS", "-p", "80,81,443", "-oG", "-"]);
        nmap.args((family == Family::V6).then_some("-6")).arg(family.say("10.77.0.2"));
        let scanned = run(&mut nmap).ok().text();
        for port in ["80/open", "81/closed", "443/open"] {
            assert!(scanned.contains(port), "{port} is not in {scanned}");
        }
    });
}

/// Sends SYNs of hosts that are not there to the address that it is given, as fast as it can, for two
/// seconds.
const FLOOD: &str = r#"
import ipaddress, random, socket, struct, sys, time
to = ipaddress.ip_address(sys.argv[1])
net = int(to) & ~0xff
def total(data):
    words = struct.unpack('!%dH' % (len(data) // 2), data)
    n = sum(words)
    n = (n >> 16) + (n & 0xffff)
    return ~(n + (n >> 16)) & 0xffff
family = socket.AF_INET if to.version == 4 else socket.AF_INET6
out = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
end, sent = time.time() + 2, 0
while time.time() < end:
    for _ in range(100):
        source = type(to)(net | random.randrange(50, 250)).packed
        tcp = struct.pack('!HHIIBBHHH', random.randrange(1024, 65535), 80, random.getrandbits(32), 0, 0x50, 2, 65535, 0, 0)
        check = total(source + to.packed + struct.pack('!HH', 6, len(tcp)) + tcp)
        tcp = tcp[:16] + struct.pack('!H', check) + tcp[18:]
        if to.version == 4:
            ip = struct.pack('!BBHHHBBH', 0x45, 0, 40, 0, 0, 64, 6, 0)
        else:
            ip = struct.pack('!IHBB', 6 << 28, 20, 6, 64)
        out.sendto(ip + source + to.packed + tcp, (str(to), 0))
        sent += 1
print(sent)
"#;
