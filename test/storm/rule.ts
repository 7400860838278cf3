import { appendGap } from '../../src/domain/output/gap-chunk.ts';
import { createRetentionStore } from '../../src/adapters/store/retention/retention-store.ts';
import type { Storm } from './storm.ts';

/** As the run of the rule that takes what has just ended. */
export async function removeByRule(storm: Storm, id: number): Promise<void> {
  const { memory } = storm;
  const retention = createRetentionStore(storm.db, appendGap);
  const [run] = await retention.openRuns(new Date(), 0);
  if (!run) return;
  try {
    const removed = await retention.removeFrom(id, run, new Date());
    storm.count(removed === null ? 'kept from the rule' : 'removed by the rule');
    if (removed === null) return;
    memory.maybeRemoved.add(id);
    memory.removedByRule.add(id);
  } catch (error) {
    memory.maybeRemoved.add(id);
    throw error;
  }
}
