/**
 * Every door by which a program or a person hands something in gets the largest input that it takes, or one beyond,
 * while somebody asks `/healthz` over and over. The work must be done, and the longest time without an answer must stay
 * below a bound that no busy machine reaches and every freeze exceeds. So this measures no speed: at the time this was
 * written the faults that it stands for kept everybody waiting for half a minute to ten minutes, and for good.
 *
 * A new door is a row.
 */
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Job } from '../../src/contract/job.ts';
import { isEnded } from '../../src/contract/states.ts';
import { printOneLine } from '../support/faults/long-line.ts';
import { pollUntil } from '../support/poll.ts';
import { startServer, type TestAnswer, type TestServer } from '../support/server.ts';
import { listen } from '../support/urls/sites.ts';
import { watchAnswers } from '../support/watch-answers.ts';

/** Two cores with a load of 13 were seen to answer after 3 s; each of the freezes was longer than half a minute. */
const longestSilenceMs = 6_000;

const mebibyte = 1024 * 1024;

let server: TestServer;

beforeAll(async () => {
  server = await startServer({ DAYBOOK_URL_ALLOW: '127.0.0.0/8' });
  writeFileSync(join(server.folder, 'scripts', 'nothing.sh'), '#!/bin/sh\n', { mode: 0o755 });
});

afterAll(() => server.close());

/** Hands in, and gives what is worth a look. @throws when it was not done */
type Door = [name: string, use: () => Promise<void>];

const programs: Door[] = [
  [
    'members of the result, one a line',
    async () => {
      const lines = `for i in range(40000): print('{"daybook":{"result":{"k%d":%d}}}' % (i, i))`;
      const job = await run('results.py', lines);
      expect(Object.keys(job.result as object)).toHaveLength(10_000);
      expect(job.message).toContain('more than is kept');
      expect(await eventsOf(job)).toContainEqual(
        expect.objectContaining({
          name: 'reports left out',
          data: { attempt: 1, members: 30_000, series: 0 },
        }),
      );
    },
  ],
  [
    'a result of many large values',
    async () => {
      const lines = `for i in range(300): print('{"daybook":{"result":{"k%d":"%s"}}}' % (i % 40, 'x' * 50000))`;
      const { result } = await run('large-results.py', lines);
      expect(JSON.stringify(result).length).toBeGreaterThan(mebibyte * 0.9);
      expect(JSON.stringify(result).length).toBeLessThanOrEqual(mebibyte);
    },
  ],
  [
    'reports of great depth',
    async () => {
      const lines = `for name in ['"result":{"deep":', '"result":{"kept":{"deep":', '"series":{"x":', '']:
  print('{"daybook":{' + name + '[' * 20000 + ']' * 20000 + '}' * name.count('{') + '}}')
print('{"daybook":{"result":' + '{"a":' * 9000 + '1' + '}' * 9000 + '}}')
print('{"daybook":{"result":{"kept":' + '[' * 60 + ']' * 60 + '}}}')`;
      const job = await run('depth.py', lines);
      expect(Object.keys(job.result as object)).toEqual(['kept']);
    },
  ],
  [
    'progress',
    async () => {
      const lines = `for i in range(40000): print('{"daybook":{"progress":%f,"message":"at %d"}}' % (i / 40000, i))`;
      expect((await run('progress.py', lines)).progress).toMatchObject({ message: 'at 39999' });
    },
  ],
  [
    'points of one series, and series of many names',
    async () => {
      const lines = `for i in range(20000): print('{"daybook":{"series":{"name":"one","x":%d,"y":1}}}' % i)
for i in range(3000): print('{"daybook":{"series":{"name":"n%d","x":1,"y":1}}}' % i)
print('{"daybook":{"series":{"name":"one","x":%s,"y":%s}}}' % ([7] * 10000, [7] * 10000))`;
      const job = await run('series.py', lines);
      const path = `/api/v1/jobs/${job.id}/series`;
      const { items } = (await server.call('GET', path)).json<{
        items: { name: string; points: number }[];
      }>();
      expect(items).toHaveLength(1_000);
      expect(items.find(({ name }) => name === 'one')?.points).toBe(30_000);
    },
  ],
  [
    'lines that have the mark of a report many times and are none',
    async () => {
      const lines = `for i in range(50): print('[' + ','.join(['"daybook"'] * 20000) + ']')`;
      await run('marks.py', lines);
    },
  ],
  [
    'short lines of both streams in turns',
    async () => {
      const lines = `import os
for i in range(60000): os.write(1 + i % 2, b'x\\n')`;
      await run('turns.py', lines);
    },
  ],
];

const output: Door[] = [
  ['one line of 40 MB, read while it is printed', () => printOneLine(server, 40_000_000)],
  [
    'one line of 100 MB, read in every way',
    async () => {
      const { id } = await run('long-line.py', `for i in range(200): print('needle' + 'x' * 499994, end='')`);
      const path = `/api/v1/jobs/${id}/output`;
      for (const direction of ['forward', 'backward'])
        for (const from of ['0.0', 'end', 'row:0', 'stdout:0', '500.0'])
          await read(`${path}/view?from=${from}&direction=${direction}&lines=2000`);
      for (const stream of ['stdout', 'merged'])
        for (const more of ['from=end', 'find=needle', 'find=needle&direction=backward'])
          await read(`${path}?stream=${stream}&lines=10000&${more}`);
      await read('/api/v1/output?find=needle&lines=100');
      for (const way of ['?stream=stdout&lines=10000', '?lines=10000', '/view?stream=stdout&lines=2000'])
        expect([way, await walk(`${path}${way}`)]).toEqual([way, 100_000_000]);
    },
  ],
];

const files: Door[] = [
  [
    'as many files as a job may have, and far more',
    async () => {
      const headers = { 'content-type': 'application/octet-stream' };
      const ids = await Promise.all(
        Array.from({ length: 100 }, async (_, at) => {
          const answer = await server.call('POST', `/api/v1/files?name=${at}.txt`, `file ${at}`, headers);
          return answer.json<{ id: string }>().id;
        }),
      );
      const list = (count: number, nameOf: (at: number) => string): object[] =>
        Array.from({ length: count }, (_, at) => ({ file: ids[at % 100], name: nameOf(at) }));
      const whole = { ...script, files: list(100, (at) => `${'d'.repeat(100)}/${at}.txt`) };
      const answer = await server.call('POST', '/api/v1/jobs', whole);
      expect([answer.status, answer.status === 201 ? '' : answer.text]).toEqual([201, '']);
      expect((await ended(answer.json<Job>().id)).state).toBe('succeeded');
      await refused('/jobs', { ...script, files: list(100, () => 'same.txt') });
      await refused('/jobs', { ...script, files: list(9_000, (at) => `${at}.txt`) });
    },
  ],
];

const templates: Door[] = [
  [
    'a notification of thousands of places to fill, and of places that are none',
    async () => {
      const fillings = ['{{job.name}}', '{{job.name}} \n', '{{', '{{ ', '{{a', '}}{{', '{{job.name'];
      for (const filling of fillings) {
        const body = filling.repeat(Math.floor(20_000 / filling.length));
        const rule = { name: 'a rule', events: ['failed'], subject: body.slice(0, 300).trim(), body };
        const { status } = await server.call('POST', '/api/v1/notification-rules/preview', rule);
        expect([filling, [200, 400].includes(status)]).toEqual([filling, true]);
      }
      const unknown = { name: 'a rule', events: ['failed'], subject: 'a', body: '{{a.b}}'.repeat(2_800) };
      await refused('/notification-rules/preview', unknown);
    },
  ],
];

const elsewhere: Door[] = [
  [
    'reports of an attempt that runs elsewhere',
    async () => {
      const begun = await server.call('POST', '/api/v1/attempts', {
        key: randomUUID(),
        kind: 'command',
        input: { argv: ['solve'], directory: '/work', host: 'there', user: 'ana' },
        holder: 'somebody',
        startedAt: new Date(Date.now() - 1_000).toISOString(),
      });
      expect([begun.status, begun.status === 201 ? '' : begun.text]).toEqual([201, '']);
      const { jobId, attempt, token } = begun.json<{ jobId: number; attempt: number; token: string }>();
      const at = new Date().toISOString();
      let offset = 0;
      for (let report = 0; report < 5; report += 1) {
        const pieces = Array.from({ length: 1_000 }, (_, piece) => {
          const name = report * 1_000 + piece;
          const lines = Array.from(
            { length: 20 },
            (__, line) =>
              `{"daybook":{"result":{"k${name}.${line}":1},"series":{"name":"n${name}","x":1,"y":1}}}\n`,
          );
          const bytes = Buffer.from(lines.join(''));
          const one = { stream: 'stdout', offset, at, data: bytes.toString('base64') };
          offset += bytes.length;
          return one;
        });
        const path = `/api/v1/jobs/${jobId}/attempts/${attempt}/output`;
        const answer = await server.call('POST', path, { pieces }, { 'attempt-token': token });
        expect([answer.status, answer.status === 200 ? '' : answer.text]).toEqual([200, '']);
      }
      const end = { exitCode: 0, signal: null, endedAt: new Date().toISOString() };
      const path = `/api/v1/jobs/${jobId}/attempts/${attempt}/finish`;
      expect((await server.call('POST', path, end, { 'attempt-token': token })).status).toBe(200);
      expect((await ended(jobId)).state).toBe('succeeded');
      expect((await server.call('GET', `/api/v1/jobs/${jobId}/output/stdout`)).text).toHaveLength(offset);
    },
  ],
];

const requests: Door[] = [
  [
    'one idempotency key by very many at once',
    async () => {
      const body = { ...script, idempotencyKey: 'the same' };
      const answers = await Promise.all(
        Array.from({ length: 500 }, () => server.call('POST', '/api/v1/jobs', body)),
      );
      expect(new Set(answers.map((answer) => answer.json<Job>().id)).size).toBe(1);
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(499);
    },
  ],
  [
    'views of the longest filters',
    async () => {
      for (const text of [
        'a '.repeat(450_000),
        '('.repeat(900_000),
        '-'.repeat(900_000),
        'id:1,'.repeat(150_000),
      ]) {
        const { status, text: said } = await server.call('PUT', '/api/v1/views/long', { filter: text });
        expect([text.slice(0, 5), status, said.length < 100_000]).toEqual([text.slice(0, 5), 400, true]);
      }
    },
  ],
  [
    'a sitemap of as many URLs as are tested, each as long as one may be',
    async () => {
      const entry = (at: number): string =>
        `<url><loc>http://127.0.0.1:9/${at}/${'x'.repeat(1_900)}</loc></url>`;
      const document = `<urlset>${Array.from({ length: 10_000 }, (_, at) => entry(at)).join('')}</urlset>`;
      const site = await listen(createServer((_request, response) => response.end(document)));
      try {
        const input = { sitemap: `http://127.0.0.1:${site.port}/map.xml`, tries: 1 };
        const answer = await server.call('POST', '/api/v1/jobs', { kind: 'url', input });
        expect([answer.status, answer.status === 201 ? '' : answer.text]).toEqual([201, '']);
        const { id } = answer.json<Job>();
        await pollUntil(
          async () => (await server.call('GET', `/api/v1/jobs/${id}/parts?limit=10`)).text,
          (text) => text.includes('"number":1'),
          { deadlineMs: 60_000 },
        );
        await server.call('POST', `/api/v1/jobs/${id}/cancel`);
        await ended(id);
      } finally {
        await site.close();
      }
    },
  ],
  [
    'an import of one job that has the most of everything',
    async () => {
      const submittedAt = '2026-01-02T03:04:05Z';
      const most = (length: number): string => 'ä'.repeat(length);
      const job = {
        source: 'slurm',
        cluster: most(200),
        id: most(200),
        submittedAt,
        startedAt: submittedAt,
        endedAt: submittedAt,
        state: 'failed',
        message: most(2_000),
        exitCode: 255,
        name: most(300),
        owner: most(200),
        host: most(200),
        project: most(200),
        info: most(100_000),
        tags: Array.from({ length: 50 }, (_, at) => `${at}${most(98)}`),
        summary: most(100_000),
        verdict: { text: most(300), tone: 'bad' },
        baseRuns: Array.from({ length: 100 }, (_, at) => `${at}${most(190)}`),
        input: members(9_000),
        stdout: most(4 * mebibyte),
        stderr: 'x\n'.repeat(2 * mebibyte),
      };
      const headers = { 'content-type': 'application/x-ndjson' };
      const { text } = await server.call('POST', '/api/v1/import', `${JSON.stringify(job)}\n`, headers);
      expect(text).toContain('"added"');
      const deep = JSON.stringify({ ...job, id: 'deep', input: 'here' }).replace(
        '"here"',
        `${'['.repeat(500_000)}${']'.repeat(500_000)}`,
      );
      const refusal = await server.call('POST', '/api/v1/import', `${deep}\n`, headers);
      expect([refusal.status, refusal.text]).toEqual([200, expect.stringContaining('nested too deeply')]);
      const endless = await server.call('POST', '/api/v1/import', ' '.repeat(40 * mebibyte), headers);
      expect(endless.status).toBe(413);
    },
  ],
  [
    'a crontab of equal lines',
    async () => {
      const answer = await importCrontab('0 3 * * * nothing.sh\n'.repeat(2_000));
      const items = answer.json<{ items: { name: string | null }[] }>().items;
      expect(new Set(items.map(({ name }) => name)).size).toBe(2_000);
      expect((await importCrontab('0 3 * * * nothing.sh\n'.repeat(40_000))).text).toContain('2000 entries');
    },
  ],
  [
    'a crontab of variables',
    async () => {
      const variables = Array.from({ length: 200 }, (_, at) => `a${at}=1\n`).join('');
      const answer = await importCrontab(`${variables}${'a1=1\na1=2\n0 3 * * * nothing.sh\n'.repeat(300)}`);
      expect(answer.json<{ items: unknown[] }>().items).toHaveLength(300);
      const many = Array.from({ length: 60_000 }, (_, at) => `a${at}=1\n`).join('');
      expect((await importCrontab(many)).status).toBe(400);
    },
  ],
  [
    'a crontab of one line',
    async () => {
      for (const filler of ['%', ' ', "'", '* ', 'a'])
        expect((await importCrontab(`0 3 * * * nothing.sh ${filler.repeat(490_000)}x`)).status).toBe(200);
    },
  ],
  ['JSON of many values', () => refused('/jobs', { ...script, tags: Array(400_000).fill(1) })],
  ['JSON of many members', () => refused('/jobs', { ...script, ...members(9_999) })],
  ['JSON of many variables', () => refused('/jobs', { ...script, env: members(10_000) })],
  ['JSON of great depth', () => refused('/jobs', `${'['.repeat(500_000)}${']'.repeat(500_000)}`)],
  [
    'the longest arguments',
    async () => {
      const input = { script: 'nothing.sh', arguments: [['', 'a '.repeat(40_000)]] };
      const { id } = (await server.call('POST', '/api/v1/jobs', { kind: 'script', input })).json<Job>();
      expect((await ended(id)).state).toBe('succeeded');
    },
  ],
  [
    'a list of URLs',
    async () => {
      const urls = Array.from({ length: 10_000 }, (_, at) => `http://127.0.0.1:9/${at}`);
      const answer = await server.call('POST', '/api/v1/jobs', { kind: 'url', input: { urls } });
      expect(answer.status).toBe(201);
      const { id } = answer.json<Job>();
      await server.call('POST', `/api/v1/jobs/${id}/cancel`);
      await ended(id);
    },
  ],
  [
    'a filter of the longest text',
    async () => {
      for (const text of ['-'.repeat(4_000), 'a,'.repeat(2_000), 'id:1,'.repeat(800), '"'.repeat(4_000)])
        await server.call('GET', `/api/v1/jobs?q=${encodeURIComponent(text)}`);
      const terms = Array.from({ length: 100 }, (_, at) => `-name:*a${at}*`).join(' ');
      expect((await server.call('GET', `/api/v1/jobs?q=${encodeURIComponent(terms)}`)).status).toBe(200);
    },
  ],
  [
    'an import of jobs with much output, and of lines that are none',
    async () => {
      const submittedAt = '2026-01-02T03:04:05Z';
      const job = (at: number, more: object): string =>
        JSON.stringify({
          source: 'slurm',
          id: `${at}`,
          submittedAt,
          state: 'finished',
          name: 'a',
          owner: 'a',
          endedAt: submittedAt,
          ...more,
        });
      const lines = [
        ...Array.from({ length: 3 }, (_, at) => job(at, { stdout: 'x\n'.repeat(2 * mebibyte) })),
        job(10, { stdout: 'x'.repeat(4 * mebibyte) }),
        job(11, members(700_000)),
        job(12, { tags: Array(4_000_000).fill(1) }),
        ...Array.from({ length: 1_000 }, (_, at) => job(100 + at, {})),
        ...Array.from({ length: 1_000 }, () => '{'),
      ];
      const headers = { 'content-type': 'application/x-ndjson' };
      const { text } = await server.call('POST', '/api/v1/import', lines.join('\n'), headers);
      const outcomes = text.trim().split('\n');
      expect(outcomes).toHaveLength(lines.length);
      expect(outcomes.filter((line) => line.includes('"added"'))).toHaveLength(1_004);
    },
  ],
  [
    'a bulk action over all jobs',
    async () => {
      const body = { action: 'tag', tags: Array.from({ length: 50 }, (_, at) => `t${at}`), filter: '' };
      const { job } = (await server.call('POST', '/api/v1/jobs/bulk', body)).json<{ job: number }>();
      expect((await ended(job)).state).toBe('succeeded');
    },
  ],
];

it.each([...programs, ...output, ...files, ...templates, ...elsewhere, ...requests])(
  '%s: done, and everybody else was answered',
  async (_name, use) => {
    const watched = await watchAnswers(`${server.url}/healthz`, use);
    expect(watched.answers).toBeGreaterThan(0);
    expect(watched.longestSilenceMs).toBeLessThan(longestSilenceMs);
  },
  180_000,
);

const script = { kind: 'script', input: { script: 'nothing.sh' } };

interface OutputPage {
  lines: { text: string }[];
  /** Of `/output`. */
  next?: string | null;
  /** Of `/output/view`. */
  after?: string | null;
  hasMore?: boolean;
}

async function read(path: string): Promise<OutputPage> {
  const answer = await server.call('GET', path);
  expect([path, answer.status]).toEqual([path, 200]);
  expect(answer.text.length).toBeLessThan(2 * mebibyte);
  return answer.json<OutputPage>();
}

/** Characters of all pages. */
async function walk(path: string): Promise<number> {
  let characters = 0;
  for (let from: string | null = ''; from !== null;) {
    const page: OutputPage = await read(`${path}${from}`);
    for (const { text } of page.lines) characters += text.length;
    const next: string | null | undefined =
      page.hasMore === undefined ? page.next : page.hasMore ? page.after : null;
    from = next ? `&from=${next}` : null;
  }
  return characters;
}

function members(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, 1]));
}

async function refused(path: string, body: unknown): Promise<void> {
  const { status, text } = await server.call('POST', `/api/v1${path}`, body);
  expect(status).toBe(400);
  expect(text.length).toBeLessThan(100_000);
}

function importCrontab(crontab: string): Promise<TestAnswer> {
  return server.call('POST', '/api/v1/schedules/import', { crontab, dryRun: true });
}

async function run(name: string, lines: string): Promise<Job> {
  writeFileSync(join(server.folder, 'scripts', name), `#!/usr/bin/env python3\n${lines}\n`, { mode: 0o755 });
  const answer = await server.call('POST', '/api/v1/jobs', { kind: 'script', input: { script: name } });
  const job = await ended(answer.json<Job>().id);
  expect(job.state).toBe('succeeded');
  return job;
}

function ended(id: number): Promise<Job> {
  return pollUntil(
    async () => (await server.call('GET', `/api/v1/jobs/${id}`)).json<Job>(),
    ({ state }) => isEnded(state),
    { deadlineMs: 120_000 },
  );
}

async function eventsOf({ id }: Job): Promise<{ name: string; data: unknown }[]> {
  const answer = await server.call('GET', `/api/v1/jobs/${id}/events`);
  return answer.json<{ items: { name: string; data: unknown }[] }>().items;
}
