/** The phases of a test against what curl measures of the same URL, over TLS, of a server that is slow on purpose. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { UrlPhases } from '../../src/kinds/url/contract/url-test.ts';
import { createAuthority, type Authority } from '../support/urls/certificates.ts';
import { listen, type Site } from '../support/urls/sites.ts';
import { ask } from '../support/urls/tester.ts';

const run = promisify(execFile);
const host = 'slow.test';
const firstByteAfterMs = 300;
const [drops, dropEveryMs] = [6, 50];
/** Both measure on a machine that does other things, too. */
const rounds = 5;

let folder: string;
let authority: Authority;
let site: Site;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'daybook-timing-'));
  authority = createAuthority();
  writeFileSync(join(folder, 'ca.crt'), authority.cert);
  const server = createServer(authority.sign(host), (_request, response) => {
    setTimeout(() => {
      response.write('drop');
      let left = drops;
      const timer = setInterval(() => {
        left -= 1;
        response.write('drop');
        if (left > 0) return;
        clearInterval(timer);
        response.end();
      }, dropEveryMs);
    }, firstByteAfterMs);
  });
  site = await listen(server);
});

afterAll(async () => {
  await site.close();
  authority.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Milliseconds since the begin, when each had come. */
interface Moments {
  connected: number;
  secured: number;
  firstByte: number;
  total: number;
}

async function byUs(): Promise<Moments> {
  const { hops, totalMs } = await ask(
    `https://${host}:${site.port}/`,
    { httpVersion: '1.1' },
    { authorities: [authority.cert], resolve: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]) },
  );
  const phases = hops[0]?.phases;
  const until = (...names: (keyof UrlPhases)[]): number =>
    names.reduce((sum, name) => sum + (phases?.[name] ?? 0), 0);
  return {
    connected: until('dns', 'connect'),
    secured: until('dns', 'connect', 'tls'),
    firstByte: until('dns', 'connect', 'tls', 'firstByte'),
    total: totalMs,
  };
}

async function byCurl(): Promise<Moments> {
  const format = '%{time_connect} %{time_appconnect} %{time_starttransfer} %{time_total}';
  const { stdout } = await run('curl', [
    '--silent',
    '--show-error',
    '--http1.1',
    '--noproxy',
    '*',
    '--cacert',
    join(folder, 'ca.crt'),
    '--resolve',
    `${host}:${site.port}:127.0.0.1`,
    '--output',
    '/dev/null',
    '--write-out',
    format,
    `https://${host}:${site.port}/`,
  ]);
  const [connected = 0, secured = 0, firstByte = 0, total = 0] = stdout
    .split(' ')
    .map((s) => 1_000 * Number(s));
  return { connected, secured, firstByte, total };
}

/** What it takes when nothing is in the way. */
async function fastest(measure: () => Promise<Moments>): Promise<Moments> {
  const found: Moments[] = [];
  for (let round = 0; round < rounds; round += 1) found.push(await measure());
  const least = (name: keyof Moments): number => Math.min(...found.map((one) => one[name]));
  return {
    connected: least('connected'),
    secured: least('secured'),
    firstByte: least('firstByte'),
    total: least('total'),
  };
}

it('the waterfall says what curl says, within 10 % and 5 ms', async () => {
  const [ours, theirs] = [await fastest(byUs), await fastest(byCurl)];
  for (const name of ['connected', 'secured', 'firstByte', 'total'] as const) {
    const allowed = 0.1 * theirs[name] + 5;
    expect(
      Math.abs(ours[name] - theirs[name]),
      `${name}: ${ours[name]} ms, curl ${theirs[name]} ms`,
    ).toBeLessThan(allowed);
  }
  expect(theirs.firstByte).toBeGreaterThan(firstByteAfterMs * 0.99);
  expect(theirs.total - theirs.firstByte).toBeGreaterThan(drops * dropEveryMs * 0.9);
});
