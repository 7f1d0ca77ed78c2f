//! A path that loses packets.

use std::time::Duration;

use peers::{Nginx, run, tool};

use super::{CLEAR, SECURE, download, large, network, serve, site};
use crate::commands::hepta;
use crate::net::in_namespace_over_each;

#[test]
fn a_path_that_loses_two_of_a_hundred_loses_no_byte() {
    in_namespace_over_each(
        "own_network::loss::a_path_that_loses_two_of_a_hundred_loses_no_byte",
        |family| {
            let clear = &family.say(CLEAR);
            let secure = &family.say(SECURE);
            let site = site(family);
            family.make_network();
            lose_some();
            let server = serve(&site, family);
            download(&site, clear, &[]);
            download(&site, secure, &["--http2"]);
            // A download is some hundred frames, of which by chance none may be lost.
            let is_repaired = (0..10).any(|_| sent_again(clear) > 0);
            assert!(is_repaired, "something was lost, and sent again");
            drop(server);
            // The other way, with nginx as the one who serves and who stores.
            let lines =
                family.say("listen 10.77.0.1:8888; dav_methods PUT; client_max_body_size 20m;");
            let _nginx = Nginx::serve(&site.path("www"), &lines);
            let kernels = |name: &str| family.say(&format!("http://10.77.0.1:8888/{name}"));
            let copy = site.path("fetched");
            let get = |args: &[&str]| hepta(&[&["get"], args, &family.ours()].concat()).ok();
            let _ = get(&["-o", copy.to_str().unwrap(), &kernels("large.bin")]);
            assert!(std::fs::read(copy).unwrap() == large());
            let body = format!("@{}", site.path("www/large.bin").display());
            let _ = get(&["--fail", "-X", "PUT", "-d", &body, &kernels("stored.bin")]);
            assert!(std::fs::read(site.path("www/stored.bin")).unwrap() == large());
        },
    );
}

/// Has the kernel lose 2 % of what goes either way.
fn lose_some() {
    let rules = "add table inet weather
        add chain inet weather in { type filter hook input priority 0; }
        add chain inet weather out { type filter hook output priority 0; }
        add rule inet weather in iifname tap0 numgen random mod 100 < 2 drop
        add rule inet weather out oifname tap0 numgen random mod 100 < 2 drop";
    let _ = run(tool("nft").arg(rules)).ok();
}

/// Segments that were sent again, on a connection that is still there.
fn sent_again(clear: &str) -> u64 {
    let mut slow = tool("curl");
    slow.args(["-sS", "--limit-rate", "3M", "-o", "/dev/null", &format!("{clear}/large.bin")]);
    let mut slow = slow.spawn().unwrap();
    let mut again = 0;
    while slow.try_wait().unwrap().is_none() {
        let seen = network();
        let connections = seen["connections"].as_array().unwrap();
        again += connections.iter().filter_map(|one| one["again"].as_u64()).max().unwrap_or(0);
        std::thread::sleep(Duration::from_millis(20));
    }
    again
}
