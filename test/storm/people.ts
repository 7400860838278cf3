import type { JobChange } from '../../src/contract/job-change.ts';
import type { JobStore, NewJob } from '../../src/domain/jobs/ports.ts';
import { createFleetStore } from '../../src/adapters/store/fleet/fleet-store.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import { anyJob, lanes, queues } from './jobs-of-storm.ts';
import { readTransactions } from './look.ts';
import type { Storm } from './storm.ts';

/** Jobs that stand in the way of more submits: a storm is about moves, not about a long queue. */
const mostWaiting = 500;

/** Whoever submits, cancels, retries, removes, changes; and whoever looks after queues and lanes. */
export function people(storm: Storm): Promise<unknown>[] {
  const store = createJobStore(storm.db);
  return [
    ...Array.from({ length: 3 }, () => storm.repeat(16, () => submitSome(storm, store))),
    ...Array.from({ length: 2 }, () => storm.repeat(30, () => cancelSome(storm, store))),
    storm.repeat(12, () => retryOne(storm, store)),
    storm.repeat(30, () => removeOne(storm, store)),
    ...Array.from({ length: 2 }, () => storm.repeat(8, () => changeOne(storm, store))),
    storm.repeat(150, () => pauseQueue(storm)),
    storm.repeat(150, () => changeLane(storm)),
    storm.repeat(150, () => makeLane(storm)),
  ];
}

/** Often one of those that others are likely to move at this moment. */
export function drawJob(
  { random, memory }: Storm,
  last: readonly number[],
  span: number,
): number | undefined {
  return last.length > 0 && random.chance(0.4) ? random.pick(last) : memory.recent(random, span);
}

/** So many wait that no more should come. */
export function isCrowded({ memory }: Storm): boolean {
  return memory.waiting > mostWaiting;
}

async function submitSome(storm: Storm, store: JobStore): Promise<void> {
  const { random } = storm;
  // Now and then the queues run empty: another race is won then.
  if (Math.floor(performance.now() / 1_000) % 5 < 1) return storm.pause(100);
  if (isCrowded(storm)) return storm.pause(100);
  await submitBatch(
    storm,
    store,
    Array.from({ length: random.integer(1, 8) }, () => anyJob(storm)),
  );
}

/** Remembers what was answered. */
export async function submitBatch(storm: Storm, store: JobStore, batch: readonly NewJob[]): Promise<void> {
  const { memory } = storm;
  const outcomes = await store.submit(batch);
  for (const [index, outcome] of outcomes.entries()) {
    storm.count(`submit: ${outcome.status}`);
    const key = batch[index]?.idempotency;
    // A job that it was to run after may have been removed.
    if (outcome.status === 'refused' && !outcome.message.includes('job_dependencies'))
      storm.accuse(`a submit was refused: ${outcome.message}`);
    if (outcome.status !== 'stored') continue;
    memory.accept(outcome.id, outcome.uid);
    if (key) memory.answerKey(key.key, outcome);
  }
}

async function cancelSome(storm: Storm, store: JobStore): Promise<void> {
  const { random, memory } = storm;
  const drawn = Array.from({ length: random.integer(1, 8) }, () =>
    drawJob(storm, memory.claimedLast, random.pick([40, 400])),
  );
  const ids = [...new Set(drawn)].filter((id) => id !== undefined);
  if (ids.length === 0) return;
  const { oldest: from } = await readTransactions(storm.plain);
  const answers = new Map((await store.cancel(ids, 'ben')).map(({ id, state }) => [id, state]));
  const { next: to } = await readTransactions(storm.plain);
  for (const id of ids) {
    const state = answers.get(id) ?? null;
    memory.noteCancel(id, { from, to, state });
    storm.count(`cancel: ${state ?? 'had ended'}`);
  }
}

async function retryOne(storm: Storm, store: JobStore): Promise<void> {
  const id = drawJob(storm, storm.memory.endedLast, 600);
  if (id === undefined) return;
  const retried = await store.retry(id, 'ben');
  storm.count(`retry: ${typeof retried === 'object' ? (retried?.state ?? 'not possible') : retried}`);
}

function removeOne(storm: Storm, store: JobStore): Promise<void> {
  const id = drawJob(storm, storm.memory.endedLast, 900);
  return id === undefined ? Promise.resolve() : removeJob(storm, store, id);
}

export async function removeJob(storm: Storm, store: JobStore, id: number): Promise<void> {
  const { memory } = storm;
  try {
    const isRemoved = await store.remove(id);
    if (isRemoved) memory.maybeRemoved.add(id);
    storm.count(isRemoved ? 'removed' : 'not removed');
  } catch (error) {
    memory.maybeRemoved.add(id);
    throw error;
  }
}

async function changeOne(storm: Storm, store: JobStore): Promise<void> {
  const { memory, random } = storm;
  const id = drawJob(storm, memory.endedLast, random.pick([40, 300]));
  if (id === undefined) return;
  const change: JobChange = {
    ...(random.chance(0.5) ? { priority: random.integer(0, 2) } : {}),
    ...(random.chance(0.3) ? { queue: random.pick(queues) } : {}),
    ...(random.chance(0.2) ? { tags: [random.pick(['one', 'two'])] } : {}),
    ...(random.chance(0.2) ? { keep: random.chance(0.5) } : {}),
    ...(random.chance(0.05) ? { assessment: random.pick(['obsolete', 'ok']), summary: 'what came out' } : {}),
  };
  const base = random.chance(0.05) ? memory.recent(random, 100) : undefined;
  if (base !== undefined && base !== id) change.baseRuns = [{ jobId: base }];
  const { status } = await store.change(id, change, 'ben');
  storm.count(`change: ${status}`);
}

async function pauseQueue(storm: Storm): Promise<void> {
  const fleet = createFleetStore(storm.db);
  const queue = storm.random.pick(['third', 'quiet'] as const);
  await fleet.putQueue(queue, { paused: true });
  await storm.pause(60);
  await fleet.putQueue(queue, { paused: false });
  storm.count('pause');
}

async function changeLane(storm: Storm): Promise<void> {
  const { random } = storm;
  const key = random.pick(['wide', 'odd'] as const);
  const capacity = random.chance(0.3) ? lanes[key] : random.integer(1, 4);
  await createFleetStore(storm.db).putLane(key, { capacity });
  storm.count('lane changed');
}

/** Jobs that ask for it run already, and some still do when it goes. */
async function makeLane(storm: Storm): Promise<void> {
  const fleet = createFleetStore(storm.db);
  await fleet.putLane('made', { capacity: storm.random.integer(1, 4) });
  await storm.pause(300);
  await fleet.removeLane('made');
  storm.count('lane made and removed');
}
