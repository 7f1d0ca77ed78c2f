//! What the file says and what a reload changes.

use std::process::{Command, Stdio};
use std::time::Duration;

use peers::{Program, run, tool, until};
use rustix::process::Signal;

use super::{CLEAR, Running, SECURE, curl, keep_buffers_small, large, network, serve, site};
use crate::HEPTA;
use crate::commands::hepta;
use crate::net::{Family, in_namespace_over_each};

#[test]
fn a_file_names_the_network_and_a_start_changes_it() {
    in_namespace_over_each(
        "own_network::configuration::a_file_names_the_network_and_a_start_changes_it",
        |family| {
            let clear = &family.say(CLEAR);
            let with_net = &family.say(WITH_NET);
            let site = site(family).with("hepta.kdl", with_net);
            family.make_network();
            let file = site.path("hepta.kdl");
            let check = || hepta(&["check", file.to_str().unwrap()]);
            assert!(check().ok().text().contains("is in order"));
            let server = Program::configured(HEPTA, &file).start();
            assert_eq!(server.urls(), [family.say("http://10.77.0.2:80/")]);
            assert!(server.stdout().contains("over tap0"), "{}", server.stdout());
            assert_eq!(curl(&[&format!("{clear}/hello.txt")]), "hello\n");
            // Our SYN says how long segments may be (RFC 9293 §3.7.1): 1400 bytes without both headers.
            let frames = std::fs::read(site.path("frames.pcapng")).unwrap();
            let mss: [u8; 2] = match family {
                Family::V4 => 1360_u16.to_be_bytes(),
                Family::V6 => 1340_u16.to_be_bytes(),
            };
            assert!(frames.windows(4).any(|four| four == [2, 4, mss[0], mss[1]]));
            // What is served there changes with a reload.
            site.replace("hepta.kdl", with_net.replace("listen 80", "listen 81"));
            server.signal(Signal::HUP);
            until("the new port is open", || {
                let said = run(tool("curl").args(["-s", &format!("{clear}:81/hello.txt")]));
                (said.text() == "hello\n").then_some(())
            });
            // Its device does not, and the log says which part of it, and everything stays as it is.
            let changes = [
                ("frames.pcapng", "other.pcapng", "`net` changes the file of the capture"),
                ("1400", "1500", "`net` changes the MTU"),
                ("\"tap0\"", "\"tap1\"", "`net` changes the device"),
                ("net \"tap0\"", "/-net \"tap0\"", "there is no `net` any more"),
            ];
            for (before, after, said) in changes {
                let text = with_net.replace("listen 80", "listen 82");
                let (before, after) = (family.say(before), family.say(after));
                assert!(text.contains(&before));
                site.replace("hepta.kdl", text.replace(&before, &after));
                server.signal(Signal::HUP);
                until(said, || server.stderr().contains(said).then_some(()));
            }
            let refusals = server.stderr().matches("that takes a start, not a reload").count();
            assert_eq!(refusals, changes.len(), "{}", server.stderr());
            assert_eq!(curl(&[&format!("{clear}:81/hello.txt")]), "hello\n");
            let closed = run(tool("curl").args(["-s", &format!("{clear}:82/hello.txt")]));
            assert_eq!(closed.status.code(), Some(7));
            // What is wrong is shown where it stands.
            let (near, far) = (family.say("\"10.77.0.1\""), family.say("\"10.78.0.1\""));
            site.replace("hepta.kdl", with_net.replace(&near, &far));
            let said = check();
            assert!(!said.status.success());
            let wrong = family.say("hepta.kdl:4:13: 10.78.0.1 is on no");
            assert!(said.stderr.contains(&wrong), "{}", said.stderr);
            // One of the two says over which network.
            site.replace("hepta.kdl", with_net);
            let both = hepta(
                &[&["serve", "--config", file.to_str().unwrap()], &family.ours()[..]].concat(),
            );
            assert!(both.stderr.contains("leave one of them away"), "{}", both.stderr);
        },
    );
}

/// A configuration that names its network itself.
const WITH_NET: &str = r#"
net "tap0" {
    address "10.77.0.2/24"
    gateway "10.77.0.1"
    mtu 1400
    capture "frames.pcapng"
}
listen 80
default { files "www" }
"#;

#[test]
fn a_reload_changes_addresses_and_no_connection_over_those_that_stay() {
    const NAME: &str = "own_network::configuration::a_reload_changes_addresses_and_no_connection_over_those_that_stay";
    in_namespace_over_each(NAME, |family| {
        const BEFORE: &str = r#"
            net "tap0" { address "10.77.0.2/24"; }
            listen 80
            admin "127.0.0.1:9900"
            workers 2
            default { files "www" }
            "#;
        let site = site(family).with("hepta.kdl", family.say(BEFORE));
        family.make_network();
        let server = Program::configured(HEPTA, &site.path("hepta.kdl")).start();
        let reload = |before: &str, after: &str| {
            let text = BEFORE.replace("10.77.0.2/24", before).replace("; }", after);
            site.replace("hepta.kdl", family.say(&text));
            server.signal(Signal::HUP);
        };
        // Whether a site is served at 10.77.0.n.
        let serves = |n: u8| {
            let mut curl = tool("curl");
            let url = family.say(&format!("http://10.77.0.{n}/hello.txt"));
            run(curl.args(["-s", "--max-time", "1", &url])).text() == "hello\n"
        };
        let slow = |n: u8, rate: &str| {
            let copy = site.path(&format!("copy{n}"));
            let mut curl = tool("curl");
            curl.args(["-sS", "--limit-rate", rate, "-o"]).arg(&copy);
            curl.arg(family.say(&format!("http://10.77.0.{n}/large.bin")));
            let child = curl.stderr(Stdio::null()).spawn().unwrap();
            until("a part has come", || {
                std::fs::metadata(&copy).ok().filter(|copy| copy.len() > 100_000)
            });
            (Running(child), copy)
        };
        let (mut whole, copy) = slow(2, "3M");
        reload("10.77.0.2/24\" \"10.77.0.3/24", "; }");
        until("the new address serves", || serves(3).then_some(()));
        let routes = || network()["routes"].to_string();
        let gateway = family.say("\"10.77.0.1\"");
        // What a table of the network shows of somebody.
        let shows = |table: &str, words: [&str; 2]| {
            let seen = network()[table].to_string();
            words.iter().all(|word| seen.contains(&family.say(word))).then_some(())
        };
        let mac = "02:00:5e:10:00:01";
        let more = r#"; route "10.79.0.0/24" via="10.77.0.9"; neighbor "10.77.0.9" mac="MAC"; dns "10.77.0.8"; }"#;
        reload("10.77.0.2/24\" \"10.77.0.3/24", &more.replace("MAC", mac));
        until("there is another way", || shows("routes", ["\"10.79.0.0/24\"", "\"10.77.0.9\""]));
        until("the neighbour is known", || shows("neighbors", ["\"10.77.0.9\"", mac]));
        until("somebody knows names", || shows("names", ["10.77.0.8", ""]));
        reload("10.77.0.2/24\" \"10.77.0.3/24", "; gateway \"10.77.0.1\"; }");
        until("there is a gateway", || routes().contains(&gateway).then_some(()));
        assert!(
            shows("routes", ["10.79.0.0", ""]).is_none()
                && shows("names", ["10.77.0.8", ""]).is_none()
        );
        assert!(shows("neighbors", ["\"10.77.0.9\"", mac]).is_none(), "{}", network());
        // What cannot be changes nothing.
        let refusals = [
            ("10.77.0.1/24", "; }", "10.77.0.1 is this machine's own address, on tap0"),
            ("10.77.0.4/24", "; mtu 1400; }", "`net` changes the MTU"),
            ("10.77.0.4/24", "; gateway \"10.78.0.1\"; }", "10.78.0.1 is on no network of ours"),
        ];
        for (address, behind, said) in refusals {
            reload(address, behind);
            let said = family.say(said);
            until(&said, || server.stderr().contains(&said).then_some(()));
        }
        assert_eq!(server.stderr().matches("everything stays as it is").count(), refusals.len());
        assert!(serves(2) && serves(3) && routes().contains(&gateway), "{}", network());
        reload("10.77.0.2/24\" \"10.77.0.3/24", "; }");
        until("there is no gateway", || (!routes().contains(&gateway)).then_some(()));
        assert!(whole.0.wait().unwrap().success());
        assert!(std::fs::read(&copy).unwrap() == large());
        // Who is at an address that goes learns it at once; nobody else does.
        keep_buffers_small();
        let (mut cut, _) = slow(2, "100k");
        let (mut whole, copy) = slow(3, "5M");
        reload("10.77.0.3/24", "; }");
        let began = std::time::Instant::now();
        assert!(!cut.0.wait().unwrap().success(), "it was cut short, and knows");
        assert!(began.elapsed() < Duration::from_secs(5), "it learned it by chance");
        assert!(whole.0.wait().unwrap().success());
        assert!(std::fs::read(&copy).unwrap() == large());
        until("nobody is there", || (!serves(2)).then_some(()));
        assert!(serves(3));
    });
}

#[test]
fn what_cannot_be_is_said() {
    in_namespace_over_each("own_network::configuration::what_cannot_be_is_said", |family| {
        let clear = &family.say(CLEAR);
        let secure = &family.say(SECURE);
        let site = site(family);
        family.make_network();
        let root = site.path("www");
        let root = root.to_str().unwrap();
        let refused = |args: &[&str], word: &str| {
            let said = hepta(&[&["serve", root], args].concat());
            assert!(!said.status.success(), "{args:?}");
            assert!(said.stderr.contains(word), "{args:?}: {word} is not in {}", said.stderr);
        };
        refused(&["--net", "tap0"], "--address");
        let two_captured = ["--workers", "2", "--capture", "/dev/null"];
        refused(
            &[&family.ours()[..], &two_captured].concat(),
            "a capture has the frames of one worker",
        );
        let other = family.say("10.77.0.3:80");
        refused(&[&family.ours()[..], &["--listen", &other]].concat(), &family.say("10.77.0.2"));
        refused(&[&family.ours()[..], &["--listen", "80", "--listen", "80"]].concat(), "twice");
        let mut server = serve(&site, family);
        refused(&family.ours(), "another program has tap0 open");
        // An upgrade cannot take connections along that are ours alone, and changes nothing.
        server.signal(Signal::USR2);
        until("it says so", || server.stderr().contains("cannot be handed over").then_some(()));
        assert_eq!(curl(&[&format!("{clear}/hello.txt")]), "hello\n");
        // A reload closes and opens listeners as it does elsewhere.
        let text = std::fs::read_to_string(site.path("hepta.kdl")).unwrap();
        let (before, after) = (family.say("10.77.0.2:80"), family.say("10.77.0.2:8080"));
        site.replace("hepta.kdl", text.replace(&before, &after));
        server.signal(Signal::HUP);
        until("the new port is open", || {
            let said = run(tool("curl").args(["-s", &format!("{clear}:8080/hello.txt")]));
            (said.text() == "hello\n").then_some(())
        });
        assert_eq!(run(tool("curl").args(["-s", clear])).status.code(), Some(7));
        assert_eq!(curl(&[&format!("{secure}/hello.txt")]), "hello\n");
        // Without its device it serves nobody, and ends.
        let _ = run(Command::new("ip").args(["link", "delete", "tap0"])).ok();
        assert_eq!(server.wait().code(), Some(1), "{}", server.stderr());
        assert!(server.stderr().contains("is gone"), "{}", server.stderr());
    });
}
