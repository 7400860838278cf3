import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kinds } from '../../src/kinds/list.ts';
import type { Job } from '../../src/contract/job.ts';
import { isEnded } from '../../src/contract/states.ts';
import { pollUntil } from '../support/poll.ts';
import { startServer, type TestServer } from '../support/server.ts';

interface Worker {
  id: string;
  slots: number;
  running: number;
  state: string;
  draining: boolean;
  problem: string | null;
}

let server: TestServer;

beforeAll(async () => {
  server = await startServer({
    DAYBOOK_SLOTS: '6',
    DAYBOOK_QUEUES: 'default,nightly,narrow',
    DAYBOOK_LABELS: 'gpu',
  });
  const text = '#!/bin/sh\ntouch "$1.on"; until [ -e "$1.go" ]; do sleep 0.02; done; rm "$1.on"\n';
  writeFileSync(join(server.folder, 'scripts', 'gate.sh'), text, { mode: 0o755 });
});

afterAll(() => server.close());

const home = (name: string): string => join(server.folder, 'homedir', name);
const open = (gate: string): void => writeFileSync(home(`${gate}.go`), '');
const isOn = (gate: string): boolean => existsSync(home(`${gate}.on`));

async function gate(name: string, options: object = {}): Promise<number> {
  const body = { kind: 'script', input: { script: 'gate.sh', arguments: [['', name]] }, ...options };
  const answer = await server.call('POST', '/api/v1/jobs', body);
  expect({ status: answer.status, text: answer.text }).toMatchObject({ status: 201 });
  return answer.json<Job>().id;
}

const get = async (id: number): Promise<Job> => (await server.call('GET', `/api/v1/jobs/${id}`)).json<Job>();
const ended = (id: number): Promise<Job> =>
  pollUntil(
    () => get(id),
    ({ state }) => isEnded(state),
  );
const put = (path: string, body: object): ReturnType<TestServer['call']> =>
  server.call('PUT', `/api/v1${path}`, body);

async function queue(name: string): Promise<object | undefined> {
  const { items } = (await server.call('GET', '/api/v1/queues')).json<{ items: { name: string }[] }>();
  return items.find((one) => one.name === name);
}

async function worker(): Promise<Worker> {
  const [only] = (await server.call('GET', '/api/v1/workers')).json<{ items: Worker[] }>().items;
  if (!only) throw new Error('there is one worker');
  return only;
}

/** Waits until something submitted later elsewhere has run: whatever could have started has. */
async function passOther(name: string): Promise<void> {
  open(name);
  await ended(await gate(name));
}

describe('a queue', () => {
  it('is made, takes jobs while it is paused, starts none, and all once it is resumed', async () => {
    const made = await put('/queues/nightly', { paused: true, note: 'until Monday' });
    expect([made.status, made.json()]).toEqual([
      200,
      {
        name: 'nightly',
        draining: false,
        drainTotal: null,
        paused: true,
        note: 'until Monday',
        capacity: null,
        waiting: 0,
        scheduled: 0,
        queued: 0,
        running: 0,
      },
    ]);
    const ids = [
      await gate('n1', { queue: 'nightly' }),
      await gate('n2', { queue: 'nightly', labels: ['gpu'] }),
    ];
    await passOther('while-paused');
    expect(await queue('nightly')).toMatchObject({ queued: 2, running: 0 });
    expect([isOn('n1'), isOn('n2')]).toEqual([false, false]);
    const resumed = await put('/queues/nightly', { paused: false });
    expect(resumed.json()).toMatchObject({ paused: false, note: 'until Monday' });
    await pollUntil(() => isOn('n1') && isOn('n2'), Boolean);
    expect(await queue('nightly')).toMatchObject({ queued: 0, running: 2 });
    for (const name of ['n1', 'n2']) open(name);
    await Promise.all(ids.map(ended));
  });

  it('paused while a job runs leaves it alone', async () => {
    const id = await gate('runs-on');
    await pollUntil(() => isOn('runs-on'), Boolean);
    await put('/queues/default', { paused: true });
    const held = await gate('held');
    open('runs-on');
    expect((await ended(id)).state).toBe('succeeded');
    expect((await get(held)).state).toBe('queued');
    await put('/queues/default', { paused: false });
    await pollUntil(() => isOn('held'), Boolean);
    open('held');
    await ended(held);
  });

  it('with a limit never runs more at once; a raised one lets more in, a lowered one ends none', async () => {
    await put('/queues/narrow', { capacity: 1 });
    const names = ['l1', 'l2', 'l3', 'l4'];
    const ids = [];
    for (const name of names) ids.push(await gate(name, { queue: 'narrow' }));
    const running = (): number => names.filter(isOn).length;
    await pollUntil(running, (count) => count === 1);
    await passOther('while-narrow');
    expect(running()).toBe(1);
    expect(await queue('narrow')).toMatchObject({ capacity: 1, running: 1 });
    await put('/queues/narrow', { capacity: 3 });
    await pollUntil(running, (count) => count === 3);
    await passOther('while-wider');
    expect(running()).toBe(3);
    expect((await put('/queues/narrow', { capacity: 1 })).json()).toMatchObject({ capacity: 1, running: 3 });
    expect(running()).toBe(3);
    await put('/queues/narrow', { capacity: null });
    await pollUntil(running, (count) => count === 4);
    for (const name of names) open(name);
    for (const id of ids) expect((await ended(id)).state).toBe('succeeded');
  });

  it('is not removed while a job names it, ended or not; after that it leaves no limit behind', async () => {
    await put('/queues/short-lived', { capacity: 2 });
    const id = await gate('never', { queue: 'short-lived', labels: ['nobody-has-this'] });
    const refused = async (): Promise<unknown> => {
      const answer = await server.call('DELETE', '/api/v1/queues/short-lived');
      return [answer.status, answer.json()['code']];
    };
    expect(await refused()).toEqual([409, 'conflict']);
    await server.call('POST', `/api/v1/jobs/${id}/cancel`);
    expect(await refused()).toEqual([409, 'conflict']);
    expect(await queue('short-lived')).toBeDefined();
    expect((await server.call('DELETE', `/api/v1/jobs/${id}`)).status).toBe(204);
    expect((await server.call('DELETE', '/api/v1/queues/short-lived')).status).toBe(204);
    expect(await queue('short-lived')).toBeUndefined();
    expect((await server.call('DELETE', '/api/v1/queues/short-lived')).status).toBe(404);
    expect((await put('/queues/short-lived', {})).json()).toMatchObject({ capacity: null, note: null });
  });

  it.each([
    ['/queues/Nightly', {}, 'name'],
    ['/queues/nightly', { capacity: -1 }, 'capacity'],
    ['/queues/nightly', { paused: 'yes' }, 'paused'],
    ['/queues/nightly', { limit: 1 }, 'limit'],
    ['/lanes/x', {}, 'capacity'],
    ['/lanes/x', { capacity: 1.5 }, 'capacity'],
    [`/lanes/${'x'.repeat(201)}`, { capacity: 1 }, 'key'],
  ])('or lane at %s with %j is refused, naming %s', async (path, body, field) => {
    const answer = await put(path, body);
    expect([answer.status, answer.json()['details']]).toMatchObject([400, [{ field }]]);
  });
});

describe('a lane', () => {
  it('counts jobs of any queue that list it, also those that ran before it was made', async () => {
    const lanes = ['licence:ansys/2'];
    const key = encodeURIComponent('licence:ansys/2');
    const first = await gate('a1', { lanes });
    await pollUntil(() => isOn('a1'), Boolean);
    expect((await put(`/lanes/${key}`, { capacity: 1, note: 'one seat' })).json()).toMatchObject({
      taken: 1,
      capacity: 1,
    });
    const second = await gate('a2', { lanes, queue: 'nightly' });
    const blocked = await pollUntil(
      () => get(second),
      ({ state }) => state === 'waiting',
    );
    expect(blocked.blockedBy).toBe('licence:ansys/2');
    open('a1');
    await ended(first);
    await pollUntil(() => isOn('a2'), Boolean);
    const third = await gate('a3', { lanes });
    await pollUntil(
      () => get(third),
      ({ state }) => state === 'waiting',
    );
    expect((await server.call('DELETE', `/api/v1/lanes/${key}`)).status).toBe(204);
    await pollUntil(() => isOn('a3'), Boolean);
    for (const name of ['a2', 'a3']) open(name);
    await Promise.all([ended(second), ended(third)]);
    expect((await server.call('DELETE', `/api/v1/lanes/${key}`)).status).toBe(404);
  });
});

describe('a worker', () => {
  it('is listed with what it offers; drained it takes no new work and ends what it has; then it goes on', async () => {
    const before = await gate('before-drain');
    await pollUntil(() => isOn('before-drain'), Boolean);
    const { id } = await worker();
    expect(await worker()).toMatchObject({
      slots: 6,
      running: 1,
      queues: ['default', 'nightly', 'narrow'],
      labels: ['gpu'],
      kinds: kinds.names,
      state: 'active',
      problem: null,
    });
    const drained = await server.call('PATCH', `/api/v1/workers/${id}`, { draining: true });
    expect([drained.status, drained.json()]).toMatchObject([200, { draining: true, running: 1 }]);
    // Drained is what a beat tells the worker; from then on nothing starts.
    const seen = (await worker()) as Worker & { seenAt: string };
    await pollUntil(worker, (now) => (now as Worker & { seenAt: string }).seenAt > seen.seenAt, {
      deadlineMs: 30_000,
    });
    const held = await gate('while-drained');
    open('before-drain');
    expect((await ended(before)).state).toBe('succeeded');
    expect(await get(held)).toMatchObject({ state: 'queued', attempt: 0 });
    await server.call('PATCH', `/api/v1/workers/${id}`, { draining: false });
    await pollUntil(() => isOn('while-drained'), Boolean);
    open('while-drained');
    await ended(held);
  });

  it('that is unknown is 404, and 400 when the id is none', async () => {
    const unknown = '/api/v1/workers/00000000-0000-4000-8000-000000000000';
    expect((await server.call('PATCH', unknown, { draining: true })).status).toBe(404);
    expect((await server.call('PATCH', '/api/v1/workers/7', { draining: true })).status).toBe(400);
  });
});

it('health and readiness need no account, and say nothing else', async () => {
  for (const [path, status] of [
    ['healthz', 'alive'],
    ['readyz', 'ready'],
  ]) {
    const answer = await fetch(`${server.url}/${path}`);
    expect([answer.status, await answer.json()]).toEqual([200, { status }]);
  }
});
