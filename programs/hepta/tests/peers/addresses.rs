//! Whose an address is, with `hepta serve --net` and a kernel in another namespace: it is used only if
//! nobody on the link has it.

use std::process::{Child, Command, Stdio};

use peers::{Finished, Program, Server, Site, run, tool, until};

use crate::HEPTA;
use crate::commands::hepta;
use crate::net::{in_namespace, in_namespace_over_each};

/// A namespace beside the test's own, with a kernel of its own as far as networks go.
struct Elsewhere(Child);

impl Elsewhere {
    /// A new one; it goes when this is dropped, with all that was moved there.
    fn new() -> Self {
        let mut sleep = Command::new("unshare");
        sleep.args(["--net", "sleep", "120"]).stdin(Stdio::null());
        let this = Self(sleep.spawn().unwrap());
        let namespace = |of: &str| std::fs::read_link(format!("/proc/{of}/ns/net")).ok();
        until("it is in a namespace of its own", || {
            let its = namespace(&this.0.id().to_string());
            (its.is_some() && its != namespace("self")).then_some(())
        });
        this
    }

    /// Runs a command there.
    fn run(&self, command: Command) -> Finished {
        let mut there = Command::new("nsenter");
        there.arg(format!("--net=/proc/{}/ns/net", self.0.id()));
        run(there.arg(command.get_program()).args(command.get_args()))
    }

    fn ip(&self, args: &str) -> String {
        let mut ip = Command::new("ip");
        ip.args(args.split(' '));
        self.run(ip).ok().text()
    }

    /// Moves an interface there, as this address.
    fn take(&self, name: &str, address: &str) {
        ip(&format!("link set {name} netns {}", self.0.id()));
        // It has it without asking anybody.
        let mut set = Command::new("sh");
        set.args(["-c", &format!("echo 0 > /proc/sys/net/ipv6/conf/{name}/accept_dad")]);
        let _ = self.run(set).ok();
        self.ip(&format!("address add {address} dev {name}"));
        self.ip(&format!("link set {name} up"));
    }

    /// The hardware address of an interface there.
    fn mac(&self, name: &str) -> String {
        let said = self.ip(&format!("-o link show {name}"));
        let mac = said.split_once("link/ether ").map_or("", |(_, mac)| mac);
        mac.split(' ').next().unwrap_or_default().to_owned()
    }

    fn curl(&self, url: &str) -> String {
        let mut curl = tool("curl");
        curl.args(["-sS", "--max-time", "2", url]);
        self.run(curl).text()
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ip(args: &str) {
    let _ = run(Command::new("ip").args(args.split(' '))).ok();
}

fn serve(site: &Site, args: &[&str]) -> Server {
    Program::serve(HEPTA, site.root()).args(args).listen("80").start()
}

fn site() -> Site {
    Site::new().with("hello.txt", "hello\n")
}

#[test]
fn an_address_that_somebody_has_is_not_used() {
    in_namespace_over_each("addresses::an_address_that_somebody_has_is_not_used", |family| {
        let (site, elsewhere) = (site(), Elsewhere::new());
        ip("link add left type veth peer name right");
        elsewhere.take("left", &family.say("10.79.0.2/24"));
        ip("link set right up");
        let (theirs, other) = (family.say("10.79.0.2/24"), family.say("10.79.0.3/24"));
        let ours = ["--net", "right", "--address", &theirs];
        let mut server = serve(&site, &ours);
        let notice = "10.79.0.2 is used within seven seconds, unless somebody on right has it.";
        assert!(server.stdout().contains(&family.say(notice)), "{}", server.stdout());
        let mac = elsewhere.mac("left");
        let refusal =
            format!("{} is not used, because {mac} has it already", family.say("10.79.0.2"));
        assert_eq!(server.wait().code(), Some(1));
        assert!(mac.len() == 17 && server.stderr().contains(&refusal), "{}", server.stderr());
        // Whoever has it still has it, and knows nobody else of that address.
        assert!(!elsewhere.ip("neigh show").contains("lladdr"));
        // Of two, the one is used that nobody has.
        let ours = [&ours[..], &["--address", &other]].concat();
        let server = serve(&site, &ours);
        until("the other address is ours", || {
            server
                .stderr()
                .contains(&family.say("10.79.0.3 is ours: nobody else has it"))
                .then_some(())
        });
        assert!(server.stderr().contains(&refusal), "{}", server.stderr());
        assert_eq!(elsewhere.curl(&family.say("http://10.79.0.3/hello.txt")), "hello\n");
    });
}

#[test]
fn who_is_behind_a_bridge_is_asked_too() {
    in_namespace_over_each("addresses::who_is_behind_a_bridge_is_asked_too", |family| {
        let (site, elsewhere) = (site(), Elsewhere::new());
        ip("link add bridge0 type bridge");
        ip("link add near type veth peer name far");
        ip("tuntap add dev tap0 mode tap");
        for name in ["near", "tap0"] {
            ip(&format!("link set {name} master bridge0"));
        }
        for name in ["near", "tap0", "bridge0"] {
            ip(&format!("link set {name} up"));
        }
        elsewhere.take("far", &family.say("10.79.0.2/24"));
        let mut server = serve(&site, &["--net", "tap0", "--address", &family.say("10.79.0.2/24")]);
        assert_eq!(server.wait().code(), Some(1));
        let refusal = format!("because {} has it already", elsewhere.mac("far"));
        assert!(server.stderr().contains(&refusal), "{}", server.stderr());
        // Who is not to ask takes it.
        let ours = family.say("10.79.0.3/24");
        let ours = ["--net", "tap0", "--address", &ours, "--probe", "never"];
        let server = serve(&site, &ours);
        assert!(!server.stdout().contains("is used within"), "{}", server.stdout());
        assert_eq!(elsewhere.curl(&family.say("http://10.79.0.3/hello.txt")), "hello\n");
    });
}

#[test]
fn an_address_that_somebody_takes_is_defended_once_and_then_let_go() {
    in_namespace(
        "addresses::an_address_that_somebody_takes_is_defended_once_and_then_let_go",
        || {
            let (site, elsewhere) = (site(), Elsewhere::new());
            ip("link add left type veth peer name right");
            elsewhere.take("left", "10.79.0.1/24");
            ip("link set right up");
            let ours = ["--net", "right", "--address", "10.79.0.3/24", "--probe", "never"];
            let mut server = serve(&site, &ours);
            assert_eq!(elsewhere.curl("http://10.79.0.3/hello.txt"), "hello\n");
            // A kernel there takes the address, and says so to everybody whenever its interface comes up.
            let mut notify = Command::new("sh");
            notify.args(["-c", "echo 1 > /proc/sys/net/ipv4/conf/left/arp_notify"]);
            let _ = elsewhere.run(notify).ok();
            elsewhere.ip("address add 10.79.0.3/24 dev left");
            let mac = elsewhere.mac("left");
            let lost = format!("10.79.0.3 is used by {mac} too, and ours no longer");
            until("it has heard it twice", || {
                elsewhere.ip("link set left down");
                elsewhere.ip("link set left up");
                std::thread::sleep(std::time::Duration::from_millis(200));
                server.stderr().contains(&lost).then_some(())
            });
            assert!(
                server.is_running(),
                "it asks again, and may have it back: {}",
                server.stderr()
            );
        },
    );
}

#[test]
fn an_address_of_this_machine_is_refused_at_once() {
    in_namespace("addresses::an_address_of_this_machine_is_refused_at_once", || {
        let site = site();
        let _ = hepta(&["net", "up", "tap0", "10.77.0.1/24"]).ok();
        let same = ["--net", "tap0", "--address", "10.77.0.1/24"];
        let root = site.root().to_str().unwrap();
        for command in [&["serve", root][..], &["ping", "10.77.0.9"], &["get", "http://10.77.0.9/"]]
        {
            let said = hepta(&[command, &same].concat());
            assert!(!said.status.success());
            let why = "10.77.0.1 is this machine's own address, on tap0: take another one of 10.77.0.0/24";
            assert!(said.stderr.contains(why), "{command:?}: {}", said.stderr);
        }
        // Nobody but the kernel is on that link, so an address of ours is used at once; unless it is
        // to be asked all the same.
        let ours = ["--net", "tap0", "--address", "10.77.0.2/24"];
        let server = serve(&site, &ours);
        assert!(!server.stdout().contains("is used within"), "{}", server.stdout());
        drop(server);
        let server = serve(&site, &[&ours[..], &["--probe", "always"]].concat());
        assert!(server.stdout().contains("10.77.0.2 is used within seven"), "{}", server.stdout());
    });
}
