import type { JobStore } from '../../src/domain/jobs/ports.ts';
import { createFleetStore } from '../../src/adapters/store/fleet/fleet-store.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import { anyJob } from './jobs-of-storm.ts';
import { removeJob, submitBatch } from './people.ts';
import { removeByRule } from './rule.ts';
import type { Storm } from './storm.ts';

/** Moves that are begun at one moment and want the same rows: chance alone would bring them together too seldom. */
export function duels(storm: Storm): Promise<unknown>[] {
  const store = createJobStore(storm.db);
  return [
    ...Array.from({ length: 2 }, () => storm.repeat(50, () => fightOverEnded(storm, store))),
    storm.repeat(60, () => drain(storm, store)),
  ];
}

/** Retry, keep, and both ways of removal, of a job that has just ended. */
async function fightOverEnded(storm: Storm, store: JobStore): Promise<void> {
  const { random, memory } = storm;
  const id = memory.endedLast.at(-random.integer(1, 5));
  if (id === undefined) return;
  const moves = [
    () => store.retry(id, 'ben'),
    () => store.change(id, { keep: true }, 'ben'),
    () => removeByRule(storm, id),
    () => removeJob(storm, store, id),
  ];
  await Promise.all(moves.filter(() => random.chance(0.6)).map((move) => storm.attempt(move)));
  storm.count('fights over an ended job');
}

/** After a drain was answered its queue takes no job any more, however it might come. */
async function drain(storm: Storm, store: JobStore): Promise<void> {
  const { random, memory } = storm;
  const fleet = createFleetStore(storm.db);
  const drained = random.pickWeighted([
    ['drained', 3],
    ['quiet', 1],
  ] as const);
  // The last drain may have been given up half-way; said again, it would count on from where it began.
  await fleet.putQueue(drained, { draining: false });
  const id = memory.endedLast.at(-1) ?? 0;
  const rush = [
    ...Array.from(
      { length: 6 },
      () => () => submitBatch(storm, store, [{ ...anyJob(storm), queue: drained }]),
    ),
    () => store.retry(id, 'ben'),
    () => store.change(memory.recent(random, 20) ?? 0, { queue: drained }, 'ben'),
  ].map((move) => storm.attempt(move));
  try {
    await fleet.putQueue(drained, { draining: true });
    const atAnswer = await readLive(storm, drained);
    for (let looks = 0; looks < 3 && !storm.isOver; looks += 1) {
      await storm.pause(40);
      for (const id of await readLive(storm, drained))
        if (!atAnswer.has(id)) storm.accuse('a job came into a queue after its drain was answered');
    }
    const total = (await fleet.queues()).find(({ name }) => name === drained)?.drainTotal ?? 0;
    if (total < atAnswer.size) storm.accuse('a drain counted less than its queue had');
    storm.count('drained');
  } finally {
    await Promise.all(rush);
    await fleet.putQueue(drained, { draining: false });
  }
}

async function readLive({ plain }: Storm, queue: string): Promise<Set<number>> {
  const rows = await plain.query<{ id: number }>(
    `select x.job_id as id from (select job_id from queued union all select job_id from running) x
     join jobs j on j.id = x.job_id where j.queue = $1`,
    [queue],
  );
  return new Set(rows.map(({ id }) => id));
}
