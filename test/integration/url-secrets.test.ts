/** Named secrets in URL tests: sent where they were meant for, and to be read nowhere afterwards. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Job } from '../../src/contract/job.ts';
import type { JobPart } from '../../src/contract/part.ts';
import type { UrlTest } from '../../src/kinds/url/contract/url-test.ts';
import { createEmptyDatabase, embeddedUrlName, type TestDatabase } from '../support/database.ts';
import { Installation } from '../support/faults/installation.ts';
import type { Client } from '../support/faults/client.ts';
import { findInStores } from '../support/find-in-stores.ts';
import { listen, type Site } from '../support/urls/sites.ts';

const token = 'Tr0ub4dor&3/"quoted"';
const stars = '*'.repeat(token.length);

let database: TestDatabase;
let installation: Installation;
let client: Client;
let sites: Site[] = [];
let bases: string[];
interface Asked {
  site: number;
  path: string;
  authorization: string | undefined;
  agent: string | undefined;
  body: string;
}
let asked: Asked[];
let answer: (request: IncomingMessage, response: ServerResponse, body: string) => void;

beforeAll(async () => {
  database = await createEmptyDatabase(process.env[embeddedUrlName] ?? '');
  const env = { DATABASE_URL: database.url, DAYBOOK_URL_ALLOW: '127.0.0.0/8' };
  installation = new Installation({ env });
  ({ client } = await installation.start());
  await client.json('PUT', '/api/v1/secrets/token', { value: token });
});
afterAll(async () => {
  await installation.close();
  await database.drop();
});

beforeEach(async () => {
  asked = [];
  answer = (_request, response) => response.end('fine');
  sites = await Promise.all(
    [0, 1].map((site) =>
      listen(
        createServer((request, response) => {
          let body = '';
          request.on('data', (chunk: Buffer) => (body += chunk.toString()));
          request.on('end', () => {
            const { authorization, 'user-agent': agent } = request.headers;
            asked.push({ site, path: request.url ?? '', authorization, agent, body });
            answer(request, response, body);
          });
        }),
      ),
    ),
  );
  bases = sites.map(({ port }) => `http://127.0.0.1:${port}`);
});
afterEach(() => Promise.all(sites.map((site) => site.close())));

const bearer = ['Authorization', { secret: 'token', prefix: 'Bearer ' }];

async function test(input: object, by = client): Promise<Job> {
  const body = { kind: 'url', input: { tries: 1, headers: [bearer], ...input } };
  return client.untilEnded((await by.json<{ id: number }>('POST', '/api/v1/jobs', body)).id);
}

async function refusal(input: object, by = client): Promise<string> {
  const reply = await by.ask('POST', '/api/v1/jobs', {
    body: { kind: 'url', input: { urls: ['x.example'], ...input } },
  });
  expect(reply.status).toBe(400);
  return reply.body.toString();
}

const factsOf = async (id: number): Promise<UrlTest> =>
  (await client.read<{ items: (JobPart & { facts: UrlTest })[] }>(`/api/v1/jobs/${id}/parts`)).items[0]
    ?.facts as UrlTest;

describe('a secret in a URL test', () => {
  it('is sent in header and body, and stands in the record by its name', async () => {
    const job = await test({ urls: [bases[0]], method: 'POST', body: { secret: 'token' } });
    expect(job).toMatchObject({
      state: 'succeeded',
      input: { headers: [bearer], body: { secret: 'token' } },
    });
    expect(asked).toMatchObject([{ authorization: `Bearer ${token}`, body: token }]);
    expect(await findInStores(token, { database, folder: installation.folder })).toEqual([]);
  });

  it('that the site echoes is masked in facts, failure, differences, message, output and result', async () => {
    const urls = [`${bases[0]}/echo`];
    const etag = (text: string): string => `"${text.replaceAll(/[^a-z0-9]/gi, '')}"`;
    answer = (_request, response) =>
      response.setHeader('server', 'one').setHeader('etag', etag('x')).end('ok');
    expect((await test({ urls })).state).toBe('succeeded');
    answer = (request, response) => {
      const echo = (request.headers.authorization ?? '').replace('Bearer ', '');
      if (request.url === '/echo') {
        response.writeHead(302, { location: `/there?raw=${echo}&whole=${encodeURIComponent(echo)}` });
        return void response.end();
      }
      // In the header that is cut, and where the kept body is cut: half of it must not stay.
      response.writeHead(599, `said ${'-'.repeat(25)}${echo}`, {
        server: echo,
        etag: `${'e'.repeat(490)}${echo}`,
        'x-long': `${'x'.repeat(3_990)}${echo}`,
      });
      response.end(JSON.stringify({ token: echo, filler: 'y'.repeat(15_935), again: echo }));
    };
    const json = [{ path: '$.token', equals: 'mine' }];
    const job = await test({ urls, expect: { json, headers: [{ name: 'server', contains: 'z' }] } });
    const facts = await factsOf(job.id);
    expect(facts.answer?.body).toContain(`{"token":"${'*'.repeat(token.length + 2)}"`);
    expect(facts.answer?.headers).toContainEqual(['server', stars]);
    expect(facts.differences).toContainEqual({ what: 'server', before: 'one', now: stars });
    expect(facts.hops[0]?.location).toContain(`/there?raw=${'*'.repeat(10)}`);
    expect(job.message).toContain(`The header server is "${stars}"`);
    for (const part of [token, token.slice(0, 8), encodeURIComponent(token).slice(0, 10)]) {
      const everything = [job, facts, (await client.download(job.id, 'stdout')).toString()];
      expect(JSON.stringify(everything)).not.toContain(part);
      expect(await findInStores(part, { database, folder: installation.folder })).toEqual([]);
    }
  });

  it('goes to no origin that only a redirect leads to, not even in a header that others may have', async () => {
    answer = (request, response) => {
      if (request.url === '/out') response.writeHead(307, { location: `${bases[1]}/` });
      response.end();
    };
    const agent = ['User-Agent', { secret: 'token' }];
    expect((await test({ urls: [`${bases[0]}/out`], headers: [bearer, agent] })).state).toBe('succeeded');
    expect(asked).toMatchObject([
      { site: 0, authorization: `Bearer ${token}`, agent: token },
      { site: 1, authorization: undefined, agent: undefined },
    ]);
  });

  it('goes to no origin that only a sitemap names', async () => {
    answer = (request, response) => {
      const map = { '/map.xml': ['sitemap', '/sub.xml'], '/sub.xml': ['url', '/page'] }[request.url ?? ''];
      if (!map) return void response.end();
      const [tag, path] = map;
      const root = tag === 'url' ? 'urlset' : 'sitemapindex';
      response.end(
        `<${root}>${bases.map((base) => `<${tag}><loc>${base}${path}</loc></${tag}>`).join('')}</${root}>`,
      );
    };
    expect(await test({ sitemap: `${bases[0]}/map.xml` })).toMatchObject({ state: 'succeeded' });
    const given = asked.map(
      ({ site, path, authorization }) => `${site} ${path} ${authorization !== undefined}`,
    );
    expect(given.toSorted()).toEqual([
      '0 /map.xml true',
      '0 /page true',
      '0 /sub.xml true',
      '1 /page false',
      '1 /sub.xml false',
    ]);
    asked.length = 0;
    await test({ sitemap: `${bases[0]}/map.xml`, method: 'POST', body: { secret: 'token' } });
    expect(asked.filter(({ body }) => body !== '').map(({ site }) => site)).toEqual([0]);
    expect(asked.some(({ site, path }) => site === 1 && path === '/page')).toBe(false);
  });

  it('that is unknown, or not for this user, is refused by the name of its field', async () => {
    expect(
      await refusal({
        headers: [
          ['x', 'y'],
          ['z', { secret: 'absent' }],
        ],
      }),
    ).toContain('input.headers.1.1: there is no secret');
    expect(await refusal({ body: { secret: 'absent' } })).toContain('input.body: there is no secret');
    await client.json('POST', '/api/v1/users', { name: 'ana', password: 'password of ana' });
    await client.json('PUT', '/api/v1/secrets/for-ana', { value: 'long enough', users: ['ana'] });
    expect(await refusal({ headers: [['z', { secret: 'for-ana' }]] })).toContain(
      'input.headers.0.1: admin may not use the secret',
    );
    expect(asked).toEqual([]);
  });

  it('that somebody may no longer use when the job begins fails it, and nothing is asked', async () => {
    await client.json('PUT', '/api/v1/secrets/passing', { value: 'long enough' });
    const runAt = new Date(Date.now() + 1_000).toISOString();
    const input = { urls: bases, headers: [['x', { secret: 'passing' }]] };
    const { id } = await client.json<{ id: number }>('POST', '/api/v1/jobs', { kind: 'url', input, runAt });
    await client.json('PUT', '/api/v1/secrets/passing', { value: 'long enough', users: ['ana'] });
    expect(await client.untilEnded(id)).toMatchObject({
      state: 'failed',
      reason: 'error',
      message: expect.stringContaining('admin may not use the secret "passing"'),
    });
    expect(asked).toEqual([]);
  });

  it('that cannot be a header says so, without its value', async () => {
    await client.json('PUT', '/api/v1/secrets/lines', { value: 'line one\nline two' });
    const job = await test({ urls: [bases[0]], headers: [['x', { secret: 'lines' }]] });
    expect(job).toMatchObject({
      state: 'failed',
      message: 'input.headers.0.1: the secret "lines" contains what no header may contain.',
    });
    expect(asked).toEqual([]);
  });

  it('is the one of the owner of a schedule, asked for when it is saved', async () => {
    const submit = { kind: 'url', input: { urls: [bases[0]], headers: [['x', { secret: 'absent' }]] } };
    const reply = await client.ask('POST', '/api/v1/schedules', {
      body: { name: 'watch', cron: '0 0 1 1 *', submit },
    });
    expect([reply.status, reply.body.toString()]).toEqual([
      400,
      expect.stringContaining('input.headers.0.1'),
    ]);
  });
});
