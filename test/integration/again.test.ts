import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AgainDifference } from '../../src/contract/again.ts';
import type { Capsule } from '../../src/contract/capsule.ts';
import type { Job, JobEvent } from '../../src/contract/job.ts';
import { isEnded } from '../../src/contract/states.ts';
import { adminPassword } from '../support/admin.ts';
import { pollUntil } from '../support/poll.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer({ DAYBOOK_JOB_OPEN_FILES: '64', DAYBOOK_KILL_GRACE_SECONDS: '1' });
});
afterAll(() => server.close());

const scriptPath = (name: string): string => join(server.folder, 'scripts', name);

function writeScript(name: string, text: string): string {
  const whole = `#!/bin/bash\n${text}\n`;
  writeFileSync(scriptPath(name), whole, { mode: 0o755 });
  return whole;
}

async function ended(id: number): Promise<Job> {
  return pollUntil(
    async () => (await server.call('GET', `/api/v1/jobs/${id}`)).json<Job>(),
    ({ state }) => isEnded(state),
  );
}

async function run(body: object): Promise<Job> {
  const answer = await server.call('POST', '/api/v1/jobs', { kind: 'script', ...body });
  expect({ status: answer.status, text: answer.text }).toMatchObject({ status: 201 });
  return ended(answer.json<Job>().id);
}

async function again(id: number, body: object): Promise<Job> {
  const answer = await server.call('POST', `/api/v1/jobs/${id}/again`, body);
  expect({ status: answer.status, text: answer.text }).toMatchObject({ status: 201 });
  return ended(answer.json<Job>().id);
}

const stdout = async ({ id }: Job): Promise<string> =>
  (await server.call('GET', `/api/v1/jobs/${id}/output/stdout`)).text;
const capsuleOf = async ({ id }: Job): Promise<Capsule> =>
  (await server.call('GET', `/api/v1/jobs/${id}/capsule`)).json<Capsule>();
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Older clients may name what is not there. */
async function runAbsent(): Promise<Job> {
  const answer = await server.call('POST', '/task/create', { script: 'absent.sh', arguments: {} });
  return ended(answer.json<Job>().id);
}

describe('the capsule', () => {
  it('says exactly what ran', async () => {
    const text = writeScript('capsule.sh', 'cat; env');
    const job = await run({
      input: { script: 'capsule.sh', arguments: [['-x', '1 2']] },
      env: { LEVEL: 'ä' },
      stdin: 'from stdin',
      limits: { memoryBytes: 2 ** 30 },
      timeoutSeconds: 30,
    });
    const capsule = await capsuleOf(job);
    expect(capsule).toMatchObject({
      jobId: job.id,
      attempt: 1,
      script: { file: scriptPath('capsule.sh'), sha256: sha256(text), text, changed: false, pinned: false },
      argv: [scriptPath('capsule.sh'), '-x', '1', '2'],
      stdin: { sha256: sha256('from stdin'), sizeBytes: 10 },
      secrets: [],
      limits: { memoryBytes: 2 ** 30, openFiles: 64, outputBytes: 2 ** 30, timeoutSeconds: 30 },
      nice: 0,
      nodeVersion: process.version,
    });
    const printed = (await stdout(job)).replace('from stdin', '').trimEnd().split('\n');
    const own = ['_', 'SHLVL', 'PWD', 'OLDPWD', 'DAYBOOK_ATTEMPT_TOKEN'];
    const seen = printed.filter((line) => !own.includes(line.split('=')[0] ?? ''));
    const recorded = Object.entries(capsule.env).filter(([name]) => !own.includes(name));
    expect(recorded.map(([name, value]) => `${name}=${value}`).toSorted()).toEqual(seen.toSorted());
    expect(capsule.env['DAYBOOK_ATTEMPT_TOKEN']).toBe('***');
  });

  it('tells that the script was changed while it ran', async () => {
    const text = writeScript(
      'slow.sh',
      'touch slow.on; until [ -e slow.go ]; do sleep 0.02; done; rm slow.on',
    );
    const answer = await server.call('POST', '/api/v1/jobs', {
      kind: 'script',
      input: { script: 'slow.sh' },
    });
    const { id } = answer.json<Job>();
    await pollUntil(
      async () => (await server.call('GET', `/api/v1/jobs/${id}/capsule`)).status,
      (status) => status === 200,
    );
    rmSync(scriptPath('slow.sh'));
    writeScript('slow.sh', 'echo other');
    writeFileSync(join(server.folder, 'homedir', 'slow.go'), '');
    const job = await ended(id);
    expect(job.state).toBe('succeeded');
    expect((await capsuleOf(job)).script).toMatchObject({ sha256: sha256(text), changed: true });
    const events = (await server.call('GET', `/api/v1/jobs/${id}/events`)).json<{ items: JobEvent[] }>();
    expect(events.items.map(({ name }) => name)).toContain('script changed');
  });

  it('of an attempt that cannot be is refused, or not there', async () => {
    const job = await runAbsent();
    const ask = async (attempt: number): Promise<number> =>
      (await server.call('GET', `/api/v1/jobs/${job.id}/capsule?attempt=${attempt}`)).status;
    expect(await Promise.all([0, 7, 2 ** 31 - 1, 2 ** 31, 2 ** 53 - 1].map(ask))).toEqual([
      400, 404, 404, 400, 400,
    ]);
  });

  it('is not there for a job that started nothing', async () => {
    const job = await runAbsent();
    expect((await server.call('GET', `/api/v1/jobs/${job.id}/capsule`)).status).toBe(404);
  });

  it('keeps the hash, not the text, of a script that is no text or too large', async () => {
    writeFileSync(scriptPath('large.sh'), `#!/bin/bash\nexit 0\n${'#'.repeat(300_000)}\n`, { mode: 0o755 });
    const job = await run({ input: { script: 'large.sh' } });
    expect((await capsuleOf(job)).script).toMatchObject({ text: null, sizeBytes: 300_020 });
    const answer = await server.call('POST', `/api/v1/jobs/${job.id}/again`, { as: 'it-was' });
    expect([answer.status, answer.text]).toEqual([409, expect.stringContaining('larger than what is kept')]);
  });
});

describe('run again', () => {
  it('as it was runs the old text, though the script was changed or removed since', async () => {
    const text = writeScript('twice.sh', 'echo "old $0 $1"; id -u');
    const first = await run({
      input: { script: 'twice.sh', arguments: [['', 'a']] },
      tags: ['mine'],
      nice: 3,
    });
    rmSync(scriptPath('twice.sh'));
    const second = await again(first.id, { as: 'it-was' });
    expect(second).toMatchObject({
      state: 'succeeded',
      againOf: first.id,
      tags: ['mine'],
      nice: 3,
      name: first.name,
    });
    expect(await stdout(second)).toMatch(/^old .*\/twice\.sh a\n/);
    const capsule = await capsuleOf(second);
    expect(capsule.script).toMatchObject({ sha256: sha256(text), text, pinned: true });
    expect(capsule.script?.file).not.toContain(join(server.folder, 'scripts'));
    const third = await again(second.id, { as: 'it-was' });
    expect(await stdout(third)).toBe(await stdout(second));
  });

  it('as it is runs the script of today, and the difference shows what changed', async () => {
    writeScript('today.sh', 'echo same\necho then');
    const first = await run({ input: { script: 'today.sh' } });
    writeScript('today.sh', 'echo same\necho now');
    const compare = (await server.call('GET', `/api/v1/jobs/${first.id}/again`)).json<AgainDifference>();
    expect(compare).toMatchObject({ as: 'it-is', changes: [], script: { name: 'today.sh', runs: 'now' } });
    expect(compare.script?.diff).toContain('-echo then\n+echo now\n');
    expect(await stdout(await again(first.id, {}))).toBe('same\nnow\n');
    expect(await stdout(await again(first.id, { as: 'it-was' }))).toBe('same\nthen\n');
  });

  it('edited says what the edit changes, and a dry run submits nothing', async () => {
    writeScript('edit.sh', 'echo "$LEVEL $1"');
    const first = await run({
      input: { script: 'edit.sh', arguments: [['', 'a']] },
      env: { LEVEL: '1', OTHER: 'x' },
      timeoutSeconds: 60,
    });
    const edit = { input: { arguments: [['', 'b']] }, env: { LEVEL: '2' }, timeoutSeconds: null };
    const dry = await server.call('POST', `/api/v1/jobs/${first.id}/again`, { edit, dryRun: true });
    expect(dry.json<AgainDifference>().changes).toEqual(
      expect.arrayContaining([
        { field: 'input.arguments', before: [['', 'a']], after: [['', 'b']] },
        { field: 'env.LEVEL', before: '1', after: '2' },
        { field: 'timeoutSeconds', before: 60, after: null },
      ]),
    );
    const second = await again(first.id, { edit });
    expect(second.id).toBe(first.id + 1);
    expect(second).toMatchObject({
      env: { LEVEL: '2', OTHER: 'x' },
      timeoutSeconds: null,
      name: 'edit.sh b',
    });
    expect(await stdout(second)).toBe('2 b\n');
  });

  it.each([
    [{ edit: { queue: 'A' } }, 'edit.queue'],
    [{ edit: { colour: 'red' } }, 'edit'],
    [{ edit: { input: { script: '../x' } } }, 'input.script'],
    [{ as: 'it-was', edit: { input: { script: 'other.sh' } } }, 'edit.input.script'],
    [{ as: 'else' }, 'as'],
  ])('%j is refused and names the field', async (body, field) => {
    writeScript('refuse.sh', 'true');
    const { id } = await run({ input: { script: 'refuse.sh' } });
    const answer = await server.call('POST', `/api/v1/jobs/${id}/again`, body);
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining(field)]);
  });
});

describe('the idempotency key of a run again', () => {
  const post = async (id: number, body: object, headers: Record<string, string> = {}): Promise<Posted> => {
    const answer = await server.call('POST', `/api/v1/jobs/${id}/again`, body, headers);
    return { status: answer.status, ...answer.json<Omit<Posted, 'status'>>() };
  };
  interface Posted {
    status: number;
    id: number;
    code: string;
    details: { field: string }[];
  }
  const byHeader = (key: string): Record<string, string> => ({ 'idempotency-key': key });

  it('answers 200 with the first job, as header, as member and in the edit, whatever became of the job', async () => {
    writeScript('once.sh', 'true');
    const { id } = await run({ input: { script: 'once.sh' } });
    const first = await post(id, { edit: { tags: ['b'] } }, byHeader('once more'));
    expect(first.status).toBe(201);
    await server.call('PATCH', `/api/v1/jobs/${id}`, { tags: ['changed'] });
    for (const [body, headers] of [
      [{ edit: { tags: ['b'] } }, byHeader('once more')],
      [{ edit: { tags: ['b'] }, idempotencyKey: 'once more' }, {}],
      [{ edit: { tags: ['b'] }, idempotencyKey: 'once more' }, byHeader('once more')],
      [{ edit: { tags: ['b'], idempotencyKey: 'once more' } }, {}],
    ] as const)
      expect(await post(id, body, headers)).toMatchObject({ status: 200, id: first.id });
    const next = await post(id, { edit: { tags: ['b'] } }, byHeader('another'));
    expect([next.status, next.id]).toEqual([201, first.id + 1]);
  });

  it('is refused for another request, and with two that differ', async () => {
    writeScript('other.sh', 'true');
    const one = await run({ input: { script: 'other.sh' } });
    const two = await run({ input: { script: 'other.sh' } });
    const first = await post(one.id, {}, byHeader('of one'));
    expect(first.status).toBe(201);
    const before = (await server.call('GET', '/api/v1/jobs?limit=1')).json<{ items: Job[] }>().items[0]?.id;
    for (const answer of [
      await post(two.id, {}, byHeader('of one')),
      await post(one.id, { as: 'it-was' }, byHeader('of one')),
      await post(one.id, { edit: { priority: 7 } }, byHeader('of one')),
    ])
      expect(answer).toMatchObject({ status: 409, code: 'idempotency_conflict' });
    const submit = { kind: 'script', input: { script: 'other.sh' }, idempotencyKey: 'of one' };
    expect((await server.call('POST', '/api/v1/jobs', submit)).status).toBe(409);
    for (const body of [{ idempotencyKey: 'x' }, { edit: { idempotencyKey: 'x' } }])
      expect((await post(one.id, body, byHeader('y'))).details[0]?.field).toMatch(/idempotencyKey$/);
    expect((await post(one.id, {}, byHeader('x'.repeat(201)))).details[0]?.field).toBe('Idempotency-Key');
    // A dry run submits nothing, and uses up nothing.
    expect((await post(one.id, { dryRun: true }, byHeader('dry'))).status).toBe(200);
    const after = (await server.call('GET', '/api/v1/jobs?limit=1')).json<{ items: Job[] }>().items[0]?.id;
    expect(after).toBe(before);
    expect((await post(one.id, {}, byHeader('dry'))).status).toBe(201);
  });
});

describe('the command line', () => {
  const cli = (...args: string[]): string =>
    execFileSync(process.execPath, [join(import.meta.dirname, '../../src/main.ts'), ...args], {
      env: {
        PATH: process.env['PATH'],
        DAYBOOK_URL: server.url,
        DAYBOOK_USER: 'admin',
        DAYBOOK_PASSWORD: adminPassword,
      },
      encoding: 'utf8',
    });

  it('shows the difference, runs again, and shows what ran', async () => {
    const text = writeScript('cli.sh', 'echo "then $1 $LEVEL"');
    const first = await run({ input: { script: 'cli.sh', arguments: [['', 'a']] }, env: { LEVEL: '1' } });
    writeScript('cli.sh', 'echo "now $1 $LEVEL"');
    const dry = cli('again', '--dry-run', '-e', 'LEVEL=2', String(first.id));
    expect(dry).toContain('env.LEVEL: "1" → "2"');
    expect(dry).toContain('-echo "then $1 $LEVEL"\n+echo "now $1 $LEVEL"');
    const submitted = cli('again', '-e', 'LEVEL=2', String(first.id), 'b');
    const second = await ended(Number(/^Job (\d+)$/m.exec(submitted)?.[1]));
    expect(second.againOf).toBe(first.id);
    expect(await stdout(second)).toBe('now b 2\n');
    const third = await ended(Number(/\d+/.exec(cli('again', '--as-it-was', String(first.id)))?.[0]));
    expect(await stdout(third)).toBe('then a 1\n');
    expect(cli('capsule', '--script', String(third.id))).toBe(text);
    expect(cli('capsule', String(third.id))).toMatch(
      /^Job \d+, attempt 1\n(.*\n)*script +.* SHA-256 [0-9a-f]{64}; an earlier text, kept by its hash\n(.*\n)*environment\n(.*\n)* {2}DAYBOOK_ATTEMPT_TOKEN=\*\*\*\n/,
    );
    expect(JSON.parse(cli('capsule', '--json', String(third.id)))).toMatchObject({
      script: { pinned: true },
    });
    expect(cli('job', String(third.id))).toMatch(new RegExp(`again of +job ${first.id}`));
  });

  it('makes one job of two calls with one key', async () => {
    writeScript('key.sh', 'true');
    const { id } = await run({ input: { script: 'key.sh' } });
    const again = (): string => cli('again', '--idempotency-key', 'by command', String(id));
    expect(again()).toBe(again());
  });

  it('takes no arguments for a job whose kind has none', async () => {
    const job = await server.call('POST', '/api/v1/jobs', {
      kind: 'url',
      input: { urls: ['http://127.0.0.1:9/'] },
      runAt: '2999-01-01T00:00:00Z',
    });
    const { id } = job.json<Job>();
    expect(() => cli('again', String(id), 'word')).toThrow(
      `Job ${id} is of kind url, which takes no arguments. Run it again without.`,
    );
  });
});
