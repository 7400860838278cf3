import { once } from 'node:events';
import { chmodSync, existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Job } from '../../src/contract/job.ts';
import { pollUntil } from '../support/poll.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let again: TestServer | undefined;

beforeEach(async () => {
  server = await startServer(
    { DAYBOOK_KILL_GRACE_SECONDS: '1', DAYBOOK_LOG_LEVEL: 'info' },
    { args: ['--drain'] },
  );
  again = undefined;
  const path = join(server.folder, 'scripts', 'wait.sh');
  writeFileSync(path, '#!/bin/sh\nwhile [ ! -e go ]; do sleep 0.05; done\nexit 3\n');
  chmodSync(path, 0o755);
});

afterEach(async () => {
  await again?.close();
  await server.close();
});

async function submitRunning(): Promise<number> {
  const { id } = (
    await server.call('POST', '/api/v1/jobs', { kind: 'script', input: { script: 'wait.sh' } })
  ).json<Job>();
  await pollUntil(
    async () => (await server.call('GET', `/api/v1/jobs/${id}`)).json<Job>().state,
    (state) => state === 'running',
  );
  return id;
}

/** The job as the diary has it after the end of the server. */
async function readAfterwards(id: number): Promise<Job> {
  again = await server.startAgain();
  return (await again.call('GET', `/api/v1/jobs/${id}`)).json<Job>();
}

describe('a server that drains', () => {
  it('ends only when what runs has ended, and takes no new work meanwhile', async () => {
    const running = await submitRunning();
    server.process.kill('SIGTERM');
    const later = (
      await server.call('POST', '/api/v1/jobs', { kind: 'script', input: { script: 'ls.sh' } })
    ).json<Job>();
    expect(server.process.exitCode).toBeNull();
    const exited = once(server.process, 'exit');
    writeFileSync(join(server.folder, 'homedir', 'go'), '');
    expect(await exited).toEqual([0, null]);
    expect(await readAfterwards(running)).toMatchObject({ state: 'failed', reason: 'exit', attempt: 1 });
    const waited = await pollUntil(
      async () => (await again?.call('GET', `/api/v1/jobs/${later.id}`))?.json<Job>(),
      (job) => job?.state === 'succeeded',
    );
    expect(waited?.attempt).toBe(1);
  });

  it('ends when its data directory goes away meanwhile, makes nothing in its place, and loses nothing', async () => {
    const running = await submitRunning();
    // A program that is still to be launched would find no home.
    await pollUntil(
      async () => (await server.call('GET', `/api/v1/jobs/${running}/attempts`)).text,
      (text) => /"launchedAt":"/.test(text),
    );
    const exited = once(server.process, 'exit');
    let logged = '';
    server.process.stderr?.on('data', (bytes: Buffer) => (logged += bytes.toString()));
    server.process.kill('SIGTERM');
    await pollUntil(
      () => logged,
      (text) => text.includes('Taking no new work'),
    );
    const away = `${server.folder}.away`;
    renameSync(server.folder, away);
    expect(await exited).toEqual([1, null]);
    expect(logged).toContain(`The data directory ${server.folder} is gone`);
    expect(existsSync(server.folder)).toBe(false);
    renameSync(away, server.folder);
    writeFileSync(join(server.folder, 'homedir', 'go'), '');
    again = await server.startAgain();
    const job = await pollUntil(
      async () => (await again?.call('GET', `/api/v1/jobs/${running}`))?.json<Job>(),
      (one) => one?.state !== 'running',
    );
    expect(job).toMatchObject({ state: 'failed', reason: 'exit', attempt: 1 });
  });

  it('cancels what runs at a second signal', async () => {
    const running = await submitRunning();
    const exited = once(server.process, 'exit');
    let logged = '';
    server.process.stderr?.on('data', (bytes: Buffer) => (logged += bytes.toString()));
    server.process.kill('SIGTERM');
    // Two signals of one moment are one for the kernel, so the first must have been heard.
    await pollUntil(
      () => logged,
      (text) => text.includes('Taking no new work'),
    );
    server.process.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(await readAfterwards(running)).toMatchObject({ state: 'cancelled' });
  });
});
