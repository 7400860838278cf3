import { randomUUID } from 'node:crypto';
import { retryPolicy } from '../../src/contract/job.ts';
import type { Dependency, NewJob } from '../../src/domain/jobs/ports.ts';
import { newJob } from '../support/jobs.ts';
import type { Storm } from './storm.ts';

/** In `quiet` nothing waits most of the time: what comes there may begin at once. */
export const queues = ['default', 'second', 'third', 'drained', 'quiet'] as const;
export const kinds = ['script', 'rare'] as const;

/** Places that nobody has named before come up now and then: these labels make them. */
const rareLabels = Array.from({ length: 40 }, (_, index) => `only-${index}`);
export const allLabels: readonly string[] = ['gpu', ...rareLabels];

/** `wide` and `odd` get other capacities now and then, `made` comes and goes, the others stay as they are. */
export const lanes = { wide: 3, odd: 2, single: 1, 'queue:second': 6 } as const;
const laneSets = [
  [],
  [],
  [],
  ['wide'],
  ['odd'],
  ['wide', 'odd'],
  ['odd', 'single'],
  ['single', 'wide'],
  ['made'],
  ['made', 'wide'],
];

/** A job as people may submit it, of any form that the moves know. */
export function anyJob(storm: Storm): NewJob {
  const { random, memory } = storm;
  const queue = random.pickWeighted([
    ['default', 2],
    ['second', 1],
    ['third', 1],
    ['drained', 1],
    ['quiet', 0.1],
  ] as const satisfies readonly (readonly [(typeof queues)[number], number])[]);
  const after = random.chance(0.12) ? someDependencies(storm) : [];
  const runAt = random.chance(0.1) ? new Date(Date.now() + 200).toISOString() : null;
  const ownLane = random.chance(0.05) ? `key:${random.integer(1, 40)}` : null;
  const laneOfQueue = queue === 'second' ? ['queue:second'] : [];
  const uid = randomUUID();
  memory.sent.add(uid);
  return newJob({
    uid,
    kind: random.chance(0.15) ? 'rare' : 'script',
    state: after.length > 0 ? 'waiting' : runAt === null ? 'queued' : 'scheduled',
    queue,
    needs: random.pickWeighted<string[]>([
      [[], 10],
      [['gpu'], 2],
      [[random.pick(rareLabels)], 0.3],
    ]),
    lanes: [...random.pick(laneSets), ...laneOfQueue, ...(ownLane === null ? [] : [ownLane])],
    ownLane,
    priority: random.integer(0, 2),
    runAt,
    tags: random.chance(0.2) ? ['tagged'] : [],
    retry: retryPolicy.parse({
      attempts: random.integer(1, 3),
      initialMs: random.pick([0, 100]),
      maxMs: 200,
    }),
    after,
    info: random.chance(0.1) ? 'why it was made' : null,
    idempotency: random.chance(0.3) ? someKey(storm) : null,
  });
}

/** Most keys come up again: there is one for each four jobs, and some for the beginning. */
function someKey({ random, memory }: Storm): NonNullable<NewJob['idempotency']> {
  const key = `key-${random.integer(0, 100 + Math.floor(memory.ids.length / 4))}`;
  return { scope: 'ana', key, bodyHash: random.chance(0.95) ? 'aa' : 'bb' };
}

function someDependencies({ random, memory }: Storm): Dependency[] {
  const ids = new Set([memory.recent(random, 40), memory.recent(random, 200)]);
  return [...ids].flatMap((jobId) =>
    jobId === undefined ? [] : [{ jobId, mustSucceed: random.chance(0.5) }],
  );
}
