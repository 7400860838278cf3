import { randomUUID } from 'node:crypto';
import { openSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import type { Socket } from 'node:net';
import { describeFileProblem } from '../lib/file-problem.ts';
import { Connection } from './connection.ts';
import { Journal } from './journal.ts';
import { Launcher } from './launcher.ts';
import { endLostProcesses } from './lost-processes.ts';
import { loadLibc } from './libc.ts';
import { createLineLogger } from './line-logger.ts';
import { createNodeSpawner } from './node-spawner.ts';
import type { LauncherOptions } from './main-options.ts';
import { defaultBudget, OutputStore } from './output-store.ts';
import { openPosixSpawner } from './posix-spawner.ts';
import { guardPlace, lockFile } from './place-guard.ts';
import { separateOwners } from './separation.ts';
import { openDoor, type Door } from './server.ts';
import { SpillFile } from './spill-file.ts';

const LOCK_EX_NB = 2 | 4;

// main.ts <folder> <idle seconds> [options as JSON]
const [folder = '.', idleSeconds = '60', optionsText = '{}'] = process.argv.slice(2);
const options = JSON.parse(optionsText) as LauncherOptions;
const logger = createLineLogger(process.stdout);

async function main(): Promise<void> {
  // Released by the kernel when the process ends, however it ends.
  const lockFd = openSync(join(folder, lockFile), 'w', 0o600);
  const libc = await loadLibc();
  const lock = libc?.flock(lockFd, LOCK_EX_NB);
  if (lock !== undefined && lock !== 0) {
    logger.warn({ folder }, 'Another launcher serves this folder; ending.');
    process.exit(0);
  }
  const separation = options.separatesOwners === true ? separateOwners(libc) : null;
  const spawner =
    (options.spawner === 'child_process' ? null : await openPosixSpawner()) ?? createNodeSpawner();
  const { journal, lost } = Journal.open(join(folder, 'journal'));
  const ended = await endLostProcesses(lost);
  const store = new OutputStore(new SpillFile(join(folder, 'spill')), { ...defaultBudget, ...options });
  const lostKeys = new Set(lost.map(({ key }) => key));
  const life = randomUUID();
  let current: { socket: Socket; connection: Connection } | null = null;
  let idleTimer: NodeJS.Timeout | null = null;

  const launcher = new Launcher({
    spawner,
    store,
    journal,
    logger,
    onNews: (program) => current?.connection.tell(program),
  });
  let door: Door | null = null;

  const leave = (why: string): never => {
    door?.remove();
    journal.close();
    logger.info({ why }, 'Ending.');
    process.exit(0);
  };
  const watchIdle = (): void => {
    if (idleTimer) clearTimeout(idleTimer);
    if (current) return;
    idleTimer = setTimeout(
      () => {
        if (current) return;
        if (launcher.programs.size === 0) leave('no worker, no programs');
        watchIdle();
      },
      Number(idleSeconds) * 1000,
    );
  };

  const onSocket = (socket: Socket): void => {
    current?.connection.replace();
    const connection = new Connection(socket, {
      launcher,
      logger,
      life,
      startedBefore: () => [...lostKeys].filter((key) => journal.knows(key)),
      separation,
    });
    current = { socket, connection };
    socket.on('close', () => {
      if (current?.socket !== socket) return;
      current = null;
      watchIdle();
    });
  };

  process.on('SIGINT', () => {});
  process.on('SIGHUP', () => {});
  process.on('SIGTERM', () => {
    if (launcher.programs.size === 0) leave('SIGTERM');
    logger.warn({ programs: launcher.programs.size }, 'Asked to end, but programs are held; staying.');
  });
  door = await openDoor({ folder, onSocket, logger });
  const { keep: keepDoor } = door;
  guardPlace({
    folder,
    lockFd,
    logger,
    isConnected: () => current !== null,
    holdsPrograms: () => launcher.programs.size > 0,
    keepDoor,
    endPrograms: () => endPrograms(launcher),
    leave,
  });
  watchIdle();
  logger.info({ pid: process.pid, spawner: spawner.name, separation, lost: lost.length, ended }, 'Ready.');
  // Otherwise written only at an orderly end, and a launcher runs for months.
  flushCompileCache();
}

/** Those that still run are killed; what left nothing running behind is forgotten. */
function endPrograms(launcher: Launcher): void {
  for (const program of launcher.programs.values()) {
    if (program.end) launcher.forget(program.key);
    else if (program.isRunning) {
      logger.error(
        { key: program.key, pid: program.pid },
        'No worker can find this program any more: it is killed.',
      );
      program.signal('SIGKILL');
    }
  }
}

try {
  await main();
} catch (error) {
  // The last line of the log is what the worker passes on.
  logger.error({ problem: String(error) }, describeFileProblem(error) ?? String(error));
  process.exit(1);
}
