import { z } from 'zod';

const timestamp = z.iso.datetime({ offset: true });

export const queue = z.object({
  name: z.string(),
  paused: z.boolean(),
  draining: z.boolean().describe('It takes no new jobs, and runs what it has.'),
  drainTotal: z
    .int()
    .nullable()
    .describe('How many jobs it had to run when it began to drain; null: it does not.'),
  note: z.string().nullable(),
  capacity: z.int().nullable().describe('How many of its jobs may run at once; null: no limit.'),
  waiting: z.int(),
  scheduled: z.int(),
  queued: z.int(),
  running: z.int(),
});
export type Queue = z.infer<typeof queue>;

export const lane = z.object({
  key: z.string(),
  capacity: z.int(),
  taken: z.int(),
  waiting: z.int(),
  note: z.string().nullable(),
});
export type Lane = z.infer<typeof lane>;

export const worker = z.object({
  id: z.uuid(),
  name: z.string(),
  host: z.string(),
  pid: z.int(),
  version: z.string(),
  slots: z.int(),
  running: z.int(),
  queues: z.array(z.string()).describe('From which it takes jobs; `*`: from all.'),
  labels: z.array(z.string()),
  kinds: z.array(z.string()),
  state: z.enum(['active', 'stopped', 'silent']),
  draining: z.boolean().describe('Takes no new work.'),
  problem: z.string().nullable().describe('Why it takes no work, in words.'),
  startedAt: timestamp,
  seenAt: timestamp,
});
export type Worker = z.infer<typeof worker>;
