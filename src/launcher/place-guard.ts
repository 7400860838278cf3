/**
 * Watches the launcher's folder, by which workers find it. The lock file, held open, is its sign:
 *
 * - here: where it was. A socket that somebody removed is made anew.
 * - moved: with all that is in it. A worker finds us by the socket in the folder, wherever that is: programs run on.
 * - detached: its disk was unmounted. It may come back, so programs get some time.
 * - deleted: no worker will ever find us again, or read what we noted down.
 *
 * As long as a worker is connected everything goes on, since it hears of what happens. Without one, programs of a deleted
 * folder would run on with nobody to know of them, perhaps beside their own second attempt; so they are ended. The
 * worker's next start tells them as lost. A launcher that holds none just ends.
 */
import { fstatSync, readlinkSync, statSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../lib/logger.ts';

export const lockFile = 'lock';

export interface GuardedLauncher {
  folder: string;
  lockFd: number;
  logger: Logger;
  isConnected(): boolean;
  holdsPrograms(): boolean;
  /** Makes the socket anew if it is not there. */
  keepDoor(): void;
  /** Called again until nothing is held. */
  endPrograms(): void;
  leave(why: string): void;
}

type Place = 'here' | 'moved' | 'detached' | 'deleted';

const lookEveryMs = 1_000;
/** How long programs run without a worker that could find them. */
const patienceMs = { moved: Infinity, detached: 600_000, deleted: 0 } as const;
/** A server that is losing its data directory has stopped by then, and makes nothing new in its place. */
const connectedPatienceMs = 5_000;

export function guardPlace(launcher: GuardedLauncher): void {
  let last: Place = 'here';
  let goneMs = 0;
  setInterval(() => {
    const place = placeOf(launcher);
    if (place !== last) tell(launcher, place);
    goneMs = place === last && place !== 'here' ? goneMs + lookEveryMs : 0;
    last = place;
    if (place === 'here') return launcher.keepDoor();
    const isConnected = launcher.isConnected();
    if (!launcher.holdsPrograms()) {
      if (!isConnected || goneMs >= connectedPatienceMs) launcher.leave(`its folder is ${place}`);
      return;
    }
    if (!isConnected && goneMs >= patienceMs[place]) launcher.endPrograms();
  }, lookEveryMs).unref();
}

function tell({ folder, logger }: GuardedLauncher, place: Place): void {
  if (place === 'here') return logger.info({ folder }, 'The folder of this launcher is back.');
  const next =
    place === 'moved'
      ? 'Start the server with the folder in its new place, or put it back.'
      : 'What runs goes on while the server is connected, and is ended with it. Start the server again when that does no harm.';
  logger.error({ folder }, `The folder of this launcher is ${place}. ${next}`);
}

function placeOf({ folder, lockFd }: GuardedLauncher): Place {
  const held = fstatSync(lockFd);
  if (held.nlink === 0) return 'deleted';
  if (isSame(held, join(folder, lockFile))) return 'here';
  try {
    return isSame(held, readlinkSync(`/proc/self/fd/${lockFd}`)) ? 'moved' : 'detached';
  } catch {
    return 'detached';
  }
}

function isSame(held: Stats, path: string): boolean {
  try {
    const found = statSync(path);
    return found.dev === held.dev && found.ino === held.ino;
  } catch {
    // Not there, or its disk does not answer.
    return false;
  }
}
