/** Contract B: URL tests over REST, as clients of the URL tester rely on them. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '../support/poll.ts';
import { startServer, type TestServer } from '../support/server.ts';

interface Listed {
  time: string;
  url: string;
  result: string;
}

let server: TestServer;
let site: Server;
let base: string;
const asked: string[] = [];

beforeAll(async () => {
  site = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    if (request.url === '/flaky') {
      response.statusCode = asked.filter((one) => one === 'GET /flaky').length < 3 ? 503 : 200;
    } else response.statusCode = Number(request.url?.slice(1)) || 200;
    response.end('hello');
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  base = `127.0.0.1:${(site.address() as AddressInfo).port}`;
  server = await startServer({
    DAYBOOK_TIMEZONE: 'Pacific/Auckland',
    DAYBOOK_URL_ALLOW: '127.0.0.0/8',
    DAYBOOK_OPEN_PREDECESSORS: '1',
  });
});

afterAll(async () => {
  await server.close();
  await new Promise((resolve) => site.close(resolve));
});

const add = (body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${server.url}/api/add_job`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

async function list(query = 'limit=100&offset=0'): Promise<Listed[]> {
  const answer = await fetch(`${server.url}/api/get_jobs?${query}`);
  expect(answer.status).toBe(200);
  return (await answer.json()) as Listed[];
}

/** The newest test of a URL, once it has ended. */
async function result(url: string): Promise<Listed> {
  const answer = await add({ url });
  expect(answer.status, await answer.text()).toBe(200);
  const path = url.replace(/^http:\/\//, '');
  const found = await pollUntil(
    async () => (await list()).find((one) => one.url.includes(path)),
    (one) => one !== undefined,
  );
  if (!found) throw new Error(`${url} is not listed`);
  return found;
}

describe('adding a test', () => {
  it('answers 200 once it is stored, and tests the URL with a GET', async () => {
    const listed = await result(`http://${base}/200`);
    expect(Object.keys(listed)).toEqual(['time', 'url', 'result']);
    expect(listed).toMatchObject({ url: `http://${base}/200`, result: '200' });
    expect(asked).toContain('GET /200');
  });

  it('assumes http:// when the URL has no scheme', async () => {
    expect(await result(`${base}/201`)).toMatchObject({ url: `http://${base}/201`, result: '201' });
  });

  it.each(['GET', 'PUT', 'DELETE', 'PATCH'])('answers 405 to %s', async (method) => {
    expect((await fetch(`${server.url}/api/add_job`, { method })).status).toBe(405);
  });

  it.each(['{"url":', 'url=http://example.com', '', '[]', '{"link":"http://example.com"}', '{"url":7}'])(
    'answers 422 to the body %j, and queues nothing',
    async (body) => {
      const before = (await server.call('GET', '/api/v1/jobs?limit=1')).text;
      const answer = await add(body);
      expect(answer.status).toBe(422);
      expect((await answer.json()) as object).toEqual({ error: expect.any(String) });
      expect((await server.call('GET', '/api/v1/jobs?limit=1')).text).toBe(before);
    },
  );

  it('answers 422 to a form, which is no JSON', async () => {
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await add('url=http://example.com', type)).status).toBe(422);
  });

  it.each(['not a url', 'ftp://example.com/', 'http://', ''])(
    'answers 422 to %j, saying why',
    async (url) => {
      const answer = await add({ url });
      expect(answer.status).toBe(422);
      expect(((await answer.json()) as { error: string }).error).toMatch(/url|http/i);
    },
  );
});

describe('the result', () => {
  it('is the last status: three tries until it is below 400', async () => {
    expect((await result(`http://${base}/flaky`)).result).toBe('200');
    expect(asked.filter((one) => one === 'GET /flaky')).toHaveLength(3);
  });

  it('is a 404 like any other, after three tries', async () => {
    expect((await result(`http://${base}/404`)).result).toBe('404');
    expect(asked.filter((one) => one === 'GET /404')).toHaveLength(3);
  });

  it("is the error's text when there is no answer", async () => {
    const listed = await result('http://no-such-host.invalid/');
    expect(listed.result).toMatch(/^getaddrinfo (ENOTFOUND|EAI_AGAIN) no-such-host\.invalid$/);
  });
});

describe('the list', () => {
  it('has the newest first, paged, with times of the time zone of the server', async () => {
    await result(`http://${base}/202`);
    await result(`http://${base}/203`);
    const all = await list();
    expect(all.slice(0, 2).map((one) => one.result)).toEqual(['203', '202']);
    expect(await list('limit=1&offset=1')).toEqual([all[1]]);
    expect(await list('limit=0&offset=0')).toEqual([]);
    const time = all[0]?.time ?? '';
    expect(time).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d$/);
    const auckland = new Intl.DateTimeFormat('en', {
      timeZone: 'Pacific/Auckland',
      hour: '2-digit',
      hourCycle: 'h23',
    });
    expect([auckland.format(Date.now() - 120_000), auckland.format(Date.now())]).toContain(
      time.slice(11, 13),
    );
  });

  it.each([
    'limit=x&offset=0',
    'limit=10&offset=x',
    'limit=&offset=0',
    'limit=-1&offset=0',
    'limit=1e3&offset=0',
    'limit=10',
    '',
  ])('is empty for %s, which is no number', async (query) => {
    expect(await list(query)).toEqual([]);
  });

  it.each(['POST', 'PUT', 'DELETE', 'PATCH'])('answers 405 to %s', async (method) => {
    expect((await fetch(`${server.url}/api/get_jobs`, { method })).status).toBe(405);
  });

  it('is the same work as any other: the jobs stand in the diary', async () => {
    const { items } = (await server.call('GET', '/api/v1/jobs?q=kind:url&limit=100')).json<{
      items: { name: string; state: string; verdict: { text: string; tone: string }; owner: string }[];
    }>();
    const found = items.find(({ name }) => name === `http://${base}/404`);
    expect(found).toMatchObject({
      state: 'failed',
      verdict: { text: '404 Not Found', tone: 'bad' },
      owner: 'predecessor',
    });
  });
});
