import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { adminPassword } from '../support/admin.ts';
import { pollUntil } from '../support/poll.ts';
import { startServer, type TestServer } from '../support/server.ts';

const program = join(import.meta.dirname, '../../src/main.ts');

let folder = '';
let server: TestServer;
let port = '';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'daybook-run-'));
  port = String(await freePort());
  server = await startServer({ DAYBOOK_PORT: port, DAYBOOK_LEASE_SECONDS: '2' });
});
afterAll(async () => {
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

const runs = (): string => join(folder, 'runs');
const left = (): string[] => (existsSync(runs()) ? readdirSync(runs()) : []);

afterEach(() => rmSync(runs(), { recursive: true, force: true }));

interface Running {
  child: ChildProcess;
  out: { stdout: string; stderr: string };
  ended: Promise<number | null>;
}

function start(args: readonly string[], env: Record<string, string> = {}): Running {
  const child = spawn(process.execPath, [program, 'run', ...args], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      DAYBOOK_URL: server.url,
      DAYBOOK_USER: 'admin',
      DAYBOOK_PASSWORD: adminPassword,
      DAYBOOK_RUNS: runs(),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const out = { stdout: '', stderr: '' };
  child.stdout.on('data', (bytes: Buffer) => (out.stdout += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (out.stderr += bytes.toString()));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return { child, out, ended };
}

interface Job {
  id: number;
  state: string;
  reason: string | null;
  project: string | null;
  input: { argv: string[]; directory: string };
}

async function jobOf({ out }: Running): Promise<Job> {
  const text = await pollUntil(
    () => out.stderr,
    (one) => /^Job \d+$/m.test(one),
  );
  return readJob(/^Job (\d+)$/m.exec(text)?.[1] ?? '');
}

async function readJob(id: string | number): Promise<Job> {
  return (await server.call('GET', `/api/v1/jobs/${id}`)).json<Job>();
}

async function outputOf(id: number, stream = 'stdout'): Promise<string> {
  return (await server.call('GET', `/api/v1/jobs/${id}/output/${stream}`)).text;
}

async function newestJob(): Promise<Job> {
  const { items } = (await server.call('GET', '/api/v1/jobs?limit=1')).json<{ items: Job[] }>();
  return readJob(items[0]?.id ?? 0);
}

const sh = (script: string): string[] => ['--', 'sh', '-c', script];

describe('daybook run', () => {
  it('shows the output live, ends with the exit code, and records both with command and folder', async () => {
    const gate = join(folder, 'gate');
    const running = start([
      '--project',
      'p1',
      ...sh(`echo first; echo err >&2; while [ ! -e ${gate} ]; do sleep 0.05; done; echo last; exit 7`),
    ]);
    const { id } = await jobOf(running);
    await pollUntil(
      () => outputOf(id),
      (text) => text === 'first\n',
    );
    expect(running.out.stdout).toBe('first\n');
    expect(await readJob(id)).toMatchObject({
      state: 'running',
      project: 'p1',
      input: { directory: folder },
    });
    writeFileSync(gate, '');
    expect(await running.ended).toBe(7);
    expect(running.out.stdout).toBe('first\nlast\n');
    expect(await readJob(id)).toMatchObject({ state: 'failed', reason: 'exit' });
    expect(await outputOf(id)).toBe('first\nlast\n');
    expect(await outputOf(id, 'stderr')).toBe('err\n');
    expect(left()).toEqual([]);
  });

  it('goes on when whoever read it is gone, and is recorded whole with its end', async () => {
    const gone = join(folder, 'gone');
    const running = start(sh(`echo first; until [ -e ${gone} ]; do sleep 0.05; done; seq 2000; echo last`));
    running.child.stdout?.once('data', () => running.child.stdout?.destroy());
    running.child.stdout?.once('close', () => writeFileSync(gone, ''));
    const { id } = await jobOf(running);
    expect(await running.ended).toBe(0);
    expect(await readJob(id)).toMatchObject({ state: 'succeeded' });
    expect((await outputOf(id)).endsWith('1999\n2000\nlast\n')).toBe(true);
    expect(left()).toEqual([]);
  });

  it('tells the command which job it is', async () => {
    const running = start(sh('echo "$DAYBOOK_JOB_ID $DAYBOOK_ATTEMPT"'), { DAYBOOK_JOB_ID: '7' });
    const { id } = await jobOf(running);
    expect(await running.ended).toBe(0);
    expect(running.out.stdout).toBe(`${id} 1\n`);
  });

  it('a program that is not there ends with 127, as in a shell', async () => {
    const running = start(['--', 'no-such-program']);
    expect(await running.ended).toBe(127);
    expect(await jobOf(running)).toMatchObject({ state: 'failed', reason: 'exit' });
  });

  it('passes SIGTERM on, and a cancel ends the command', async () => {
    const stopped = start(sh('trap "exit 9" TERM; echo up; while :; do sleep 0.05; done'));
    await pollUntil(
      () => stopped.out.stdout,
      (text) => text === 'up\n',
    );
    stopped.child.kill('SIGTERM');
    expect(await stopped.ended).toBe(9);

    const cancelled = start(sh('exec sleep 600'));
    const { id } = await jobOf(cancelled);
    await server.call('POST', `/api/v1/jobs/${id}/cancel`);
    expect(await cancelled.ended).toBe(143);
    expect(await readJob(id)).toMatchObject({ state: 'cancelled' });
  });

  it('killed itself, it leaves no job running: the attempt is lost, and what was printed is delivered later', async () => {
    const running = start(sh('echo something; exec sleep 5'));
    const { id } = await jobOf(running);
    await pollUntil(
      () => outputOf(id),
      (text) => text === 'something\n',
    );
    running.child.kill('SIGKILL');
    await pollUntil(
      () => readJob(id),
      ({ state }) => state === 'failed',
    );
    expect(await readJob(id)).toMatchObject({ reason: 'lost' });
    expect(left()).toHaveLength(1);
    const delivered = start(['--deliver']);
    expect(await delivered.ended).toBe(0);
    expect(delivered.out.stdout).toContain(`Job ${id} is delivered: failed (lost)`);
    expect(left()).toEqual([]);
    await running.ended;
  });
});

describe('daybook run without a server', () => {
  const away = { DAYBOOK_URL: 'http://127.0.0.1:9' };

  it('with --offline=refuse runs nothing', async () => {
    const file = join(folder, 'must-not-be');
    const running = start(['--offline=refuse', '--', 'touch', file], away);
    expect(await running.ended).toBe(3);
    expect(existsSync(file)).toBe(false);
    expect(left()).toEqual([]);
  });

  it('one that says no is not the same as none: nothing is run', async () => {
    const file = join(folder, 'must-not-be-either');
    const running = start(['--', 'touch', file], { DAYBOOK_PASSWORD: 'wrong' });
    expect(await running.ended).toBe(5);
    expect(existsSync(file)).toBe(false);
  });

  it('that is stopped in between loses nothing: it is delivered when it is back', async () => {
    const gate = join(folder, 'second-gate');
    const running = start(sh(`echo before; while [ ! -e ${gate} ]; do sleep 0.05; done; echo after; exit 4`));
    const { id } = await jobOf(running);
    server.process.kill('SIGTERM');
    await once(server.process, 'exit');
    writeFileSync(gate, '');
    await pollUntil(
      () => running.out.stdout,
      (text) => text === 'before\nafter\n',
    );
    server = await server.startAgain({ DAYBOOK_PORT: port, DAYBOOK_LEASE_SECONDS: '60' });
    expect(await running.ended).toBe(4);
    expect(await readJob(id)).toMatchObject({ state: 'failed', reason: 'exit' });
    expect(await outputOf(id)).toBe('before\nafter\n');
    expect(left()).toEqual([]);
  });

  it('at the start runs and ends as the command does, and is delivered later with its own times', async () => {
    server.process.kill('SIGTERM');
    await once(server.process, 'exit');
    const running = start(sh('echo offline; exit 5'));
    expect(await running.ended).toBe(5);
    expect(running.out.stdout).toBe('offline\n');
    expect(running.out.stderr).toContain('daybook run --deliver');
    expect(left()).toHaveLength(1);
    server = await server.startAgain({ DAYBOOK_PORT: port });
    const delivered = start(['--deliver']);
    expect(await delivered.ended).toBe(0);
    const job = await newestJob();
    expect(job).toMatchObject({
      state: 'failed',
      reason: 'exit',
      input: { argv: ['sh', '-c', 'echo offline; exit 5'] },
    });
    expect(await outputOf(job.id)).toBe('offline\n');
    const again = start(['--deliver']);
    expect(await again.ended).toBe(0);
    expect(again.out.stderr).toContain('Nothing waits here');
  });

  it('what is kept for another one is named, and stays', async () => {
    expect(await start(['--', 'true'], away).ended).toBe(0);
    const delivering = start(['--deliver']);
    expect(await delivering.ended).toBe(0);
    expect(delivering.out.stderr).toContain(`What waits is for ${away.DAYBOOK_URL} (--url).`);
    expect(left()).toHaveLength(1);
  });
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}
