/**
 * Goal 8: a job that prints a gigabyte of lines that differ, from its submit until it is seen succeeded, against the
 * shell writing the same into a file; windows of that output over HTTP; a word that stands in its last line only,
 * against grep on the file. Both files and database are in the page cache, as just written.
 *
 * The program ends long before its output is stored: the launcher holds what the database has not taken yet. How long
 * it ran is printed beside it.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { compile } from './compile.ts';
import { alternate, atMost, type Bench, type Figure, median, say } from './harness.ts';
import { type BenchServer, startServer, untilEnded } from './server.ts';

const run = promisify(execFile);

const program = 'print-lines';

export const outputBench: Bench = {
  name: 'output',
  goals: '8',
  summary: 'a job that prints COUNT bytes, against redirection and grep',
  count: 1e9,
  usesDatabase: true,
  run: async ({ count: bytes, rounds, database }) => {
    const folder = mkdtempSync(join(tmpdir(), 'daybook-bench-'));
    const file = join(folder, 'lines');
    const server = await startServer({ database, env: { DAYBOOK_OUTPUT_LIMIT: '4GiB' } });
    const path = compile(program, join(server.folder, 'scripts'));
    if (path === null) return server.close().then(() => []);
    let job = 0;
    const programs: number[] = [];
    try {
      const seconds = await alternate(
        {
          Daybook: async () => {
            if (job !== 0) await server.call('DELETE', `/jobs/${job}`);
            const printed = await print(server, bytes);
            job = printed.id;
            programs.push(printed.programSeconds);
            return printed.seconds;
          },
          shell: () => secondsOf(() => run('sh', ['-c', `"$1" ${bytes} > "$2"`, 'sh', path, file])),
        },
        { rounds, unit: 's' },
      );
      const windows = await alternate(await windowsOf(server, job), { rounds, unit: 'ms' });
      const finds = await alternate(
        {
          find: () => secondsOf(() => findAll(server, job, 'the needle')),
          grep: () => secondsOf(() => run('grep', ['-n', 'the needle', file])),
        },
        { rounds, unit: 's' },
      );
      const size = `${(bytes / 1e9).toPrecision(2)} GB`;
      const row = { goal: '8', peer: null, theirs: null };
      return [
        {
          goal: '8',
          what: `a job prints ${size}, until stored`,
          unit: 's',
          ours: seconds['Daybook'] ?? Number.NaN,
          peer: 'shell redirection',
          theirs: seconds['shell'] ?? null,
          wanted: atMost(4),
        },
        {
          ...row,
          what: 'the same, until its program ended',
          unit: 's',
          ours: median(programs),
          peer: 'shell redirection',
          theirs: seconds['shell'] ?? null,
          wanted: null,
        },
        ...Object.entries(windows).map(([place, ms]): Figure => ({
          ...row,
          what: `first window of ${size}, from ${place}`,
          unit: 'ms',
          ours: ms,
          wanted: atMost(100),
        })),
        {
          goal: '8',
          what: `a word in ${size}`,
          unit: 's',
          ours: finds['find'] ?? Number.NaN,
          peer: 'grep',
          theirs: finds['grep'] ?? null,
          wanted: atMost(2),
        },
      ];
    } finally {
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

interface Printed {
  id: number;
  /** Until it is seen succeeded, which is behind the commit of its last chunk. */
  seconds: number;
  programSeconds: number;
}

async function print(server: BenchServer, bytes: number): Promise<Printed> {
  let id = 0;
  const seconds = await secondsOf(async () => {
    const submitted = await server.call<{ id: number }>('POST', '/jobs', {
      kind: 'script',
      input: { script: program, arguments: [['', String(bytes)]] },
    });
    id = submitted.id;
    const { state } = await untilEnded(server, id);
    if (state !== 'succeeded') throw new Error(`the job that prints ${state}`);
  });
  const job = await server.call<{ startedAt: string; endedAt: string }>('GET', `/jobs/${id}`);
  const programSeconds = (Date.parse(job.endedAt) - Date.parse(job.startedAt)) / 1000;
  say(`  its program ended after ${programSeconds.toPrecision(3)} s`);
  return { id, seconds, programSeconds };
}

async function windowsOf(server: BenchServer, job: number): Promise<Record<string, () => Promise<number>>> {
  const last = await server.call<{ lines: { line: number }[] }>(
    'GET',
    `/jobs/${job}/output?stream=stdout&from=end&lines=1`,
  );
  const middle = Math.floor((last.lines[0]?.line ?? 0) / 2);
  const window = (from: string) => async () =>
    1000 *
    (await secondsOf(() => server.call('GET', `/jobs/${job}/output?stream=stdout&from=${from}&lines=1000`)));
  return { 'the start': window('0'), 'the middle': window(String(middle)), 'the end': window('end') };
}

/** A search answers within its time and says where to go on. */
async function findAll(server: BenchServer, job: number, text: string): Promise<void> {
  let from = '';
  let found = 0;
  do {
    const page = await server.call<{ lines: unknown[]; next: string | null }>(
      'GET',
      `/jobs/${job}/output?stream=stdout&find=${encodeURIComponent(text)}${from}`,
    );
    found += page.lines.length;
    from = page.next === null ? '' : `&from=${encodeURIComponent(page.next)}`;
  } while (from !== '');
  if (found !== 1) throw new Error(`"${text}" was found ${found} times`);
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}
