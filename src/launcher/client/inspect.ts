import { join } from 'node:path';
import { peekJournal } from '../journal.ts';
import { loadLibc } from '../libc.ts';
import { readText } from '../proc.ts';

/** Whether programs would be started by posix_spawn on this machine. */
export async function canSpawnNatively(): Promise<boolean> {
  return (await loadLibc()) !== null;
}

/** Whether programs of that launcher see the processes of others, by what is mounted for them; null: not to be told. */
export function showsProcesses(pid: number): boolean | null {
  const mounts = readText(`/proc/${pid}/mounts`);
  return mounts === null ? null : !/^\S+ \/proc proc \S*\bhidepid=(ptraceable|4)\b/m.test(mounts);
}

/**
 * How many programs the journal of a launcher folder names that nobody has settled yet. Only reads, so it may be asked
 * while a launcher writes.
 * @throws what reading the file throws
 */
export function countHeldPrograms(folder: string): number {
  return peekJournal(join(folder, 'journal')).length;
}
