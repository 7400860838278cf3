import { z } from 'zod';

const timestamp = z.iso.datetime({ offset: true });

/** What jobs can be counted by. */
export const groupings = ['state', 'kind', 'owner', 'project', 'queue', 'worker', 'reason'] as const;
export type Grouping = (typeof groupings)[number];

/** How long one bar of a chart is. */
export const buckets = ['hour', 'day', 'week', 'month'] as const;
export type Bucket = (typeof buckets)[number];

/** Spans whose distribution can be asked for. */
export const spans = ['run', 'wait'] as const;

const group = {
  name: z.string().nullable().describe('Null: jobs without one.'),
  isRest: z.boolean().describe('All groups that are smaller than those named.'),
};

const counted = {
  from: timestamp,
  until: timestamp,
  timezone: z.string().describe('Says when a day begins.'),
  every: z
    .int()
    .describe(
      'One job of so many was looked at, and figures are multiplied; 1: all jobs. Chosen by their number, so that the same jobs are looked at each time.',
    ),
};

export const jobCounts = z.object({
  ...counted,
  bucket: z.enum(buckets),
  by: z.enum(groupings),
  groups: z.array(z.object({ ...group, jobs: z.int() })).describe('The largest first, the rest last.'),
  items: z.array(
    z.object({
      from: timestamp,
      until: timestamp,
      jobs: z.array(z.int()).describe('Submitted in this time, in the order of `groups`.'),
    }),
  ),
});
export type JobCounts = z.infer<typeof jobCounts>;

export const jobTimes = z.object({
  ...counted,
  of: z.enum(spans),
  by: z.enum(groupings),
  edgesMs: z
    .array(z.int())
    .describe('Where the bins meet, in milliseconds: the first ends at the first edge, the last is open.'),
  groups: z.array(
    z.object({
      ...group,
      jobs: z.int(),
      medianMs: z.int(),
      p95Ms: z.int(),
      bins: z.array(z.int()),
    }),
  ),
});
export type JobTimes = z.infer<typeof jobTimes>;

export const diskHistory = z.object({
  ...counted,
  items: z
    .array(
      z.object({
        at: timestamp,
        jobId: z.int(),
        freeBytes: z.number().describe('When the job ended.'),
      }),
    )
    .describe('Oldest first; of many in a short time the one that left least.'),
  takers: z
    .array(z.object({ jobId: z.int(), name: z.string(), at: timestamp, tookBytes: z.number() }))
    .describe('Jobs during which most space went; several that ran at once share it.'),
});
export type DiskHistory = z.infer<typeof diskHistory>;

export const queueHistory = z.object({
  minutes: z.array(timestamp).describe('When each minute began, oldest first; the last one is not over.'),
  queues: z.array(
    z.object({
      queue: z.string(),
      waiting: z.array(z.int()).describe('Waiting, scheduled and queued at the end of each minute.'),
      running: z.array(z.int()).describe('At the end of each minute.'),
      ended: z.array(z.int()),
      failed: z.array(z.int()).describe('Of those that ended.'),
    }),
  ),
});
export type QueueHistory = z.infer<typeof queueHistory>;
