import { describe, expect, it } from 'vitest';
import { explainWaiting } from './explain.ts';
import type { BusyJob, WaitingFacts, WorkerFacts } from './ports.ts';

const now = new Date('2026-03-01T12:00:00Z');
const at = (minutes: number): string => new Date(now.getTime() + minutes * 60_000).toISOString();
const minutes = (count: number): number => count * 60_000;

function running(id: number, options: { since: number; usual: number | null }): BusyJob & { id: number } {
  return {
    id,
    state: 'running',
    startedAt: new Date(now.getTime() - minutes(options.since)),
    usualMs: options.usual === null ? null : minutes(options.usual),
  };
}

function worker(change: Partial<WorkerFacts> = {}): WorkerFacts {
  return {
    name: 'w1',
    slots: 2,
    queues: ['default'],
    labels: [],
    kinds: ['script'],
    draining: false,
    problem: null,
    running: [],
    ...change,
  };
}

function facts(change: Partial<WaitingFacts> = {}, job: Partial<WaitingFacts['job']> = {}): WaitingFacts {
  return {
    now,
    job: { id: 9, state: 'queued', kind: 'script', queue: 'default', labels: [], runAt: null, ...job },
    dependencies: [],
    queue: { paused: false, note: null },
    lanes: [],
    workers: [worker()],
    ahead: [],
    ...change,
  };
}

describe('why a job waits', () => {
  it('is nothing when a slot is free, and then it starts at any moment', () => {
    expect(explainWaiting(facts())).toEqual({
      jobId: 9,
      state: 'queued',
      reasons: [],
      startsAt: now.toISOString(),
    });
  });

  it('is not asked of a job that runs or has ended', () => {
    const explained = explainWaiting(facts({ workers: [] }, { state: 'succeeded' }));
    expect(explained).toMatchObject({ reasons: [], startsAt: null });
  });

  it('names each job it runs after, and takes the last of their ends', () => {
    const dependencies = [
      { ...running(1, { since: 5, usual: 15 }), mustSucceed: true },
      { ...running(2, { since: 5, usual: 6 }), mustSucceed: false },
    ];
    const explained = explainWaiting(facts({ dependencies }, { state: 'waiting' }));
    expect(explained.reasons).toMatchObject([
      { reason: 'job', jobId: 1, mustSucceed: true, until: at(10) },
      { reason: 'job', jobId: 2, mustSucceed: false, until: at(1) },
    ]);
    expect(explained.startsAt).toBe(at(10));
  });

  it('takes a job that is late for one that ends now, not one that ended in the past', () => {
    const dependencies = [{ ...running(1, { since: 50, usual: 10 }), mustSucceed: false }];
    expect(explainWaiting(facts({ dependencies }, { state: 'waiting' })).startsAt).toBe(now.toISOString());
  });

  it('gives no estimate when one reason has no known end', () => {
    const dependencies = [{ ...running(1, { since: 5, usual: null }), mustSucceed: false }];
    const runAt = new Date(at(30));
    const explained = explainWaiting(facts({ dependencies }, { state: 'waiting', runAt }));
    expect(explained.reasons.map(({ reason, until }) => [reason, until])).toEqual([
      ['job', null],
      ['run-at', at(30)],
    ]);
    expect(explained.startsAt).toBeNull();
  });

  it('waits for the place in a lane that is free first, after those ahead have had one', () => {
    const holders = [running(1, { since: 1, usual: 11 }), running(2, { since: 1, usual: 5 })];
    const lane = { key: 'licence:x', capacity: 2, taken: 2, holders };
    const alone = facts({ lanes: [{ ...lane, ahead: [] }] }, { state: 'waiting' });
    expect(explainWaiting(alone).reasons).toMatchObject([
      {
        reason: 'lane',
        lane: 'licence:x',
        holders: [1, 2],
        until: at(4),
        text: 'All 2 places of the limit licence:x are taken by jobs 1, 2.',
      },
    ]);
    const second = facts({ lanes: [{ ...lane, ahead: [{ usualMs: minutes(3) }] }] }, { state: 'waiting' });
    expect(explainWaiting(second).startsAt).toBe(at(7));
  });

  it('counts the holders that one may not see, and names the others', () => {
    const unseen = { ...running(0, { since: 1, usual: 11 }), id: null };
    const lane = { key: 'licence:x', capacity: 3, taken: 3, ahead: [] };
    const holders = [running(2, { since: 1, usual: 5 }), unseen, unseen];
    expect(
      explainWaiting(facts({ lanes: [{ ...lane, holders }] }, { state: 'waiting' })).reasons,
    ).toMatchObject([
      {
        holders: [2],
        until: at(4),
        text: 'All 3 places of the limit licence:x are taken by job 2 and 2 others.',
      },
    ]);
  });

  it('says that a lane without places never lets it run', () => {
    const lanes = [{ key: 'key:x', capacity: 0, taken: 0, holders: [], ahead: [] }];
    expect(explainWaiting(facts({ lanes })).reasons).toMatchObject([{ reason: 'lane', until: null }]);
  });

  it('counts the jobs ahead and shares the slots among them', () => {
    const busy = worker({
      running: [running(1, { since: 0, usual: 10 }), running(2, { since: 0, usual: 20 })],
    });
    const ahead = [{ usualMs: minutes(5) }, { usualMs: minutes(5) }];
    const explained = explainWaiting(facts({ workers: [busy], ahead }));
    expect(explained.reasons).toMatchObject([
      { reason: 'slots', running: 2, slots: 2, until: at(10) },
      { reason: 'jobs-ahead', ahead: 2, until: at(20) },
    ]);
    expect(explained.startsAt).toBe(at(20));
  });

  it.each([
    ['any', [], {}],
    ['queue', [worker({ queues: ['nightly'] })], {}],
    ['kind', [worker({ kinds: ['url'] })], {}],
    ['labels', [worker({ labels: ['gpu'] })], { labels: ['gpu', 'big'] }],
    ['available', [worker({ draining: true })], {}],
  ] as const)('says what no worker offers: %s', (missing, workers, job) => {
    const explained = explainWaiting(facts({ workers }, job));
    expect(explained.reasons).toMatchObject([{ reason: 'no-worker', missing, until: null }]);
    expect(explained.startsAt).toBeNull();
  });

  it('names the labels that the nearest worker lacks', () => {
    const workers = [worker({ name: 'far' }), worker({ name: 'near', labels: ['gpu'] })];
    const [reason] = explainWaiting(facts({ workers }, { labels: ['gpu', 'big'] })).reasons;
    expect(reason?.text).toContain('The nearest is near, which lacks big.');
  });

  it('says that the queue is paused, with the note of whoever paused it', () => {
    const explained = explainWaiting(facts({ queue: { paused: true, note: 'disk change' } }));
    expect(explained.reasons).toMatchObject([
      { reason: 'queue-paused', text: 'The queue default is paused: disk change.', until: null },
    ]);
  });
});
