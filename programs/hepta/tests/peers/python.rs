//! Python's http.client and httpx as clients.

use peers::{Site, numbered_text, random_bytes, run, tool};

use crate::{program, serve};

/// Runs a script whose first argument is the server's URL.
#[track_caller]
fn python(script: &str, args: &[&str]) -> String {
    run(tool("python").args(["-c", script]).args(args)).ok().text()
}

fn site() -> Site {
    let mut site = Site::new()
        .with("hello.txt", "hello\n")
        .with("page.html", numbered_text(100_000))
        .with("large.bin", random_bytes(12, 3_000_000));
    for n in 0..50 {
        site = site.with(&format!("{n}.txt"), format!("file {n}\n"));
    }
    site
}

#[test]
fn http_client_keeps_one_connection() {
    let site = site();
    let server = serve(&site);
    let script = "
import http.client, sys
c = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]), timeout=20)
c.connect(); local = c.sock.getsockname()
for n in range(200):
    c.request('GET', f'/{n % 50}.txt'); r = c.getresponse()
    assert (r.status, r.read()) == (200, f'file {n % 50}\\n'.encode()), n
    assert c.sock is not None and c.sock.getsockname() == local, 'another connection'
c.request('HEAD', '/large.bin'); r = c.getresponse()
assert r.read() == b'' and r.headers['Content-Length'] == '3000000'
c.request('POST', '/hello.txt', body=b'x' * 50000); r = c.getresponse(); r.read()
assert r.status == 405 and 'GET' in r.headers['Allow']
c.request('POST', '/hello.txt', body=iter([b'a' * 1000, b'b' * 1000]), encode_chunked=True)
r = c.getresponse(); r.read(); assert r.status == 405
c.request('GET', '/missing'); r = c.getresponse(); r.read(); assert r.status == 404
c.request('OPTIONS', '*'); r = c.getresponse(); r.read(); assert r.status in (200, 204)
c.request('GET', '/hello.txt'); r = c.getresponse(); assert r.read() == b'hello\\n'
assert c.sock.getsockname() == local, 'another connection'
print('done')";
    assert_eq!(python(script, &[&server.port().to_string()]), "done\n");
}

#[test]
fn urllib_reads_what_it_may() {
    let site = site();
    let server = serve(&site);
    let script = "
import sys, urllib.request, urllib.error
assert urllib.request.urlopen(sys.argv[1] + '/hello.txt').read() == b'hello\\n'
try: urllib.request.urlopen(sys.argv[1] + '/missing'); assert False
except urllib.error.HTTPError as e: assert e.code == 404
r = urllib.request.urlopen(urllib.request.Request(sys.argv[1] + '/large.bin', headers={'Range': 'bytes=5-9'}))
assert r.status == 206 and len(r.read()) == 5
print('done')";
    assert_eq!(python(script, &[&server.url("")]), "done\n");
}

#[test]
fn httpx_pools_streams_and_decodes() {
    let site = site();
    let server = serve(&site);
    let script = "
import sys, hashlib, httpx
with httpx.Client(base_url=sys.argv[1]) as c:
    for n in range(100):
        assert c.get(f'/{n % 50}.txt').text == f'file {n % 50}\\n'
    r = c.get('/page.html')
    assert r.headers['content-encoding'] in ('gzip', 'br', 'zstd', 'deflate'), r.headers
    assert hashlib.sha256(r.content).hexdigest() == sys.argv[2]
    with c.stream('GET', '/large.bin') as r:
        assert sum(len(b) for b in r.iter_raw(10000)) == 3000000
    with c.stream('GET', '/large.bin') as r:
        next(r.iter_raw(1000))      # and never mind the rest
    e = c.get('/hello.txt').headers['etag']
    assert c.get('/hello.txt', headers={'If-None-Match': e}).status_code == 304
    assert c.post('/hello.txt', content=b'x' * 100000).status_code == 405
    assert c.get('/hello.txt').text == 'hello\\n'
print('done')";
    let sum = run(tool("python")
        .args([
            "-c",
            "
import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], 'rb').read()).hexdigest(), end='')",
        ])
        .arg(site.path("page.html")))
    .ok()
    .text();
    assert_eq!(python(script, &[&server.url(""), &sum]), "done\n");
}

#[test]
fn httpx_asks_for_many_at_once() {
    let site = site();
    let server = program(&site).arg("--workers").arg("2").start();
    let script = "
import asyncio, sys, httpx
async def main():
    limits = httpx.Limits(max_connections=30, max_keepalive_connections=30)
    async with httpx.AsyncClient(base_url=sys.argv[1], limits=limits, timeout=60) as c:
        async def one(n):
            r = await c.get(f'/{n % 50}.txt')
            assert r.text == f'file {n % 50}\\n', n
        await asyncio.gather(*(one(n) for n in range(500)))
asyncio.run(main()); print('done')";
    assert_eq!(python(script, &[&server.url("")]), "done\n");
}
