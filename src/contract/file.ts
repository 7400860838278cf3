import { z } from 'zod';
import { findFileNameProblem, findNameClash } from './file-name.ts';
import { plainText } from './plain-text.ts';

export const fileName = plainText.superRefine((name, context) => {
  const message = findFileNameProblem(name);
  if (message) context.addIssue({ code: 'custom', message });
});

const fileId = z.uuid();

/** Files that a job's program finds in its input folder. */
export const jobFiles = z
  .array(
    z.strictObject({
      file: fileId.describe('Of an upload of yours (POST /files), or of a file of a job.'),
      name: fileName.describe('Where it stands in the folder `DAYBOOK_INPUT_DIR` of the program.'),
    }),
  )
  .max(100)
  .superRefine((files, context) => {
    const message = findNameClash(files.map(({ name }) => name));
    if (message) context.addIssue({ code: 'custom', message });
  })
  .describe('Files for the program, uploaded before.');
export type JobFiles = z.infer<typeof jobFiles>;

const sha256 = z.string().describe('In hexadecimal.');

export const storedFile = z.object({
  id: fileId.describe('To be named in a submit. An upload that no job names is removed after a day.'),
  name: z.string(),
  sizeBytes: z.number(),
  sha256,
});

export const artifact = z.object({
  id: z.int(),
  role: z.enum(['in', 'out']).describe('Taken by the job, or made by an attempt.'),
  attempt: z.int().nullable().describe('The attempt that made it; null for what the job was given.'),
  name: z.string(),
  file: fileId.describe('Its bytes: what a submit names to take the same file.'),
  sizeBytes: z.number(),
  sha256,
  createdAt: z.iso.datetime({ offset: true }),
});
export const leftOutFiles = z.object({
  attempt: z.int(),
  count: z.int().describe('How many were not kept.'),
  files: z.array(z.object({ name: z.string(), why: z.string() })).describe('The first of them.'),
});
export type LeftOutFiles = z.infer<typeof leftOutFiles>;

export const removedFiles = z.object({
  rule: z.string().describe('The retention rule that took them.'),
  at: z.iso.datetime({ offset: true }),
  count: z.int(),
});
export type RemovedFiles = z.infer<typeof removedFiles>;

export type Artifact = z.infer<typeof artifact>;
