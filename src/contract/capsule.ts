import { z } from 'zod';
import { limits } from './run-options.ts';

/** What an attempt was started with. */
export const capsule = z.object({
  jobId: z.int(),
  attempt: z.int(),
  recordedAt: z.iso.datetime({ offset: true }),
  script: z
    .object({
      file: z.string(),
      sha256: z.string().describe('Of the file right before the start.'),
      sizeBytes: z.number(),
      text: z.string().nullable().describe('Null when it is larger than 256 KiB, or no text.'),
      changed: z.boolean().describe('The file was another one when the attempt ended.'),
      pinned: z
        .boolean()
        .describe('An earlier text, kept by its hash, ran instead of the script of that time.'),
    })
    .nullable()
    .describe('Null for a program that is no script of the scripts directory.'),
  argv: z.array(z.string()),
  cwd: z.string(),
  env: z
    .record(z.string(), z.string())
    .describe('The complete environment. Values of secrets, and the token of the attempt, are masked.'),
  secrets: z.array(z.string()).describe('Named secrets that it was given.'),
  stdin: z.object({ sha256: z.string(), sizeBytes: z.number() }).nullable(),
  files: z
    .array(z.object({ name: z.string(), sizeBytes: z.number(), sha256: z.string() }))
    .describe('What stood in its input folder.'),
  user: z.string().describe('The account it ran as.'),
  limits: limits.extend({ timeoutSeconds: z.number().optional() }).describe('In force, defaults included.'),
  nice: z.int(),
  worker: z.string(),
  host: z.string(),
  system: z.string().describe('System and kernel.'),
  version: z.string().describe('Of Daybook.'),
  nodeVersion: z.string(),
});
export type Capsule = z.infer<typeof capsule>;
