use super::device::{cannot_open, mac_for};
use super::*;

#[test]
fn names_of_devices_are_checked() {
    for good in ["tap0", "tun-work", "tap%d", "a", "fifteen-letters"] {
        assert_eq!(parse_device(good).as_deref(), Ok(good));
    }
    for bad in ["", "sixteen-letters!", "a b", "a/b", "..", "a:b", "-x", "ü"] {
        assert!(parse_device(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn an_address_without_its_prefix_is_told_how_it_is_written() {
    assert_eq!(parse_address("10.0.0.2/24").map(|cidr| cidr.prefix_len()), Ok(24));
    assert!(parse_address("10.0.0.2").unwrap_err().contains("10.0.0.2/24"));
    assert!(parse_address("fd00::2").unwrap_err().contains("fd00::2/64"));
    assert!(parse_address("10.0.0.2/33").unwrap_err().contains("0 to 32"));
    assert!(parse_address("ten").unwrap_err().contains("10.77.0.2/24"));
}

#[test]
fn addresses_that_no_host_can_have_are_refused() {
    let check = |text: &str| check_host(text.parse().unwrap()).map_err(|error| error.to_string());
    assert_eq!(check("10.0.0.2/24"), Ok(()));
    assert_eq!(check("10.0.0.0/31"), Ok(()), "RFC 3021 §2.1");
    assert_eq!(check("fd00::/64"), Ok(()));
    assert!(check("10.0.0.0/24").unwrap_err().contains("network itself"));
    assert!(check("10.0.0.255/24").unwrap_err().contains("everybody"));
    assert!(check("224.0.0.1/4").unwrap_err().contains("a group"));
}

/// The options of a command line that names tap0.
fn options(address: &[&str], gateway: &[&str], mtu: u16) -> Options {
    Options {
        net: Some("tap0".to_owned()),
        address: address.iter().map(|text| Given::Fixed(text.parse().unwrap())).collect(),
        gateway: gateway.iter().map(|text| text.parse().unwrap()).collect(),
        mtu,
        capture: None,
        dns: Vec::new(),
    }
}

#[test]
fn what_cannot_be_wanted_is_refused_before_any_device_is_opened() {
    let said = |address: &[&str], gateway: &[&str], mtu| {
        options(address, gateway, mtu).wanted().map_err(|error| error.to_string())
    };
    let wanted = said(&["10.77.0.2/24", "fd77::2/64"], &["10.77.0.1", "fe80::1"], 1500);
    assert!(wanted.unwrap().is_some());
    let cases = [
        (said(&["10.77.0.0/24"], &[], 1500), "network itself"),
        (said(&["10.77.0.2/24", "10.77.0.2/16"], &[], 1500), "already"),
        (said(&["10.77.0.2/24"], &["10.78.0.1"], 1500), "take one of 10.77.0.0/24"),
        (said(&["10.77.0.2/24"], &["10.77.0.2"], 1500), "our own"),
        (said(&["10.77.0.2/24"], &["10.77.0.1", "10.77.0.3"], 1500), "a gateway of IPv4"),
        (said(&["fd77::2/64"], &[], 1279), "1280"),
    ];
    for (said, word) in cases {
        let said = said.unwrap_err();
        assert!(said.contains(word), "{word} is not in {said}");
    }
}

#[test]
fn a_network_that_runs_differs_from_what_is_wanted_in_words() {
    let running = options(&["10.77.0.2/24"], &["10.77.0.1"], 1500).wanted().unwrap().unwrap();
    assert_eq!(running.difference(&running), None);
    let mut wanted = running.clone();
    wanted.gateways.clear();
    wanted.addresses.clear();
    wanted.dhcp = true;
    wanted.probe = Probe::Always;
    assert_eq!(wanted.difference(&running), None, "all of that changes while it runs");
    wanted.mtu = 1400;
    assert_eq!(wanted.difference(&running), Some("the MTU"));
    wanted.device = "tap1".to_owned();
    assert_eq!(wanted.difference(&running), Some("the device"), "the first that differs");
}

#[test]
fn what_is_missing_is_said_with_what_to_do() {
    let said = |errno: rustix::io::Errno| cannot_open("tap0", &errno.into()).to_string();
    assert!(said(rustix::io::Errno::NOENT).contains("modprobe tun"));
    assert!(said(rustix::io::Errno::PERM).contains("hepta net up tap0"));
    assert!(said(rustix::io::Errno::BUSY).contains("another program"));
    assert!(said(rustix::io::Errno::INVAL).contains("neither"));
}

#[test]
fn our_hardware_address_is_ours_and_stays() {
    let mac = mac_for(IpAddr::from([10, 77, 0, 2]));
    assert!(mac.is_local() && mac.is_station());
    assert_eq!(mac, mac_for(IpAddr::from([10, 77, 0, 2])));
    assert_ne!(mac, mac_for(IpAddr::from([10, 77, 0, 3])));
}

#[test]
fn without_a_device_all_is_left_to_the_kernel() {
    assert!(open(&Options::default()).unwrap().is_none());
    let options = Options { net: Some("tap0".to_owned()), ..Options::default() };
    assert!(open(&options).unwrap_err().to_string().contains("--address auto"));
}

#[test]
fn addresses_are_probed_where_others_can_be() {
    let claims = |is_v6| {
        [Probe::Auto, Probe::Always, Probe::Never]
            .map(|probe| [true, false].map(|is_shared| probe.claim(is_shared, is_v6)))
    };
    let (probe, announce, silent) = (Claim::Probe, Claim::Announce, Claim::Silent);
    assert_eq!(claims(false), [[probe, announce], [probe, probe], [announce, announce]]);
    assert_eq!(claims(true), [[probe, silent], [probe, probe], [announce, silent]]);
}

#[test]
fn an_address_of_this_machine_is_refused() {
    let own = kernel::interface_with(IpAddr::from([127, 0, 0, 1]));
    assert_eq!(own.as_deref(), Some("lo"));
    assert_eq!(kernel::interface_with(IpAddr::from([192, 0, 2, 1])), None);
}

//= test RFC 7217 §5: what addresses follow from stays with the machine, and is nobody else's
#[test]
fn a_machine_has_a_secret_that_stays() {
    let (one, other) = ("0123456789abcdef0123456789abcdef\n", "0123456789abcdef0123456789abcdee\n");
    let secret = machine::secret_of(one).unwrap();
    assert_eq!(machine::secret_of(one), Some(secret));
    assert_ne!(machine::secret_of(other), Some(secret));
    for nobody in ["", "uninitialized\n", &"0".repeat(32), &"0".repeat(33)] {
        assert_eq!(machine::secret_of(nobody), None, "{nobody:?}");
    }
}
