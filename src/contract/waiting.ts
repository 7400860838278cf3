import { z } from 'zod';
import { jobStates } from './states.ts';

const timestamp = z.iso.datetime({ offset: true });
const text = z.string().describe('The reason as a sentence.');
const until = timestamp
  .nullable()
  .describe('When it goes away, as far as past run times tell; null where nobody knows.');

/** Why a job does not run yet: each reason with what stands in its way. */
export const waitingReason = z.discriminatedUnion('reason', [
  z.object({ reason: z.literal('run-at'), text, until }),
  z.object({
    reason: z.literal('job'),
    text,
    until,
    jobId: z.int(),
    state: z.enum(jobStates).nullable().describe('Null: it is a job that you may not see.'),
    mustSucceed: z.boolean(),
  }),
  z.object({
    reason: z.literal('lane'),
    text,
    until,
    lane: z.string(),
    capacity: z.int(),
    holders: z
      .array(z.int())
      .describe('Running jobs that have its places, of those that you may see, at most 20.'),
  }),
  z.object({ reason: z.literal('queue-paused'), text, until, queue: z.string() }),
  z.object({
    reason: z.literal('no-worker'),
    text,
    until,
    missing: z
      .enum(['any', 'queue', 'kind', 'labels', 'available'])
      .describe('What no active worker offers; `available`: those that could take it do not for now.'),
  }),
  z.object({ reason: z.literal('jobs-ahead'), text, until, ahead: z.int() }),
  z.object({ reason: z.literal('slots'), text, until, running: z.int(), slots: z.int() }),
]);
export type WaitingReason = z.infer<typeof waitingReason>;

export const waiting = z.object({
  jobId: z.int(),
  state: z.enum(jobStates),
  reasons: z.array(waitingReason).describe('Empty when nothing stands in its way, or it does not wait.'),
  startsAt: timestamp
    .nullable()
    .describe(
      'Estimated start; null when a reason has no known end, or no past run tells how long one takes.',
    ),
});
export type Waiting = z.infer<typeof waiting>;
