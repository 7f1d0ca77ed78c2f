// Drives Chromium over its debugging pipe, step by step, and prints what it saw as JSON.
//
//   node browse.mjs CHROMIUM PROFILE STEPS
//
// STEPS is JSON: [{goto: URL}, {eval: EXPRESSION}, {click: SELECTOR}, {reload: true},
// {languages: LIST}]. Each step that leads to a page waits for its load event; an expression's promise
// is waited for; the languages are those that the reader has chosen from then on. Standard
// output gets {results, problems, responses}: what the expressions gave, what the console, the
// security checks or the network complained of, and the responses as the network saw them.

import { spawn } from 'node:child_process';

const [chromium, profile, stepsText] = process.argv.slice(2);
const flags = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--disable-dev-shm-usage', '--disable-extensions', '--ignore-certificate-errors',
  `--user-data-dir=${profile}`, '--remote-debugging-pipe', 'about:blank',
];
const browser = spawn(chromium, flags, { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] });
let said = '';
browser.stderr.on('data', (bytes) => { said += bytes; });
const [, , , toBrowser, fromBrowser] = browser.stdio;

// The protocol: JSON messages that end with a NUL; answers carry the number of their question.
const waiting = new Map();
const listeners = new Set();
let number = 0;
let rest = Buffer.alloc(0);
fromBrowser.on('data', (bytes) => {
  rest = Buffer.concat([rest, bytes]);
  for (let end; (end = rest.indexOf(0)) >= 0; rest = rest.subarray(end + 1)) {
    const message = JSON.parse(rest.subarray(0, end));
    const question = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.error) question?.reject(new Error(JSON.stringify(message.error)));
    else if (question) question.resolve(message.result);
    else for (const listener of [...listeners]) listener(message.method, message.params ?? {});
  }
});
let session;
function ask(method, params = {}) {
  number += 1;
  toBrowser.write(JSON.stringify({ id: number, method, params, sessionId: session }) + '\0');
  return new Promise((resolve, reject) => waiting.set(number, { resolve, reject }));
}
function next(event) {
  return new Promise((resolve) => {
    const listener = (method, params) => {
      if (method !== event) return;
      listeners.delete(listener);
      resolve(params);
    };
    listeners.add(listener);
  });
}

function stop(code) {
  browser.kill('SIGKILL');
  process.exit(code);
}
setTimeout(() => {
  console.error(`the browser took too long\n${said}`);
  stop(1);
}, 60_000);
browser.on('exit', () => {
  console.error(`the browser ended\n${said}`);
  stop(1);
});

const results = [];
const problems = [];
const responses = [];
listeners.add((method, params) => {
  if (method === 'Runtime.exceptionThrown') problems.push(params.exceptionDetails);
  if (method === 'Runtime.consoleAPICalled' && ['error', 'warning', 'assert'].includes(params.type)) {
    problems.push(params.args);
  }
  // Browsers ask for an icon that nobody has promised; that it is not there is no problem.
  const isIcon = params.entry?.url?.endsWith('/favicon.ico');
  if (method === 'Log.entryAdded' && params.entry.level === 'error' && !isIcon) {
    problems.push(params.entry);
  }
  if (method === 'Network.loadingFailed' && !params.canceled) problems.push(params);
  if (method === 'Network.responseReceived') {
    const { url, status, mimeType, protocol } = params.response;
    responses.push({ url, status, mimeType, protocol });
  }
});

const evaluate = async (expression) => {
  const given = await ask('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
  if (given.exceptionDetails) throw new Error(JSON.stringify(given.exceptionDetails));
  return given.result.value;
};
const leads = async (act) => {
  const loaded = next('Page.loadEventFired');
  await act();
  await loaded;
};

try {
  const { targetId } = await ask('Target.createTarget', { url: 'about:blank' });
  ({ sessionId: session } = await ask('Target.attachToTarget', { targetId, flatten: true }));
  for (const domain of ['Page', 'Runtime', 'Network', 'Log']) await ask(`${domain}.enable`);
  for (const step of JSON.parse(stepsText)) {
    if (step.goto) await leads(() => ask('Page.navigate', { url: step.goto }));
    else if (step.reload) await leads(() => ask('Page.reload'));
    else if (step.languages) {
      const userAgent = await evaluate('navigator.userAgent');
      const acceptLanguage = step.languages;
      await ask('Emulation.setUserAgentOverride', { userAgent, acceptLanguage });
    } else if (step.click) {
      await leads(() => evaluate(`document.querySelector(${JSON.stringify(step.click)}).click()`));
    } else results.push(await evaluate(step.eval));
  }
  console.log(JSON.stringify({ results, problems, responses }));
  // Closed properly: what is killed leaves children behind that go on writing to the profile.
  browser.removeAllListeners('exit');
  browser.on('exit', () => process.exit(0));
  session = undefined;
  await ask('Browser.close');
} catch (error) {
  console.error(`${error}\n${said}`);
  stop(1);
}
