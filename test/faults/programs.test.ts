import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Attempt, Job } from '../../src/contract/job.ts';
import { createEmptyDatabase, embeddedUrlName, type TestDatabase } from '../support/database.ts';
import type { Client } from '../support/faults/client.ts';
import { Installation } from '../support/faults/installation.ts';
import { pollUntil } from '../support/poll.ts';

const limitBytes = 64 * 1024;
let database: TestDatabase;
let installation: Installation;
let client: Client;

beforeAll(async () => {
  database = await createEmptyDatabase(process.env[embeddedUrlName] ?? '');
  installation = new Installation({ env: { DATABASE_URL: database.url, DAYBOOK_QUEUES: 'default' } });
  ({ client } = await installation.start());
});
afterAll(async () => {
  await installation.close();
  await database.drop();
});

let scripts = 0;

async function submit(body: string, options: Record<string, unknown> = {}): Promise<number> {
  scripts += 1;
  const name = `odd-${scripts}.sh`;
  installation.addScript(name, `#!/bin/bash\n${body}\n`);
  return (await client.submit({ input: { script: name }, ...options })).id;
}

interface Ended {
  job: Job;
  attempt: Attempt;
  stdout: Buffer;
  stderr: Buffer;
}

async function untilEnded(id: number): Promise<Ended> {
  const job = await client.untilEnded(id);
  const [attempt] = await client.attempts(id);
  if (!attempt) throw new Error('it has no attempt');
  return {
    job,
    attempt,
    stdout: await client.download(id, 'stdout'),
    stderr: await client.download(id, 'stderr'),
  };
}

async function run(body: string, options: Record<string, unknown> = {}): Promise<Ended> {
  return untilEnded(await submit(body, options));
}

async function untilThere(name: string): Promise<void> {
  await pollUntil(() => existsSync(join(installation.home(), name)), Boolean);
}

describe('a program that does not end by itself', () => {
  it('and heeds SIGTERM is cancelled by it', async () => {
    const id = await submit('echo begun; touch heeds; sleep 300');
    await untilThere('heeds');
    await client.json('POST', `/api/v1/jobs/${id}/cancel`);
    const { job, attempt, stdout } = await untilEnded(id);
    expect(job).toMatchObject({ state: 'cancelled', reason: null });
    expect(attempt).toMatchObject({ state: 'cancelled', signal: 'SIGTERM', retcode: 143 });
    expect(stdout.toString()).toBe('begun\n');
  });

  it('and ignores SIGTERM is killed after the grace; it counts as cancelled all the same', async () => {
    const id = await submit(`trap '' TERM; echo begun; touch ignores; while :; do sleep 0.05; done`);
    await untilThere('ignores');
    await client.json('POST', `/api/v1/jobs/${id}/cancel`);
    const { job, attempt, stdout } = await untilEnded(id);
    expect(job.state).toBe('cancelled');
    expect(attempt).toMatchObject({ state: 'cancelled', signal: 'SIGKILL', retcode: 143 });
    expect(stdout.toString()).toBe('begun\n');
    expect(installation.processes('program')).toEqual([]);
  });

  it('is ended at its time limit, with retcode 124', async () => {
    const { job, attempt, stdout } = await run('echo begun; sleep 300', { timeoutSeconds: 0.5 });
    expect(job).toMatchObject({ state: 'failed', reason: 'timeout' });
    expect(attempt.retcode).toBe(124);
    expect(stdout.toString()).toBe('begun\n');
  });
});

describe('a program that ends', () => {
  it('and leaves children behind, in its session or another, has them ended', async () => {
    const { job } = await run('sleep 300 & setsid sleep 300 & (sleep 300 > /dev/null 2>&1 &) ; echo done');
    expect(job.state).toBe('succeeded');
    expect(installation.processes('program')).toEqual([]);
  });

  it('with 137 by itself is not taken for one that was killed', async () => {
    const { job, attempt } = await run('exit 137');
    expect(job).toMatchObject({ state: 'failed', reason: 'exit' });
    expect(attempt).toMatchObject({ exitCode: 137, signal: null, retcode: 137 });
  });

  it('by SIGKILL of its own is not taken for one that exited', async () => {
    const { job, attempt } = await run('kill -9 $$');
    expect(job).toMatchObject({ state: 'failed', reason: 'signal' });
    expect(attempt).toMatchObject({ exitCode: null, signal: 'SIGKILL', retcode: 137 });
  });

  it('after it closed its output has all that it printed before', async () => {
    const { job, stdout, stderr } = await run(
      'echo first; echo problem >&2; exec >&- 2>&-; echo nobody hears; exit 0',
    );
    expect(job.state).toBe('succeeded');
    expect(stdout.toString()).toBe('first\n');
    expect(stderr.toString()).toBe('problem\n');
  });

  it('cannot be begun, as there is none: 127, and why on stderr', async () => {
    const { id } = await client.json<{ id: number }>('POST', '/task/create', {
      script: 'absent.sh',
      arguments: {},
    });
    const { job, attempt, stderr } = await untilEnded(id);
    expect(job).toMatchObject({ state: 'failed', reason: 'error' });
    expect(attempt).toMatchObject({ exitCode: 127, retcode: 127 });
    expect(stderr.toString()).toContain('absent.sh: there is no such script');
  });
});

describe('output', () => {
  it.each([
    ['NUL bytes', `printf 'a\\0b\\0\\n'`, Buffer.from('a\0b\0\n')],
    ['bytes that are no UTF-8', `printf '\\377\\376\\303\\n'`, Buffer.from([255, 254, 195, 10])],
    ['a last line without an end', `printf 'one\\ntwo'`, Buffer.from('one\ntwo')],
    ['nothing', 'true', Buffer.alloc(0)],
    ['one line of a megabyte', `head -c 1000000 /dev/zero | tr '\\0' x`, Buffer.alloc(1_000_000, 'x')],
  ])('of %s comes back byte for byte', async (_title, body, expected) => {
    const { job, stdout } = await run(body);
    expect(job.state).toBe('succeeded');
    expect(Buffer.compare(stdout, expected)).toBe(0);
    expect((await client.lines(job.id)).every(({ kind }) => kind === 'text')).toBe(true);
  });

  it('of 100,000 lines at once comes back whole, and each line under its number', async () => {
    const { job, stdout } = await run('seq 0 99999; seq 0 99999 >&2');
    expect(job.state).toBe('succeeded');
    const expected = `${Array.from({ length: 100_000 }, (_, i) => String(i)).join('\n')}\n`;
    expect(stdout.toString() === expected).toBe(true);
    const page = await client.lines(job.id, '&stream=stderr&from=99990');
    expect(page.map(({ line, text }) => `${line}:${text}`)).toEqual(
      Array.from({ length: 10 }, (_, i) => `${99_990 + i}:${99_990 + i}`),
    );
  });

  it('written to /dev/stderr and /dev/stdout arrives like any other', async () => {
    const { job, stdout, stderr } = await run(
      'echo one > /dev/stdout; echo two > /dev/stderr; echo three >> /dev/stderr',
    );
    expect(job.state).toBe('succeeded');
    expect(stdout.toString()).toBe('one\n');
    expect(stderr.toString()).toBe('two\nthree\n');
  });
});

describe('a program that prints more than it may', () => {
  it('is ended for it; the first bytes up to the limit are kept, then comes a gap mark', async () => {
    const limited = new Installation({ env: { DATABASE_URL: database.url, DAYBOOK_OUTPUT_LIMIT: '64KiB' } });
    try {
      // A queue of its own, so that the other worker on this database does not take the job.
      await client.json('PUT', '/api/v1/queues/limited', {});
      const { client: other } = await limited.start(['web', 'worker'], {
        env: { DAYBOOK_QUEUES: 'limited' },
      });
      limited.addScript('loud.sh', '#!/bin/bash\nexec seq 1 100000000\n');
      const { id } = await other.submit({ input: { script: 'loud.sh' }, queue: 'limited' });
      expect(await other.untilEnded(id)).toMatchObject({ state: 'failed', reason: 'limit' });
      const text = (await other.download(id, 'stdout')).toString();
      const [kept = ''] = text.split('\n[daybook: output is missing here');
      const all = Array.from({ length: 20_000 }, (_, i) => `${i + 1}\n`).join('');
      expect(kept.length).toBe(limitBytes);
      expect(all.startsWith(kept)).toBe(true);
      expect(await other.gaps(id)).toEqual([expect.stringContaining('limit of 65536 bytes')]);
    } finally {
      await limited.close();
    }
  });
});
