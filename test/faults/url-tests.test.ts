/** What URL tests meet out there: every wrong has one clear outcome. Real sockets on both sides. */
import { createServer as createHttp } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer as createTls } from 'node:https';
import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { urlInput } from '../../src/kinds/url/contract/url-test.ts';
import { createAuthority, type Authority, type Certificate } from '../support/urls/certificates.ts';
import { startDns } from '../support/urls/dns-server.ts';
import { listen, listenRaw, type Site } from '../support/urls/sites.ts';
import { ask } from '../support/urls/tester.ts';

const sites: Site[] = [];
afterAll(() => Promise.all(sites.map((site) => site.close())));

async function raw(onRequest: (socket: Socket, request: string) => void): Promise<string> {
  const site = await listenRaw(onRequest);
  sites.push(site);
  return `http://127.0.0.1:${site.port}/`;
}

async function http(handler: Parameters<typeof createHttp>[1]): Promise<string> {
  const site = await listen(createHttp(handler));
  sites.push(site);
  return `http://127.0.0.1:${site.port}`;
}

const answer = 'HTTP/1.1 200 OK\r\n';

describe('input', () => {
  it.each(['not a url', 'ftp://example.com', 'file:///etc/passwd', 'http://'])(
    '%j is refused at once',
    (url) => {
      const { error } = urlInput.safeParse({ urls: ['http://fine.example', url] });
      expect(error?.issues.map(({ path }) => path)).toEqual([['urls', 1]]);
    },
  );
});

describe('bodies', () => {
  const site = (): Promise<string> =>
    http((request, response) => {
      if (request.url === '/large') {
        response.setHeader('content-length', 100 * 1024 * 1024);
        const piece = Buffer.alloc(1024 * 1024);
        const write = (left: number): void => {
          if (left === 0) return void response.end();
          if (response.write(piece)) setImmediate(write, left - 1);
          else response.once('drain', () => write(left - 1));
        };
        return write(100);
      }
      const timer = setInterval(() => response.write('again and again '), 1);
      response.on('close', () => clearInterval(timer));
    });

  it('of 100 MB are left at the limit: degraded, the status still told', async () => {
    const test = await ask(`${await site()}/large`);
    expect(test).toMatchObject({ outcome: 'warn', verdict: 'degraded', status: 200 });
    expect(test.hops[0]).toMatchObject({ bytes: 10 * 1024 * 1024, isCut: true });
  });

  it('without an end are given up when the whole test takes too long', async () => {
    const test = await ask(`${await site()}/endless`, { timeouts: { totalMs: 200 } });
    expect(test).toMatchObject({
      outcome: 'bad',
      verdict: 'timed out',
      error: { code: 'TIMEOUT', phase: 'body' },
    });
    expect(test.hops[0]?.status).toBe(200);
    expect(test.totalMs).toBeLessThan(2_000);
  });

  it('that are no valid gzip fail a condition on them, and nothing else', async () => {
    const url = await http((_request, response) => {
      response.setHeader('content-encoding', 'gzip');
      response.end(Buffer.concat([gzipSync('hello').subarray(0, 12), Buffer.from('broken')]));
    });
    const test = await ask(url, { expect: { bodyContains: ['hello'] } });
    expect(test.problems).toEqual([expect.stringContaining('no valid gzip')]);
    expect(test.verdict).toBe('200 OK, not as expected');
    expect((await ask(url)).outcome).toBe('good');
  });

  it('that unpack to a gigabyte are read for their first MiB only', async () => {
    const bomb = gzipSync(Buffer.alloc(256 * 1024 * 1024, 'x'));
    const url = await http((_request, response) => {
      response.setHeader('content-encoding', 'gzip');
      response.end(bomb);
    });
    const before = process.memoryUsage().rss;
    const test = await ask(url, { expect: { bodyContains: ['needle'] } });
    expect(test.problems).toEqual([expect.stringContaining('Only the first MiB')]);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  });

  it('cannot keep a condition busy for ever', async () => {
    const url = await http((_request, response) => response.end(`${'a'.repeat(50_000)}!`));
    const test = await ask(url, { expect: { bodyMatches: ['^(a+)+$'] } });
    expect(test).toMatchObject({ outcome: 'warn', verdict: 'not tested: its conditions take too long' });
    expect(test.problems).toEqual([expect.stringContaining('Nothing is known of the site')]);
  });
});

describe('answers that are none', () => {
  it('headers that drip in without an end time out before the answer', async () => {
    const url = await raw((socket) => {
      socket.write(`${answer}x-first: 1\r\n`);
      const timer = setInterval(() => socket.write('x: y\r\n'), 10);
      socket.on('close', () => clearInterval(timer));
    });
    const test = await ask(url, { timeouts: { firstByteMs: 200 } });
    expect(test).toMatchObject({ status: null, error: { code: 'TIMEOUT', phase: 'firstByte' } });
  });

  it.each([
    ['no HTTP at all', 'SSH-2.0-OpenSSH_9.9\r\n', /^HPE_/],
    ['headers of a megabyte', `${answer}x: ${'y'.repeat(1024 * 1024)}\r\n\r\n`, /^HPE_HEADER_OVERFLOW$/],
    ['two lengths', `${answer}content-length: 1\r\ncontent-length: 2\r\n\r\nxx`, /^HPE_/],
  ])('%s', async (_what, text, code) => {
    const test = await ask(await raw((socket) => socket.write(text, 'latin1')));
    expect(test).toMatchObject({ outcome: 'bad', verdict: 'no valid answer', status: null });
    expect(test.error?.code).toMatch(code);
    expect(test.error?.message).toContain('no valid HTTP');
  });
});

describe('connections that break', () => {
  it('when nobody listens', async () => {
    const site = await listenRaw(() => {});
    await site.close();
    const test = await ask(`http://127.0.0.1:${site.port}/`);
    expect(test).toMatchObject({
      verdict: 'connection refused',
      error: { code: 'ECONNREFUSED', phase: 'connect' },
    });
  });

  it('in the TLS handshake', async () => {
    const url = await raw((socket) => socket.resetAndDestroy());
    const test = await ask(url.replace('http:', 'https:'));
    expect(test).toMatchObject({ verdict: 'connection reset', error: { code: 'ECONNRESET', phase: 'tls' } });
  });

  it('before the headers', async () => {
    const test = await ask(await raw((socket) => socket.resetAndDestroy()));
    expect(test).toMatchObject({
      verdict: 'connection reset',
      error: { code: 'ECONNRESET', phase: 'firstByte' },
    });
  });

  it.each([
    ['reset', (socket: Socket) => socket.resetAndDestroy()],
    ['closed', (socket: Socket) => socket.end()],
  ])('%s in the middle of the body, with the status that was seen', async (_how, end) => {
    const url = await raw((socket) => {
      socket.write(`${answer}content-length: 100\r\n\r\nhalf`);
      setTimeout(() => end(socket), 50);
    });
    const test = await ask(url);
    expect(test).toMatchObject({ outcome: 'bad', error: { code: 'ECONNRESET', phase: 'body' } });
    expect(test.hops[0]).toMatchObject({ status: 200, bytes: 4 });
  });

  it('an HTTPS URL on a port that speaks HTTP has no TLS', async () => {
    const url = await http((_request, response) => response.end());
    const test = await ask(url.replace('http:', 'https:'));
    expect(test).toMatchObject({ verdict: 'no TLS', error: { phase: 'tls' } });
  });
});

describe('names', () => {
  it('that do not resolve are told as getaddrinfo tells them', async () => {
    const test = await ask('http://no-such-host.invalid/');
    expect(test.error).toMatchObject({
      phase: 'dns',
      code: expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/),
    });
    expect(test.error?.message).toMatch(/^getaddrinfo (ENOTFOUND|EAI_AGAIN) no-such-host\.invalid$/);
  });

  it('whose resolver never answers time out', async () => {
    const resolve = (): Promise<never> => new Promise(() => {});
    const test = await ask('http://slow.example/', { timeouts: { dnsMs: 50 } }, { resolve });
    expect(test.error).toMatchObject({ code: 'TIMEOUT', phase: 'dns' });
  });
});

describe('the guard', () => {
  const nowhere = { allowed: [] };
  let reached = 0;
  const inner = (): Promise<string> =>
    http((_request, response) => {
      reached += 1;
      response.end('secret');
    });

  it('refuses an inner address in any notation, before a connection', async () => {
    const { port } = new URL(await inner());
    for (const host of [
      '127.0.0.1',
      '2130706433',
      '0x7f.1',
      '0177.0.0.1',
      'localhost',
      '[::ffff:127.0.0.1]',
      '[::1]',
      '0.0.0.0',
    ]) {
      const test = await ask(`http://${host}:${port}/`, { tries: 3 }, nowhere);
      expect(test, host).toMatchObject({
        verdict: 'not allowed',
        error: { code: 'REFUSED_ADDRESS', phase: 'guard' },
      });
      // Trying again can change nothing.
      expect(test.tries).toHaveLength(1);
      expect(test.hops[0]?.decision).toMatch(/^refused: (loopback|unspecified)$/);
    }
    expect(reached).toBe(0);
  });

  it('judges the address of every hop of a redirect', async () => {
    const target = await inner();
    const outer = await http((_request, response) => {
      response.writeHead(302, { location: target.replace('127.0.0.1', '127.0.0.2') });
      response.end();
    });
    const test = await ask(outer, {}, { allowed: [{ cidr: '127.0.0.1', least: null }] });
    expect(test.error).toMatchObject({ code: 'REFUSED_ADDRESS' });
    expect(test.hops.map(({ status, address }) => [status, address])).toEqual([
      [302, '127.0.0.1'],
      [null, '127.0.0.2'],
    ]);
    expect(reached).toBe(0);
  });

  it('connects to the very address it judged: a name that changes its mind reaches nothing (rebinding)', async () => {
    const { port } = new URL(await inner());
    // Allowed at first, an inner address from the second question on, as in a rebinding attack.
    const dns = await startDns((_name, time) => (time === 1 ? ['127.0.0.7'] : ['127.0.0.1']));
    const allowed = [{ cidr: '127.0.0.7', least: null }];
    const first = await ask(`http://rebound.example:${port}/`, {}, { resolve: dns.resolve, allowed });
    // Nobody listens at .7: had the name been asked once more for the connection, the inner site would have answered.
    expect(first.error).toMatchObject({ code: 'ECONNREFUSED', phase: 'connect' });
    expect(first.hops[0]?.address).toBe('127.0.0.7');
    expect(dns.asked).toEqual(['rebound.example']);
    const second = await ask(`http://rebound.example:${port}/`, {}, { resolve: dns.resolve, allowed });
    expect(second.error).toMatchObject({ code: 'REFUSED_ADDRESS', phase: 'guard' });
    expect(reached).toBe(0);
    dns.close();
  });

  it('passes over refused addresses of a name and takes an allowed one', async () => {
    const site = await inner();
    const dns = await startDns(() => ['10.0.0.1', '127.0.0.1']);
    const test = await ask(site.replace('127.0.0.1', 'mixed.example'), {}, { resolve: dns.resolve });
    expect(test).toMatchObject({ outcome: 'good' });
    expect(test.hops[0]).toMatchObject({
      address: '127.0.0.1',
      decision: 'loopback, allowed by 127.0.0.0/8',
    });
    dns.close();
  });
});

describe('redirects', () => {
  it('in a circle are ended, with every hop', async () => {
    const url = await http((request, response) => {
      response.writeHead(302, { location: request.url === '/a' ? '/b' : '/a' });
      response.end();
    });
    const test = await ask(`${url}/a`);
    expect(test).toMatchObject({
      verdict: 'redirect loop',
      error: { code: 'REDIRECT_LOOP', phase: 'redirect' },
    });
    expect(test.hops.map((hop) => new URL(hop.url).pathname)).toEqual(['/a', '/b']);
  });

  it('without an end are ended at the limit', async () => {
    const url = await http((request, response) => {
      response.writeHead(302, { location: `${request.url}x` });
      response.end();
    });
    const test = await ask(`${url}/`, { maxRedirects: 3 });
    expect(test.error).toMatchObject({ code: 'TOO_MANY_REDIRECTS' });
    expect(test.hops).toHaveLength(4);
  });

  it.each(['ftp://example.com/', 'javascript:alert(1)', 'http://[/'])(
    'to %s are not followed',
    async (location) => {
      const url = await http((_request, response) => {
        response.writeHead(302, { location });
        response.end();
      });
      expect((await ask(url)).error).toMatchObject({ code: 'INVALID_REDIRECT' });
    },
  );

  it('carry no secret to another origin, and the body of a POST to none', async () => {
    const seen: unknown[][] = [];
    const other = await http((request, response) => {
      seen.push([request.headers.authorization, request.headers['x-api-key'], request.headers.accept]);
      response.end();
    });
    const first = await http((request, response) => {
      seen.push([request.headers.authorization, request.headers['x-api-key'], request.headers.accept]);
      response.writeHead(307, { location: request.url === '/same' ? '/out' : other });
      response.end();
    });
    const headers: [string, string][] = [
      ['Authorization', 'Bearer x'],
      ['X-Api-Key', 'y'],
      ['accept', 'text/html'],
    ];
    expect((await ask(`${first}/same`, { headers })).outcome).toBe('good');
    expect(seen).toEqual([
      ['Bearer x', 'y', 'text/html'],
      ['Bearer x', 'y', 'text/html'],
      [undefined, undefined, 'text/html'],
    ]);
    const post = await ask(first, { headers, method: 'POST', body: 'secret' });
    expect(post.error).toMatchObject({ code: 'BODY_TO_OTHER_ORIGIN' });
    expect(seen).toHaveLength(4);
  });
});

describe('certificates', () => {
  let authority: Authority;
  beforeAll(() => {
    authority = createAuthority();
  });
  afterAll(() => authority.close());

  let requests = 0;
  const secure = async (certificate: Certificate): Promise<string> => {
    const site = await listen(
      createTls({ ...certificate }, (_request, response) => {
        requests += 1;
        response.end('fine');
      }),
    );
    sites.push(site);
    return `https://site.example:${site.port}/`;
  };
  const here = (): { resolve: () => Promise<{ address: string; family: 4 }[]>; authorities: string[] } => ({
    resolve: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
    authorities: [authority.cert],
  });
  const dayMs = 86_400_000;

  it('that are right are told with their chain', async () => {
    const test = await ask(await secure(authority.sign('site.example')), {}, here());
    expect(test).toMatchObject({ outcome: 'good', status: 200 });
    expect(test.hops[0]?.certificates[0]).toMatchObject({
      subject: 'site.example',
      issuer: 'Authority of a test',
      names: ['DNS:site.example'],
      daysLeft: 28,
    });
    expect(test.hops[0]?.tls).toMatch(/^TLSv1\.3, TLS_/);
  });

  it.each([
    ['certificate of another host', 'ERR_TLS_CERT_ALTNAME_INVALID', () => authority.sign('other.example')],
    [
      'certificate expired',
      'CERT_HAS_EXPIRED',
      () => authority.sign('site.example', { from: new Date(Date.now() - 9 * dayMs), days: 3 }),
    ],
    [
      'certificate not yet valid',
      'CERT_NOT_YET_VALID',
      () => authority.sign('site.example', { from: new Date(Date.now() + dayMs), days: 3 }),
    ],
    ['certificate self-signed', 'DEPTH_ZERO_SELF_SIGNED_CERT', () => authority.selfSigned('site.example')],
  ])('%s: nothing is sent, the chain is shown', async (verdict, code, make) => {
    const url = await secure(make());
    requests = 0;
    const test = await ask(url, {}, here());
    expect(requests).toBe(0);
    expect(test).toMatchObject({ outcome: 'bad', verdict, status: null, error: { code, phase: 'tls' } });
    expect(test.hops[0]?.certificates[0]?.daysLeft).toEqual(expect.any(Number));
    const unchecked = await ask(url, { verifyCertificate: false }, here());
    expect(unchecked).toMatchObject({ outcome: 'good' });
    expect(unchecked.hops[0]?.certificateProblem).toEqual(expect.any(String));
  });

  it('that were sent besides the path that was verified are told, and not judged', async () => {
    const { key, cert } = authority.sign('site.example');
    const url = await secure({ key, cert: cert + authority.crossSigned() });
    const test = await ask(url, { expect: { certificateDays: 14 } }, here());
    expect(test).toMatchObject({ outcome: 'good', problems: [] });
    expect(
      test.hops[0]?.certificates.map(({ subject, isVerified, daysLeft }) => [
        subject,
        isVerified,
        daysLeft < 0,
      ]),
    ).toEqual([
      ['site.example', true, false],
      ['Authority of a test', false, true],
    ]);
  });

  it('of a name with a final dot are asked for without it', async () => {
    const url = (await secure(authority.sign('site.example'))).replace('example:', 'example.:');
    expect(await ask(url, {}, here())).toMatchObject({ outcome: 'good', status: 200 });
  });

  it('that end too soon fail the condition on their days', async () => {
    const test = await ask(
      await secure(authority.sign('site.example')),
      { expect: { certificateDays: 60 } },
      here(),
    );
    expect(test.problems).toContainEqual(
      'The certificate of site.example is valid for 28 more days; expected at least 60.',
    );
  });

  it('of authorities nobody here trusts are refused', async () => {
    const test = await ask(await secure(authority.sign('site.example')), {}, { ...here(), authorities: [] });
    expect(test.verdict).toBe('certificate not trusted');
  });

  it('HTTP/2 is spoken where it is offered, and missed where it is asked for and is not', async () => {
    const site = await listen(
      createSecureServer({ ...authority.sign('site.example'), allowHTTP1: true }, (request, response) => {
        response.end(request.httpVersion);
      }),
    );
    sites.push(site);
    const url = `https://site.example:${site.port}/`;
    const two = await ask(url, { expect: { bodyContains: ['2.0'] } }, here());
    expect(two).toMatchObject({ outcome: 'good', verdict: '200 OK' });
    expect(two.hops[0]?.protocol).toBe('HTTP/2');
    const one = await ask(url, { httpVersion: '1.1', expect: { bodyContains: ['1.1'] } }, here());
    expect(one.hops[0]?.protocol).toBe('HTTP/1.1');
    const missing = await ask(await secure(authority.sign('site.example')), { httpVersion: '2' }, here());
    expect(missing).toMatchObject({ outcome: 'bad', error: { phase: 'tls' } });
  });
});

describe('tries', () => {
  it('end with the first that is as expected; the pause grows, and Retry-After is obeyed', async () => {
    let times = 0;
    const url = await http((_request, response) => {
      times += 1;
      if (times === 1) response.setHeader('retry-after', '1');
      response.statusCode = times < 3 ? 503 : 200;
      response.end();
    });
    const test = await ask(url, { tries: 5, pauseMs: 20 });
    expect(test.tries.map(({ said }) => said)).toEqual([
      '503 Service Unavailable',
      '503 Service Unavailable',
      '200 OK',
    ]);
    expect(test.tries.map(({ pausedMs }) => pausedMs)).toEqual([0, 1_000, 40]);
  });

  it('stop at once when the job is stopped', async () => {
    const stop = new AbortController();
    const url = await raw(() => stop.abort('cancelled'));
    await expect(ask(url, { tries: 3 }, { signal: stop.signal })).rejects.toBe('cancelled');
  });
});
