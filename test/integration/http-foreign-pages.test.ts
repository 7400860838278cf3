import { describe, expect, it } from 'vitest';
import type { HttpServerOptions } from '../../src/surfaces/http/server.ts';
import { createAppWithEcho, echo, good, member, useApps } from '../support/http.ts';

useApps();

describe('requests from foreign pages', () => {
  const cookie = { cookie: 'daybook_session=member.all; daybook_session_8000=member.all' };
  const ask = async (headers: Record<string, string>, options: Partial<HttpServerOptions> = {}) => {
    const app = await createAppWithEcho(options);
    const answer = await app.inject({
      ...echo,
      headers: { host: 'localhost:8000', ...headers },
      payload: good,
    });
    return [answer.statusCode, answer.statusCode === 200 ? 'ok' : answer.json().code];
  };

  it.each([
    ['cross-site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    ['of another port of this host', { 'sec-fetch-site': 'same-site', origin: 'http://localhost:9000' }],
    ['of a foreign origin, from a browser without Sec-Fetch-Site', { origin: 'http://evil.example' }],
    ['of another port, from a browser without Sec-Fetch-Site', { origin: 'http://localhost:9000' }],
    ['of a sandboxed frame', { origin: 'null' }],
  ])('refuses a change %s', async (_what, headers) => {
    expect(await ask({ ...cookie, ...headers })).toEqual([403, 'cross_origin']);
  });

  it.each([
    ['our own page', { 'sec-fetch-site': 'same-origin', origin: 'http://localhost:8000' }],
    ['our own page in a browser without Sec-Fetch-Site', { origin: 'http://localhost:8000' }],
    ['a program, which sends neither', {}],
    ['the person at the address bar', { 'sec-fetch-site': 'none' }],
  ])('takes a change from %s', async (_what, headers) => {
    expect(await ask({ ...cookie, ...headers })).toEqual([200, 'ok']);
  });

  it('does not ask a request with an Authorization header where it comes from', async () => {
    expect(await ask({ ...member, origin: 'https://tools.example' })).toEqual([200, 'ok']);
  });

  it('takes the origin of the public address behind a proxy that keeps its own Host', async () => {
    const publicUrl = new URL('https://daybook.example/');
    const headers = { ...cookie, host: '10.0.0.1:8000', origin: 'https://daybook.example' };
    expect(await ask(headers, { publicUrl })).toEqual([200, 'ok']);
    expect(await ask({ ...headers, origin: 'https://evil.example' }, { publicUrl })).toEqual([
      403,
      'cross_origin',
    ]);
  });

  it.each(['evil.example', 'localhost.evil.example:8000', '127.0.0.1.evil.example'])(
    'refuses the name %s, which could be rebound to our address',
    async (host) => {
      expect(await ask({ ...cookie, host })).toEqual([403, 'cross_origin']);
      const app = await createAppWithEcho();
      const read = await app.inject({ url: '/api/v1/things/1', headers: { host, ...cookie } });
      expect(read.statusCode).toBe(403);
    },
  );

  it('takes credentials under any name, since a rebound page knows none', async () => {
    const host = 'daybook.monitoring.svc.cluster.local:8000';
    expect(await ask({ ...member, host })).toEqual([200, 'ok']);
    const wrong = { authorization: 'Bearer wrong', host, ...cookie };
    expect(await ask(wrong)).toEqual([401, 'not_authenticated']);
  });

  it('answers probes under any name, and nothing else that asks for no account', async () => {
    const app = await createAppWithEcho();
    for (const [url, access] of [
      ['/healthz', 'health.read'],
      ['/metrics', 'metrics.open'],
      ['/task/list', 'predecessors.open'],
      ['/docs', 'docs.read'],
    ] as const)
      app.get(url, { config: { access }, handler: async () => ({}) });
    const headers = { host: 'evil.example', authorization: 'Bearer of a page' };
    const statusOf = async (url: string): Promise<number> => (await app.inject({ url, headers })).statusCode;
    expect(await statusOf('/healthz')).toBe(200);
    expect(await statusOf('/metrics')).toBe(200);
    expect(await statusOf('/task/list')).toBe(403);
    expect(await statusOf('/docs')).toBe(403);
    expect(await statusOf('/nowhere')).toBe(403);
  });

  it.each([
    'localhost',
    '127.0.0.1:8000',
    '[::1]:8000',
    '192.168.1.7',
    'daybook:8000',
    'Jobs.Example.org',
    'more.example',
  ])('knows %s as its own name', async (host) => {
    const options = { publicUrl: new URL('http://jobs.example.org'), extraHosts: ['more.example'] };
    expect(await ask({ ...cookie, host }, options)).toEqual([200, 'ok']);
  });

  it('does not let a rebound page vouch for itself by X-Forwarded-Host', async () => {
    const headers = { ...cookie, host: 'evil.example', 'x-forwarded-host': 'localhost' };
    expect(await ask(headers, { trustProxy: true })).toEqual([403, 'cross_origin']);
  });
});

describe('headers', () => {
  it('asks for https only when the public address is https', async () => {
    const plain = await (await createAppWithEcho()).inject({ url: '/healthz' });
    expect(plain.headers['strict-transport-security']).toBeUndefined();
    expect(plain.headers['content-security-policy']).toContain("connect-src 'self'");
    expect(plain.headers['content-security-policy']).toContain("style-src 'self' 'unsafe-inline'");
    expect(plain.headers['content-security-policy']).not.toContain('upgrade-insecure-requests');
    const app = await createAppWithEcho({ publicUrl: new URL('https://jobs.example') });
    const secure = await app.inject({ url: '/healthz' });
    expect(secure.headers['strict-transport-security']).toContain('max-age=');
  });
});
