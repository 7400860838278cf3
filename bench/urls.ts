/**
 * URL tests against an nginx on this machine, in one job and in many, as a ratio to a bare loop of node:http requests
 * at the same concurrency. The loop opens a connection for each request, as a test must: a kept one has no connect
 * phase. nginx answers 612 bytes; what is measured is the asking.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Job } from '../src/contract/job.ts';
import { findFreePort } from '../test/support/faults/server.ts';
import { alternate, atLeast, atMost, type Bench, missing } from './harness.ts';
import { type BenchServer, startServer } from './server.ts';

const concurrency = 20;

export const urlsBench: Bench = {
  name: 'urls',
  goals: 'URL',
  summary: 'URL tests against nginx, in one job and in many, against a bare loop of requests',
  count: 5_000,
  usesDatabase: false,
  run: async ({ count, rounds, database }) => {
    const nginx = await startNginx();
    if (!nginx) {
      missing('nginx', 'apt-get install nginx-light');
      return [];
    }
    const server = await startServer({
      database,
      env: { DAYBOOK_URL_ALLOW: '127.0.0.0/8', DAYBOOK_SLOTS: String(concurrency) },
    });
    try {
      const rates = await alternate(
        {
          bare: () => bareLoop(nginx.url, count),
          'bare, connections kept': () => bareLoop(nginx.url, count, true),
          'one job': () => inOneJob(server, nginx.url, count),
          'many jobs': () => inManyJobs(server, nginx.url, Math.ceil(count / 5)),
        },
        { rounds, unit: 'tests/s' },
      );
      const before = rssMib(server);
      await inOneJob(server, nginx.url, count);
      const grownMib = Math.max(0, rssMib(server) - before);
      const peer = `bare loop, ${concurrency} at once`;
      const bare = rates['bare'] ?? null;
      const base = { goal: 'URL', unit: 'tests/s', peer, theirs: bare };
      return [
        { ...base, what: 'URL tests in one job', ours: rates['one job'] ?? Number.NaN, wanted: atLeast(0.7) },
        {
          ...base,
          what: 'the same, the loop keeping its connections',
          ours: rates['one job'] ?? Number.NaN,
          theirs: rates['bare, connections kept'] ?? null,
          wanted: null,
        },
        { ...base, what: 'URL tests, a job each', ours: rates['many jobs'] ?? Number.NaN, wanted: null },
        {
          goal: 'URL',
          what: 'memory grown by 1000 URLs of one more job',
          unit: 'MiB',
          ours: grownMib / (count / 1_000),
          peer: null,
          theirs: null,
          wanted: atMost(2),
        },
      ];
    } finally {
      await server.close();
      await nginx.close();
    }
  },
};

/** @param isKept connections serve many requests, as no test can */
async function bareLoop(url: string, count: number, isKept = false): Promise<number> {
  const agent = new Agent({ keepAlive: isKept, ...(isKept ? { maxSockets: concurrency } : {}) });
  const startedAt = performance.now();
  let next = 0;
  const loop = async (): Promise<void> => {
    while (next < count) {
      next += 1;
      await ask(`${url}/?${next}`, agent);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, loop));
  return count / ((performance.now() - startedAt) / 1_000);
}

function ask(url: string, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    request(url, { agent }, (answer) => answer.resume().on('end', resolve).on('error', reject))
      .on('error', reject)
      .end();
  });
}

async function inOneJob(server: BenchServer, url: string, count: number): Promise<number> {
  const urls = Array.from({ length: count }, (_, n) => `${url}/?${n}`);
  const { id } = await server.call<Job>('POST', '/jobs', {
    kind: 'url',
    input: { urls, concurrency, perHost: concurrency },
  });
  for (;;) {
    await delay(50);
    const job = await server.call<Job>('GET', `/jobs/${id}`);
    if (job.endedAt === null) continue;
    if (job.state !== 'succeeded') throw new Error(job.message ?? job.state);
    return count / ((Date.parse(job.endedAt) - Date.parse(job.startedAt ?? '')) / 1_000);
  }
}

async function inManyJobs(server: BenchServer, url: string, count: number): Promise<number> {
  await server.call('PUT', '/queues/default', { paused: true });
  for (let at = 0; at < count; at += 100)
    await Promise.all(
      Array.from({ length: Math.min(100, count - at) }, (_, n) =>
        server.call('POST', '/jobs', { kind: 'url', input: { urls: [`${url}/?${at + n}`] } }),
      ),
    );
  const startedAt = performance.now();
  await server.call('PUT', '/queues/default', { paused: false });
  for (;;) {
    await delay(50);
    const { items } = await server.call<{ items: Job[] }>('GET', '/jobs?q=state:queued,running&limit=1');
    if (items.length === 0) return count / ((performance.now() - startedAt) / 1_000);
  }
}

function rssMib({ process: { pid } }: BenchServer): number {
  const [, kib = '0'] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1024;
}

interface Nginx {
  url: string;
  close(): Promise<void>;
}

/** Null where there is none. */
async function startNginx(): Promise<Nginx | null> {
  const folder = mkdtempSync(join(tmpdir(), 'daybook-nginx-'));
  const port = await findFreePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; pid ${folder}/pid; error_log stderr error; worker_processes 1;
events { worker_connections 1024; }
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
  server { listen 127.0.0.1:${port}; location / { return 200 "${'x'.repeat(611)}\\n"; } }
}
`,
  );
  const child = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { PATH: `${process.env['PATH']}:/usr/sbin` },
  });
  const failed = once(child, 'error').then(() => null);
  const url = `http://127.0.0.1:${port}`;
  const started = await Promise.race([failed, untilAnswered(url, child)]);
  if (started === null) {
    rmSync(folder, { recursive: true, force: true });
    return null;
  }
  return {
    url,
    close: async () => {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function untilAnswered(url: string, child: ChildProcess): Promise<true> {
  for (;;) {
    const answered = await fetch(url).then(
      () => true,
      () => false,
    );
    if (answered) return true;
    if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}`);
    await delay(20);
  }
}
