/** A machine that is kept from its work says nothing bad about the sites it tests. */
import { createServer, type Server } from 'node:http';
import { Worker } from 'node:worker_threads';
import { afterEach, expect, it } from 'vitest';
import { listen, type Site } from '../support/urls/sites.ts';
import { ask } from '../support/urls/tester.ts';

const opened: (Site | { close(): Promise<void> })[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

/** Nothing else runs on this thread meanwhile. */
function blockFor(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

async function siteHere(server: Server): Promise<string> {
  const site = await listen(server);
  opened.push(site);
  return `http://127.0.0.1:${site.port}/`;
}

/** A site on a thread of its own, which answers while this one stands still. */
async function siteElsewhere(): Promise<string> {
  const code = `
    const { createServer } = require('node:http');
    const { parentPort } = require('node:worker_threads');
    const server = createServer((request, response) => setTimeout(() => response.end('fine'), 20));
    server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`;
  const thread = new Worker(code, { eval: true });
  opened.push({ close: async () => void (await thread.terminate()) });
  const port = await new Promise((resolve) => thread.once('message', resolve));
  return `http://127.0.0.1:${String(port)}/`;
}

it('an answer that came in time is read, however late we look', async () => {
  const url = await siteElsewhere();
  const test = ask(url, { timeouts: { firstByteMs: 150 } });
  setTimeout(() => blockFor(400), 10);
  expect(await test).toMatchObject({ outcome: 'good', status: 200 });
});

it('a time that ran out while this machine stood still is no outage', async () => {
  const url = await siteHere(createServer((_request, response) => setTimeout(() => response.end(), 300)));
  const test = ask(url, { timeouts: { firstByteMs: 200 } });
  setTimeout(() => blockFor(190), 5);
  expect(await test).toMatchObject({
    outcome: 'warn',
    verdict: 'not tested: this machine was busy',
    notTested: 'this machine was busy',
  });
});

it('a site that is slow by itself is one', async () => {
  const url = await siteHere(createServer(() => {}));
  expect(await ask(url, { timeouts: { firstByteMs: 100 } })).toMatchObject({
    outcome: 'bad',
    error: { code: 'TIMEOUT' },
  });
});

it.each([
  ['by us', 300, 'warn'],
  ['by itself', 0, 'bad'],
])('what took too long %s', async (_who, blockMs, outcome) => {
  const delayMs = blockMs === 0 ? 300 : 0;
  const url = await siteHere(createServer((_request, response) => setTimeout(() => response.end(), delayMs)));
  const test = ask(url, { expect: { maxMs: 150 } });
  if (blockMs > 0) setImmediate(() => blockFor(blockMs));
  expect(await test).toMatchObject({ outcome, status: 200 });
});
