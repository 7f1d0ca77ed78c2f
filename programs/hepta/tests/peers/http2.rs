//! HTTP/2, with those who speak it: over TLS, by prior knowledge, and from HTTP/1.1.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use peers::{Conn, Finished, Program, Server, Site, numbered_text, random_bytes, run, tool, until};
use rustix::process::Signal;

use crate::HEPTA;
use crate::tls::certificate;

const LARGE_LEN: usize = 8 << 20;

fn site() -> Site {
    let mut site = Site::new()
        .with("www/hello.txt", "hello\n")
        .with("www/page.html", numbered_text(100_000))
        .with("www/large.bin", random_bytes(21, LARGE_LEN))
        .with(
            "hepta.kdl",
            r#"
            listen "127.0.0.1:0"
            listen "127.0.0.1:0" { certificate "pair.pem" key="pair.key" }
            access-log "log"
            workers 1
            default { files "www" { listing #true } }
            "#,
        );
    for n in 0..50 {
        site = site.with(&format!("www/{n}.txt"), format!("file {n}\n"));
    }
    certificate(&site, "pair", "localhost");
    site
}

fn serve(site: &Site) -> Server {
    Program::configured(HEPTA, &site.path("hepta.kdl")).start()
}

/// Where it serves: in clear text, and over TLS.
fn urls(server: &Server) -> [String; 2] {
    let urls = until("it says where it serves", || Some(server.urls()).filter(|u| u.len() == 2));
    [urls[0].trim_end_matches('/').to_owned(), urls[1].trim_end_matches('/').to_owned()]
}

#[track_caller]
fn curl(args: &[&str]) -> Finished {
    run(tool("curl").args(["-sk"]).args(args)).ok()
}

#[test]
fn curl_comes_to_it_in_three_ways() {
    let site = site();
    let server = serve(&site);
    let [clear, secure] = urls(&server);
    let version = ["-o", "/dev/null", "-w", "%{http_version} %{http_code} %{size_download}"];
    for (how, base) in
        [("--http2-prior-knowledge", &clear), ("--http2", &clear), ("--http2", &secure)]
    {
        let ask = |path: &str| {
            let url = format!("{base}{path}");
            curl(&[&[how, &url], &version[..]].concat()).text()
        };
        assert_eq!(ask("/hello.txt"), "2 200 6", "{how}");
        assert_eq!(ask("/large.bin"), format!("2 200 {LARGE_LEN}"), "{how}");
        assert!(ask("/missing").starts_with("2 404 "), "{how}");
        let url = format!("{base}/large.bin");
        assert_eq!(curl(&[how, "-r", "10-19", &url]).stdout.len(), 10, "{how}");
        let body = curl(&[how, "--compressed", &format!("{base}/page.html")]).text();
        assert_eq!(body, numbered_text(100_000), "{how}");
    }
    // A request with a body that asks for the upgrade is answered in HTTP/1.1, which is allowed.
    let url = format!("{clear}/hello.txt");
    let posted = curl(&[&["--http2", "-d", "x", &url], &version[..]].concat()).text();
    assert!(posted.starts_with("1.1 405 "), "{posted}");
    // Who does not ask for it gets what it asks for.
    let url = format!("{secure}/hello.txt");
    assert_eq!(curl(&[&["--http1.1", &url], &version[..]].concat()).text(), "1.1 200 6");
}

#[test]
fn where_it_is_turned_off_it_is_not_spoken() {
    let site = site();
    let text = std::fs::read_to_string(site.path("hepta.kdl")).unwrap();
    let site = site.with("hepta.kdl", format!("http2 #false\n{text}"));
    let server = serve(&site);
    let [clear, secure] = urls(&server);
    for base in [&clear, &secure] {
        let url = format!("{base}/hello.txt");
        let version = ["--http2", "-o", "/dev/null", "-w", "%{http_version}", &url];
        assert_eq!(curl(&version).text(), "1.1");
    }
    let mut conn = Conn::to(clear.trim_start_matches("http://").parse().unwrap());
    conn.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_eq!(conn.response("GET").status, 505);
}

#[test]
fn ten_thousand_requests_on_one_connection() {
    let site = site();
    let server = serve(&site);
    for base in urls(&server) {
        let mut h2load = tool("h2load");
        let url = format!("{base}/hello.txt");
        let said = run(h2load.args(["-n", "10000", "-c", "1", "-m", "100", &url])).ok().text();
        assert!(said.contains("10000 succeeded, 0 failed, 0 errored, 0 timeout"), "{said}");
        assert!(said.contains("status codes: 10000 2xx"), "{said}");
    }
}

#[test]
fn nghttp_has_many_under_way() {
    let site = site();
    let server = serve(&site);
    for base in urls(&server) {
        let urls: Vec<_> = (0..50).map(|n| format!("{base}/{n}.txt")).collect();
        let large = format!("{base}/large.bin");
        let said = run(tool("nghttp").args(["-n", "-s"]).arg(&large).args(&urls)).ok().text();
        let answered = said.lines().filter(|line| line.contains(" 200 ")).count();
        assert_eq!(answered, 51, "{said}");
        let body = run(tool("nghttp").arg(&large)).ok().stdout;
        assert!(body == random_bytes(21, LARGE_LEN), "{} bytes", body.len());
    }
}

#[test]
fn nghttp_upgrades_from_http1() {
    let site = site();
    let server = serve(&site);
    let [clear, _] = urls(&server);
    let urls = ["/hello.txt", "/0.txt", "/page.html"].map(|path| format!("{clear}{path}"));
    let said = run(tool("nghttp").args(["-nus"]).args(&urls)).ok().text();
    assert_eq!(said.lines().filter(|line| line.contains(" 200 ")).count(), 3, "{said}");
    assert_eq!(run(tool("nghttp").args(["-u", &urls[0]])).ok().text(), "hello\n");
    // A request with a body stays in HTTP/1.1, so nghttp upgrades with OPTIONS and posts then.
    let mut post = tool("nghttp");
    post.args(["-uv", "-d"]).arg(site.path("hepta.kdl")).arg(&urls[0]);
    assert!(run(&mut post).text().contains(":status: 405"));
}

/// Python's `h2`, which calls whatever is against the standard a ProtocolError.
#[test]
fn h2_of_python_finds_nothing_wrong() {
    let site = site();
    let server = serve(&site);
    let script = "
import socket, sys
import h2.connection, h2.config, h2.events
host, port = sys.argv[1].split(':')
sock = socket.create_connection((host, int(port)))
config = h2.config.H2Configuration(client_side=True, header_encoding='utf-8')
h2c = h2.connection.H2Connection(config)
h2c.initiate_connection()
wanted, lengths, statuses, said = 300, {}, {}, set()
def ask(n):
    head = [(':method', 'POST' if n % 7 == 0 else 'GET'), (':scheme', 'http'),
            (':authority', sys.argv[1]), (':path', '/large.bin' if n % 100 == 1 else f'/{n % 50}.txt')]
    stream = h2c.get_next_available_stream_id()
    h2c.send_headers(stream, head, end_stream=n % 7 != 0)
    if n % 7 == 0:
        h2c.send_data(stream, b'x' * 1000, pad_length=50)
        h2c.send_headers(stream, [('x-sum', '1')], end_stream=True)
    lengths[stream] = 0
asked = done = 0
while done < wanted:
    while asked < wanted and asked - done < 50:
        ask(asked)
        asked += 1
    h2c.ping(b'12345678')
    sock.sendall(h2c.data_to_send())
    for event in h2c.receive_data(sock.recv(65536)):
        said.add(type(event).__name__)
        if isinstance(event, h2.events.ResponseReceived):
            statuses[event.stream_id] = dict(event.headers)[':status']
        elif isinstance(event, h2.events.DataReceived):
            lengths[event.stream_id] += len(event.data)
            h2c.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            done += 1
        assert not isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)), event
assert sorted(set(statuses.values())) == ['200', '405'], statuses
assert sorted(lengths.values())[-3:] == [int(sys.argv[2])] * 3, lengths
assert 'PingAckReceived' in said
h2c.close_connection()
sock.sendall(h2c.data_to_send())
print('done')";
    let mut python = tool("python");
    python.args(["-c", script, &server.address().to_string(), &LARGE_LEN.to_string()]);
    assert_eq!(run(&mut python).ok().text(), "done\n");
}

#[test]
fn httpx_and_python_speak_it() {
    let site = site();
    let server = serve(&site);
    let [_, secure] = urls(&server);
    let script = "
import asyncio, sys, httpx
base = sys.argv[1]
async def main():
    async with httpx.AsyncClient(http2=True, verify=False, timeout=30) as client:
        async def one(n):
            answer = await client.get(f'{base}/{n % 50}.txt')
            assert (answer.http_version, answer.text) == ('HTTP/2', f'file {n % 50}\\n'), answer
        await asyncio.gather(*[one(n) for n in range(300)])
        large = await client.get(base + '/large.bin')
        assert large.http_version == 'HTTP/2' and len(large.content) == int(sys.argv[2])
        posted = await client.post(base + '/hello.txt', content=b'x' * 500_000)
        assert posted.status_code == 405, posted
        etag = (await client.get(base + '/hello.txt')).headers['etag']
        same = await client.get(base + '/hello.txt', headers={'if-none-match': etag})
        assert same.status_code == 304 and same.content == b''
        assert (await client.head(base + '/large.bin')).headers['content-length'] == sys.argv[2]
    print('done')
asyncio.run(main())";
    let mut python = tool("python");
    python.args(["-c", script, &secure, &LARGE_LEN.to_string()]);
    assert_eq!(run(&mut python).ok().text(), "done\n");
}

#[test]
fn node_cancels_in_mid_body_and_goes_on() {
    let site = site();
    let server = serve(&site);
    let [clear, secure] = urls(&server);
    let script = "
import assert from 'node:assert';
import http2 from 'node:http2';
for (const base of process.argv.slice(1)) {
  const session = http2.connect(base, { rejectUnauthorized: false });
  const ask = (path, cancelAfter) => new Promise((resolve, reject) => {
    const stream = session.request({ ':path': path });
    let length = 0, status;
    stream.on('response', (headers) => { status = headers[':status']; });
    stream.on('data', (piece) => {
      length += piece.length;
      if (cancelAfter && length >= cancelAfter) stream.close(http2.constants.NGHTTP2_CANCEL);
    });
    stream.on('close', () => resolve({ status, length }));
    stream.on('error', reject);
    stream.end();
  });
  const cancelled = await Promise.all(
    Array.from({ length: 20 }, () => ask('/large.bin', 100000)));
  assert(cancelled.every(({ length }) => length < 8388608), 'cancelled ones end early');
  const all = await Promise.all(
    Array.from({ length: 90 }, (_, n) => ask(n % 10 ? `/${n % 50}.txt` : '/large.bin')));
  assert(all.every(({ status }) => status === 200));
  assert.equal(all[0].length, 8388608);
  await new Promise((resolve) => session.ping(resolve));
  session.close();
}
console.log('done');
";
    let mut node = tool("node");
    node.args(["--input-type=module", "-e", script, &clear, &secure]);
    assert_eq!(run(&mut node).ok().text(), "done\n");
}

#[test]
fn a_stop_in_the_middle_loses_nothing() {
    let site = site();
    let mut server = serve(&site);
    let [_, secure] = urls(&server);
    // Slow enough that the stop comes in the middle.
    let mut curl = tool("curl");
    curl.args(["-sk", "--http2", "--limit-rate", "4M", "-w", "%{http_version} %{size_download}\n"]);
    for n in 0..4 {
        let to = site.path(&format!("got-{n}"));
        curl.arg(format!("{secure}/large.bin")).arg("-o").arg(to);
    }
    curl.arg("--parallel").stdout(Stdio::piped());
    let downloads = curl.spawn().unwrap();
    let begun = |n| std::fs::metadata(site.path(&format!("got-{n}"))).is_ok_and(|f| f.len() > 0);
    until("all have begun", || (0..4).all(begun).then_some(()));
    server.signal(Signal::TERM);
    std::thread::sleep(Duration::from_millis(100));
    let said = downloads.wait_with_output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert_eq!(said, format!("2 {LARGE_LEN}\n").repeat(4));
    assert_eq!(server.wait().code(), Some(0), "{}", server.stderr());
}

/// Ten thousand requests on one connection, a hundred at a time, and in the middle of them the server
/// is told to stop: whatever it has taken it answers, and of the rest it says that it took nothing.
#[test]
fn a_stop_in_the_middle_of_ten_thousand_loses_none() {
    let site = site();
    let mut server = serve(&site);
    let [clear, _] = urls(&server);
    let script = "
import assert from 'node:assert';
import http2 from 'node:http2';
const session = http2.connect(process.argv[1]);
const wanted = 10000;
let asked = 0, answered = 0, refused = 0, lost = 0, under_way = 0, ends = false, told = false;
session.on('error', (error) => { console.log('error', error); });
session.on('goaway', (code) => { assert.equal(code, 0); ends = true; });
session.on('close', () => { ends = true; });
const ask = () => {
  while (!ends && !session.closed && asked < wanted && under_way < 100) {
    const stream = session.request({ ':path': `/${asked % 50}.txt` });
    const expected = `file ${asked % 50}\\n`;
    let body = '', status;
    asked += 1;
    under_way += 1;
    stream.on('response', (headers) => { status = headers[':status']; });
    stream.on('data', (piece) => { body += piece; });
    stream.on('error', () => {});
    stream.on('close', () => {
      under_way -= 1;
      if (status === 200 && body === expected) answered += 1;
      else if (stream.rstCode === http2.constants.NGHTTP2_REFUSED_STREAM) refused += 1;
      else lost += 1;
      if (answered >= wanted / 4 && !told) console.log('in the middle');
      told ||= answered >= wanted / 4;
      if (ends && under_way === 0) {
        console.log(JSON.stringify({ whole: asked === answered + refused, lost, early: asked < wanted }));
        session.destroy();
      }
      ask();
    });
    stream.end();
  }
};
ask();
";
    let mut node = tool("node");
    node.args(["--input-type=module", "-e", script, &clear]);
    let mut node = node.stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(node.stdout.take().unwrap()).lines();
    assert_eq!(said.next().unwrap().unwrap(), "in the middle");
    server.signal(Signal::TERM);
    let rest: Vec<_> = said.map(Result::unwrap).collect();
    assert_eq!(rest, [r#"{"whole":true,"lost":0,"early":true}"#]);
    assert!(node.wait().unwrap().success());
    assert_eq!(server.wait().code(), Some(0), "{}", server.stderr());
}

#[test]
fn logs_say_which_version_it_was() {
    let site = site();
    let mut server = serve(&site);
    let [clear, _] = urls(&server);
    curl(&["--http2-prior-knowledge", &format!("{clear}/hello.txt?two")]);
    curl(&[&format!("{clear}/hello.txt?one")]);
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    let log = std::fs::read_to_string(site.path("log")).unwrap();
    assert!(log.contains("\"GET /hello.txt?two HTTP/2.0\" 200 6 "), "{log}");
    assert!(log.contains("\"GET /hello.txt?one HTTP/1.1\" 200 6 "), "{log}");
}
