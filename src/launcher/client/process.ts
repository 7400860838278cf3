import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, realpathSync, statSync } from 'node:fs';
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
  /** A launcher without worker and programs ends after that. Default: 10, as long as a start may take to find it. */
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
  const { folder, idleSeconds = 10, launcherOptions = {}, startDeadlineMs = 10_000 } = options;
  const { separatesOwners = false } = launcherOptions;
  // Not the folders around it: a data directory that is gone must not be begun anew.
  if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
  checkPrivateFolder(folder);
  // It outlives whoever starts it, and a link by which they came may not be there for as long.
  const place = realpathSync(folder);
  const logPath = join(folder, 'launcher.log');
  const log = openSync(logPath, isLarge(logPath) ? 'w' : 'a', 0o600);
  const child = spawn(
    process.execPath,
    [...heapFlags, mainFile, place, String(idleSeconds), JSON.stringify(launcherOptions)],
    { detached: true, stdio: ['ignore', log, log], env: { TMPDIR: tmpdir(), ...compileCache() } },
  );
  closeSync(log);
  const outcome = { failure: null as string | null, isOther: false };
  child.on('error', (error) => (outcome.failure = error.message));
  child.on('exit', (code, signal) => {
    if (code === 0) outcome.isOther = true;
    else outcome.failure = lastWords(logPath) ?? `it ended with ${signal ?? code}`;
  });
  child.unref();

  const deadline = performance.now() + startDeadlineMs;
  while (outcome.failure === null && performance.now() < deadline) {
    const link = await connectToLauncher(folder, separatesOwners);
    if (link) return link;
    await delay(pollMs);
  }
  child.removeAllListeners();
  const silence = outcome.isOther
    ? `another one holds ${folder} and does not answer. It ends by itself when it has nothing to do; or find it by its lock (fuser ${join(folder, 'lock')}) and end it, with the programs that it holds.`
    : `no answer in ${startDeadlineMs} ms.`;
  throw new Error(`The launcher did not start: ${outcome.failure ?? silence} More in ${logPath}`);
}

/** What the launcher said last, of its own. */
function lastWords(logPath: string): string | null {
  try {
    const line = readFileSync(logPath, 'utf8').trimEnd().split('\n').at(-1) ?? '';
    const { level, msg } = JSON.parse(line) as { level: number; msg: string };
    return level >= 50 ? msg : null;
  } catch {
    // It died before it could say something.
    return null;
  }
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
