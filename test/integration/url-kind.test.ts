/** The kind `url` through a whole server: parts, series, base runs, lists, interruptions. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Job } from '../../src/contract/job.ts';
import type { JobPart, PartSummary } from '../../src/contract/part.ts';
import type { UrlResult, UrlTest } from '../../src/kinds/url/contract/url-test.ts';
import type { Client } from '../support/faults/client.ts';
import { useInstallations } from '../support/faults/use-installations.ts';
import { pollUntil } from '../support/poll.ts';
import { listen, type Site } from '../support/urls/sites.ts';

const newInstallation = useInstallations();
const env = { DAYBOOK_URL_ALLOW: '127.0.0.0/8=operator' };

let site: Site;
let base: string;
let asked: string[];
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  asked = [];
  answer = (_request, response) => response.end('fine');
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    answer(request, response);
  });
  site = await listen(server);
  base = `http://127.0.0.1:${site.port}`;
});
afterEach(() => site.close());

async function submit(client: Client, input: object, more: object = {}): Promise<number> {
  return (await client.json<{ id: number }>('POST', '/api/v1/jobs', { kind: 'url', input, ...more })).id;
}

type Tested = Job & { result: UrlResult };

async function test(client: Client, input: object, more: object = {}): Promise<Tested> {
  return ended(client, await submit(client, input, more));
}

async function ended(client: Client, id: number): Promise<Tested> {
  return (await pollUntil(
    () => client.job(id),
    ({ endedAt }) => endedAt !== null,
    { deadlineMs: 50_000 },
  )) as Tested;
}

async function parts(client: Client, id: number, query = ''): Promise<(JobPart & { facts: UrlTest })[]> {
  return (
    await client.read<{ items: (JobPart & { facts: UrlTest })[] }>(
      `/api/v1/jobs/${id}/parts?limit=1000${query}`,
    )
  ).items;
}

describe('one URL', () => {
  it('leaves verdict, result, a part, the waterfall as series, and the decision in the output', async () => {
    const { client } = await (await newInstallation({ env })).start();
    answer = (request, response) => {
      if (request.url === '/') response.writeHead(301, { location: '/there' });
      response.end('fine');
    };
    const job = await test(client, { urls: [base] });
    expect(job).toMatchObject({
      name: `${base}/`,
      state: 'succeeded',
      verdict: { text: '200 OK', tone: 'good' },
      result: { tests: 1, good: 1, test: { status: 200, hops: [{ status: 301 }, { status: 200 }] } },
    });
    expect(await parts(client, job.id)).toMatchObject([
      { number: 1, key: `${base}/`, verdict: { text: '200 OK' }, facts: { url: `${base}/` } },
    ]);
    const { items } = await client.read<{
      items: { id: number; name: string; unit: string; points: number }[];
    }>(`/api/v1/jobs/${job.id}/series`);
    expect(items.map(({ name, points }) => [name, points])).toEqual(
      expect.arrayContaining([
        ['connect', 2],
        ['first byte', 2],
        ['total', 1],
      ]),
    );
    const output = (await client.ask('GET', `/api/v1/jobs/${job.id}/output/stdout`)).body.toString();
    expect(output).toContain('127.0.0.1 (loopback, allowed by 127.0.0.0/8)');
    expect(output).toContain(`to ${base}/there`);
  });

  it('fails when it is not as expected, keeps what came, and is compared with the last good test', async () => {
    const { client } = await (await newInstallation({ env })).start();
    answer = (_request, response) => response.setHeader('server', 'one').end('fine');
    const good = await test(client, { urls: [base], tries: 1 });
    answer = (_request, response) => {
      response.statusCode = 500;
      response.setHeader('server', 'two').end('It is broken.');
    };
    const bad = await test(client, { urls: [base], tries: 1 });
    expect(bad).toMatchObject({
      state: 'failed',
      reason: 'error',
      message: 'The status is 500; expected 200-399.',
      verdict: { text: '500 Internal Server Error', tone: 'bad' },
      baseRuns: [{ jobId: good.id }],
    });
    expect(bad.result.test).toMatchObject({ comparedWith: good.id, answer: { body: 'It is broken.' } });
    expect(bad.result.test?.differences).toEqual(
      expect.arrayContaining([
        { what: 'status', before: '200', now: '500' },
        { what: 'server', before: 'one', now: 'two' },
      ]),
    );
    // A base run that somebody named stays the only one.
    const named = await test(client, { urls: [base], tries: 1 }, { baseRuns: [{ foreignId: 'mine' }] });
    expect(named.baseRuns).toMatchObject([{ foreignId: 'mine' }]);
    // The failed ones are no base: the next is compared with the good one, too.
    expect(named.result.test?.comparedWith).toBe(good.id);
  });

  it('that is good again tells what changed, and of what that is said', async () => {
    const { client } = await (await newInstallation({ env })).start();
    answer = (_request, response) => response.setHeader('x-build', '7').end('{\n"status": "ok"\n}\n');
    const before = await test(client, { urls: [base] });
    const same = await test(client, { urls: [base] });
    expect(same.result.test).toMatchObject({ comparedWith: before.id, differences: [] });
    expect(same.result.test?.compared).toEqual(
      expect.arrayContaining(['status', 'size', 'body', expect.stringContaining('headers')]),
    );
    answer = (_request, response) => response.setHeader('x-build', '8').end('{\n"status": "down"\n}\n');
    const after = await test(client, { urls: [base] });
    expect(after.result.test?.differences).toEqual([
      { what: 'size', before: '19 bytes', now: '21 bytes' },
      { what: 'x-build', before: '7', now: '8' },
      {
        what: 'body',
        before: '{\n"status": "ok"\n}\n',
        now: '{\n"status": "down"\n}\n',
        diff: expect.stringContaining('-"status": "ok"\n+"status": "down"'),
      },
    ]);
  });

  it('that is asked too often is neither up nor down', async () => {
    const { client } = await (await newInstallation({ env })).start();
    const summary = (): Promise<PartSummary> =>
      client.read(`/api/v1/parts/summary?kind=url&key=${encodeURIComponent(`${base}/`)}&slices=1`);
    const good = await test(client, { urls: [base] });
    const [first] = await parts(client, good.id);
    answer = (_request, response) => response.writeHead(429).end();
    const job = await test(client, { urls: [base], tries: 1 });
    expect(job).toMatchObject({
      state: 'finished',
      verdict: { text: 'not tested: asked too often', tone: 'warn' },
      result: { tests: 1, good: 0, warn: 0, bad: 0, notTested: 1 },
    });
    expect(await summary()).toMatchObject({
      latest: { jobId: job.id, isConclusive: false },
      unchangedSince: first?.endedAt,
      slices: [{ good: 1, warn: 0, bad: 0 }],
    });
  });

  it('says by its own words why it failed, not by a line that sounds like it', async () => {
    const { client } = await (await newInstallation({ env })).start();
    answer = (_request, response) => response.writeHead(500, 'Error: denied').end();
    const job = await test(client, { urls: [base], tries: 1 });
    expect(job).toMatchObject({
      state: 'failed',
      message: 'The status is 500; expected 200-399.',
      errorLine: null,
    });
    const { items } = await client.read<{ items: { id: string; signature: string }[] }>('/api/v1/failures');
    expect(items.map(({ signature }) => signature)).toEqual(['error 1: The status is <n>; expected <n><n>.']);
  });

  it('is degraded when it is right but slow: the job succeeded, the verdict warns', async () => {
    const { client } = await (await newInstallation({ env })).start();
    answer = (_request, response) => void setTimeout(() => response.end(), 60);
    const job = await test(client, { urls: [base], expect: { slowMs: 50 } });
    expect(job).toMatchObject({ state: 'succeeded', verdict: { text: 'degraded', tone: 'warn' } });
  });

  it('at an address that is not allowed to who submits is rejected, and not asked', async () => {
    const { client } = await (await newInstallation({ env })).start();
    await client.json('POST', '/api/v1/users', {
      name: 'mia',
      role: 'member',
      password: 'a password for mia',
    });
    const { Client: NewClient } = await import('../support/faults/client.ts');
    const mia = new NewClient(client.url);
    await mia.signIn('mia', 'a password for mia');
    const job = await test(mia, { urls: [base] });
    expect(job).toMatchObject({
      state: 'failed',
      reason: 'rejected',
      verdict: { text: 'not allowed', tone: 'bad' },
    });
    expect(await parts(client, job.id)).toMatchObject([{ isConclusive: false }]);
    expect(job.message).toContain('DAYBOOK_URL_ALLOW');
    expect(asked).toEqual([]);
    mia.close();
  });
});

describe('a list', () => {
  it('is one job with a verdict per URL, each tested once, pages of a sitemap included', async () => {
    const { client } = await (await newInstallation({ env })).start();
    answer = (request, response) => {
      if (request.url === '/map.xml')
        return void response.end(
          `<urlset><url><loc>${base}/3</loc></url><url><loc>${base}/1</loc></url></urlset>`,
        );
      response.statusCode = request.url === '/2' ? 404 : 200;
      response.end();
    };
    const urls = [`${base}/1`, `${base}/2`, `${base}/1#again`];
    const job = await test(client, { urls, sitemap: `${base}/map.xml`, tries: 1 });
    expect(job).toMatchObject({
      state: 'failed',
      verdict: { text: '1 of 3 bad', tone: 'bad' },
      message: `1 of 3 URLs failed; ${base}/2: 404 Not Found.`,
      result: { tests: 3, repeated: 2, good: 2, warn: 0, bad: 1, test: null },
    });
    expect(asked.toSorted()).toEqual(['/1', '/2', '/3', '/map.xml']);
    expect((await parts(client, job.id)).map(({ key, verdict }) => [key, verdict.tone])).toEqual([
      [`${base}/1`, 'good'],
      [`${base}/2`, 'bad'],
      [`${base}/3`, 'good'],
    ]);
    expect((await parts(client, job.id, '&tone=bad')).map(({ number }) => number)).toEqual([2]);
    const history = await client.read<{ items: JobPart[] }>(
      `/api/v1/parts?kind=url&key=${encodeURIComponent(`${base}/2`)}`,
    );
    expect(history.items).toMatchObject([{ jobId: job.id, verdict: { text: '404 Not Found' } }]);
  });

  it('counts how one URL fared, slice by slice, and since when it is as it is', async () => {
    const { client } = await (await newInstallation({ env })).start();
    const summary = (url: string, query = ''): Promise<PartSummary> =>
      client.read(`/api/v1/parts/summary?kind=url&key=${encodeURIComponent(url)}${query}`);
    await test(client, { urls: [`${base}/a`, `${base}/other`], tries: 1 });
    answer = (_request, response) => response.writeHead(503).end();
    const broken = await test(client, { urls: [`${base}/a`], tries: 1 });
    const still = await test(client, { urls: [`${base}/a`], tries: 1 });
    const [first] = await parts(client, broken.id);
    const [latest] = await parts(client, still.id);

    const found = await summary(`${base}/a`, '&hours=24&slices=12');
    expect(found).toMatchObject({
      latest: { jobId: still.id, verdict: { text: '503 Service Unavailable', tone: 'bad' } },
      unchangedSince: first?.endedAt,
      isCut: false,
      slices: [{ number: 11, good: 1, warn: 0, bad: 2 }],
    });
    expect(found.latest).not.toHaveProperty('facts');
    expect(found.latest?.endedAt).toBe(latest?.endedAt);
    expect(found.slices[0]?.medianMs).toBeGreaterThan(0);
    expect(Date.parse(found.until) - Date.parse(found.from)).toBe(24 * 3_600_000);
    expect(await summary(`${base}/other`)).toMatchObject({ slices: [{ good: 1, warn: 0, bad: 0 }] });
    expect(await summary(`${base}/never`)).toMatchObject({ latest: null, unchangedSince: null, slices: [] });
  });

  it.each(['killed', 'stopped'])(
    'goes on where it was when its server is %s and started again',
    async (how) => {
      const { client, server } = await (await newInstallation({ env })).start();
      answer = (_request, response) => void setTimeout(() => response.end(), 20);
      const urls = Array.from({ length: 200 }, (_, n) => `${base}/${n}`);
      const id = await submit(client, { urls, perHost: 4 });
      await pollUntil(
        async () => (await parts(client, id)).length,
        (count) => count >= 40,
      );
      if (how === 'killed') await server.kill();
      else expect(await server.stop()).toBe(0);
      const before = asked.length;
      expect(before).toBeLessThan(180);
      await server.start();
      const job = await ended(client, id);
      expect(job).toMatchObject({ state: 'succeeded', attempt: 2, result: { tests: 200, good: 200 } });
      expect(await parts(client, id)).toHaveLength(200);
      // What was stored is not asked again; only what was under way at that moment is.
      expect(new Set(asked).size).toBe(200);
      expect(asked.length).toBeLessThan(200 + 40);
    },
  );

  it('is cancelled at once, and what was tested stays', async () => {
    const { client } = await (await newInstallation({ env })).start();
    answer = (request, response) => {
      if (request.url === '/0') response.end();
    };
    const id = await submit(client, { urls: Array.from({ length: 50 }, (_, n) => `${base}/${n}`) });
    await pollUntil(
      async () => (await parts(client, id)).length,
      (count) => count === 1,
    );
    const askedAt = performance.now();
    await client.json('POST', `/api/v1/jobs/${id}/cancel`, {});
    const job = await ended(client, id);
    expect(performance.now() - askedAt).toBeLessThan(5_000);
    expect(job).toMatchObject({ state: 'cancelled', result: { tests: 1, good: 1 } });
    expect(await parts(client, id)).toHaveLength(1);
  });

  it('ends at the time limit of its job', async () => {
    const { client } = await (await newInstallation({ env })).start();
    answer = () => {};
    expect(await test(client, { urls: [base] }, { timeoutSeconds: 0.3 })).toMatchObject({
      state: 'failed',
      reason: 'timeout',
    });
  });

  it('begins anew when it is retried by hand, and its parts go with it when it is removed', async () => {
    const { client } = await (await newInstallation({ env })).start();
    answer = (_request, response) => {
      response.statusCode = 500;
      response.end();
    };
    const urls = [`${base}/1`, `${base}/2`];
    const { id } = await test(client, { urls, tries: 1 });
    answer = (_request, response) => response.end();
    await client.json('POST', `/api/v1/jobs/${id}/retry`, {});
    expect(await ended(client, id)).toMatchObject({
      state: 'succeeded',
      attempt: 2,
      result: { good: 2, bad: 0 },
    });
    expect((await parts(client, id)).map(({ verdict }) => verdict.tone)).toEqual(['good', 'good']);
    await client.ask('DELETE', `/api/v1/jobs/${id}`);
    expect(await client.read<{ items: JobPart[] }>('/api/v1/parts?kind=url')).toEqual({ items: [] });
  });
});
