import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { getCompileCacheDir } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { delay } from '../../lib/delay.ts';
import type { LauncherOptions } from '../main-options.ts';
import { checkPrivateFolder } from '../server.ts';
import { connectToLauncher, type LauncherLink } from './link.ts';

export interface LauncherProcessOptions {
  /** Of the launcher alone; made with mode 0700. */
  folder: string;
  /** A launcher without worker and programs ends after that. Default: 60. */
  idleSeconds?: number;
  launcherOptions?: LauncherOptions;
  /** Default: 10 s. */
  startDeadlineMs?: number;
}

const pollMs = 10;
const maxLogBytes = 1024 * 1024;
const mainFile = join(import.meta.dirname, '..', 'main.ts');
// Output is held in buffers outside the heap, and a small process is what makes spawning cheap.
const heapFlags = ['--max-old-space-size=128', '--max-semi-space-size=16'];

/** Starts a launcher in a session of its own and connects to it. @throws with the log's path when it fails */
export async function startLauncher(options: LauncherProcessOptions): Promise<LauncherLink> {
  const { folder, idleSeconds = 60, launcherOptions = {}, startDeadlineMs = 10_000 } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  checkPrivateFolder(folder);
  const logPath = join(folder, 'launcher.log');
  const log = openSync(logPath, isLarge(logPath) ? 'w' : 'a', 0o600);
  const child = spawn(
    process.execPath,
    [...heapFlags, mainFile, folder, String(idleSeconds), JSON.stringify(launcherOptions)],
    { detached: true, stdio: ['ignore', log, log], env: { TMPDIR: tmpdir(), ...compileCache() } },
  );
  closeSync(log);
  const outcome = { failure: null as string | null };
  child.on('error', (error) => (outcome.failure = error.message));
  child.on('exit', (code, signal) => {
    // 0: another launcher was faster.
    if (code !== 0) outcome.failure = `it ended with ${signal ?? code}`;
  });
  child.unref();

  const deadline = performance.now() + startDeadlineMs;
  while (outcome.failure === null && performance.now() < deadline) {
    const link = await connectToLauncher(folder);
    if (link) return link;
    await delay(pollMs);
  }
  child.removeAllListeners();
  throw new Error(
    `The launcher did not start: ${outcome.failure ?? `no answer in ${startDeadlineMs} ms`}. See ${logPath}.`,
  );
}

/** Ours, if we have one, makes a launcher start in a quarter of the time. */
function compileCache(): NodeJS.ProcessEnv {
  const directory = getCompileCacheDir();
  // Node adds the folder of its version by itself.
  return directory === undefined ? {} : { NODE_COMPILE_CACHE: dirname(directory) };
}

function isLarge(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > maxLogBytes;
}
