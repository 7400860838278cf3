import { readFile } from 'node:fs/promises';
import { closing } from '../../lib/closing.ts';
import { walkConfined, PathProblem } from '../../lib/confined-walk.ts';
import type { Logger } from '../../lib/logger.ts';
import { finishRewrite, forget, isRecord, isWaitingToBeWritten } from './hard-links.ts';
import type { Shared } from './locks.ts';
import { codeOf } from './problems.ts';
import { Staging } from './staging.ts';

/** How long a broken upload can be gone on with. */
const keptMs = 24 * 60 * 60 * 1000;

export interface SweepOptions {
  root: string;
  shared: Shared;
  logger: Logger;
  nowMs: number;
}

/** Of home and of each disk that is mounted in it. What cannot be done is told, and keeps nothing else from it. */
export async function sweepHome(options: SweepOptions): Promise<void> {
  for (const place of ['/', ...(await mountsIn(options.root))]) {
    await sweepAt(place, options).catch((error: unknown) => {
      if (error instanceof PathProblem || codeOf(error) === 'ENOENT') return;
      options.logger.warn(
        { err: error, place },
        'What broken uploads left in home could not be looked through.',
      );
    });
  }
}

async function sweepAt(path: string, options: SweepOptions): Promise<void> {
  // A dot after it: the folder itself is walked into, and not through a link.
  const place = await walkConfined({ root: options.root }, `${path}/x`, { follow: false });
  const staging = await closing(place, ({ folders }) => Staging.find(folders));
  if (!staging) return;
  try {
    for (const id of await staging.ids()) {
      await sweepOne(staging, id, options).catch((error: unknown) => {
        options.logger.warn({ err: error, upload: id }, 'What a broken upload left could not be removed.');
      });
    }
  } finally {
    await staging.close();
  }
}

async function sweepOne(staging: Staging, id: string, { root, shared, nowMs }: SweepOptions): Promise<void> {
  if (shared.underWay.has(id) || shared.rewriting.has(id)) return;
  if (isWaitingToBeWritten(id)) {
    await finishRewrite(root, staging, id).catch(unlessGone);
    return forget(staging, id);
  }
  const modifiedMs = await staging.lastChangeOf(id, isRecord(id)).catch(unlessGone);
  if (typeof modifiedMs === 'number' && modifiedMs < nowMs - keptMs) await staging.remove(id);
}

/** Another sweep was faster, or what it was for is gone. */
function unlessGone(error: unknown): void {
  if (!(error instanceof PathProblem) && codeOf(error) !== 'ENOENT') throw error;
}

/** Paths from home on, of what the kernel says is mounted below it (proc_pid_mountinfo(5)). */
async function mountsIn(root: string): Promise<string[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => {
    const path = (line.split(' ')[4] ?? '').replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    return path.startsWith(`${root}/`) ? [path.slice(root.length)] : [];
  });
}
