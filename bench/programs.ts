/**
 * Goals 2 and 3: jobs that run /bin/true. Ours are recorded in full (submit, claim, exit code, times, CPU and memory,
 * output positions, capsule), on the plain path (the programs run as whoever runs the server) and isolated (as nobody).
 * Against the raw limit, C loops of posix_spawn and waitpid that record nothing (the best of one, two and four), and against what people would
 * use else: each runs /bin/true with its output captured; what they keep of it is said with each.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bestLoops, loopSides } from './c-loops.ts';
import { compile } from './compile.ts';
import { alternate, atLeast, type Bench, type Figure, say, type Side, type Wanted } from './harness.ts';
import { celeryPeer, nodePeer, packageVersion, type Peer, pythonPeer } from './peers.ts';
import { createBenchDatabase } from './postgres.ts';
import { type BenchServer, drainDefaultQueue, startServer, submitAll } from './server.ts';

const slots = 32;

/** By the name of the side they belong to. */
const rows: readonly (Pick<Figure, 'goal' | 'peer'> & { side: string; wanted: Wanted })[] = [
  { goal: '2', side: 'celery', peer: 'Celery -c 4, RabbitMQ, no results', wanted: atLeast(1.25) },
  { goal: '3', side: 'bullmq', peer: 'BullMQ, 16 at once', wanted: atLeast(3) },
  { goal: '3', side: 'celery+db', peer: 'Celery -c 4, results in PostgreSQL', wanted: atLeast(4) },
  { goal: '3', side: 'rq', peer: 'RQ, four workers', wanted: atLeast(12) },
];

/** Of the best of the C loops. */
const loopGoals = { plain: atLeast(0.75), isolated: atLeast(0.4) };

export const programsBench: Bench = {
  name: 'programs',
  goals: '2, 3',
  summary: 'jobs that run /bin/true, against C loops, Celery, BullMQ and RQ',
  count: 2_000,
  usesDatabase: true,
  run: async ({ count, rounds, database }) => {
    const folder = mkdtempSync(join(tmpdir(), 'daybook-bench-'));
    const loop = compile('spawn-loop', folder);
    const plain = await startServer({ database, env: { DAYBOOK_SLOTS: String(slots) } });
    const isolated =
      process.getuid?.() === 0
        ? await startServer({ database, env: { DAYBOOK_SLOTS: String(slots), WORKER_USER: 'nobody' } })
        : null;
    const results = await createBenchDatabase().catch(() => null);
    const bullmq = nodePeer('bullmq');
    const celery = celeryPeer();
    const celeryDb = results && celeryPeer({ BENCH_RESULTS: toSqlAlchemy(results.url) });
    const rq = pythonPeer('rq_peer', { modules: ['rq', 'redis'], packages: 'python3-rq redis-server' });
    const drain = (peer: Peer | null, jobs = count): Side | undefined =>
      peer === null ? undefined : () => peer.ask<number>(`drain ${jobs}`);
    try {
      if (bullmq)
        say(`  ${packageVersion('bullmq')}, Redis as Debian sets it up (snapshots, no log of appends)`);
      say(`  Daybook: ${slots} slots, everything durable`);
      const sides = {
        Daybook: () => ourRate(plain, count),
        isolated: isolated ? () => ourRate(isolated, count) : undefined,
        ...loopSides(loop, count),
        celery: drain(celery),
        bullmq: drain(bullmq),
        'celery+db': drain(celeryDb),
        // Far slower than the others.
        rq: drain(rq, Math.ceil(count / 10)),
      };
      for (const warm of [plain, isolated]) if (warm) await ourRate(warm, 500);
      const rates = await alternate(present(sides), { rounds, unit: 'jobs/s' });
      return toFigures(rates);
    } finally {
      await Promise.all([bullmq?.close(), celery?.close(), celeryDb?.close(), rq?.close()]);
      await plain.close();
      await isolated?.close();
      await results?.drop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

function toFigures(rates: Record<string, number>): Figure[] {
  const plain = rates['Daybook'] ?? Number.NaN;
  const { isolated } = rates;
  const loops = bestLoops(rates);
  const figures = rows.flatMap(({ side, ...row }) => {
    const theirs = rates[side];
    const ours = { what: '/bin/true recorded, plain', unit: 'jobs/s', ours: plain };
    return theirs === undefined ? [] : [{ ...row, ...ours, theirs }];
  });
  if (!loops) return figures;
  const row = { unit: 'jobs/s', ...loops };
  figures.push({
    ...row,
    goal: '2',
    what: '/bin/true recorded, plain',
    ours: plain,
    wanted: loopGoals.plain,
  });
  if (isolated !== undefined)
    figures.push({
      ...row,
      goal: '2b',
      what: '/bin/true recorded, as nobody',
      ours: isolated,
      wanted: loopGoals.isolated,
    });
  return figures;
}

function present(sides: Record<string, Side | undefined>): Record<string, Side> {
  return Object.fromEntries(
    Object.entries(sides).flatMap(([name, side]) => (side ? [[name, side] as const] : [])),
  );
}

/** Submits into a paused queue, then counts from its release to the end of the last job. */
async function ourRate(server: BenchServer, count: number): Promise<number> {
  await server.call('PUT', '/queues/default', { paused: true });
  await submitAll(
    server,
    Array.from({ length: count }, () => ({ kind: 'script', input: { script: 'true' } })),
  );
  return count / ((await drainDefaultQueue(server)) / 1000);
}

function toSqlAlchemy(url: string): string {
  return url.replace(/^postgres:/, 'db+postgresql+psycopg2:');
}
