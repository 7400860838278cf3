import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminAuthorization } from '../support/admin.ts';
import { createEmptyDatabase, embeddedUrlName, type TestDatabase } from '../support/database.ts';
import { DatabaseProxy } from '../support/faults/database-proxy.ts';
import { endProcesses } from '../support/faults/processes.ts';
import { pollUntil } from '../support/poll.ts';
import { startServer, type TestServer } from '../support/server.ts';

let database: TestDatabase;
let proxy: DatabaseProxy;
let server: TestServer;

beforeAll(async () => {
  database = await createEmptyDatabase(process.env[embeddedUrlName] ?? '');
  proxy = await DatabaseProxy.open(database.url);
  server = await startServer({ DATABASE_URL: proxy.url, DAYBOOK_METRICS_OPEN: '1' });
});
afterAll(async () => {
  await server?.close();
  await proxy?.close();
  await database?.drop();
});

async function scrape(): Promise<string> {
  return (await fetch(`${server.url}/metrics`)).text();
}

function valueOf(text: string, sample: string): number {
  const line = text.split('\n').find((one) => one.startsWith(`${sample} `));
  return line === undefined ? 0 : Number(line.slice(sample.length + 1));
}

describe('GET /metrics', () => {
  it('counts what happened: submits, claims, ends by reason, output, requests by pattern', async () => {
    writeFileSync(join(server.folder, 'scripts', 'fails.sh'), '#!/bin/sh\necho something; exit 3\n', {
      mode: 0o755,
    });
    const made = await server.call('POST', '/api/v1/jobs', { kind: 'script', input: { script: 'fails.sh' } });
    const { id } = made.json<{ id: number }>();
    await pollUntil(
      async () => (await server.call('GET', `/api/v1/jobs/${id}`)).json<{ state: string }>().state,
      (state) => state === 'failed',
    );
    const text = await pollUntil(scrape, (one) => one.includes('daybook_jobs_ended_total{'));
    expect(valueOf(text, 'daybook_jobs_submitted_total')).toBe(1);
    expect(valueOf(text, 'daybook_jobs_claimed_total')).toBe(1);
    expect(valueOf(text, 'daybook_jobs_ended_total{kind="script",state="failed",reason="exit"}')).toBe(1);
    expect(valueOf(text, 'daybook_attempt_run_seconds_count{kind="script",state="failed"}')).toBe(1);
    expect(valueOf(text, 'daybook_job_wait_seconds_count{kind="script"}')).toBe(1);
    expect(valueOf(text, 'daybook_output_stored_bytes_total')).toBeGreaterThan(0);
    expect(valueOf(text, 'daybook_launcher_up')).toBe(1);
    expect(text).toContain('route="/api/v1/jobs/:id"');
    expect(text).not.toContain(`route="/api/v1/jobs/${id}"`);
    expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds /m);
    expect(text).toMatch(/^process_resident_memory_bytes /m);
  });

  it('follows the rules of names: seconds, bytes and counters say so', async () => {
    for (const [, name = '', kind] of (await scrape()).matchAll(/^# TYPE (daybook_\S+) (\S+)$/gm)) {
      expect(name).toMatch(/^[a-z_]+$/);
      expect(name.endsWith('_total')).toBe(kind === 'counter');
      expect(name).not.toMatch(/_(ms|millis|minutes|kib|mb)(_|$)/);
    }
  });

  it('while the database is away it answers, with daybook_database_up 0, and recovers', async () => {
    proxy.refuse();
    proxy.cut();
    await pollUntil(scrape, (text) => valueOf(text, 'daybook_database_up') === 0);
    const text = await scrape();
    expect(text).not.toMatch(/^daybook_jobs\{/m);
    expect(valueOf(text, 'daybook_jobs_submitted_total')).toBe(1);
    proxy.forward();
    await pollUntil(scrape, (one) => valueOf(one, 'daybook_database_up') === 1);
  });

  it('a worker without the web interface answers on a port of its own, to whoever has an account', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'daybook-worker-'));
    const port = await freePort();
    const worker = spawn(process.execPath, [join(import.meta.dirname, '../../src/main.ts'), 'worker'], {
      env: {
        PATH: process.env['PATH'],
        DAYBOOK_DATA: folder,
        DATABASE_URL: database.url,
        DAYBOOK_METRICS_PORT: String(port),
        DAYBOOK_MIN_FREE_DISK: '1MiB',
        ...(process.getuid?.() === 0 ? { WORKER_USER: 'root' } : {}),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await once(worker.stdout, 'data');
      const url = `http://127.0.0.1:${port}`;
      expect((await fetch(`${url}/metrics`)).status).toBe(401);
      const answer = await fetch(`${url}/metrics`, { headers: { authorization: adminAuthorization } });
      expect(await answer.text()).toMatch(/^daybook_worker_slots /m);
      expect(
        (await fetch(`${url}/api/v1/jobs`, { headers: { authorization: adminAuthorization } })).status,
      ).toBe(404);
    } finally {
      worker.kill('SIGTERM');
      await once(worker, 'exit');
      await endProcesses(folder);
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}
