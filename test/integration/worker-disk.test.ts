import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Job } from '../../src/contract/job.ts';
import { isEnded } from '../../src/contract/states.ts';
import { pollUntil } from '../support/poll.ts';
import { startServer, type TestServer } from '../support/server.ts';

const body = { kind: 'script', input: { script: 'say.sh' } };

function writeScript(server: TestServer): void {
  writeFileSync(join(server.folder, 'scripts', 'say.sh'), '#!/bin/sh\necho said\n', { mode: 0o755 });
}

it('a worker with too little free space says so and takes nothing', async () => {
  const server = await startServer({ DAYBOOK_MIN_FREE_DISK: '8000TiB' });
  try {
    writeScript(server);
    const { id } = (await server.call('POST', '/api/v1/jobs', body)).json<Job>();
    const worker = async (): Promise<{ problem: string | null } | undefined> =>
      (await server.call('GET', '/api/v1/workers')).json<{ items: { problem: string | null }[] }>().items[0];
    const found = await pollUntil(worker, (one) => one?.problem !== null);
    expect(found).toMatchObject({
      state: 'active',
      problem: expect.stringMatching(/^Only \d+ MiB are free/),
    });
    expect((await server.call('GET', `/api/v1/jobs/${id}`)).json()).toMatchObject({
      state: 'queued',
      attempt: 0,
    });
  } finally {
    await server.close();
  }
});

it('a job ends as it did though the copies of its output cannot be written, and the log says so', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'daybook-copies-'));
  writeFileSync(join(folder, 'file'), 'a file, no directory');
  const server = await startServer({
    WORKER_STDOUT_PATH: join(folder, 'file', 'out'),
    WORKER_STDERR_PATH: join(folder, 'errors'),
  });
  try {
    writeScript(server);
    let log = '';
    server.process.stderr?.on('data', (bytes: Buffer) => (log += bytes.toString()));
    const { id, uid } = (await server.call('POST', '/api/v1/jobs', body)).json<Job>();
    const job = await pollUntil(
      async () => (await server.call('GET', `/api/v1/jobs/${id}`)).json<Job>(),
      ({ state }) => isEnded(state),
    );
    expect(job).toMatchObject({ state: 'succeeded', message: null });
    expect((await server.call('GET', `/api/v1/jobs/${id}/output/stdout`)).text).toBe('said\n');
    expect(readdirSync(join(folder, 'errors'))).toEqual([`${uid}_stderr.log`]);
    await pollUntil(
      () => log,
      (text) => text.includes('could not be written'),
    );
  } finally {
    await server.close();
    rmSync(folder, { recursive: true });
  }
});
