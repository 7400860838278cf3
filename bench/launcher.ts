/**
 * Half of goal 2: programs a second through client and launcher alone, output captured, against C loops of
 * posix_spawn that capture nothing. What it costs to start a program, without the record of a job.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../src/lib/logger.ts';
import { LauncherClient } from '../src/launcher/client/client.ts';
import { bestLoops, loopSides } from './c-loops.ts';
import { compile } from './compile.ts';
import { alternate, atLeast, type Bench, say } from './harness.ts';

const concurrency = 8;

export const launcherBench: Bench = {
  name: 'launcher',
  goals: '2',
  summary: 'programs through the launcher alone, against C loops',
  count: 3_000,
  usesDatabase: false,
  run: async ({ count, rounds }) => {
    const folder = mkdtempSync(join(tmpdir(), 'daybook-bench-'));
    const loop = compile('spawn-loop', folder);
    const client = new LauncherClient({
      folder: join(folder, 'launcher'),
      idleSeconds: 1,
      logger: silentLogger,
    });
    await client.start();
    try {
      await launchAll(client, 500);
      const before = cpuMs(client);
      const rates = await alternate(
        {
          launcher: async () => {
            const startedAt = performance.now();
            await launchAll(client, count);
            return count / ((performance.now() - startedAt) / 1000);
          },
          ...loopSides(loop, count),
        },
        { rounds, unit: 'programs/s' },
      );
      const after = cpuMs(client);
      const perProgram = (ms: number): string => (ms / count / rounds).toFixed(3);
      say(
        `  own CPU ms per program: launcher ${perProgram(after.launcher - before.launcher)}, client ${perProgram(after.client - before.client)}`,
      );
      return [
        {
          goal: '2',
          what: '/bin/true through the launcher alone',
          unit: 'programs/s',
          ours: rates['launcher'] ?? Number.NaN,
          ...(bestLoops(rates) ?? { peer: null, theirs: null }),
          wanted: atLeast(0.75),
        },
      ];
    } finally {
      await client.stop();
      rmSync(folder, { recursive: true });
    }
  },
};

function cpuMs(client: LauncherClient): { launcher: number; client: number } {
  const { user, system } = process.cpuUsage();
  const stat = readFileSync(`/proc/${client.launcherPid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { launcher: (Number(fields[11]) + Number(fields[12])) * 10, client: (user + system) / 1000 };
}

async function launchAll(client: LauncherClient, count: number): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (next < count) await launchOne(client, `${count}-${performance.now()}-${next++}`);
    }),
  );
}

async function launchOne(client: LauncherClient, key: string): Promise<void> {
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
