/** The phases of a test against what curl measures of the same URL, over TLS, of a server that is slow on purpose. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { UrlPhases } from '../../src/kinds/url/contract/url-test.ts';
import { pollUntil } from '../support/poll.ts';
import { createAuthority, type Authority } from '../support/urls/certificates.ts';
import { listen, type Site } from '../support/urls/sites.ts';
import { ask } from '../support/urls/tester.ts';

const run = promisify(execFile);
const host = 'slow.test';
const firstByteAfterMs = 300;
const [drops, dropEveryMs] = [6, 50];
/** Both measure on a machine that does other things, too: the least of so many counts, and of more where it is busy. */
const leastRounds = 5;

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

const names = ['connected', 'secured', 'firstByte', 'total'] as const;

/** What it took when least was in the way. */
function least(one: Moments, other: Moments): Moments {
  const of = (name: keyof Moments): number => Math.min(one[name], other[name]);
  return {
    connected: of('connected'),
    secured: of('secured'),
    firstByte: of('firstByte'),
    total: of('total'),
  };
}

it('the waterfall says what curl says, within 10 % and 5 ms', async () => {
  const never = { connected: Infinity, secured: Infinity, firstByte: Infinity, total: Infinity };
  let [ours, theirs, rounds]: [Moments, Moments, number] = [never, never, 0];
  const isFar = (name: keyof Moments): boolean =>
    Math.abs(ours[name] - theirs[name]) >= 0.1 * theirs[name] + 5;
  // In turns: what else the machine does is then in the way of both.
  const measure = async (): Promise<string[]> => {
    ours = least(ours, await byUs());
    theirs = least(theirs, await byCurl());
    rounds += 1;
    return names.filter(isFar).map((name) => `${name}: ${ours[name]} ms, curl ${theirs[name]} ms`);
  };
  await pollUntil(measure, (far) => far.length === 0 && rounds >= leastRounds, { deadlineMs: 45_000 });
  expect(theirs.firstByte).toBeGreaterThan(firstByteAfterMs * 0.99);
  expect(theirs.total - theirs.firstByte).toBeGreaterThan(drops * dropEveryMs * 0.9);
});
