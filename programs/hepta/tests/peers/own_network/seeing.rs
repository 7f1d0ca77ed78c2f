//! What is shown of the network: tables, connections, films and captures.

use peers::{Program, Site, until};
use serde_json::Value;

use super::{CLEAR, curl, network, serve, site, slow_download};
use crate::HEPTA;
use crate::net::{Family, in_namespace_over_each};

#[test]
fn what_is_under_way_is_shown() {
    in_namespace_over_each("own_network::seeing::what_is_under_way_is_shown", |family| {
        let clear = &family.say(CLEAR);
        let site = site(family);
        family.make_network();
        let _server = serve(&site, family);
        let _slow = slow_download(clear, "256k");
        let connection = until("the download is under way", || {
            let seen = network();
            let found = seen["connections"].as_array()?.first()?.clone();
            (found["in_flight"].as_u64()? > 0 || found["unsent"].as_u64()? > 0).then_some(found)
        });
        assert_eq!(connection["local"], family.say("10.77.0.2:80"));
        assert_eq!(connection["state"], "Established");
        assert!(connection["rtt_ms"].as_f64().unwrap() > 0.0, "{connection}");
        assert!(connection["cwnd"].as_u64().unwrap() >= 10, "{connection}");
        assert!(connection["window_out"].as_u64().is_some(), "{connection}");
        let seen = network();
        let listeners = seen["listeners"].as_array().unwrap();
        let at: Vec<&str> = listeners.iter().filter_map(|one| one["local"].as_str()).collect();
        assert_eq!(at, ["10.77.0.2:80", "10.77.0.2:443"].map(|at| family.say(at)));
        let kernel = family.say("10.77.0.1");
        let neighbors = seen["neighbors"].as_array().unwrap();
        assert!(neighbors.iter().any(|one| one["address"] == kernel), "{seen}");
        assert_eq!(seen["interfaces"][0]["name"], "tap0");
        let text = curl(&["-H", "Accept: text/plain", "http://127.0.0.1:9900/network"]);
        assert!(
            text.contains(&family.say("10.77.0.2:80")) && text.contains("Established"),
            "{text}"
        );
        // The same connection, as the server knows it.
        let all: Value =
            serde_json::from_str(&curl(&["http://127.0.0.1:9900/connections"])).unwrap();
        let known = &all["connections"][0];
        assert_eq!(known["server"], family.say("10.77.0.2:80"));
        assert_eq!(known["requests"][0]["target"], "/large.bin");
        assert!(known["tcp"]["congestion_window_segments"].as_u64().unwrap() >= 10, "{known}");
        assert!(known["tcp"]["acknowledged_bytes"].as_u64().unwrap() > 0, "{known}");
        // And its film, with the layers below.
        let number = known["number"].as_u64().unwrap();
        let film = format!("http://127.0.0.1:9900/connections/{number}/film?seconds=2");
        let text = curl(&[&film]);
        for word in
            ["Link FrameOut", "Network PacketOut", "Transport SegmentOut", "Transport Wrote"]
        {
            assert!(text.contains(word), "{word} is not in {text}");
        }
        let lines = curl(&["-H", "Accept: application/jsonl", &film]);
        for line in lines.lines() {
            let _: Value = serde_json::from_str(line).unwrap();
        }
        assert!(lines.contains("\"note\":\"SegmentOut\""), "{lines}");
    });
}

#[test]
fn a_film_shows_a_page_load_from_arp_to_http() {
    in_namespace_over_each(
        "own_network::seeing::a_film_shows_a_page_load_from_arp_to_http",
        |family| {
            let clear = &family.say(CLEAR);
            let site = Site::new().with("hello.txt", "hello\n");
            family.make_network();
            let capture = site.path("frames.pcapng");
            let program = Program::serve(HEPTA, site.root()).args(&family.ours()).arg("--film");
            let server = program.arg("--capture").arg(&capture);
            let server = server.listen(&family.say("10.77.0.2:80")).start();
            assert_eq!(curl(&[&format!("{clear}/hello.txt")]), "hello\n");
            // In this order, whatever stands between.
            let story = [
                match family {
                    Family::V4 => "Link Answered to=10.77.0.1",
                    Family::V6 => "Network AdvertisementOut target=10.77.0.2 to=10.77.0.1",
                },
                "-- connection 1 from 10.77.0.1:",
                "Link FrameIn ",
                "Network PacketIn from=10.77.0.1 to=10.77.0.2 carries=TCP",
                "Transport SegmentIn flags=S ",
                "Transport SegmentOut flags=S. ",
                "Network PacketOut from=10.77.0.2 to=10.77.0.1 carries=TCP",
                "Link FrameOut ",
                "Transport StateChanged from=SynReceived to=Established",
                "Transport Accepted from=10.77.0.1:",
                "Transport Read len=",
                "Application RequestIn ",
                "Application ResponseOut ",
                "Transport Wrote len=",
                "Transport SegmentOut flags=P. ",
                "Transport SegmentIn flags=F. ",
                "Transport StateChanged from=Established to=CloseWait",
                "Transport FinReceived",
                "Transport Ended why=Closed",
                "Transport StateChanged from=CloseWait to=LastAck",
                "Transport StateChanged from=LastAck to=Closed",
            ]
            .map(|line| family.say(line));
            let film = until("the film is whole", || {
                Some(server.stderr()).filter(|film| film.contains(&story[story.len() - 1]))
            });
            let mut rest = &film[..];
            for line in &story {
                let Some(at) = rest.find(line) else {
                    panic!("{line:?} does not follow in\n{film}")
                };
                rest = &rest[at + line.len()..];
            }
            // The same frames, for Wireshark: a section header, and the bytes of both messages.
            let frames = std::fs::read(&capture).unwrap();
            assert!(frames.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]));
            for bytes in [&b"GET /hello.txt HTTP/1.1\r\n"[..], b"\r\n\r\nhello\n"] {
                assert!(frames.windows(bytes.len()).any(|window| window == bytes));
            }
        },
    );
}
