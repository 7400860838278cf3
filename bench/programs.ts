/**
 * Goal 2 of the performance page, first half: jobs that run /bin/true, each with its full record (submit, claim, exit
 * code, times, output positions) in the embedded database with fsync on, against the raw limit: as many C loops of
 * posix_spawn and waitpid as workers elsewhere, nothing recorded. Alternates the two and prints the ratio of the
 * medians.
 *
 *     npm run bench -- [jobs] [rounds] [slots]
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [jobs = 4000, rounds = 5, slots = 32] = process.argv.slice(2).map(Number);
const loops = 4;
const password = 'bench password';
const folder = mkdtempSync(join(tmpdir(), 'daybook-bench-'));
chmodSync(folder, 0o755);
const loop = join(folder, 'spawn-loop');
execFileSync('gcc', ['-O2', '-o', loop, join(import.meta.dirname, 'spawn-loop.c')]);

const server = spawn('node', [join(import.meta.dirname, '../src/main.ts'), 'serve'], {
  env: {
    PATH: process.env['PATH'],
    DAYBOOK_DATA: join(folder, 'data'),
    DAYBOOK_PORT: '0',
    DAYBOOK_SLOTS: String(slots),
    DAYBOOK_ADMIN_PASSWORD: password,
    WORKER_ALLOW_SHELL: '1',
    // The plain path: whoever runs the bench runs the programs.
    ...(process.getuid?.() === 0 ? { WORKER_USER: 'root' } : {}),
  },
  stdio: ['ignore', 'pipe', 'inherit'],
});

try {
  const url = await readyUrl();
  const headers = {
    authorization: `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`,
    'content-type': 'application/json',
  };
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };

  const ours: number[] = [];
  const limits: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const limit = await limitRate();
    const rate = await oursRate(call);
    limits.push(limit);
    ours.push(rate);
    console.log(
      `jobs ${rate.toFixed(0)}/s  C loops ${limit.toFixed(0)}/s  ratio ${(rate / limit).toFixed(2)}`,
    );
  }
  const ratio = median(ours) / median(limits);
  console.log(
    `Node ${process.version}, ${availableParallelism()} cores, PostgreSQL embedded, fsync on, ${jobs} jobs of /bin/true in ${slots} slots, ` +
      `recorded in full: median ${median(ours).toFixed(0)}/s; ${loops} C loops ${median(limits).toFixed(0)}/s; ratio ${ratio.toFixed(2)} (goal 0.75)`,
  );
} finally {
  server.kill('SIGTERM');
  await once(server, 'exit');
  rmSync(folder, { recursive: true, force: true });
}

type Call = (method: string, path: string, body?: unknown) => Promise<unknown>;

/** Submits into a paused queue, then counts from its release to the end of the last job. */
async function oursRate(call: Call): Promise<number> {
  await call('PUT', '/queues/default', { paused: true });
  const submits = Array.from({ length: jobs }, () => ({ kind: 'script', input: { script: 'true' } }));
  await Promise.all(
    Array.from({ length: 50 }, async () => {
      for (let job = submits.pop(); job; job = submits.pop()) await call('POST', '/jobs', job);
    }),
  );
  const startedAt = performance.now();
  await call('PUT', '/queues/default', { paused: false });
  for (;;) {
    const { items } = (await call('GET', '/queues')) as { items: { queued: number; running: number }[] };
    if (items.every(({ queued, running }) => queued === 0 && running === 0)) break;
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
  return jobs / ((performance.now() - startedAt) / 1000);
}

async function limitRate(): Promise<number> {
  const startedAt = performance.now();
  const each = Math.ceil(jobs / loops);
  await Promise.all(
    Array.from({ length: loops }, async () => {
      const child = spawn(loop, [String(each)], { stdio: 'ignore' });
      const [code] = (await once(child, 'exit')) as [number];
      if (code !== 0) throw new Error(`the C loop ended with ${code}`);
    }),
  );
  return (each * loops) / ((performance.now() - startedAt) / 1000);
}

async function readyUrl(): Promise<string> {
  for await (const line of createInterface({ input: server.stdout })) {
    const match = /ready at (\S+)/.exec(line);
    if (match?.[1]) return match[1];
  }
  throw new Error('the server did not start');
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
