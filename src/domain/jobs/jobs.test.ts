import { z } from 'zod';
import { expect, it } from 'vitest';
import type { Actor } from '../../contract/actor.ts';
import { noRetry, submitOptions } from '../../contract/job.ts';
import { createKindRegistry, defineKind } from '../../kinds/define-kind.ts';
import { emptyOutcome } from './ports.ts';
import { createJobLife } from './job-life.ts';
import type { ClaimedJob, ClaimRequest, Finish, Jobs, JobStore, NewJob, Place } from './ports.ts';
import type { LocalWork } from './local-ports.ts';
import { createSubmits } from './submits.ts';

const ana: Actor = { name: 'ana', accountId: 1, role: 'member' };
const kind = defineKind({
  name: 'note',
  title: 'Note',
  description: 'A note.',
  input: z.strictObject({ text: z.string() }),
  result: z.unknown(),
  nameOf: (input) => input.text,
  isRepeatable: (input) => input.text === 'again',
  runsProgram: false,
  createRun: () => async () => ({ state: 'succeeded' as const }),
});

/** Its schema changes what goes through it. */
const marked = defineKind({
  ...kind,
  name: 'marked',
  input: z.strictObject({ text: z.string().transform((text) => `${text}!`) }),
});

/** Use cases on a store that keeps what it is handed. */
function create() {
  const submitted: NewJob[] = [];
  const finished: Finish[] = [];
  const rung: string[] = [];
  const store: Pick<JobStore, 'submit' | 'finish'> = {
    submit: async (batch) => {
      submitted.push(...batch);
      return batch.map(({ uid, queue, needs }, id) => ({
        status: 'stored',
        id,
        uid,
        place: { queue, needs },
        isNew: true,
      }));
    },
    finish: async (batch) => {
      finished.push(...batch);
      return batch.map(({ jobId, next }) => ({
        jobId,
        status: 'applied',
        state: next.state,
        place: null,
        kind: 'script',
        ranMs: 0,
        freedLanes: [],
        hasDependants: false,
      }));
    },
  };
  const options = {
    store: store as JobStore,
    reader: { known: async (ids: readonly number[]) => new Set(ids), attemptRef: async () => null },
    output: { tail: async () => ({ lines: [], next: null }) },
    secrets: { findUnusable: async () => new Map() },
    files: { findUsable: async () => [] },
    bell: {
      ring: (places: readonly Place[]) => void rung.push(...places.map(({ queue }) => queue)),
      callWorkers: () => {},
      announce: () => {},
    },
    here: {} as LocalWork,
    kinds: createKindRegistry([kind, marked]),
    defaultTimeoutMs: 7_000,
    jobVariables: [],
    findMissingScript: async () => null,
    obstacle: () => null,
  };
  const jobs: Jobs = { ...createJobLife(options), ...createSubmits(options) };
  const submit = async (options: object = {}, text = 'a note'): Promise<NewJob> => {
    await jobs.submit({ kind: 'note', input: { text }, options: submitOptions.parse(options), actor: ana });
    const job = submitted.at(-1);
    if (!job) throw new Error('something was submitted');
    return job;
  };
  return { jobs, store: options.store, here: options.here, submit, submitted, finished, rung };
}

it('a job counts once in each lane: those named, its queue, its owner, its key', async () => {
  const { submit } = create();
  const options = {
    lanes: ['licence:x', 'licence:x', 'queue:default', 'key:alone'],
    concurrencyKey: 'alone',
  };
  const job = await submit(options);
  expect(job.lanes.toSorted()).toEqual(['key:alone', 'licence:x', 'queue:default', 'user:ana']);
  expect(job.ownLane).toBe('key:alone');
  expect((await submit()).ownLane).toBeNull();
});

it('ends take along a claim where somebody wants one, and say when it is over, with and without an answer', async () => {
  const { jobs, store, here } = create();
  const ended = (jobId: number) => ({
    attempt: { jobId, number: 1, token: `t${jobId}`, retry: noRetry, tries: 1 },
    outcome: emptyOutcome('succeeded', { reason: null, endedAt: '2026-01-01T00:00:00Z' }),
    actor: 'worker:w',
  });
  const claimed = [{ jobId: 9 } as ClaimedJob];
  const asked: number[][] = [];
  const answers: (readonly ClaimedJob[] | null)[] = [];
  here.worker = {
    claimInPlaceOf: (ending) => {
      asked.push(ending.map(({ jobId }) => jobId));
      return {
        request: { limit: ending.length } as ClaimRequest,
        answered: (jobs) => void answers.push(jobs),
      };
    },
    claimForSubmit: () => null,
  };
  store.finishAndClaim = async (batch) => ({ finished: await store.finish(batch), claimed });
  const [first] = await Promise.all([jobs.finish(ended(1)), jobs.finish(ended(2))]);
  expect(first).toMatchObject({ jobId: 1, status: 'applied' });
  expect(asked).toEqual([[1, 2]]);
  expect(answers).toEqual([claimed]);
  store.finishAndClaim = async () => {
    throw new Error('the answer was lost');
  };
  await expect(jobs.finish(ended(3))).rejects.toThrow('the answer was lost');
  expect(answers).toEqual([claimed, null]);
});

it('a job that comes alone is stored as running where a slot here is free, and rings nobody', async () => {
  const { jobs, store, here, submit, submitted, rung } = create();
  const asked: string[] = [];
  const answers: (number[] | null)[] = [];
  here.worker = {
    claimInPlaceOf: () => null,
    claimForSubmit: ({ kind, queue }) => {
      asked.push(`${kind} in ${queue}`);
      return {
        request: { limit: 1 } as ClaimRequest,
        answered: (claimed) => void answers.push(claimed && claimed.map(({ jobId }) => jobId)),
      };
    },
  };
  store.submitClaimed = async (job) => ({ jobId: 77, uid: job.uid }) as ClaimedJob;
  const request = { kind: 'note', input: { text: 'a' }, options: submitOptions.parse({}), actor: ana };
  expect(await jobs.submit(request)).toMatchObject({ id: 77, isNew: true });
  expect({ asked, answers, submitted, rung }).toEqual({
    asked: ['note in default'],
    answers: [[77]],
    submitted: [],
    rung: [],
  });
  // What must take its turn is submitted as ever.
  store.submitClaimed = async () => null;
  await submit();
  expect({ answers, rung }).toEqual({ answers: [[77], null], rung: ['default'] });
  await submit({ runAt: '2999-01-01T00:00:00Z' });
  await submit({ concurrencyKey: 'alone' });
  await Promise.all([jobs.submit(request), jobs.submit(request)]);
  expect(asked).toHaveLength(2);
});

it('a job of the future is scheduled and rings nobody; one of the past is queued and rings', async () => {
  const { submit, rung } = create();
  expect((await submit({ runAt: '2999-01-01T01:00:00+01:00' })).state).toBe('scheduled');
  expect(rung).toEqual([]);
  expect((await submit({ runAt: '2020-01-01T00:00:00Z' })).state).toBe('queued');
  expect(rung).toEqual(['default']);
});

it('the limit of the server holds for jobs that name none', async () => {
  const { submit } = create();
  expect((await submit()).timeoutMs).toBe(7_000);
  expect((await submit({ timeoutSeconds: 0.25 })).timeoutMs).toBe(250);
  expect((await submit({ timeoutSeconds: 0.000_01 })).timeoutMs).toBe(1);
});

it('what may be done twice is tried again when it is lost, a few times, unless the submit says otherwise', async () => {
  const { submit } = create();
  expect((await submit()).retry).toMatchObject({ attempts: 1 });
  expect((await submit({}, 'again')).retry).toMatchObject({ attempts: 3, on: ['lost'] });
  expect((await submit({ retry: { attempts: 1 } }, 'again')).retry).toMatchObject({ attempts: 1 });
});

it('the same request has the same hash, another value or order of a list another one', async () => {
  const { submit } = create();
  const hash = async (options: object): Promise<string | undefined> =>
    (await submit({ idempotencyKey: 'k', ...options })).idempotency?.bodyHash;
  const first = await hash({ tags: ['a', 'b'], priority: 1 });
  expect(await hash({ priority: 1, tags: ['a', 'b'] })).toBe(first);
  expect(await hash({ priority: 1, tags: ['b', 'a'] })).not.toBe(first);
  expect(await hash({ priority: 2, tags: ['a', 'b'] })).not.toBe(first);
});

it.each(['a\0', 'a\ud800'])('text that the database cannot keep is refused on submit: %j', async (text) => {
  const { submit, submitted } = create();
  const refusal = { code: 'invalid_input', details: [{ field: expect.any(String) }] };
  await expect(submit({}, text)).rejects.toMatchObject({ ...refusal, details: [{ field: 'input.text' }] });
  expect(submitted).toEqual([]);
});

it('an input that the schema of its kind gave back does not go through it again', async () => {
  const { jobs, submitted } = create();
  const request = { kind: 'marked', input: { text: 'a' }, options: submitOptions.parse({}), actor: ana };
  await jobs.submit(request);
  await jobs.submit({ ...request, isChecked: true });
  expect(submitted.map(({ input }) => input)).toEqual([{ text: 'a!' }, { text: 'a' }]);
});

it('an end is handed on with what cannot be kept replaced, and all else as it was', async () => {
  const { jobs, finished } = create();
  const result = { 'k\0': ['a\0b', '\ud800', 'ä😀', 1, null, true], deep: { list: [[]], none: {} } };
  const outcome = emptyOutcome('succeeded', {
    reason: null,
    endedAt: '2026-01-01T00:00:00Z',
    result,
    message: 'm\0',
  });
  const attempt = { jobId: 1, number: 1, token: 't', retry: noRetry, tries: 1 };
  await jobs.finish({ attempt, outcome, actor: 'worker:w' });
  expect(finished).toMatchObject([{ jobId: 1, token: 't', next: { state: 'succeeded', runAt: null } }]);
  expect(finished[0]?.outcome).toEqual({
    ...outcome,
    message: 'm\ufffd',
    result: { 'k\ufffd': ['a\ufffdb', '\ufffd', 'ä😀', 1, null, true], deep: { list: [[]], none: {} } },
  });
});

it('an end whose result is nested ten thousand levels deep is handed on, cut where nobody reads', async () => {
  const { jobs, finished } = create();
  const result = { list: JSON.parse(`${'['.repeat(10_000)}${']'.repeat(10_000)}`) as unknown };
  const outcome = emptyOutcome('succeeded', { reason: null, endedAt: '2026-01-01T00:00:00Z', result });
  const attempt = { jobId: 1, number: 1, token: 't', retry: noRetry, tries: 1 };
  await jobs.finish({ attempt, outcome, actor: 'worker:w' });
  expect(JSON.stringify(finished[0]?.outcome.result)).toMatch(/^\{"list":\[{100,300}null\]{100,300}\}$/);
});
