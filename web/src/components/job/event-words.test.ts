import { expect, it } from 'vitest';
import { toEventWords } from './event-words.ts';

it.each([
  ['submitted', { state: 'queued', runAt: null }, 'Submitted'],
  ['submitted', { state: 'waiting' }, 'Submitted, waiting'],
  ['waiting', { lane: 'key:k' }, 'Waits for its turn in k'],
  ['waiting', { lane: 'queue:night' }, 'Waits for a free place in the queue night'],
  ['waiting', { lane: 'user:ana' }, 'Waits for a free place among the jobs of ana'],
  ['waiting', { lane: 'licence' }, 'Waits for a free place of licence'],
  ['claimed', { attempt: 2 }, 'Attempt 2 began'],
  ['failed', { attempt: 1, message: 'Ended with exit code 3.' }, 'Attempt 1 failed: Ended with exit code 3'],
  [
    'failed',
    { attempt: 1, message: 'Lost.', next: 'queued' },
    'Attempt 1 failed: Lost. Another try is queued',
  ],
  ['cancelled', null, 'The job was cancelled'],
  ['base run assessed', { baseRun: 7, assessment: null }, 'Base run 7 is not assessed now'],
  ['imported', { source: 'slurm', cluster: null, id: '12' }, 'Imported from slurm 12'],
  ['something new', { any: 1 }, 'something new'],
  ['claimed', 'no object', 'Attempt – began'],
])('tells %s with %o as %j', (name, data, text) => {
  expect(toEventWords({ name, data }).text).toBe(text);
});

it('tells of a change what stood there before', () => {
  const data = {
    before: { tags: [], info: null, keep: false, baseRuns: [{ jobId: 3 }] },
    after: { tags: ['a', 'b'], info: 'why', keep: true, baseRuns: [{ foreignId: 'x7' }] },
  };
  expect(toEventWords({ name: 'changed', data }).changes).toEqual([
    { field: 'tags', before: '–', after: 'a, b' },
    { field: 'info', before: '–', after: 'why' },
    { field: 'keep', before: 'false', after: 'true' },
    { field: 'baseRuns', before: '3', after: 'x7' },
  ]);
});
