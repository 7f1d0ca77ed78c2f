//! What is IPv6's alone, over Ethernet, with the kernel, radvd and a bridge at the other end, each in a
//! network namespace that the test makes for itself. What is the same over both versions is in `kernel.rs`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod namespace;

use std::net::{IpAddr, Ipv6Addr};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use base::Mac;
use host::{AutoConfig, Config, Host, Origin};
use ip::InterfaceId;
use neighbor::Claim;
use net::{Builder, Mode, PacketSocket, PortConfig, Stack, Tap};

use crate::namespace::{in_namespace, sh};

const KERNEL: Ipv6Addr = Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 1);
const OURS: Ipv6Addr = Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 2);
const MAC: Mac = Mac([2, 0, 0, 0, 0, 9]);

/// A device between the kernel, which is fd77::1, and a stack of ours, which is fd77::2 as `how` says.
async fn stack(how: Claim) -> (Stack, InterfaceId, String) {
    let tap = Tap::open("hepta%d", Mode::Tap, PortConfig::default()).unwrap();
    let name = tap.name().to_owned();
    sh("ip link set lo up");
    sh(&format!("ip addr add fd77::1/64 dev {name} nodad"));
    sh(&format!("ip link set {name} up"));
    let mut builder = Builder::new(Config::new([9; 16]));
    let id = builder.add_port(&name, MAC, tap).unwrap();
    let ours = format!("{OURS}/64").parse().unwrap();
    builder.add_address(id, ours, how).unwrap();
    let stack = builder.start().unwrap();
    if how == Claim::Probe {
        until("our address is ready", || stack.with(|_, host| is_ready(host, OURS))).await;
    }
    (stack, id, name)
}

fn is_ready(host: &Host, address: Ipv6Addr) -> bool {
    let address = IpAddr::V6(address);
    host.addresses().iter().any(|own| own.cidr.address() == address && own.is_ready)
}

/// What a command says, or nothing where there is none.
fn said(command: &str, args: &[&str]) -> String {
    let output = Command::new(command).args(args).output();
    output.map_or_else(|_| String::new(), |said| String::from_utf8_lossy(&said.stdout).into_owned())
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(30), "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn has(command: &str) -> bool {
    let is_there = Command::new(command).arg("-V").output().is_ok();
    if !is_there {
        eprintln!("skipped: there is no {command}");
    }
    is_there
}

#[test]
fn the_kernel_and_we_find_each_other() {
    in_namespace("the_kernel_and_we_find_each_other", async {
        let (stack, _, name) = stack(Claim::Probe).await;
        for len in [0, 56, 1452, 4000] {
            let took = stack.ping(KERNEL.into(), &vec![1; len]).await.unwrap();
            assert!(took < Duration::from_secs(2), "{took:?}");
        }
        if has("ping") {
            for len in ["56", "4000"] {
                let args = ["-6", "-c", "3", "-i", "0.05", "-s", len, "fd77::2"];
                let pinged = said("ping", &args);
                assert!(pinged.contains("3 received, 0% packet loss"), "{pinged}");
            }
        }
        let neighbours = said("ip", &["-6", "neigh", "show", "dev", &name]);
        assert!(neighbours.contains("fd77::2 lladdr 02:00:00:00:00:09"), "{neighbours}");
        // By our address of the link, too.
        let link_local = stack.with(|_, host| {
            let own = host.addresses().iter().find(|own| own.origin == Origin::LinkLocal);
            own.unwrap().cidr.address()
        });
        until("the link's address is ready", || {
            let IpAddr::V6(address) = link_local else { return false };
            stack.with(|_, host| is_ready(host, address))
        })
        .await;
        if has("ping") {
            let to = format!("{link_local}%{name}");
            let pinged = said("ping", &["-6", "-c", "2", "-i", "0.05", &to]);
            assert!(pinged.contains("2 received"), "{pinged}");
        }
    });
}

/// Whoever has an address first keeps it: the kernel, or we.
#[test]
fn an_address_is_whose_it_was_first() {
    in_namespace("an_address_is_whose_it_was_first", async {
        let (stack, id, name) = stack(Claim::Probe).await;
        let conflict = "fd77::1/64".parse().unwrap();
        for how in [Claim::Probe, Claim::Announce] {
            stack.with(|cx, host| host.add_address(cx, id, conflict, how)).unwrap();
            until("we let go of the kernel's address", || {
                stack.with(|_, host| !host.addresses().iter().any(|own| own.cidr == conflict))
            })
            .await;
        }
        sh(&format!("ip addr add fd77::2/64 dev {name}"));
        until("the kernel lets go of ours", || {
            said("ip", &["-6", "addr", "show", "dev", &name])
                .contains("fd77::2/64 scope global dadfailed")
        })
        .await;
        assert!(stack.with(|_, host| is_ready(host, OURS)));
        stack.ping(KERNEL.into(), b"still there?").await.unwrap();
    });
}

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    /// Ends it as an operator would.
    fn stop(mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.0.wait().unwrap();
    }
}

/// The addresses that we made, and may use.
fn made(host: &Host) -> Vec<host::Address> {
    let own = host.addresses().iter().filter(|own| own.origin == Origin::Router);
    own.filter(|own| own.is_ready).copied().collect()
}

/// Advertises on `name`; the kernel passes packets on there.
fn radvd(name: &str) -> Running {
    let folder = std::env::temp_dir().join(format!("hepta-radvd-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (file, pid) = (folder.join("conf"), folder.join("pid"));
    let conf = format!(
        "interface {name} {{ AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4;
           AdvLinkMTU 1400; AdvCurHopLimit 70; AdvDefaultPreference high; AdvDefaultLifetime 600;
           prefix fd99:1::/64 {{ AdvValidLifetime 7200; AdvPreferredLifetime 3600; }};
           route fd99:2::/48 {{ AdvRouteLifetime 600; }};
           RDNSS fd99:1::53 {{ AdvRDNSSLifetime 600; }}; DNSSL lab.example {{ }}; }};"
    );
    std::fs::write(&file, conf).unwrap();
    std::fs::write("/proc/sys/net/ipv6/conf/all/forwarding", "1").unwrap();
    let mut command = Command::new("radvd");
    command.arg("--nodaemon").args(["--logmethod", "stderr", "-C"]).arg(file).arg("-p").arg(pid);
    Running(command.spawn().unwrap())
}

//= test RFC 4862 §5.5.3: a host and a router that do not know each other
#[test]
fn radvd_gives_us_addresses_routes_and_names() {
    in_namespace("radvd_gives_us_addresses_routes_and_names", async {
        if !has("radvd") {
            return;
        }
        let (stack, id, name) = stack(Claim::Probe).await;
        // Somebody behind the router.
        sh("ip addr add fd55::1/128 dev lo");
        sh(&format!("ip addr add fd99:1::1/64 dev {name} nodad"));
        let radvd = radvd(&name);
        let auto = AutoConfig { with_temporary: true, ..AutoConfig::default() };
        assert!(stack.with(|cx, host| host.autoconfigure(cx, id, auto)));
        let are_two = || stack.with(|_, host| made(host).len() == 2);
        until("there are two addresses", are_two).await;
        let made = stack.with(|_, host| made(host));
        let network = "fd99:1::/64".parse::<ip::Prefix>().unwrap();
        assert!(made.iter().all(|own| network.contains(own.cidr.address())), "{made:?}");
        stack.with(|cx, host| {
            let behind = host.route_to("fd99:2::1".parse().unwrap()).unwrap();
            let default = host.route_to("fd55::1".parse().unwrap()).unwrap();
            assert!(behind.to.len() == 48 && default.to.is_empty(), "{behind:?} {default:?}");
            assert_eq!(behind.gateway, default.gateway);
            // RFC 6724 §5, rule 7: what goes out comes from the temporary one.
            let source = host.source_for("fd55::1".parse().unwrap());
            let temporary = made.iter().find(|own| own.is_temporary).unwrap();
            assert_eq!(source, Some(temporary.cidr.address()));
            let servers: Vec<_> = host.dns_servers(cx.now(), Some(id)).map(|s| s.address).collect();
            assert_eq!(servers, ["fd99:1::53".parse::<IpAddr>().unwrap()]);
            let names: Vec<_> = host.dns_domains(cx.now(), None).map(|d| d.name.clone()).collect();
            assert_eq!(names, ["lab.example"]);
        });
        stack.ping("fd55::1".parse().unwrap(), &[1; 3000]).await.unwrap();
        if has("ping") {
            for own in made {
                let to = own.cidr.address().to_string();
                let pinged = said("ping", &["-6", "-c", "2", "-i", "0.05", "-I", "fd55::1", &to]);
                assert!(pinged.contains("2 received"), "{pinged}");
                // RFC 4861 §6.3.4: with the hop limit that the router said.
                assert!(pinged.contains("ttl=70"), "{pinged}");
            }
        }
        // It says goodbye when it ends; addresses live on.
        radvd.stop();
        let default = "fd55::1".parse().unwrap();
        until("the router is none", || stack.with(|_, host| host.route_to(default).is_none()))
            .await;
        assert_eq!(stack.with(|_, host| self::made(host).len()), 2);
    });
}

/// The kernel's bridge asks who listens, and keeps what it is told.
#[test]
fn the_kernels_bridge_knows_our_groups() {
    in_namespace("the_kernels_bridge_knows_our_groups", async {
        let args = "link add br0 type bridge mcast_snooping 1 mcast_querier 1 mcast_mld_version 2 mcast_igmp_version 3";
        let made = Command::new("ip").args(args.split(' ')).output();
        if !made.is_ok_and(|made| made.status.success()) {
            eprintln!("skipped: the kernel has no bridge that looks at groups");
            return;
        }
        sh("ip link add kernel0 type veth peer name ours0");
        sh("ip link set kernel0 master br0");
        for name in ["br0", "kernel0", "ours0"] {
            sh(&format!("ip link set {name} up"));
        }
        let mut builder = Builder::new(Config::new([9; 16]));
        let port = PacketSocket::open("ours0", PortConfig::default()).unwrap();
        let id = builder.add_port("ours0", MAC, port).unwrap();
        for address in ["fd77::2/64", "10.77.0.2/24"] {
            builder.add_address(id, address.parse().unwrap(), Claim::Announce).unwrap();
        }
        let stack = builder.start().unwrap();
        let groups = ["ff05::4242", "239.7.7.7"];
        for group in groups {
            assert!(stack.with(|_, host| host.join_group(id, group.parse().unwrap())));
        }
        let knows = |group: &str| {
            let all = said("bridge", &["mdb", "show"]);
            all.lines().any(|line| {
                line.contains("port kernel0") && line.contains(&format!("grp {group} "))
            })
        };
        for group in groups.into_iter().chain(["ff02::1:ff00:2"]) {
            until(group, || knows(group)).await;
        }
        for group in groups {
            stack.with(|_, host| host.leave_group(id, group.parse().unwrap()));
        }
        for group in groups {
            until(&format!("not {group}"), || !knows(group)).await;
        }
        assert!(knows("ff02::1:ff00:2"));
    });
}
