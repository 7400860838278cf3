/**
 * In a process of its own, since a spawner reaps every child: one program ends and leaves a process behind while another
 * one runs whose number was not told yet. Prints as JSON what came of both.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Journal } from '../../../src/launcher/journal.ts';
import { Launcher } from '../../../src/launcher/launcher.ts';
import { loadLibc } from '../../../src/launcher/libc.ts';
import { defaultBudget, OutputStore } from '../../../src/launcher/output-store.ts';
import { PosixSpawner } from '../../../src/launcher/posix-spawner.ts';
import { SpillFile } from '../../../src/launcher/spill-file.ts';
import { silentLogger } from '../../../src/lib/logger.ts';
import { pollUntil } from '../poll.ts';

export interface HeldBackLaunch {
  leftBehind: number;
  isOtherRunning: boolean;
}

const libc = await loadLibc();
if (!libc) throw new Error('no libc');
const released = Promise.withResolvers<void>();
let isOtherThere = false;

const spawner = new PosixSpawner({
  ...libc,
  posix_spawn: (pid, path, actions, attributes, argv, env, onAnswer) =>
    libc.posix_spawn(pid, path, actions, attributes, argv, env, (problem, errno) => {
      if (!argv.includes('held back')) return onAnswer(problem, errno);
      isOtherThere = true;
      void released.promise.then(() => onAnswer(problem, errno));
    }),
});

const folder = mkdtempSync(join(tmpdir(), 'launcher-test-'));
const launcher = new Launcher({
  spawner,
  store: new OutputStore(new SpillFile(join(folder, 'spill')), defaultBudget),
  journal: Journal.open(join(folder, 'journal')).journal,
  logger: silentLogger,
  onNews: () => {},
});
const launch = (key: string, script: string): void =>
  launcher.launch(
    {
      key,
      file: '/bin/sh',
      args: ['-c', script, key],
      env: { PATH: '/usr/bin:/bin', DAYBOOK_ATTEMPT_TOKEN: `${folder} ${key}` },
      cwd: folder,
      stdin: null,
      isolation: null,
      masks: [],
    },
    () => {},
  );

launch('first', 'sleep 300 & until test -e goes; do sleep 0.01; done');
await pollUntil(
  () => launcher.programs.get('first')?.pid ?? 0,
  (pid) => pid > 0,
);
launch('held back', 'touch goes; exec sleep 300');
await pollUntil(() => isOtherThere, Boolean);
const end = await pollUntil(() => launcher.programs.get('first')?.end ?? null, Boolean);
released.resolve();
const other = await pollUntil(
  () => launcher.programs.get('held back') ?? null,
  (one) => one?.isStarting === false,
);
const answer: HeldBackLaunch = {
  leftBehind: end?.leftBehind ?? -1,
  isOtherRunning: (other?.isRunning ?? false) && spawner.groupExists(other?.pid ?? 0),
};
for (const key of ['first', 'held back']) launcher.forget(key);
rmSync(folder, { recursive: true });
process.stdout.write(JSON.stringify(answer));
process.exit(0);
