/** Starts Daybook the way `npm start` does, on an empty data directory, for a bench. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { endProcesses } from '../test/support/faults/processes.ts';
import type { DatabaseChoice } from './harness.ts';
import { createBenchDatabase } from './postgres.ts';

const password = 'the admin of a bench';

export interface BenchServer {
  url: string;
  authorization: string;
  folder: string;
  process: ChildProcess;
  /** From the start of the process to its ready line. */
  startMs: number;
  call<T = unknown>(method: string, path: string, body?: unknown): Promise<T>;
  /** Ends the server and its launcher; keeps the data when asked to. */
  close(options?: { keepsData: boolean }): Promise<void>;
}

export interface BenchServerOptions {
  database: DatabaseChoice;
  env?: Record<string, string>;
  /** Instead of src/main.ts; is told the same way. */
  entry?: string;
  /** Data of an earlier life. */
  folder?: string;
}

export async function startServer({
  database,
  env = {},
  entry = join(import.meta.dirname, '../src/main.ts'),
  ...options
}: BenchServerOptions): Promise<BenchServer> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'daybook-bench-'));
  chmodSync(folder, 0o755);
  const made = database === 'server' ? await createBenchDatabase() : null;
  const startedAt = performance.now();
  const child = spawn(process.execPath, [entry, 'serve'], {
    env: {
      PATH: process.env['PATH'],
      DAYBOOK_DATA: folder,
      DAYBOOK_PORT: '0',
      DAYBOOK_FTP_PORT: 'off',
      DAYBOOK_ADMIN_PASSWORD: password,
      DAYBOOK_LOG_LEVEL: 'warn',
      DAYBOOK_MIN_FREE_DISK: '1MiB',
      WORKER_ALLOW_SHELL: '1',
      // The plain path: whoever runs the bench runs the programs.
      ...(process.getuid?.() === 0 ? { WORKER_USER: 'root' } : {}),
      ...(made ? { DATABASE_URL: made.url } : {}),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await readyUrl(child);
  const startMs = performance.now() - startedAt;
  const agent = new Agent({ keepAlive: true });
  const authorization = `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`;
  return {
    url,
    authorization,
    folder,
    process: child,
    startMs,
    call: <T>(method: string, path: string, body?: unknown) =>
      callJson(`${url}/api/v1${path}`, { method, agent, authorization, body }) as Promise<T>,
    close: async ({ keepsData } = { keepsData: false }) => {
      agent.destroy();
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      await endProcesses(folder);
      if (!keepsData) rmSync(folder, { recursive: true, force: true });
      await made?.drop();
    },
  };
}

/** Submits everything, some at a time. @returns the ids, in the order of the bodies */
export async function submitAll(server: BenchServer, bodies: readonly unknown[]): Promise<number[]> {
  const ids: number[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: 50 }, async () => {
      while (next < bodies.length) {
        const index = next++;
        const { id } = await server.call<{ id: number }>('POST', '/jobs', bodies[index]);
        ids[index] = id;
      }
    }),
  );
  return ids;
}

/** Lets the queue go and resolves with the milliseconds until nothing is queued or runs any more. */
export async function drainDefaultQueue(server: BenchServer): Promise<number> {
  const startedAt = performance.now();
  await server.call('PUT', '/queues/default', { paused: false });
  for (;;) {
    const { items } = await server.call<{ items: { queued: number; running: number }[] }>('GET', '/queues');
    if (items.every(({ queued, running }) => queued === 0 && running === 0))
      return performance.now() - startedAt;
    await delay(20);
  }
}

export async function untilEnded(server: BenchServer, id: number): Promise<{ state: string }> {
  for (;;) {
    const job = await server.call<{ state: string }>('GET', `/jobs/${id}`);
    if (!['queued', 'running', 'waiting', 'scheduled'].includes(job.state)) return job;
    await delay(10);
  }
}

/** fetch costs a millisecond of its own; a bench of latency cannot have that. */
function callJson(
  url: string,
  {
    method,
    agent,
    authorization,
    body,
  }: { method: string; agent: Agent; authorization: string; body: unknown },
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = { authorization, ...(text === undefined ? {} : { 'content-type': 'application/json' }) };
    const call = request(url, { method, agent, headers }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (bytes: Buffer) => parts.push(bytes));
      response.on('error', reject);
      response.on('end', () => {
        const answer = Buffer.concat(parts).toString();
        if ((response.statusCode ?? 500) < 300) resolve(answer === '' ? null : JSON.parse(answer));
        else reject(new Error(`${method} ${url}: ${response.statusCode} ${answer}`));
      });
    });
    call.on('error', reject);
    call.end(text);
  });
}

async function readyUrl(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('the server has no output');
  for await (const line of createInterface({ input: child.stdout })) {
    const match = /ready at (\S+)/.exec(line);
    if (match?.[1]) return match[1];
  }
  throw new Error('the server did not start');
}
