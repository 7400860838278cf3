/**
 * BullMQ: jobs that run /bin/true, exit code and output returned, so that Redis keeps them; and the idle handler, bare or
 * with the program of BENCH_PROGRAM.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Queue, Worker } from 'bullmq';
import { serve } from './serve.mjs';

const name = `bench-${randomUUID()}`;
const connection = { host: '127.0.0.1', port: 6379, maxRetriesPerRequest: null };
const queue = new Queue(name, { connection });
const concurrency = Number(process.env.BENCH_CONCURRENCY ?? 16);

let left = 0;
let allDone = () => {};
let handled = () => {};

const handlers = {
  true: () => run('/bin/true'),
  program: async () => handled(BigInt((await run(process.env.BENCH_PROGRAM)).stdout)),
  now: () => handled(process.hrtime.bigint()),
};

const worker = new Worker(name, (job) => handlers[job.name](), {
  connection,
  concurrency,
});
worker.on('completed', () => {
  left -= 1;
  if (left === 0) allDone();
});
await worker.waitUntilReady();

await serve(
  {
    drain: async (count) => {
      await worker.pause();
      for (let rest = count; rest > 0; rest -= 1000)
        await queue.addBulk(Array.from({ length: Math.min(rest, 1000) }, () => ({ name: 'true', data: {} })));
      left = count;
      const done = new Promise((resolve) => (allDone = resolve));
      const begin = performance.now();
      void worker.resume();
      await done;
      return count / ((performance.now() - begin) / 1000);
    },
    latency: (samples) => delays('now', samples),
    program: (samples) => delays('program', samples),
  },
  async () => {
    await worker.close();
    await queue.obliterate({ force: true });
    await queue.close();
  },
);

async function delays(job, samples) {
  const found = [];
  for (let sample = 0; sample < samples; sample += 1) {
    await delay(30);
    const begun = new Promise((resolve) => (handled = resolve));
    const begin = process.hrtime.bigint();
    await queue.add(job, {});
    found.push(Number((await begun) - begin) / 1e6);
  }
  return found;
}

function run(program) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, { stdio: ['ignore', 'pipe', 'pipe'] });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (bytes) => (output.stdout += bytes));
    child.stderr.on('data', (bytes) => (output.stderr += bytes));
    child.on('error', reject);
    child.on('close', (exitCode, signal) => resolve({ exitCode, signal, ...output }));
  });
}
