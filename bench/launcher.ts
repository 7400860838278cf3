// Programs a second through client and launcher, output captured, against four C loops of posix_spawn that
// capture nothing. Alternates the two; the ratio is the median of the rounds.
//   node bench/launcher.ts [programs] [rounds] [concurrency]
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../src/lib/logger.ts';
import { LauncherClient } from '../src/worker/launcher-client.ts';

const [programs = 4000, rounds = 5, concurrency = 8] = process.argv.slice(2).map(Number);
const loops = 4;
const folder = mkdtempSync(join(tmpdir(), 'launcher-bench-'));
const loop = join(folder, 'spawn-loop');
const client = new LauncherClient({ folder: join(folder, 'launcher'), idleSeconds: 1, logger: silentLogger });

let hasLoop = true;
try {
  execFileSync('gcc', ['-O2', '-o', loop, join(import.meta.dirname, 'spawn-loop.c')]);
} catch {
  hasLoop = false;
  console.log('no gcc: without the comparison');
}
await client.start();
await launchAll(500);

const ratios: number[] = [];
const rates: number[] = [];
const cpuBefore = cpuMs();
for (let round = 0; round < rounds; round += 1) {
  const limit = hasLoop ? await rate(programs, runLoops) : 0;
  const ours = await rate(programs, () => launchAll(programs));
  rates.push(ours);
  if (hasLoop) ratios.push(ours / limit);
  console.log(`launcher ${ours.toFixed(0)}/s  C ${limit.toFixed(0)}/s  ratio ${(ours / limit).toFixed(2)}`);
}
console.log(
  `Node ${process.version}, ${availableParallelism()} cores, ${programs} programs, concurrency ${concurrency}: ` +
    `median ${median(rates).toFixed(0)}/s` +
    (hasLoop ? `, ratio ${median(ratios).toFixed(2)} (goal 0.75)` : ''),
);
const cpu = cpuMs();
const perProgram = (ms: number): string => (ms / programs / rounds).toFixed(3);
console.log(
  `own CPU ms per program: launcher ${perProgram(cpu.launcher - cpuBefore.launcher)}, ` +
    `client ${perProgram(cpu.client - cpuBefore.client)}`,
);
await client.stop();
rmSync(folder, { recursive: true });

function cpuMs(): { launcher: number; client: number } {
  const { user, system } = process.cpuUsage();
  const stat = readFileSync(`/proc/${client.launcherPid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { launcher: (Number(fields[11]) + Number(fields[12])) * 10, client: (user + system) / 1000 };
}

async function rate(count: number, run: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await run();
  return (count / (performance.now() - start)) * 1000;
}

async function runLoops(): Promise<void> {
  await Promise.all(
    Array.from({ length: loops }, () =>
      once(spawn(loop, [String(programs / loops)], { stdio: 'ignore' }), 'exit'),
    ),
  );
}

async function launchAll(count: number): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (next < count) await launchOne(`${count}-${performance.now()}-${next++}`);
    }),
  );
}

async function launchOne(key: string): Promise<void> {
  const ended = Promise.withResolvers<void>();
  const answer = await client.launch(
    {
      key,
      file: '/bin/true',
      args: [],
      env: { PATH: '/usr/bin:/bin', HOME: '/root', LANG: 'C.UTF-8', DAYBOOK_ATTEMPT_TOKEN: key },
      cwd: '/',
      stdin: null,
      isolation: null,
      masks: [],
    },
    {
      onOutput: () => {},
      onWatched: () => {},
      onEnd: () => {
        client.forget(key);
        ended.resolve();
      },
      onLost: (reason) => ended.reject(new Error(reason)),
    },
  );
  if ('exitCode' in answer) throw new Error(answer.message);
  await ended.promise;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
