import { join } from 'node:path';
import { peekJournal } from '../journal.ts';
import { loadLibc } from '../libc.ts';

/** Whether programs would be started by posix_spawn on this machine. */
export async function canSpawnNatively(): Promise<boolean> {
  return (await loadLibc()) !== null;
}

/**
 * How many programs the journal of a launcher folder names that nobody has settled yet. Only reads, so it may be asked
 * while a launcher writes.
 * @throws what reading the file throws
 */
export function countHeldPrograms(folder: string): number {
  return peekJournal(join(folder, 'journal')).length;
}
