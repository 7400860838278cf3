/**
 * In a process of its own, since a spawner reaps every child: starts programs by a spawner to which the number of each is
 * told only when the program has ended and was reaped. Prints as JSON what its listeners heard.
 */
import { constants } from 'node:os';
import { type Libc, loadLibc } from '../../../src/launcher/libc.ts';
import { PosixSpawner } from '../../../src/launcher/posix-spawner.ts';
import type { SpawnListener } from '../../../src/launcher/spawner.ts';
import { pollUntil } from '../poll.ts';

export interface HeardOfStart {
  started: number;
  refused: string[];
  /** Of those that had ended when they were told as started. */
  early: (number | null)[];
  late: (number | null)[];
}

const libc = await loadLibc();
if (!libc) throw new Error('no libc');
const isThere = (pid: number): boolean => libc.kill(pid, 0) === 0 || libc.errno() !== constants.errno.ESRCH;

/** Held back until its process is gone; not for who runs on. */
const heldBack: Libc = {
  ...libc,
  posix_spawn: (pid, path, actions, attributes, argv, env, onAnswer) =>
    libc.posix_spawn(pid, path, actions, attributes, argv, env, (problem, errno) => {
      const runsOn = argv.includes('runs on');
      const number = pid[0] ?? 0;
      void (async () => {
        if (errno === 0 && !runsOn)
          await pollUntil(
            () => isThere(number),
            (is) => !is,
          );
        onAnswer(problem, errno);
      })();
    }),
};

const spawner = new PosixSpawner(heldBack);
const start = (path: string, ...args: string[]): HeardOfStart => {
  const heard: HeardOfStart = { started: 0, refused: [], early: [], late: [] };
  const listener: SpawnListener = {
    onStarted: ({ stdout, stderr }, exit) => {
      heard.started += 1;
      for (const pipe of [stdout, stderr]) pipe.read({ onBytes: () => {}, onEnd: () => {} });
      if (exit) heard.early.push(exit.exitCode);
    },
    onRefused: ({ message }) => heard.refused.push(message),
    onExit: ({ exitCode }) => heard.late.push(exitCode),
  };
  const request = { path, argv: [path, ...args], env: [], cwd: '/', stdin: null, owner: null };
  spawner.spawn(request, listener);
  return heard;
};
const shell = (script: string, name = 'sh'): HeardOfStart => start('/bin/sh', '-c', script, name);

// The orphan of the first ends while the others are being started.
const heard = [
  shell('(sleep 0.1; exit 9) & exit 3'),
  shell('sleep 0.2; exit 4'),
  shell('sleep 0.3; exit 5', 'runs on'),
  start('/no/such/program'),
];
await pollUntil(
  () => heard.map(({ early, late, refused }) => early.length + late.length + refused.length),
  (told) => told.every((count) => count > 0),
);
process.stdout.write(JSON.stringify(heard));
process.exit(0);
