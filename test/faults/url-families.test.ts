/** URL tests over IPv6, and over both families apart: one may be down while the other is not. */
import { createServer } from 'node:http';
import { createServer as createTls } from 'node:https';
import { networkInterfaces } from 'node:os';
import { afterAll, describe, expect, it } from 'vitest';
import { requireService } from '../support/services.ts';
import { createAuthority } from '../support/urls/certificates.ts';
import { startDns, type LyingDns } from '../support/urls/dns-server.ts';
import { runUrlJob } from '../support/urls/job.ts';
import { listen, type Site } from '../support/urls/sites.ts';
import { ask } from '../support/urls/tester.ts';

const sites: Site[] = [];
const servers: LyingDns[] = [];
afterAll(async () => {
  for (const server of servers) server.close();
  await Promise.all(sites.map((site) => site.close()));
});

const hosts: (string | undefined)[] = [];

/** Answers with the family that it was reached over. */
async function site(host: '127.0.0.1' | '::1', port = 0): Promise<number> {
  const server = createServer((request, response) => {
    hosts.push(request.headers.host);
    response.end(`reached over ${request.socket.remoteFamily}`);
  });
  const one = await listen(server, { host, port });
  sites.push(one);
  return one.port;
}

/** One port, open on both families; another program may have taken it on the second one meanwhile. */
async function sitesOfBoth(): Promise<number> {
  for (let tries = 1; ; tries += 1) {
    const port = await site('::1');
    try {
      return await site('127.0.0.1', port);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || tries === 5) throw error;
    }
  }
}

async function dns(addresses: readonly string[]): Promise<LyingDns> {
  const server = await startDns(() => addresses);
  servers.push(server);
  return server;
}

const isThere = requireService(
  'IPv6',
  Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1')),
);

describe.runIf(isThere)('a literal IPv6 address', () => {
  it('is asked there, by its name in brackets', async () => {
    const port = await site('::1');
    const test = await ask(`http://[::1]:${port}/`, { expect: { bodyContains: ['reached over IPv6'] } });
    expect(test).toMatchObject({ outcome: 'good', verdict: '200 OK', url: `http://[::1]:${port}/` });
    expect(test.hops).toMatchObject([
      { address: '::1', decision: 'loopback, allowed by ::1', phases: { dns: null } },
    ]);
    expect(hosts.at(-1)).toBe(`[::1]:${port}`);
  });

  it('has its certificate checked against that address', async () => {
    const authority = createAuthority();
    const secure = async (host: string): Promise<string> => {
      const server = createTls(authority.sign(host), (_request, response) => response.end());
      const one = await listen(server, { host: '::1' });
      sites.push(one);
      return `https://[::1]:${one.port}/`;
    };
    const authorities = [authority.cert];
    expect(await ask(await secure('::1'), {}, { authorities })).toMatchObject({ outcome: 'good' });
    expect(await ask(await secure('::2'), {}, { authorities })).toMatchObject({
      outcome: 'bad',
      error: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    });
    authority.close();
  });

  it('cannot be asked over IPv4, which is said once and not tried again', async () => {
    const test = await ask('http://[::1]:9/', { tries: 3 }, { family: 4 });
    expect(test).toMatchObject({
      outcome: 'bad',
      verdict: 'no IPv4 address',
      problems: ['::1 is an IPv6 address; the test is to go over IPv4.'],
      error: { code: 'ENOTFOUND', phase: 'dns' },
    });
    expect(test.tries).toHaveLength(1);
  });
});

describe.runIf(isThere)('a name with addresses of both families', () => {
  it('is two parts that are each good, reached over its own family', async () => {
    const port = await sitesOfBoth();
    const { resolve } = await dns(['127.0.0.1', '::1']);
    const job = await runUrlJob(
      { urls: [`http://two.example:${port}/`], addressFamily: 'both' },
      { resolve },
    );
    expect(job.outcome).toMatchObject({ state: 'succeeded', verdict: { text: '2 good' } });
    expect(
      job.parts.map(({ key, facts }) => [key, facts.family, facts.hops[0]?.address, facts.verdict]),
    ).toEqual([
      [`http://two.example:${port}/ (IPv4)`, 4, '127.0.0.1', '200 OK'],
      [`http://two.example:${port}/ (IPv6)`, 6, '::1', '200 OK'],
    ]);
  });

  it.each([
    { up: '127.0.0.1', good: 4, bad: 6 },
    { up: '::1', good: 6, bad: 4 },
  ] as const)('of which only IPv$good answers is bad over IPv$bad alone', async ({ up, good, bad }) => {
    const port = await site(up);
    const { resolve } = await dns(['127.0.0.1', '::1']);
    const url = `http://half.example:${port}/`;
    const job = await runUrlJob({ urls: [url], addressFamily: 'both' }, { resolve });
    expect(job.outcome).toMatchObject({
      state: 'failed',
      verdict: { text: '1 of 2 bad' },
      message: `1 of 2 URLs failed; ${url} (IPv${bad}): connection refused.`,
    });
    const byFamily = new Map(job.parts.map(({ facts }) => [facts.family, facts]));
    expect(byFamily.get(good)).toMatchObject({ outcome: 'good', problems: [], error: null });
    expect(byFamily.get(bad)).toMatchObject({ outcome: 'bad', error: { code: 'ECONNREFUSED' } });
    expect(job.output).toContainEqual(expect.stringContaining(`${url} over IPv${bad}: connection refused`));
  });

  it('and without one of IPv6 says so, for that part alone', async () => {
    const port = await site('127.0.0.1');
    const { resolve } = await dns(['127.0.0.1']);
    const job = await runUrlJob({ urls: [`old.example:${port}`], addressFamily: 'both' }, { resolve });
    expect(job.parts).toMatchObject([
      { verdict: { text: '200 OK', tone: 'good' } },
      {
        verdict: { text: 'no IPv6 address', tone: 'bad' },
        facts: { problems: ['old.example has no IPv6 address.'] },
      },
    ]);
    const only = await runUrlJob({ urls: [`old.example:${port}`], addressFamily: '6' }, { resolve });
    expect(only.outcome).toMatchObject({ state: 'failed', message: 'old.example has no IPv6 address.' });
  });

  it('and addresses besides it in one list: each address is tested once, over its own family', async () => {
    const port = await site('::1');
    const { resolve } = await dns([]);
    const job = await runUrlJob({ urls: [`http://[::1]:${port}/`], addressFamily: 'both' }, { resolve });
    expect(job.parts).toMatchObject([
      { key: `http://[::1]:${port}/ (IPv6)`, verdict: { text: '200 OK' }, facts: { family: 6 } },
    ]);
  });
});

it.runIf(isThere)('a redirect stays in the family of its test', async () => {
  const port = await sitesOfBoth();
  const outer = await listen(
    createServer((_request, response) =>
      response.writeHead(302, { location: `http://inner.example:${port}/` }).end(),
    ),
    { host: '::1' },
  );
  sites.push(outer);
  const { resolve } = await dns(['127.0.0.1', '::1']);
  const test = await ask(`http://outer.example:${outer.port}/`, {}, { resolve, family: 6 });
  expect(test.hops.map(({ status, address }) => [status, address])).toEqual([
    [302, '::1'],
    [200, '::1'],
  ]);
});

it('this machine knows of a name with IPv4 alone that it has none of IPv6', async () => {
  const port = await site('127.0.0.1');
  const test = await ask(`http://localhost:${port}/`, {}, { family: 4 });
  expect(test).toMatchObject({ outcome: 'good', hops: [{ address: '127.0.0.1' }] });
  const none = await ask(`http://no-such-host.invalid:${port}/`, {}, { family: 6 });
  expect(none.error?.message).toMatch(
    /^(no-such-host\.invalid has no IPv6 address\.|getaddrinfo EAI_AGAIN no-such-host\.invalid)$/,
  );
});
