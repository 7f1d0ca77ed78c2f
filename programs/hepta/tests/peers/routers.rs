//! Addresses that routers of IPv6 offer: radvd at the kernel's end of a device. Each test makes a network
//! namespace for itself.

use std::process::{Child, Command, Stdio};

use peers::{Program, Site, run, tool, until};
use rustix::process::{Pid, Signal, kill_process};

use crate::commands::hepta;
use crate::net::{Family, in_namespace};
use crate::{HEPTA, program};

/// radvd, until it is dropped.
struct Radvd {
    child: Child,
    _site: Site,
}

impl Radvd {
    /// Offers a network, every few seconds anew, for `valid` seconds each time.
    fn offer(prefix: &str, valid: u32) -> Self {
        let conf = format!(
            "interface tap0 {{ AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4;
               prefix {prefix} {{ AdvValidLifetime {valid}; AdvPreferredLifetime {valid}; }}; }};"
        );
        let site = Site::new().with("conf", conf);
        let mut radvd = tool("radvd");
        radvd.args(["--nodaemon", "--logmethod", "none", "-C"]).arg(site.path("conf"));
        radvd.arg("-p").arg(site.path("pid")).stdout(Stdio::null()).stderr(Stdio::null());
        Self { child: radvd.spawn().unwrap(), _site: site }
    }
}

impl Drop for Radvd {
    /// As an operator would end it.
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

/// The device, with a kernel that passes packets on, and is the first host of two networks there.
fn make_network() {
    Family::V6.make_network();
    std::fs::write("/proc/sys/net/ipv6/conf/all/forwarding", "1").unwrap();
    for address in ["fd99:1::1/64", "fd99:2::1/64"] {
        let add = ["-6", "address", "add", address, "dev", "tap0", "nodad"];
        let _ = run(Command::new("ip").args(add)).ok();
    }
}

/// Our address in a network, as the log says it.
fn address_in(log: &str, prefix: &str) -> Option<String> {
    let line = log.lines().find(|line| {
        line.contains(&format!(" {prefix}"))
            && line.contains(" is ours, in a network that a router")
    })?;
    line.split(' ').find(|word| word.starts_with(prefix)).map(str::to_owned)
}

fn get(address: &str) -> String {
    let url = format!("http://[{address}]/hello.txt");
    run(tool("curl").args(["-gs", "--max-time", "2", &url])).text()
}

//= test RFC 4862 §5.5: addresses of what a router says, for as long as it says so
#[test]
fn a_server_is_where_routers_say_and_goes_on_when_they_say_something_else() {
    let name = "routers::a_server_is_where_routers_say_and_goes_on_when_they_say_something_else";
    in_namespace(name, || {
        make_network();
        let file = r#"
            net "tap0" { address "auto"; }
            listen 80
            workers 2
            default { files "www" }
            "#;
        let site = Site::new().with("www/hello.txt", "hello\n").with("hepta.kdl", file);
        let server = Program::configured(HEPTA, &site.path("hepta.kdl")).start();
        assert!(server.stdout().contains("Routers on tap0 say"), "{}", server.stdout());
        let radvd = Radvd::offer("fd99:1::/64", 9);
        let first = until("we have an address", || address_in(&server.stderr(), "fd99:1:"));
        for _ in 0..8 {
            assert_eq!(get(&first), "hello\n", "at either worker");
        }
        // It offers another network, and the first one comes to its end.
        drop(radvd);
        let _radvd = Radvd::offer("fd99:2::/64", 3600);
        let second = until("we have another", || address_in(&server.stderr(), "fd99:2:"));
        assert_eq!(get(&second), "hello\n");
        let gone = format!("{first} is ours no longer: no router offers its network any more");
        until("the first one goes", || server.stderr().contains(&gone).then_some(()));
        assert_eq!((get(&first), get(&second)), (String::new(), "hello\n".to_owned()));
        // One of two workers tells of it.
        assert_eq!(server.stderr().matches(&gone).count(), 1, "{}", server.stderr());
        // The same machine has the same address again (RFC 7217).
        drop(server);
        let server = Program::configured(HEPTA, &site.path("hepta.kdl")).start();
        let again = until("we have an address", || address_in(&server.stderr(), "fd99:2:"));
        assert_eq!(again, second);
    });
}

#[test]
fn commands_go_by_what_routers_say() {
    in_namespace("routers::commands_go_by_what_routers_say", || {
        make_network();
        let ours = ["--net", "tap0", "--address", "auto"];
        let over = |args: &[&str]| hepta(&[args, &ours[..]].concat());
        // Somebody behind the router.
        let far = ["-6", "address", "add", "fd55::1/128", "dev", "lo"];
        let _ = run(Command::new("ip").args(far)).ok();
        let site = Site::new().with("hello.txt", "hello\n");
        let server = program(&site).listen("[fd55::1]:0").start();
        // Nobody offers anything yet.
        let alone = over(&["ping", "fd55::1", "-c", "1"]);
        assert_eq!(alone.status.code(), Some(2), "{}", alone.text());
        assert!(alone.stderr.contains("no router of IPv6 answered on tap0"), "{}", alone.stderr);
        let _radvd = Radvd::offer("fd99:1::/64", 3600);
        let got = over(&["get", &server.url("/hello.txt")]).ok().text();
        assert_eq!(got, "hello\n");
        let shown = over(&["net", "show"]).ok().text();
        for word in ["fd99:1:", "router", "::/0", "fe80:"] {
            assert!(shown.contains(word), "{word} is not in {shown}");
        }
        let tun = hepta(&["ping", "fd55::1", "--net", "tun9", "--address", "auto"]);
        assert!(tun.stderr.contains("use a TAP device"), "{}", tun.stderr);
    });
}
