/**
 * Why a job does not run yet, and until when. The facts come from one look at the database; what follows from them is
 * decided here, without it.
 *
 * Estimates: a job is taken to last as long as the median of its like did (same kind and name; else same kind and first
 * word of the name, which for scripts is the script; else same kind). Places, of a lane or of workers, are given to
 * whoever stands ahead, each to the place that is free first. Nothing is guessed where no past run tells.
 */
import { takesFrom } from '../../contract/worker-queues.ts';
import type { JobState } from '../../contract/states.ts';
import type { Waiting, WaitingReason } from '../../contract/waiting.ts';
import { aheadLimit, type BusyJob, type WaitingFacts, type WorkerFacts, type Work } from './ports.ts';

export function explainWaiting(facts: WaitingFacts): Waiting {
  const { job } = facts;
  const reasons = isWaiting(job.state)
    ? [...dependencyReasons(facts), ...timeReasons(facts), ...laneReasons(facts), ...placeReasons(facts)]
    : [];
  return {
    jobId: job.id,
    state: job.state,
    reasons,
    startsAt: isWaiting(job.state) ? latest(reasons, facts.now) : null,
  };
}

function isWaiting(state: JobState): boolean {
  return state === 'waiting' || state === 'scheduled' || state === 'queued';
}

/** The start cannot come before the last obstacle goes, and not be told while one of them has no known end. */
function latest(reasons: readonly WaitingReason[], now: Date): string | null {
  const ends = reasons.map(({ until }) => (until === null ? Number.NaN : Date.parse(until)));
  return toIso(Math.max(now.getTime(), ...ends));
}

function dependencyReasons({ dependencies, now }: WaitingFacts): WaitingReason[] {
  return dependencies.map((one) => ({
    reason: 'job',
    text: `It runs after job ${one.id}${one.mustSucceed ? ' has succeeded' : ' has ended'}${one.state === null ? '' : `, which is ${one.state}`}.`,
    until: toIso(endOf(one, now)),
    jobId: one.id,
    state: one.state,
    mustSucceed: one.mustSucceed,
  }));
}

function timeReasons({ job: { runAt }, now }: WaitingFacts): WaitingReason[] {
  if (!runAt || runAt <= now) return [];
  const until = runAt.toISOString();
  return [{ reason: 'run-at', text: 'It was asked to start later.', until }];
}

function laneReasons({ lanes, now }: WaitingFacts): WaitingReason[] {
  return lanes
    .filter(({ capacity, taken }) => taken >= capacity)
    .map(({ key, capacity, ahead, holders }) => ({
      reason: 'lane',
      text: laneText(key, capacity, holders),
      until: capacity === 0 ? null : toIso(firstFree(placesOf(holders, capacity, now), ahead)),
      lane: key,
      capacity,
      holders: holders.flatMap(({ id }) => id ?? []).slice(0, 20),
    }));
}

function laneText(key: string, capacity: number, holders: readonly BusyJob[]): string {
  if (capacity === 0) return `The limit ${key} allows no job to run.`;
  const by = holders.length === 0 ? '' : ` by ${nameSome(holders)}`;
  return capacity === 1
    ? `The one place of the limit ${key} is taken${by}.`
    : `All ${capacity} places of the limit ${key} are taken${by}.`;
}

const namedHolders = 5;

/** `jobs 1, 2 and 3 others`: others are those beyond a few, and those that one may not see. */
function nameSome(holders: readonly BusyJob[]): string {
  const named = holders.flatMap(({ id }) => id ?? []).slice(0, namedHolders);
  const others = holders.length - named.length;
  return [
    ...(named.length === 0 ? [] : [`${named.length === 1 ? 'job' : 'jobs'} ${named.join(', ')}`]),
    ...(others === 0 ? [] : [`${others} ${others === 1 ? 'other' : 'others'}`]),
  ].join(' and ');
}

function placeReasons(facts: WaitingFacts): WaitingReason[] {
  const { job, queue } = facts;
  if (job.queue === null) return [];
  const paused: WaitingReason[] = queue?.paused
    ? [
        {
          reason: 'queue-paused',
          text: `The queue ${job.queue} is paused${queue.note === null ? '' : `: ${queue.note}`}.`,
          until: null,
          queue: job.queue,
        },
      ]
    : [];
  const missing = findMissing(facts, job.queue);
  if (missing) return [...paused, { reason: 'no-worker', until: null, ...missing }];
  // Who waits for something else is not in the line yet.
  return paused.length > 0 || job.state !== 'queued' ? paused : slotReasons(facts);
}

/** What no active worker offers, asked in the order in which one would put it right. */
function findMissing(
  { workers, job }: WaitingFacts,
  queue: string,
): { missing: 'any' | 'queue' | 'kind' | 'labels' | 'available'; text: string } | null {
  if (workers.length === 0) return { missing: 'any', text: 'No worker is active.' };
  const ofQueue = workers.filter(({ queues }) => takesFrom(queues, queue));
  if (ofQueue.length === 0)
    return { missing: 'queue', text: `No active worker takes jobs of the queue ${queue}.` };
  const ofKind = ofQueue.filter(({ kinds }) => kinds.includes(job.kind));
  if (ofKind.length === 0)
    return { missing: 'kind', text: `No active worker of the queue ${queue} knows the kind ${job.kind}.` };
  const able = ofKind.filter(({ labels }) => job.labels.every((label) => labels.includes(label)));
  if (able.length === 0) {
    const [nearest] = ofKind
      .map(({ name, labels }) => ({ name, lacks: job.labels.filter((label) => !labels.includes(label)) }))
      .sort((a, b) => a.lacks.length - b.lacks.length);
    const hint = nearest ? ` The nearest is ${nearest.name}, which lacks ${nearest.lacks.join(', ')}.` : '';
    return { missing: 'labels', text: `No active worker offers the labels ${job.labels.join(', ')}.${hint}` };
  }
  if (able.some((worker) => isTaking(worker))) return null;
  const states = able.map(
    ({ name, problem }) =>
      `${name} ${problem === null ? 'is draining' : `says: ${problem.replace(/\.$/, '')}`}`,
  );
  return { missing: 'available', text: `No worker that could run it takes new work: ${states.join('; ')}.` };
}

function slotReasons({ workers, job, ahead, now }: WaitingFacts): WaitingReason[] {
  const able = workers.filter(
    (worker) =>
      isTaking(worker) &&
      takesFrom(worker.queues, job.queue ?? '') &&
      worker.kinds.includes(job.kind) &&
      job.labels.every((label) => worker.labels.includes(label)),
  );
  const slots = able.reduce((sum, worker) => sum + worker.slots, 0);
  const running = able.reduce((sum, worker) => sum + worker.running.length, 0);
  const places = able.flatMap((worker) => placesOf(worker.running, worker.slots, now));
  const reasons: WaitingReason[] = [];
  if (running >= slots) {
    reasons.push({
      reason: 'slots',
      text: `All ${slots} slots of the workers that could run it are busy.`,
      until: toIso(firstFree(places, [])),
      running,
      slots,
    });
  }
  if (ahead.length > 0) {
    const count = ahead.length < aheadLimit ? String(ahead.length) : `at least ${aheadLimit}`;
    reasons.push({
      reason: 'jobs-ahead',
      text: ahead.length === 1 ? '1 job of its queue goes first.' : `${count} jobs of its queue go first.`,
      until: toIso(firstFree(places, ahead)),
      ahead: ahead.length,
    });
  }
  return reasons;
}

function isTaking({ draining, problem }: WorkerFacts): boolean {
  return !draining && problem === null;
}

/** When a running job should be over; NaN when no past run tells, or it has not begun. */
function endOf({ state, startedAt, usualMs }: BusyJob, now: Date): number {
  if (usualMs === null) return Number.NaN;
  if (state !== 'running' || startedAt === null) return Number.NaN;
  return Math.max(now.getTime(), startedAt.getTime() + usualMs);
}

/** When each of `count` places is free: now, or at the end of whoever has it. */
function placesOf(holders: readonly BusyJob[], count: number, now: Date): number[] {
  const busy = holders.map((holder) => endOf(holder, now));
  const free = Math.max(0, count - busy.length);
  return [...busy, ...Array.from({ length: free }, () => now.getTime())];
}

/** When the first place is free after everyone ahead has had one; NaN when that cannot be told. */
function firstFree(places: readonly number[], ahead: readonly Work[]): number {
  // Places of unknown end come last: they are not waited for while another is free.
  const ends = places.map((end) => (Number.isNaN(end) ? Infinity : end)).sort((a, b) => a - b);
  for (const { usualMs } of ahead) {
    const first = ends.shift();
    if (first === undefined || first === Infinity || usualMs === null) return Number.NaN;
    insertSorted(ends, first + usualMs);
  }
  const [first = Infinity] = ends;
  return first === Infinity ? Number.NaN : first;
}

function insertSorted(sorted: number[], value: number): void {
  const at = sorted.findIndex((other) => other > value);
  sorted.splice(at < 0 ? sorted.length : at, 0, value);
}

function toIso(ms: number): string | null {
  return Number.isNaN(ms) ? null : new Date(ms).toISOString();
}
