import { z } from 'zod';

/** What a process of Daybook can be; one that is started without a word is all of it. */
export const serverRoles = ['web', 'worker'] as const;
export type ServerRole = (typeof serverRoles)[number];

const timestamp = z.iso.datetime({ offset: true });

/** What an admin wants to know of the process that answers. */
export const serverFacts = z.object({
  version: z.string(),
  runtime: z.string().describe('Node and its version.'),
  host: z.string(),
  pid: z.int(),
  startedAt: timestamp,
  timezone: z.string(),
  memoryBytes: z.int(),
  database: z.object({
    version: z.string(),
    isEmbedded: z.boolean(),
    sizeBytes: z.int(),
    clockAheadMs: z.int().describe('Of the database before this machine.'),
    problems: z.array(z.string()),
  }),
  disks: z.array(
    z.object({
      name: z.string(),
      directory: z.string(),
      freeBytes: z.number().nullable().describe('Null: it cannot be asked.'),
      totalBytes: z.number().nullable(),
    }),
  ),
  worker: z
    .object({ slots: z.int(), running: z.int(), launcherIsUp: z.boolean() })
    .nullable()
    .describe('Of this process; null when it has none.'),
  settings: z
    .array(z.object({ name: z.string(), value: z.string(), origin: z.string() }))
    .describe('In force, secrets masked.'),
});
export type ServerFacts = z.infer<typeof serverFacts>;
