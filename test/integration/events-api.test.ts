import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventParser } from '../../src/surfaces/cli/sse.ts';
import type { Attempt, Job, JobEvent } from '../../src/contract/job.ts';
import { isEnded } from '../../src/contract/states.ts';
import { basic } from '../support/accounts.ts';
import { adminAuthorization } from '../support/admin.ts';
import { pollUntil } from '../support/poll.ts';
import { startServer, type TestAnswer, type TestServer } from '../support/server.ts';

const password = 'a password of a member';

let folder = '';
let undo: (() => Promise<unknown> | void)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'daybook-restart-'));
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'scripts'));
  // Says that it runs, with its number; then goes on until it is let, and ends with a code of its own.
  writeScript('gate.sh', [
    'echo "begun $1"; echo \'{"daybook":{"progress":0.5,"result":{"early":1}}}\'; echo $$ > "$1.on"',
    'until [ -e "$1.go" ]; do sleep 0.02; done',
    'seq 20000; echo "error of $1" >&2; printf "last words"; rm "$1.on"; exit "$2"',
  ]);
  writeScript('true.sh', [':']);
});

afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
  rmSync(folder, { recursive: true, force: true });
});

function writeScript(name: string, lines: string[]): void {
  writeFileSync(join(folder, 'scripts', name), `#!/bin/sh\n${lines.join('\n')}\n`, { mode: 0o755 });
}

/** A life of the server on the one data directory. */
async function start(env: Record<string, string> = {}): Promise<TestServer> {
  const server = await startServer({ DAYBOOK_DATA: folder, ...env });
  undo.push(() => server.close());
  return server;
}

async function stop(server: TestServer): Promise<unknown> {
  const exited = new Promise((resolve) => server.process.once('exit', (code) => resolve(code)));
  server.process.kill('SIGTERM');
  return Promise.race([exited, wait(15_000, 'still running')]);
}

const portOf = (server: TestServer): Record<string, string> => ({ DAYBOOK_PORT: new URL(server.url).port });
const home = (name: string): string => join(folder, 'homedir', name);
const isOn = (gate: string): boolean => existsSync(home(`${gate}.on`));
const open = (gate: string): void => writeFileSync(home(`${gate}.go`), '');

async function submit(server: TestServer, script: string, value = ''): Promise<Job> {
  const body = { kind: 'script', input: { script, arguments: [['', value]] } };
  return (await server.call('POST', '/api/v1/jobs', body)).json<Job>();
}

const ended = (server: TestServer, id: number): Promise<Job> =>
  pollUntil(
    async () => (await server.call('GET', `/api/v1/jobs/${id}`)).json<Job>(),
    ({ state }) => isEnded(state),
    { deadlineMs: 30_000 },
  );

type News = JobEvent & { state: string };

interface Stream {
  news: News[];
  lastEventId(): string | undefined;
  isClosed: boolean;
}

async function follow(server: TestServer, path: string, lastEventId?: string): Promise<Stream> {
  const abort = new AbortController();
  undo.push(() => abort.abort());
  const headers = {
    authorization: adminAuthorization,
    ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
  };
  const answer = await fetch(`${server.url}/api/v1${path}`, { headers, signal: abort.signal });
  expect(answer.status).toBe(200);
  const parser = new EventParser(lastEventId);
  const stream: Stream = { news: [], lastEventId: () => parser.lastEventId, isClosed: false };
  const read = async (body: ReadableStream<Uint8Array>): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const bytes of body) {
      for (const { data } of parser.push(decoder.decode(bytes, { stream: true })))
        stream.news.push(JSON.parse(data) as News);
    }
    stream.isClosed = true;
  };
  if (answer.body) void read(answer.body).catch(() => (stream.isClosed = true));
  return stream;
}

const namesOf = ({ news }: Stream, id: number): string[] =>
  news.filter(({ jobId }) => jobId === id).map(({ name }) => name);

describe('the stream of events', () => {
  it('tells the life of a job in order, from the answer on, to everybody who listens', async () => {
    const server = await start();
    const streams = [await follow(server, '/events'), await follow(server, '/events')];
    const job = await submit(server, 'true.sh');
    await ended(server, job.id);
    for (const stream of streams) {
      await pollUntil(
        () => namesOf(stream, job.id),
        (names) => names.includes('succeeded'),
      );
      expect(namesOf(stream, job.id)).toEqual(['submitted', 'claimed', 'succeeded']);
      expect(stream.news.map(({ actor }) => actor.replace(/:.*/, ''))).toEqual(['admin', 'worker', 'worker']);
      expect(stream.news.at(-1)?.state).toBe('succeeded');
    }
    const lost = await follow(server, '/events', 'an id that is none of ours');
    const later = await submit(server, 'true.sh');
    await pollUntil(
      () => namesOf(lost, later.id),
      (names) => names.includes('succeeded'),
    );
    expect(namesOf(lost, job.id)).toEqual([]);
  });

  it('misses nothing and repeats nothing over a restart of the server', { timeout: 120_000 }, async () => {
    const first = await start();
    const quiet = await follow(first, '/events');
    await pollUntil(
      () => quiet.lastEventId(),
      (id) => id !== undefined,
    );
    const quietId = quiet.lastEventId();
    const job = await submit(first, 'gate.sh', 'over 3');
    await pollUntil(() => isOn('over'), Boolean);
    await pollUntil(
      () => namesOf(quiet, job.id),
      ({ length }) => length === 2,
    );
    const busyId = quiet.lastEventId();
    expect(await stop(first)).toBe(0);
    await pollUntil(() => quiet.isClosed, Boolean);
    open('over');
    const second = await start(portOf(first));
    expect(second.url).toBe(first.url);
    await ended(second, job.id);
    const resumed = await follow(second, '/events', busyId);
    const fromStart = await follow(second, '/events', quietId);
    const later = await submit(second, 'true.sh');
    for (const stream of [resumed, fromStart])
      await pollUntil(
        () => namesOf(stream, later.id),
        (names) => names.includes('succeeded'),
      );
    expect(namesOf(resumed, job.id)).toEqual(['failed']);
    expect(namesOf(fromStart, job.id)).toEqual(['submitted', 'claimed', 'failed']);
    expect(namesOf(resumed, later.id)).toEqual(['submitted', 'claimed', 'succeeded']);
  });
});

describe('a stop while programs run and people watch', () => {
  it(
    'is prompt, ends no program, and the next start brings every one to its true end',
    { timeout: 120_000 },
    async () => {
      const first = await start({ DAYBOOK_SLOTS: '4' });
      const meanwhile = await submit(first, 'gate.sh', 'meanwhile 7');
      const after = await submit(first, 'gate.sh', 'after 0');
      await pollUntil(() => isOn('meanwhile') && isOn('after'), Boolean);
      const live = await follow(first, `/jobs/${after.id}/output/live`);
      const events = await follow(first, '/events');
      await pollUntil(
        () => live.news.length,
        (count) => count > 0,
      );
      expect(await stop(first)).toBe(0);
      await pollUntil(() => live.isClosed && events.isClosed, Boolean);
      expect([isOn('meanwhile'), isOn('after')]).toEqual([true, true]);
      open('meanwhile');
      await pollUntil(
        () => isOn('meanwhile'),
        (on) => !on,
      );
      const second = await start({ DAYBOOK_SLOTS: '4' });
      const failed = await ended(second, meanwhile.id);
      expect(failed).toMatchObject({ state: 'failed', reason: 'exit', attempt: 1 });
      expect((await second.call('GET', `/api/v1/jobs/${after.id}`)).json()).toMatchObject({
        state: 'running',
        attempt: 1,
      });
      open('after');
      expect(await ended(second, after.id)).toMatchObject({ state: 'succeeded', attempt: 1 });
      for (const [job, name, exitCode] of [
        [meanwhile, 'meanwhile', 7],
        [after, 'after', 0],
      ] as const) {
        const report = '{"daybook":{"progress":0.5,"result":{"early":1}}}';
        const numbers = Array.from({ length: 20_000 }, (_, index) => index + 1).join('\n');
        const output = async (stream: string): Promise<string> =>
          (await second.call('GET', `/api/v1/jobs/${job.id}/output/${stream}`)).text;
        expect((await output('stdout')) === `begun ${name}\n${report}\n${numbers}\nlast words`).toBe(true);
        expect(await output('stderr')).toBe(`error of ${name}\n`);
        const { items } = (await second.call('GET', `/api/v1/jobs/${job.id}/attempts`)).json<{
          items: Attempt[];
        }>();
        expect(items).toMatchObject([{ number: 1, exitCode, lateResults: [] }]);
      }
      expect((await second.call('GET', '/api/v1/workers')).json()).toMatchObject({
        items: [{ state: 'active' }],
      });
    },
  );

  it('keeps the result that a program had reported before', { timeout: 120_000 }, async () => {
    const first = await start();
    const job = await submit(first, 'gate.sh', 'kept 0');
    await pollUntil(() => isOn('kept'), Boolean);
    await pollUntil(
      async () => (await first.call('GET', `/api/v1/jobs/${job.id}`)).json<Job>().progress,
      (progress) => progress !== null,
    );
    expect(await stop(first)).toBe(0);
    const second = await start();
    open('kept');
    expect(await ended(second, job.id)).toMatchObject({ state: 'succeeded', result: { early: 1 } });
  });
});

describe('a stream whose reader', () => {
  it.each<[string, (server: TestServer, tokenId: number) => Promise<TestAnswer>]>([
    ['was removed', (server) => server.call('DELETE', '/api/v1/users/ana')],
    ['has another role', (server) => server.call('PATCH', '/api/v1/users/ana', { role: 'viewer' })],
    [
      'has a token that was revoked',
      (server, id) => server.call('DELETE', `/api/v1/tokens/${id}`, undefined, basic('ana', password)),
    ],
  ])('%s ends, and that of another goes on', async (_, change) => {
    const server = await startServer();
    undo.push(() => server.close());
    await server.call('POST', '/api/v1/users', { name: 'ana', role: 'member', password });
    const made = await server.call(
      'POST',
      '/api/v1/tokens',
      { name: 't', scopes: ['all'] },
      basic('ana', password),
    );
    const { secret, token } = made.json<{ secret: string; token: { id: number } }>();
    const signal = AbortSignal.timeout(30_000);
    const open = async (authorization: string): Promise<Response> => {
      const answer = await fetch(`${server.url}/api/v1/events`, { headers: { authorization }, signal });
      expect(answer.status).toBe(200);
      return answer;
    };
    const theirs = await open(`Bearer ${secret}`);
    const ours = await open(adminAuthorization);
    expect((await change(server, token.id)).status).toBeLessThan(300);
    await theirs.text();
    const { id } = await submit(server, 'ls.sh');
    expect(await untilTold(ours, `"jobId":${id},`)).toContain('submitted');
  });
});

async function untilTold(stream: Response, text: string): Promise<string> {
  let told = '';
  for await (const piece of stream.body ?? []) {
    told += Buffer.from(piece as Uint8Array).toString();
    if (told.includes(text)) return told;
  }
  throw new Error(`The stream ended without ${text}.`);
}
