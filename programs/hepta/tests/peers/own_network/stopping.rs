//! Stops, with somebody there.

use peers::{run, tool, until};
use rustix::process::Signal;

use super::{CLEAR, large, network, serve, site, slow_download};
use crate::net::in_namespace_over_each;

#[test]
fn a_stop_in_the_middle_of_a_download_loses_nothing() {
    in_namespace_over_each(
        "own_network::stopping::a_stop_in_the_middle_of_a_download_loses_nothing",
        |family| {
            let clear = &family.say(CLEAR);
            let site = site(family);
            family.make_network();
            let mut server = serve(&site, family);
            let copy = site.path("copy");
            let mut slow = tool("curl");
            slow.args(["-sS", "--limit-rate", "8M", "-o"]).arg(&copy);
            let mut slow = slow.arg(format!("{clear}/large.bin")).spawn().unwrap();
            until("a part has come", || {
                std::fs::metadata(&copy).ok().filter(|copy| copy.len() > 100_000)
            });
            server.signal(Signal::TERM);
            // Nobody new comes in: the port is closed at once.
            until("new connections are refused", || {
                let said = run(tool("curl").args(["-sS", &format!("{clear}/hello.txt")]));
                (said.status.code() == Some(7)).then_some(())
            });
            assert!(slow.wait().unwrap().success());
            assert!(std::fs::read(&copy).unwrap() == large());
            assert_eq!(server.wait().code(), Some(0), "{}", server.stderr());
            // A second signal ends at once, and whoever was there hears it.
            let mut server = serve(&site, family);
            let mut cut = slow_download(clear, "100k");
            until("the download is under way", || {
                network()["connections"].as_array()?.first().map(|_| ())
            });
            server.signal(Signal::TERM);
            until("it is about to stop", || {
                let ready = run(tool("curl").args(["-s", "http://127.0.0.1:9900/ready"]));
                (ready.text() == "stopping\n").then_some(())
            });
            server.signal(Signal::TERM);
            server.wait();
            assert!(!cut.0.wait().unwrap().success(), "it was cut short, and knows");
        },
    );
}
