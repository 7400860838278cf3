/** A list of URLs whose worker is killed and never comes back: another one goes on with it, where that may be. */
import { createServer } from 'node:http';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { JobPart } from '../../src/contract/part.ts';
import { createEmptyDatabase, embeddedUrlName, type TestDatabase } from '../support/database.ts';
import type { Client } from '../support/faults/client.ts';
import type { Server } from '../support/faults/server.ts';
import { useInstallations } from '../support/faults/use-installations.ts';
import { pollUntil } from '../support/poll.ts';
import { listen, type Site } from '../support/urls/sites.ts';

const count = 200;
const perHost = 4;
const newInstallation = useInstallations();

let database: TestDatabase;
let site: Site;
let urls: string[];
let asked: string[];

beforeEach(async () => {
  database = await createEmptyDatabase(process.env[embeddedUrlName] ?? '');
  asked = [];
  site = await listen(
    createServer((request, response) => {
      asked.push(request.url ?? '');
      setTimeout(() => response.end(), 20);
    }),
  );
  urls = Array.from({ length: count }, (_, n) => `http://127.0.0.1:${site.port}/${n + 1}`);
});
afterEach(async () => {
  await site.close();
  await database.drop();
});

/** A server without a worker, and as many workers as one likes, as on machines of their own. */
async function startApart(): Promise<{ client: Client; startWorker(name: string): Promise<Server> }> {
  const env = { DATABASE_URL: database.url, DAYBOOK_LEASE_SECONDS: '1', DAYBOOK_URL_ALLOW: '127.0.0.0/8' };
  const installation = await newInstallation({ env });
  const { client } = await installation.start(['web']);
  return {
    client,
    startWorker: async (name) => {
      const worker = installation.server(['worker'], { data: name, name });
      await worker.start();
      return worker;
    },
  };
}

async function partsOf(client: Client, id: number): Promise<JobPart[]> {
  return (await client.read<{ items: JobPart[] }>(`/api/v1/jobs/${id}/parts?limit=1000`)).items;
}

async function submit(client: Client, input: object, more: object = {}): Promise<number> {
  const body = { kind: 'url', input: { urls, perHost, ...input }, ...more };
  return (await client.json<{ id: number }>('POST', '/api/v1/jobs', body)).id;
}

/** Kills the worker in the middle of the list. Resolves with the URLs that were stored by then. */
async function killInTheMiddle(client: Client, id: number, worker: Server): Promise<Set<string>> {
  await pollUntil(
    () => partsOf(client, id),
    (parts) => parts.length >= 40,
  );
  await worker.kill();
  const stored = await partsOf(client, id);
  expect(stored.length).toBeLessThan(count - 40);
  return new Set(stored.map(({ key }) => new URL(key).pathname));
}

it('another worker tests what is left, nothing that was stored once more, and the job succeeds', async () => {
  const { client, startWorker } = await startApart();
  const doomed = await startWorker('doomed');
  const id = await submit(client, {});
  const stored = await killInTheMiddle(client, id, doomed);
  await startWorker('other');

  const job = await client.untilEnded(id);
  expect(job).toMatchObject({
    state: 'succeeded',
    attempt: 2,
    verdict: { text: `${count} good` },
    result: { tests: count, good: count },
  });
  expect(await client.attempts(id)).toMatchObject([
    { state: 'failed', reason: 'lost' },
    { state: 'succeeded', reason: null },
  ]);
  const parts = await partsOf(client, id);
  expect(parts.map(({ number }) => number)).toEqual(urls.map((_url, index) => index + 1));

  const times = new Map<string, number>();
  for (const path of asked) times.set(path, (times.get(path) ?? 0) + 1);
  expect(times.size).toBe(count);
  expect([...stored].filter((path) => times.get(path) !== 1)).toEqual([]);
  const stdout = (await client.download(id, 'stdout')).toString();
  expect(stdout).toContain(`${stored.size} of ${count} were tested before an interruption`);
});

it.each([
  ['what changes something where it is sent', { method: 'POST' }, {}],
  ['what is to be tried once', {}, { retry: { attempts: 1 } }],
])('%s is not repeated: the job is lost', async (_what, input, more) => {
  const { client, startWorker } = await startApart();
  const doomed = await startWorker('doomed');
  const id = await submit(client, input, more);
  const stored = await killInTheMiddle(client, id, doomed);
  await startWorker('other');
  expect(await client.untilEnded(id)).toMatchObject({ state: 'failed', reason: 'lost', attempt: 1 });
  expect(await partsOf(client, id)).toHaveLength(stored.size);
});
