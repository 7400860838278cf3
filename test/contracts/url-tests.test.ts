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
    expect(await result(`${base}/201`)).toMatchObject({ url: `${base}/201`, result: '201' });
    expect(asked).toContain('GET /201');
  });

  it.each(['GET', 'PUT', 'DELETE', 'PATCH'])('answers 405 to %s', async (method) => {
    expect((await fetch(`${server.url}/api/add_job`, { method })).status).toBe(405);
  });

  it.each(['{"url":', 'url=http://example.com', '', '[]', '"http://example.com"'])(
    'answers 422 to the body %j, and queues nothing',
    async (body) => {
      const newest = async (): Promise<unknown> =>
        (await server.call('GET', '/api/v1/jobs?limit=1')).json<{ items: { id: number }[] }>().items[0]?.id;
      const before = await newest();
      const answer = await add(body);
      expect(answer.status).toBe(422);
      expect((await answer.json()) as object).toEqual({ error: expect.any(String) });
      expect(await newest()).toBe(before);
    },
  );

  it.each(['application/x-www-form-urlencoded', 'text/plain', 'json', null])(
    'reads JSON sent as %s, as curl and old programs do',
    async (type) => {
      // A blob without a type: fetch then sends none.
      const body = new Blob([JSON.stringify({ url: `${base}/206` })]);
      const headers = type === null ? {} : { 'content-type': type };
      const answer = await fetch(`${server.url}/api/add_job`, { method: 'POST', headers, body });
      expect(answer.status, await answer.text()).toBe(200);
    },
  );

  it.each([
    { origin: 'http://127.0.0.1:8000' },
    { 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'none' },
    { 'sec-fetch-site': 'same-origin', 'content-type': 'json' },
  ])('takes no form of a browser, with %j', async (headers) => {
    const type = { 'content-type': 'text/plain', ...headers };
    const own = 'origin' in headers ? { ...type, origin: server.url } : type;
    expect((await add({ url: `${base}/200` }, own)).status).toBe(422);
  });

  it('answers 422 to a form, which is no JSON', async () => {
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await add('url=http://example.com', type)).status).toBe(422);
  });

  it.each([
    ['not a url', '"not a url" is not a URL'],
    ['ftp://example.com/', 'only http and https are tested, not ftp://'],
    ['http://', '"http://" is not a URL'],
    ['', 'expected a URL, got nothing'],
    [undefined, 'expected a URL, got nothing'],
    [null, 'expected a URL, got nothing'],
    [{ to: 'x' }, '"{"to":"x"}" is not a URL'],
    ['a\u0000b', '"a b" is not a URL'],
  ])('takes %j, and the history says what is wrong with it', async (url, problem) => {
    const answer = await add(url === undefined ? { link: 'http://example.com' } : { url });
    expect(answer.status).toBe(200);
    const { id } = (await answer.json()) as { id: number };
    await pollUntil(
      async () => (await server.call('GET', `/api/v1/jobs/${id}`)).json<{ state: string }>(),
      ({ state }) => state === 'failed',
    );
    const given = url ?? '';
    const shown = typeof given === 'string' ? given.replace('\0', ' ') : JSON.stringify(given);
    expect((await list())[0]).toMatchObject({ url: shown, result: problem });
  });
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

  it('is 429 where the site was asked too often, though nothing is known of it then', async () => {
    expect((await result(`http://${base}/429`)).result).toBe('429');
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
    'limit=1&limit=2',
  ])('is empty for %s, which is no number', async (query) => {
    expect(await list(query)).toEqual([]);
  });

  it.each(['', 'limit=10', 'offset=0'])('has the newest ten for the query %j', async (query) => {
    const all = await list();
    expect(all.length).toBeGreaterThan(10);
    expect(await list(query)).toEqual(all.slice(0, 10));
  });

  it('has all there are for a limit beyond them, and none behind the last', async () => {
    const all = await list('limit=1000');
    expect(all.length).toBeGreaterThan(10);
    expect(await list('limit=99999999999999999999')).toEqual(all);
    expect(await list('offset=99999999999999999999')).toEqual([]);
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
