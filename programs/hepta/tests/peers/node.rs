//! Node's fetch as a client.

use peers::{Site, numbered_text, random_bytes, run, tool};

use crate::program;

#[test]
fn node_fetches_many_at_once() {
    let mut site = Site::new()
        .with("page.html", numbered_text(100_000))
        .with("large.bin", random_bytes(13, 3_000_000));
    for n in 0..50 {
        site = site.with(&format!("{n}.txt"), format!("file {n}\n"));
    }
    let server = program(&site).arg("--workers").arg("2").start();
    let script = "
import assert from 'node:assert';
const base = process.argv[1];
await Promise.all(Array.from({ length: 500 }, async (_, n) => {
  const r = await fetch(`${base}/${n % 50}.txt`);
  assert.equal(r.status, 200);
  assert.equal(await r.text(), `file ${n % 50}\\n`);
}));
const page = await fetch(base + '/page.html');
assert.match(page.headers.get('content-encoding') ?? '', /gzip|br/);
assert.match(await page.text(), /^line 0 of a text\\nline 1 /);
let len = 0;
for await (const piece of (await fetch(base + '/large.bin')).body) len += piece.length;
assert.equal(len, 3000000);
const part = await fetch(base + '/large.bin', { headers: { Range: 'bytes=10-19' } });
assert.equal(part.status, 206);
assert.equal((await part.arrayBuffer()).byteLength, 10);
const post = await fetch(base + '/0.txt', { method: 'POST', body: 'x'.repeat(100000) });
assert.equal(post.status, 405);
await post.text();
const broken = new AbortController();
const download = await fetch(base + '/large.bin', { signal: broken.signal });
await download.body.getReader().read();
broken.abort();
assert.equal((await fetch(base + '/missing')).status, 404);
console.log('done');
";
    let mut command = tool("node");
    command.args(["--input-type=module", "-e", script]).arg(server.url(""));
    assert_eq!(run(&mut command).ok().text(), "done\n");
}
