// Asks for one slow thing and then for many small ones, and prints when each was there.
//
//   node head_of_line.mjs HOW PORT COUNT AUTHORIZATION
//
// HOW is one of the four ways below. Standard output gets JSON: [milliseconds of the slow one,
// milliseconds of each small one], from the beginning of the first connection.

import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';

const [how, port, count, authorization] = process.argv.slice(2);
const names = ['/slow', ...Array.from({ length: Number(count) }, (_, n) => `/${n}.html`)];
const fields = (name) => (name === '/slow' ? { authorization } : {});
const began = performance.now();
const since = () => performance.now() - began;

// HTTP/1.1, as browsers do it: each connection has one request under way.
function separately(connections) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  return Promise.all(names.map((name) => new Promise((resolve, reject) => {
    const headers = fields(name);
    http.get({ agent, host: '127.0.0.1', port, path: name, headers }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${name}: ${response.statusCode}`));
      response.resume();
      response.on('end', () => resolve(since()));
    }).on('error', reject);
  }))).finally(() => agent.destroy());
}

// HTTP/1.1, all requests in one write; answers come in their order.
function pipelined() {
  const ask = (name) => {
    const credentials = name === '/slow' ? `Authorization: ${authorization}\r\n` : '';
    return `GET ${name} HTTP/1.1\r\nHost: 127.0.0.1\r\n${credentials}\r\n`;
  };
  return new Promise((resolve, reject) => {
    const times = [];
    let inbox = Buffer.alloc(0);
    const socket = net.connect(port, '127.0.0.1', () => socket.write(names.map(ask).join('')));
    socket.on('error', reject);
    socket.on('data', (piece) => {
      inbox = Buffer.concat([inbox, piece]);
      for (;;) {
        const end = inbox.indexOf('\r\n\r\n');
        if (end < 0) return;
        const head = inbox.subarray(0, end).toString('latin1');
        if (!head.startsWith('HTTP/1.1 200 ')) return reject(new Error(head));
        const whole = end + 4 + Number(/^content-length: (\d+)/im.exec(head)[1]);
        if (inbox.length < whole) return;
        inbox = inbox.subarray(whole);
        times.push(since());
        if (times.length === names.length) {
          socket.destroy();
          return resolve(times);
        }
      }
    });
  });
}

// HTTP/2: all requests at once, on one connection.
function multiplexed() {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  const ask = (name) => new Promise((resolve, reject) => {
    const stream = session.request({ ':path': name, ...fields(name) });
    stream.on('response', (headers) => {
      if (headers[':status'] !== 200) reject(new Error(`${name}: ${headers[':status']}`));
    });
    stream.on('error', reject);
    stream.on('end', () => resolve(since()));
    stream.resume();
    stream.end();
  });
  return new Promise((resolve, reject) => {
    session.on('error', reject);
    // RFC 9113 §5.1.2: how many may be asked for at once is known when the settings are here.
    session.on('connect', () => resolve(Promise.all(names.map(ask)).finally(() => session.close())));
  });
}

const ways = {
  'HTTP/1.1, one connection': () => separately(1),
  'HTTP/1.1, pipelined': pipelined,
  'HTTP/1.1, six connections': () => separately(6),
  'HTTP/2, one connection': multiplexed,
};
console.log(JSON.stringify(await ways[how]()));
