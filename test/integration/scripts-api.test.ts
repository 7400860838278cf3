import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../../src/contract/job.ts';
import { isEnded } from '../../src/contract/states.ts';
import { pollUntil } from '../support/poll.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let member: Record<string, string>;

beforeAll(async () => {
  server = await startServer();
  const user = { name: 'ana', password: 'password of ana', role: 'member' };
  expect((await server.call('POST', '/api/v1/users', user)).status).toBe(201);
  member = { authorization: `Basic ${Buffer.from('ana:password of ana').toString('base64')}` };
});

afterAll(() => server.close());

const put = (name: string, text: unknown, headers = {}): ReturnType<TestServer['call']> =>
  server.call('PUT', `/api/v1/scripts/${name}`, { text }, headers);
const folder = (): string[] => readdirSync(join(server.folder, 'scripts'));

async function run(script: string): Promise<string> {
  const { id } = (
    await server.call('POST', '/api/v1/jobs', { kind: 'script', input: { script } })
  ).json<Job>();
  await pollUntil(
    async () => (await server.call('GET', `/api/v1/jobs/${id}`)).json<Job>(),
    ({ state }) => isEnded(state),
  );
  return (await server.call('GET', `/api/v1/jobs/${id}/output/stdout`)).text;
}

describe('a script put over HTTP', () => {
  it('runs at once, and so does its next text', async () => {
    const first = await put('hello.sh', '#!/bin/sh\necho one\n');
    expect([first.status, first.json()]).toMatchObject([
      200,
      { name: 'hello.sh', isExecutable: true, sizeBytes: 19 },
    ]);
    expect(await run('hello.sh')).toBe('one\n');
    await put('hello.sh', '#!/bin/sh\necho two\n');
    expect(await run('hello.sh')).toBe('two\n');
  });

  it('is kept exactly: CRLF, UTF-8, no line end, nothing at all', async () => {
    for (const text of ['#!/bin/sh\r\n: ä 漢 😀\r\n\ttail', '', '\ufeff# with a mark\n']) {
      await put('exact.sh', text);
      expect(readFileSync(join(server.folder, 'scripts', 'exact.sh'), 'utf8')).toBe(text);
      expect((await server.call('GET', '/api/v1/scripts/exact.sh')).json()).toMatchObject({ text });
    }
  });

  it('keeps every version with its author, beyond its removal', async () => {
    await put('history.sh', 'one');
    await put('history.sh', 'two');
    expect((await server.call('DELETE', '/api/v1/scripts/history.sh')).status).toBe(204);
    expect((await server.call('GET', '/api/v1/scripts/history.sh')).status).toBe(404);
    expect((await server.call('DELETE', '/api/v1/scripts/history.sh')).status).toBe(404);
    const { items } = (await server.call('GET', '/api/v1/scripts/history.sh/versions')).json<{
      items: object[];
    }>();
    expect(items).toMatchObject([
      { action: 'delete', text: null, sha256: null, actor: 'admin' },
      { action: 'put', text: 'two', actor: 'admin' },
      { action: 'put', text: 'one', actor: 'admin', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    ]);
    expect(folder()).not.toContain('history.sh');
  });

  it('appears in the list beside the samples', async () => {
    const { items } = (await server.call('GET', '/api/v1/scripts')).json<{ items: { name: string }[] }>();
    expect(items.map(({ name }) => name)).toEqual(expect.arrayContaining(['ls.sh', 'mkdir.sh', 'touch.sh']));
    expect(items.map(({ name }) => name)).toEqual(
      folder()
        .filter((name) => !name.startsWith('.'))
        .toSorted(),
    );
  });
});

describe('what is no script', () => {
  it.each([
    '..%2Fescaped',
    '%2e%2e%2fescaped',
    '.hidden',
    '-rf',
    'a%20b',
    'a%0Ab',
    'a%00b',
    'a%5Cb%2F..',
    '%C3%A4',
    'x'.repeat(201),
  ])('the name %s is refused for reading, writing and removing', async (name) => {
    const before = [folder(), readdirSync(server.folder)];
    const answers = [
      await put(name, 'x'),
      await server.call('GET', `/api/v1/scripts/${name}`),
      await server.call('DELETE', `/api/v1/scripts/${name}`),
    ];
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 400]);
    expect([folder(), readdirSync(server.folder)]).toEqual(before);
  });

  it.each([
    ['that is missing', undefined],
    ['that is a number', 7],
    ['that is null', null],
    ['with a NUL', 'a\0b'],
    ['with half a character', '\ud800'],
    ['that is too long', 'x'.repeat(900_001)],
  ])('a text %s is refused', async (_what, text) => {
    const answer = await put('refused.sh', text);
    expect([answer.status, answer.json()['details']]).toMatchObject([400, [{ field: 'text' }]]);
    expect(folder()).not.toContain('refused.sh');
  });
});

it('a member reads scripts and changes none', async () => {
  writeFileSync(join(server.folder, 'scripts', 'theirs.sh'), 'untouched');
  expect((await server.call('GET', '/api/v1/scripts/theirs.sh', undefined, member)).status).toBe(200);
  expect((await put('theirs.sh', 'mine', member)).status).toBe(403);
  expect((await server.call('DELETE', '/api/v1/scripts/theirs.sh', undefined, member)).status).toBe(403);
  expect(readFileSync(join(server.folder, 'scripts', 'theirs.sh'), 'utf8')).toBe('untouched');
  expect((await server.call('GET', '/api/v1/scripts/theirs.sh/versions')).json()).toEqual({ items: [] });
});
