import { z } from 'zod';
import { noteText, plainText, tagName } from './job.ts';
import { anyUid } from './uid.ts';
import { analyses, assessments, failureReasons, tones } from './states.ts';

/** Years a calendar of four digits has. */
const moment = z.iso.datetime({ offset: true }).refine((text) => {
  const year = new Date(text).getUTCFullYear();
  return year >= 1 && year <= 9999;
}, 'expected a moment of the years 1 to 9999');

const shortText = plainText.min(1).max(300);
const outputText = plainText.max(4 * 1024 * 1024);

/** Of a file of foreign jobs: room for the longest outputs in any letters, with all else a job may have. */
export const mostLineBytes = 32 * 1024 * 1024;

/** States a foreign job can have here: nothing that somebody would have to run or to follow. */
const importedStates = ['succeeded', 'failed', 'cancelled', 'finished', 'unknown'] as const;

/** One line of a file of foreign jobs. */
export const importedJob = z
  .strictObject({
    source: plainText
      .regex(/^[a-z][a-z0-9-]{0,62}$/, 'lower-case letters, digits and `-`')
      .describe('Where it comes from: `slurm`.'),
    cluster: plainText.max(200).default('').describe('Which of several that count alike.'),
    id: plainText.min(1).max(200).describe('Its number there.'),
    uid: anyUid.optional().describe('By which it is known elsewhere, too; by default a new one.'),
    number: z
      .int()
      .min(1)
      .max(1e15)
      .optional()
      .describe('The number it gets here where that is free; else the next one.'),
    submittedAt: moment.describe('With source, cluster and id it says which job it is.'),
    startedAt: moment.optional(),
    endedAt: moment.optional().describe('Needed for a state that is an end, unless it equals the start.'),
    state: z.enum(importedStates).describe('`finished`: ended, nobody knows how.'),
    reason: z
      .enum(failureReasons)
      .optional()
      .describe('Why it failed; by default `exit` with an exit code, else `error`.'),
    message: plainText.max(2_000).optional(),
    exitCode: z.int().min(0).max(255).optional(),
    signal: plainText.regex(/^SIG[A-Z0-9]{2,10}$/).optional(),
    kind: plainText.regex(/^[a-z][a-z0-9-]{0,62}$/).default('imported'),
    name: shortText,
    owner: plainText.min(1).max(200),
    freeBeforeKib: z.int().min(0).optional().describe('Free space of its home before it ran.'),
    freeAfterKib: z.int().min(0).optional(),
    host: plainText.min(1).max(200).optional().describe('Where it ran.'),
    project: plainText.min(1).max(200).optional(),
    tags: z.array(tagName).max(50).optional(),
    input: z.unknown().optional().describe('What was asked, as the source has it.'),
    info: noteText.optional(),
    summary: noteText.optional(),
    analysis: z.enum(analyses).optional(),
    assessment: z.enum(assessments).optional(),
    verdict: z.strictObject({ text: shortText, tone: z.enum(tones) }).optional(),
    baseRuns: z
      .array(plainText.min(1).max(200))
      .max(100)
      .optional()
      .describe('Numbers at the same source and cluster.'),
    stdout: outputText.optional(),
    stderr: outputText.optional(),
  })
  .superRefine((job, context) => {
    const refuse = (field: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [field], message });
    if (job.reason !== undefined && job.state !== 'failed') refuse('reason', 'only a failed job has one');
    if (isBefore(job.startedAt, job.submittedAt)) refuse('startedAt', 'is before submittedAt');
    if (isBefore(job.endedAt, job.startedAt ?? job.submittedAt)) refuse('endedAt', 'is before the start');
  });
export type ImportedJob = z.infer<typeof importedJob>;
/** As it is written. */
export type ImportLine = z.input<typeof importedJob>;

function isBefore(one: string | undefined, other: string): boolean {
  return one !== undefined && Date.parse(one) < Date.parse(other);
}

const line = z.int().min(1);
const problem = z.object({ field: z.string(), message: z.string() });
export type ImportProblem = z.infer<typeof problem>;

/** A row of another system's table by its number there: the line that it makes, or why it makes none. */
export type ForeignRow = { number: number } & ({ line: ImportLine } | { problems: ImportProblem[] });

/** What became of one line; the answer of an import is one such JSON a line, in their order. */
export const importOutcome = z.discriminatedUnion('outcome', [
  z.object({ line, outcome: z.enum(['added', 'updated', 'known']), jobId: z.int().nullable() }),
  z.object({
    line,
    outcome: z.literal('refused'),
    problems: z.array(problem),
  }),
]);
export type ImportOutcome = z.infer<typeof importOutcome>;
