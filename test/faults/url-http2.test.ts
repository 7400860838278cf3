/** Redirects whose hops speak different versions of HTTP: each is told with its own protocol and times. */
import { createServer as createHttp } from 'node:http';
import { createSecureServer, type Http2ServerRequest } from 'node:http2';
import { createServer as createTls } from 'node:https';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { UrlHop } from '../../src/kinds/url/contract/url-test.ts';
import { createAuthority, type Authority } from '../support/urls/certificates.ts';
import { listen, type Site } from '../support/urls/sites.ts';
import { ask } from '../support/urls/tester.ts';

type Version = 'plain' | 'http/1.1' | 'h2';

let authority: Authority;
const sites: Site[] = [];
beforeAll(() => {
  authority = createAuthority();
});
afterAll(async () => {
  authority.close();
  await Promise.all(sites.map((site) => site.close()));
});

interface Asked {
  version: string;
  method: string;
  host: string | undefined;
  authorization: string | undefined;
  body: string;
}
const asked: Asked[] = [];

/** A site that speaks one version alone. It leads to `location`, or answers with the version it was asked by. */
async function site(version: Version, name: string, location?: string, status = 302): Promise<string> {
  const answer = async (request: Http2ServerRequest, response: Answering): Promise<void> => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    asked.push({
      version: request.httpVersion,
      method: request.method,
      host: request.headers[':authority'] ?? request.headers.host,
      authorization: request.headers.authorization,
      body,
    });
    if (location !== undefined && request.url !== '/there') response.writeHead(status, { location });
    response.end(`asked by ${request.httpVersion}`);
  };
  const listener = (request: unknown, response: unknown): void =>
    void answer(request as Http2ServerRequest, response as Answering);
  const certificate = (): { key: string; cert: string } => authority.sign(name);
  const servers = {
    plain: () => createHttp(listener),
    'http/1.1': () => createTls(certificate(), listener),
    h2: () => createSecureServer({ ...certificate(), allowHTTP1: false }, listener),
  };
  const one = await listen(servers[version]());
  sites.push(one);
  return `${version === 'plain' ? 'http' : 'https'}://${name}:${one.port}`;
}

interface Answering {
  writeHead(status: number, headers: Record<string, string>): unknown;
  end(text: string): unknown;
}

const here = (): Parameters<typeof ask>[2] => ({
  resolve: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
  authorities: [authority.cert],
});

/** All of a waterfall that a hop of this version can have. */
function expectWhole(hop: UrlHop | undefined, version: Version): void {
  expect(hop?.protocol).toBe(version === 'h2' ? 'HTTP/2' : 'HTTP/1.1');
  const { tls, ...others } = hop?.phases ?? { tls: null };
  for (const ms of Object.values(others)) expect(ms).toBeGreaterThan(0);
  if (version === 'plain') {
    expect([tls, hop?.tls]).toEqual([null, null]);
    expect(hop?.certificates).toEqual([]);
  } else {
    expect(tls).toBeGreaterThan(0);
    expect(hop?.tls).toMatch(/^TLSv1\.3, /);
    expect(hop?.certificates[0]?.subject).toBe(new URL(hop?.url ?? '').hostname);
  }
}

it.each([
  ['plain', 'h2', 'auto'],
  ['plain', 'h2', '2'],
  ['http/1.1', 'h2', 'auto'],
  ['h2', 'h2', 'auto'],
  ['h2', 'h2', '2'],
  ['h2', 'http/1.1', 'auto'],
  ['h2', 'plain', 'auto'],
] as const)(
  '%s leads to %s of another host, asked with %s: both hops are told whole',
  async (from, to, httpVersion) => {
    const last = await site(to, 'last.example');
    const first = await site(from, 'first.example', `${last}/there`);
    asked.length = 0;
    const test = await ask(
      `${first}/here`,
      {
        httpVersion,
        headers: [['authorization', 'Bearer x']],
        expect: { bodyContains: [`asked by ${to === 'h2' ? 2 : 1}`] },
      },
      here(),
    );
    expect(test.problems).toEqual([]);
    expect(test).toMatchObject({ outcome: 'good', verdict: '200 OK', status: 200 });
    expect(test.hops.map(({ url, status, location }) => [url, status, location])).toEqual([
      [`${first}/here`, 302, `${last}/there`],
      [`${last}/there`, 200, null],
    ]);
    expectWhole(test.hops[0], from);
    expectWhole(test.hops[1], to);
    const total = test.hops
      .flatMap(({ phases }) => Object.values(phases))
      .reduce((sum: number, ms) => sum + (ms ?? 0), 0);
    expect(total).toBeLessThanOrEqual(test.totalMs);
    expect(asked.map(({ host, authorization }) => [host, authorization])).toEqual([
      [new URL(first).host, 'Bearer x'],
      [new URL(last).host, undefined],
    ]);
  },
);

it('a POST over HTTP/2 keeps its body at 307 within the origin, and becomes a GET at 303', async () => {
  const kept = await site('h2', 'one.example', '/there', 307);
  const changed = await site('h2', 'one.example', '/there', 303);
  asked.length = 0;
  const input = { method: 'POST', body: 'the body' } as const;
  expect((await ask(kept, input, here())).outcome).toBe('good');
  expect((await ask(changed, input, here())).outcome).toBe('good');
  expect(asked.map(({ version, method, body }) => [version, method, body])).toEqual([
    ['2.0', 'POST', 'the body'],
    ['2.0', 'POST', 'the body'],
    ['2.0', 'POST', 'the body'],
    ['2.0', 'GET', ''],
  ]);
});

it('a header Host names the site over either version, until a redirect leaves it', async () => {
  const last = await site('h2', 'last.example');
  for (const version of ['http/1.1', 'h2'] as const) {
    const first = await site(version, 'first.example', `${last}/there`);
    asked.length = 0;
    await ask(first, { headers: [['Host', 'virtual.example']] }, here());
    expect(asked.map(({ host }) => host)).toEqual(['virtual.example', new URL(last).host]);
  }
});

it.each(['http/1.1', 'plain'] as const)(
  'HTTP/2 asked for and missing behind a redirect to %s fails, with what was seen before it',
  async (to) => {
    const last = await site(to, 'last.example');
    const first = await site('h2', 'first.example', `${last}/there`);
    const test = await ask(first, { httpVersion: '2' }, here());
    expect(test.outcome).toBe('bad');
    expect(test.hops.map(({ protocol, status }) => [protocol, status])).toEqual([
      ['HTTP/2', 302],
      to === 'plain' ? ['HTTP/1.1', 200] : [null, null],
    ]);
    expect(test.problems).toEqual([
      to === 'plain'
        ? 'The answer came by HTTP/1.1; HTTP/2 was asked for, which is spoken over https alone.'
        : 'The server does not offer HTTP/2.',
    ]);
    expect(test.error?.code).toBe(to === 'plain' ? undefined : 'NO_HTTP2');
  },
);
