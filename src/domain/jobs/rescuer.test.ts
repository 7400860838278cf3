import { beforeEach, describe, expect, it } from 'vitest';
import { retryPolicy } from '../../contract/job.ts';
import { silentLogger } from '../../lib/logger.ts';
import type { WatchedWorker } from '../fleet/ports.ts';
import type { Bell, Finish, FinishedJob, RunningAttempt } from './ports.ts';
import type { AttemptOutput, AttemptRef } from '../output/ports.ts';
import { Rescuer } from './rescuer.ts';

const leaseMs = 10_000;
const attempt: RunningAttempt = {
  jobId: 7,
  number: 1,
  token: 'a token',
  launchedAt: null,
  job: {
    jobId: 7,
    number: 1,
    token: 'a token',
    uid: 'a uid',
    kind: 'script',
    name: 'a job',
    input: {},
    owner: 'ana',
    ownerId: null,
    retry: retryPolicy.parse({}),
    timeoutMs: null,
    run: null,
    scriptSha256: null,
    isLimited: false,
    tries: 1,
    claimedAt: new Date(0),
  },
};

let nowMs = 0;
let worker: WatchedWorker;
let isDatabaseAway = false;
let finished: Finish[] = [];
let marked: number[] = [];
const output: AttemptOutput = { write: async () => {}, last: async () => null };
let rescuer: Rescuer;

const workers = {
  watched: async () => {
    if (isDatabaseAway) throw new Error('away');
    return [{ ...worker }];
  },
  giveUp: async () => [attempt],
};

const jobs = {
  lose: async (finish: Finish, work: (output: AttemptOutput) => Promise<void>): Promise<FinishedJob> => {
    finished.push(finish);
    await work(output);
    return {
      jobId: finish.jobId,
      status: 'applied',
      state: 'failed',
      kind: 'script',
      ranMs: 1,
      place: null,
      freedLanes: [],
      hasDependants: false,
    };
  },
};

const bell: Bell = { ring: () => {}, callWorkers: () => {}, announce: () => {} };

beforeEach(() => {
  nowMs = 0;
  isDatabaseAway = false;
  finished = [];
  marked = [];
  worker = { id: 'w', name: 'a worker', incarnation: 1, beat: 5 };
  const clock = { now: () => new Date(0), monotonicMs: () => nowMs };
  const markGap = async (_: AttemptOutput, { jobId }: AttemptRef): Promise<void> => void marked.push(jobId);
  rescuer = new Rescuer({ workers, jobs, bell, markGap, clock, logger: silentLogger, leaseMs });
});

async function watch(durationMs: number, each: () => void = () => {}): Promise<void> {
  for (let passedMs = 0; passedMs < durationMs; passedMs += leaseMs / 5) {
    nowMs += leaseMs / 5;
    each();
    await rescuer.look().catch(() => undefined);
  }
}

describe('the rescuer', () => {
  it('gives up a worker whose counter stood still for a lease, and ends its attempts as lost', async () => {
    await rescuer.look();
    await watch(leaseMs);
    expect(finished).toEqual([]);
    await watch(leaseMs / 5);
    expect(finished).toMatchObject([
      { jobId: 7, token: 'a token', outcome: { state: 'failed', reason: 'lost' } },
    ]);
  });

  it('marks that output may be missing', async () => {
    await watch(2 * leaseMs);
    expect(marked[0]).toBe(7);
  });

  it('never gives up a worker that beats', async () => {
    await watch(10 * leaseMs, () => (worker.beat += 1));
    expect(finished).toEqual([]);
  });

  it('takes a new incarnation for a sign of life', async () => {
    await watch(leaseMs);
    worker = { ...worker, incarnation: 2, beat: 0 };
    await watch(leaseMs);
    expect(finished).toEqual([]);
  });

  it('watches afresh after it slept itself, however long', async () => {
    await rescuer.look();
    nowMs += 100 * leaseMs;
    await rescuer.look();
    await watch(leaseMs);
    expect(finished).toEqual([]);
  });
});
