import { findLostProcesses } from './leftovers.ts';
import type { JournalEntry } from './journal.ts';

const roundMs = 20;
const rounds = 50;

/** Ends what the programs of an earlier life left, and resolves with their number when they are gone. */
export async function endLostProcesses(lost: readonly JournalEntry[]): Promise<number> {
  const ended = new Set<number>();
  for (let round = 0; round < rounds; round += 1) {
    const found = findLostProcesses(lost);
    if (found.length === 0) break;
    for (const pid of found) {
      ended.add(pid);
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // ended meanwhile
      }
    }
    await new Promise((resolve) => {
      setTimeout(resolve, roundMs);
    });
  }
  return ended.size;
}
