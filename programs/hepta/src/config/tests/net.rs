//! `net`: the network of our own.

use expect_test::expect;

use super::{Files, errors};
use crate::network::{Probe, Wanted};

#[test]
fn a_file_says_what_the_command_line_says() {
    let text = r#"
        net "tap0" {
            address "10.77.0.2/24" "fd77::2/64"
            address "10.78.0.2/16"
            gateway "10.77.0.1" "fe80::1"
            route "10.0.0.0/8" via="10.77.0.9"
            route "fd78::/64"
            neighbor "10.77.0.9" mac="02:00:5e:10:00:01"
            dns "10.77.0.1" "fd77::1"
            mtu 1400
            probe "always"
            capture "frames.pcapng"
        }
        listen "10.77.0.2:80"
        listen "0.0.0.0:81"
        listen 82
        listen "unix:hepta.sock"
        default { close }
    "#;
    let files = Files::with("net", &[("hepta.kdl", text)]);
    let cidr = |text: &str| text.parse().unwrap();
    let wanted = Wanted {
        device: "tap0".to_owned(),
        addresses: ["10.77.0.2/24", "fd77::2/64", "10.78.0.2/16"].map(cidr).to_vec(),
        auto: false,
        dhcp: false,
        routes: vec![
            ("10.0.0.0/8".parse().unwrap(), Some("10.77.0.9".parse().unwrap())),
            ("fd78::/64".parse().unwrap(), None),
        ],
        neighbors: vec![("10.77.0.9".parse().unwrap(), "02:00:5e:10:00:01".parse().unwrap())],
        dns: ["10.77.0.1", "fd77::1"].map(|text| text.parse().unwrap()).to_vec(),
        gateways: ["10.77.0.1", "fe80::1"].map(|text| text.parse().unwrap()).to_vec(),
        mtu: 1400,
        capture: Some(files.0.join("frames.pcapng")),
        probe: Probe::Always,
    };
    assert_eq!(files.load("hepta.kdl").unwrap().net, Some(wanted));
    let least = "net \"tun1\" { address \"fd77::2/64\"; }\ndefault { close }";
    let settings = Files::with("net-least", &[("hepta.kdl", least)]).load("hepta.kdl").unwrap();
    assert_eq!(settings.net.map(|net| (net.mtu, net.capture)), Some((1500, None)));
}

#[test]
fn what_is_written_wrong_is_shown_where_it_is() {
    let text = r#"listen 8080
net "a/b" {
    address "10.77.0.2" "10.77.0.0/24" "10.77.0.2/33"
    gateway "the router"
    mtu 100
    mtu 1500
    adress "10.0.0.1/8"
}
net "tap1" { address "10.77.0.2/24"; }
default { close }
"#;
    expect![[r#"
        hepta.kdl:2:5: the name of an interface has no blanks, slashes, colons, or - in front
          2 | net "a/b" {
            |     ^^^^^

        hepta.kdl:3:13: say how many bits name the network, as in 10.77.0.2/24
          3 |     address "10.77.0.2" "10.77.0.0/24" "10.77.0.2/33"
            |             ^^^^^^^^^^^

        hepta.kdl:3:40: the length of a prefix is 0 to 32, or to 128 for IPv6, as in 10.77.0.2/24
          3 |     address "10.77.0.2" "10.77.0.0/24" "10.77.0.2/33"
            |                                        ^^^^^^^^^^^^^^

        hepta.kdl:4:13: this takes an address, as "10.77.0.1" or "fd77::1"
          4 |     gateway "the router"
            |             ^^^^^^^^^^^^

        hepta.kdl:6:5: `mtu` stands here a second time
          6 |     mtu 1500
            |     ^^^ the first is in line 5

        hepta.kdl:7:5: `adress` is no key of `net`
          7 |     adress "10.0.0.1/8"
            |     ^^^^^^ did you mean `address`?

        hepta.kdl:9:1: `net` stands here a second time
          9 | net "tap1" { address "10.77.0.2/24"; }
            | ^^^ the first is in line 2"#]]
    .assert_eq(&errors("net-written", text));
}

#[test]
fn what_cannot_be_meant_is_shown_where_it_is() {
    let text = r#"listen "10.77.0.3:80"
listen "127.0.0.1:81"
net "tap0" {
    address "10.77.0.2/24" "10.77.0.0/24"
    address "10.77.0.255/24" "10.77.0.2/16" "fd77::2/64"
    gateway "10.78.0.1" "10.77.0.1"
    gateway "fd77::2"
    mtu 1000
    probe "sometimes"
}
default { close }
"#;
    expect![[r#"
        hepta.kdl:1:1: `net` has no address 10.77.0.3
          1 | listen "10.77.0.3:80"
            | ^^^^^^ it has 10.77.0.2, 10.77.0.0, 10.77.0.255, 10.77.0.2, fd77::2

        hepta.kdl:2:1: `net` has no address 127.0.0.1
          2 | listen "127.0.0.1:81"
            | ^^^^^^ it has 10.77.0.2, 10.77.0.0, 10.77.0.255, 10.77.0.2, fd77::2

        hepta.kdl:4:28: 10.77.0.0/24 is the network itself: take another host part
          4 |     address "10.77.0.2/24" "10.77.0.0/24"
            |                            ^^^^^^^^^^^^^^

        hepta.kdl:5:13: 10.77.0.255/24 is everybody in 10.77.0.0/24: take another host part
          5 |     address "10.77.0.255/24" "10.77.0.2/16" "fd77::2/64"
            |             ^^^^^^^^^^^^^^^^

        hepta.kdl:5:30: 10.77.0.2 is one of our addresses already
          5 |     address "10.77.0.255/24" "10.77.0.2/16" "fd77::2/64"
            |                              ^^^^^^^^^^^^^^

        hepta.kdl:6:13: 10.78.0.1 is on no network of ours
          6 |     gateway "10.78.0.1" "10.77.0.1"
            |             ^^^^^^^^^^^ a gateway is a neighbour: take one of 10.77.0.0/16 or 10.77.0.0/24

        hepta.kdl:6:25: there is a gateway of IPv4 already
          6 |     gateway "10.78.0.1" "10.77.0.1"
            |                         ^^^^^^^^^^^

        hepta.kdl:7:13: fd77::2 is our own address
          7 |     gateway "fd77::2"
            |             ^^^^^^^^^ a gateway is a neighbour that passes packets on

        hepta.kdl:8:5: links of IPv6 take at least 1280 bytes
          8 |     mtu 1000
            |     ^^^

        hepta.kdl:9:11: there is no time called "sometimes"
          9 |     probe "sometimes"
            |           ^^^^^^^^^^^ write one of "auto", "always", "never""#]].assert_eq(&errors("net-meant", text));
    expect![[r#"
        hepta.kdl:1:1: we have no address on tap0
          1 | net "tap0"
            | ^^^ add address "10.77.0.2/24", or another of its network, "auto" or "dhcp""#]]
    .assert_eq(&errors("net-none", "net \"tap0\"\ndefault { close }\n"));
}

#[test]
fn addresses_may_come_from_routers_and_servers() {
    let text = r#"
        net "tap0" { address "auto" "10.77.0.2/24"; gateway "10.77.0.1"; }
        listen "[2001:db8::7]:80"
        default { close }
    "#;
    let net =
        Files::with("net-auto", &[("hepta.kdl", text)]).load("hepta.kdl").unwrap().net.unwrap();
    assert_eq!((net.auto, net.dhcp, net.addresses.len()), (true, false, 1));
    let text = "net \"tap0\" { address \"dhcp\"; }\ndefault { close }\n";
    let net =
        Files::with("net-dhcp", &[("hepta.kdl", text)]).load("hepta.kdl").unwrap().net.unwrap();
    assert_eq!((net.auto, net.dhcp, net.addresses.len()), (false, true, 0));
    let text = r#"net "tap0" {
    address "dhcp"
    gateway "10.77.0.1"
    mtu 576
}
default { close }
"#;
    expect![[r#"
        hepta.kdl:3:13: 10.77.0.1 is on no network of ours
          3 |     gateway "10.77.0.1"
            |             ^^^^^^^^^^^ whoever gives us an address says who passes packets on"#]]
    .assert_eq(&errors("net-by-itself", text));
}

#[test]
fn ways_neighbours_and_servers_of_names_that_cannot_be_are_shown() {
    let text = r#"net "tap0" {
    address "10.77.0.2/24"
    route "10.0.0.0/8" via="10.78.0.1"
    route "10.0.0.0/8"
    route "fd00::/8" via="10.77.0.1"
    route "10.1.0.0/16" via="10.77.0.2"
    neighbor "10.77.0.9"
    neighbor "10.77.0.9" mac="ff:ff:ff:ff:ff:ff"
    neighbor "10.78.0.9" mac="02:00:5e:10:00:01"
    dns "10.77.0.1" "10.77.0.3" "10.77.0.4" "10.77.0.5" "10.77.0.6"
}
default { close }
"#;
    expect![[r#"
        hepta.kdl:3:5: 10.78.0.1 is on no network of ours
          3 |     route "10.0.0.0/8" via="10.78.0.1"
            |     ^^^^^ a gateway is a neighbour: take one of 10.77.0.0/24

        hepta.kdl:4:5: there is a way to 10.0.0.0/8 already
          4 |     route "10.0.0.0/8"
            |     ^^^^^

        hepta.kdl:5:5: 10.77.0.1 passes on nothing for fd00::/8: one is IPv4, one IPv6
          5 |     route "fd00::/8" via="10.77.0.1"
            |     ^^^^^

        hepta.kdl:6:5: 10.77.0.2 is our own address
          6 |     route "10.1.0.0/16" via="10.77.0.2"
            |     ^^^^^ a gateway is a neighbour that passes packets on

        hepta.kdl:7:5: where is 10.77.0.9?
          7 |     neighbor "10.77.0.9"
            |     ^^^^^^^^ write its hardware address, as mac="02:00:5e:10:00:01"

        hepta.kdl:8:5: ff:ff:ff:ff:ff:ff is no single station
          8 |     neighbor "10.77.0.9" mac="ff:ff:ff:ff:ff:ff"
            |     ^^^^^^^^

        hepta.kdl:9:5: 10.78.0.9 is on no network of ours
          9 |     neighbor "10.78.0.9" mac="02:00:5e:10:00:01"
            |     ^^^^^^^^

        hepta.kdl:10:57: there are more than 4 servers of names
          10 |     dns "10.77.0.1" "10.77.0.3" "10.77.0.4" "10.77.0.5" "10.77.0.6"
             |                                                         ^^^^^^^^^^^"#]]
    .assert_eq(&errors("net-ways", text));
    let text = "net \"tap0\" { address \"auto\"; neighbor \"fe80::1\" mac=\"02-00\"; }\ndefault { close }\n";
    expect![[r#"
        hepta.kdl:1:49: this takes a hardware address, as "02:00:5e:10:00:01"
          1 | net "tap0" { address "auto"; neighbor "fe80::1" mac="02-00"; }
            |                                                 ^^^^^^^^^^^"#]]
    .assert_eq(&errors("net-mac", text));
}
