/**
 * Holds a server with its embedded database under mixed load and looks whether its memory grows.
 *
 *     npm run test:long -- memory [--minutes 60] [--rate 4] [--seed N] [--snapshot FILE]
 *
 * Every ten seconds it notes the resident memory of server, launcher and database, and each minute the heap of the
 * server after a garbage collection. What fills up once (caches, pools, compiled code) does so in the first half; the
 * straight line through the second half decides. The database is shown and not judged: its shared buffers fill until
 * they are full. Exit code 1: something grew faster than its bound, or an answer was 500 or above.
 *
 * `--rate` is steps a second; 4 keep about a third of a core busy. `--snapshot` writes what is on the heap at the end, for
 * Chrome's tools.
 */
import { createWriteStream } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { findFreePort } from '../support/faults/server.ts';
import { findProcesses } from '../support/faults/processes.ts';
import { Random } from '../support/faults/random.ts';
import { Inspector } from '../support/long/inspector.ts';
import {
  proportionalMib,
  residentMib,
  slopeOf,
  toMib,
  toTable,
  type Measure,
  type MemorySample,
} from '../support/long/memory-figures.ts';
import { MixedLoad } from '../support/long/mixed-load.ts';
import { startServer, type TestServer } from '../support/server.ts';

/**
 * MiB a minute over the second half. Half a mebibyte a minute is 700 a day, more than any leak that was found made
 * slower than that; the noise of an hour without one is a tenth of it.
 */
const bounds: readonly (readonly [Measure, number])[] = [
  ['server', 0.5],
  ['heap', 0.5],
  ['launcher', 0.5],
];

const sampleEveryMs = 10_000;
const samplesAMinute = 60_000 / sampleEveryMs;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    rate: { type: 'string', default: '4' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    snapshot: { type: 'string' },
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);
const port = await findFreePort();
const inspector = new Inspector(port);
const ending = new AbortController();
process.once('SIGINT', () => ending.abort());
process.once('SIGTERM', () => ending.abort());

const env = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '131072',
  DAYBOOK_URL_ALLOW: '127.0.0.0/8',
  NODE_OPTIONS: `--inspect=127.0.0.1:${port}`,
};
const server = await startServer(env, { database: 'embedded' });
const load = new MixedLoad(server, new Random(seed));
try {
  await load.prepare();
  print(`${minutes} minutes at ${values.rate} steps a second, seed ${seed}`);
  const loading = load.run(Number(values.rate), ending.signal);
  const samples = await watch(server);
  ending.abort();
  await loading;
  if (values.snapshot !== undefined) await writeSnapshot(values.snapshot);
  process.exitCode = judge(samples) ? 0 : 1;
} finally {
  load.close();
  await server.close();
}

async function watch({ process: child, folder }: TestServer): Promise<MemorySample[]> {
  const samples: MemorySample[] = [];
  const startedAt = performance.now();
  for (let number = 1; number <= minutes * samplesAMinute && !ending.signal.aborted; number += 1) {
    const dueMs = startedAt + number * sampleEveryMs - performance.now();
    await wait(Math.max(dueMs, 0), undefined, { signal: ending.signal }).catch(() => {});
    const found = findProcesses(folder);
    const pidOf = (role: string): number => found.find((one) => one.role === role)?.pid ?? 0;
    samples.push({
      atMinutes: number / samplesAMinute,
      server: residentMib(child.pid ?? 0),
      heap: number % samplesAMinute === 0 ? toMib(await inspector.usedHeap()) : null,
      launcher: residentMib(pidOf('launcher')),
      database: proportionalMib(pidOf('postmaster')),
    });
    if (number % (5 * samplesAMinute) === 0) print(toTable(samples.slice(-5 * samplesAMinute), 5));
  }
  return samples;
}

function judge(samples: readonly MemorySample[]): boolean {
  print(`\n${toTable(samples, 5)}`);
  const answers = [...load.statuses]
    .sort(([a], [b]) => a - b)
    .map(([status, count]) => `${count} × ${status}`);
  print(`${answers.join(', ')}; ${load.streams.opened} streams, ${load.notified} notifications`);
  const from = (samples.at(-1)?.atMinutes ?? 0) / 2;
  const findings = bounds.map(([measure, bound]) => {
    const slope = slopeOf(samples, measure, from);
    const isKept = slope < bound;
    print(`${measure}: ${slope.toFixed(2)} MiB a minute, ${isKept ? 'below' : 'NOT BELOW'} ${bound}`);
    return isKept;
  });
  const failed = [...load.statuses.keys()].filter((status) => status >= 500);
  return findings.every(Boolean) && failed.length === 0 && load.notified > 0;
}

async function writeSnapshot(path: string): Promise<void> {
  const file = createWriteStream(path);
  await inspector.snapshot((text) => file.write(text));
  await new Promise((resolve) => {
    file.end(resolve);
  });
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
