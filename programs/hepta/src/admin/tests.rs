use expect_test::expect;
use message::{Fields, Method, Name, Request, Target, Version};

use super::metrics::{Format, Snapshot, classic};
use super::{check_host, check_token};
use crate::serve::xray::Why;
use crate::serve::{Labels, Sum};

fn request(fields: &[(Name, &str)]) -> Request {
    let target = Target::parse(&Method::Get, b"/").unwrap();
    let mut all = Fields::new();
    for (name, value) in fields {
        all.push(*name, value);
    }
    Request { method: Method::Get, target, version: Version::HTTP_11, fields: all }
}

#[test]
fn only_the_token_lets_in() {
    let cases = [
        (None, Err(Why::NoCredentials)),
        (Some("Bearer 0123456789abcdef"), Ok(())),
        (Some("bearer  0123456789abcdef "), Ok(())),
        (Some("Bearer 0123456789abcdeF"), Err(Why::CredentialsWrong)),
        (Some("Bearer 0123456789abcde"), Err(Why::CredentialsWrong)),
        (Some("Bearer "), Err(Why::CredentialsWrong)),
        (Some("Basic 0123456789abcdef"), Err(Why::CredentialsUnreadable)),
        (Some("Bear"), Err(Why::CredentialsUnreadable)),
    ];
    for (shown, verdict) in cases {
        let fields = shown.map(|shown| (Name::Authorization, shown));
        let request = request(fields.as_slice());
        assert_eq!(check_token(&request, "0123456789abcdef"), verdict, "{shown:?}");
    }
}

#[test]
fn without_a_token_only_this_machine_is_asked_for() {
    for host in ["localhost", "LOCALHOST:9000", "127.0.0.1:9000", "[::1]:9000", "192.0.2.7"] {
        assert_eq!(check_host(&request(&[(Name::Host, host)])), Ok(()), "{host}");
    }
    assert_eq!(check_host(&request(&[])), Ok(()), "HTTP/1.0 has no Host");
    for host in ["rebound.example", "localhost.example:9000", "127.0.0.1.example"] {
        let refused = check_host(&request(&[(Name::Host, host)]));
        assert_eq!(refused, Err(Why::Misdirected), "{host}");
    }
}

#[test]
fn metrics_are_what_monitoring_reads() {
    let mut sum = Sum::default();
    sum.count[0][2] = 3;
    sum.count[2][4] = 1;
    (sum.took[0], sum.took[13], sum.took_nanos) = (3, 1, 1_500_000_000);
    (sum.body_len, sum.cut_short) = (42, 1);
    let labels = Labels { site: "a.example".into(), route: "/\"q\"/*".into() };
    let snapshot = Snapshot {
        uptime: std::time::Duration::from_millis(1500),
        is_ready: true,
        workers: 2,
        reloads: 1,
        requests: vec![(labels, sum)],
        ..Snapshot::default()
    };
    expect![[r##"
        # HELP hepta_build The program.
        # TYPE hepta_build info
        hepta_build_info{version="0.1.0"} 1
        # HELP hepta_uptime_seconds How long the program has served.
        # TYPE hepta_uptime_seconds gauge
        hepta_uptime_seconds 1.5
        # HELP hepta_ready 1 while it serves, 0 when it stops or hands over.
        # TYPE hepta_ready gauge
        hepta_ready 1.0
        # HELP hepta_workers Threads that serve.
        # TYPE hepta_workers gauge
        hepta_workers 2.0
        # HELP hepta_config_reloads Times that the configuration was read anew.
        # TYPE hepta_config_reloads counter
        hepta_config_reloads_total{result="ok"} 1
        hepta_config_reloads_total{result="failed"} 0
        # HELP hepta_connections_accepted Connections that were accepted.
        # TYPE hepta_connections_accepted counter
        hepta_connections_accepted_total 0
        # HELP hepta_connections_open Connections that are there now.
        # TYPE hepta_connections_open gauge
        hepta_connections_open 0.0
        # HELP hepta_connections_refused Connections for which there was no room.
        # TYPE hepta_connections_refused counter
        hepta_connections_refused_total{reason="limit"} 0
        hepta_connections_refused_total{reason="client"} 0
        hepta_connections_refused_total{reason="kernel"} 0
        # HELP hepta_connections_sent_away Idle connections that were ended to make room.
        # TYPE hepta_connections_sent_away counter
        hepta_connections_sent_away_total 0
        # HELP hepta_buffers_bytes Bytes read and not taken, or made and not sent.
        # TYPE hepta_buffers_bytes gauge
        hepta_buffers_bytes 0.0
        # HELP hepta_tls_handshakes TLS handshakes that were finished.
        # TYPE hepta_tls_handshakes counter
        hepta_tls_handshakes_total{version="TLS 1.3",resumed="false"} 0
        hepta_tls_handshakes_total{version="TLS 1.3",resumed="true"} 0
        hepta_tls_handshakes_total{version="TLS 1.2",resumed="false"} 0
        hepta_tls_handshakes_total{version="TLS 1.2",resumed="true"} 0
        # HELP hepta_tls_handshakes_unfinished Connections that ended before their TLS handshake did.
        # TYPE hepta_tls_handshakes_unfinished counter
        hepta_tls_handshakes_unfinished_total 0
        # HELP hepta_requests Requests that are over.
        # TYPE hepta_requests counter
        hepta_requests_total{site="a.example",route="/\"q\"/*",method="GET",status="2xx"} 3
        hepta_requests_total{site="a.example",route="/\"q\"/*",method="POST",status="4xx"} 1
        # HELP hepta_response_body_bytes Bytes of answers' bodies that were handed on.
        # TYPE hepta_response_body_bytes counter
        hepta_response_body_bytes_total{site="a.example",route="/\"q\"/*"} 42
        # HELP hepta_requests_cut_short Requests that ended before their answer was complete.
        # TYPE hepta_requests_cut_short counter
        hepta_requests_cut_short_total{site="a.example",route="/\"q\"/*"} 1
        # HELP hepta_request_duration_seconds From a request's head to the end of its answer.
        # TYPE hepta_request_duration_seconds histogram
        hepta_request_duration_seconds_sum{site="a.example",route="/\"q\"/*"} 1.5
        hepta_request_duration_seconds_count{site="a.example",route="/\"q\"/*"} 4
        hepta_request_duration_seconds_bucket{le="0.0001",site="a.example",route="/\"q\"/*"} 3
        hepta_request_duration_seconds_bucket{le="0.00025",site="a.example",route="/\"q\"/*"} 3
        hepta_request_duration_seconds_bucket{le="0.0005",site="a.example",route="/\"q\"/*"} 3
        hepta_request_duration_seconds_bucket{le="0.001",site="a.example",route="/\"q\"/*"} 3
        hepta_request_duration_seconds_bucket{le="0.0025",site="a.example",route="/\"q\"/*"} 3
        hepta_request_duration_seconds_bucket{le="0.005",site="a.example",route="/\"q\"/*"} 3
        hepta_request_duration_seconds_bucket{le="0.01",site="a.example",route="/\"q\"/*"} 3
        hepta_request_duration_seconds_bucket{le="0.05",site="a.example",route="/\"q\"/*"} 3
        hepta_request_duration_seconds_bucket{le="0.1",site="a.example",route="/\"q\"/*"} 3
        hepta_request_duration_seconds_bucket{le="0.5",site="a.example",route="/\"q\"/*"} 3
        hepta_request_duration_seconds_bucket{le="1.0",site="a.example",route="/\"q\"/*"} 3
        hepta_request_duration_seconds_bucket{le="10.0",site="a.example",route="/\"q\"/*"} 3
        hepta_request_duration_seconds_bucket{le="60.0",site="a.example",route="/\"q\"/*"} 3
        hepta_request_duration_seconds_bucket{le="+Inf",site="a.example",route="/\"q\"/*"} 4
        # EOF
    "##]].assert_eq(&snapshot.into_text());
}

#[test]
fn who_reads_no_open_metrics_gets_the_format_before_it() {
    for (accept, format) in [
        (None, Format::OpenMetrics),
        (Some("*/*"), Format::OpenMetrics),
        (Some("text/html"), Format::OpenMetrics),
        // Prometheus itself, and one that knows the older format only.
        (
            Some(
                "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1",
            ),
            Format::OpenMetrics,
        ),
        (Some("text/plain;version=0.0.4;q=1,*/*;q=0.1"), Format::Prometheus),
        (Some("text/plain"), Format::Prometheus),
    ] {
        let fields = accept.map(|accept| (Name::Accept, accept));
        assert_eq!(Format::of(&request(fields.as_slice()).fields), format, "{accept:?}");
    }
    let text = "# HELP a_b The program.\n# TYPE a_b info\na_b_info{v=\"# 1\"} 1\n\
                # HELP c How often.\n# TYPE c counter\nc_total{x=\"y\"} 2\n\
                # HELP d How much.\n# TYPE d gauge\nd 1.5\n# EOF\n";
    expect![[r##"
        # HELP a_b_info The program.
        # TYPE a_b_info gauge
        a_b_info{v="# 1"} 1
        # HELP c_total How often.
        # TYPE c_total counter
        c_total{x="y"} 2
        # HELP d How much.
        # TYPE d gauge
        d 1.5
    "##]]
    .assert_eq(&classic(text));
}
