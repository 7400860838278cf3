import { z } from 'zod';
import { plainText } from './plain-text.ts';
import { limits, runOptions } from './run-options.ts';
import { shownUid } from './uid.ts';
import { analyses, assessments, attemptStates, failureReasons, jobStates, tones } from './states.ts';

export { plainText };

export const queueName = plainText.regex(
  /^[a-z0-9][a-z0-9._-]{0,62}$/,
  'lower-case letters, digits, `.`, `_` and `-`, at most 63, starting with a letter or digit',
);

export const labelName = plainText.regex(
  /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,62}$/,
  'letters, digits and `._:/-`, at most 63',
);

export const tagName = plainText.min(1).max(100);

/** A note of people; more text than this belongs into a file. */
export const noteText = plainText.max(100_000);

/** A job that another one is compared with; by its foreign number when the diary does not know it. */
export const baseRunName = z.union(
  [
    z.strictObject({ jobId: z.int().positive() }),
    z.strictObject({ foreignId: plainText.trim().min(1).max(200) }),
  ],
  { error: 'expected {jobId: <number>} or {foreignId: <text>}' },
);
export type BaseRunName = z.infer<typeof baseRunName>;

/** Causes after which a retry may help: a failure reason, or one exit code or signal. */
export const retryCause = plainText.regex(
  /^(exit|signal|timeout|limit|lost|error|exit:\d{1,3}|signal:SIG[A-Z0-9]+)$/,
  'one of exit, signal, timeout, limit, lost, error, exit:<code>, signal:<SIGNAME>',
);

export const retryPolicy = z
  .strictObject({
    attempts: z.int().min(1).max(100).default(1).describe('How many tries in all; 1 means no retry.'),
    on: z
      .array(retryCause)
      .max(50)
      .default(['exit', 'signal', 'timeout', 'lost', 'error'])
      .describe('Causes after which to try again.'),
    initialMs: z
      .int()
      .min(0)
      .max(86_400_000)
      .default(1_000)
      .describe('Pause before the second try, in milliseconds.'),
    factor: z.number().min(1).max(10).default(2).describe('How much longer each further pause is.'),
    maxMs: z.int().min(0).max(604_800_000).default(600_000).describe('Longest pause, in milliseconds.'),
  })
  .describe(
    'When and how often to try again. By default never, but for what a kind may safely repeat (URL tests by GET, HEAD or OPTIONS): three tries in all when a worker is lost with it.',
  );
export type RetryPolicy = z.infer<typeof retryPolicy>;

/** Of what nobody here could try again. */
export const noRetry = retryPolicy.parse({ on: [] });

const jobNumber = z.int().positive();

/** What may accompany any kind's input on submit. */
export const submitOptions = z.strictObject({
  name: plainText
    .trim()
    .min(1)
    .max(300)
    .optional()
    .describe('What lists show; by default made from the input.'),
  queue: queueName.default('default').describe('Where the job waits.'),
  priority: z.int().min(-1000).max(1000).default(0).describe('Higher runs first.'),
  labels: z.array(labelName).max(20).default([]).describe('What a worker must offer to run it.'),
  lanes: z
    .array(plainText.min(1).max(200))
    .max(10)
    .default([])
    .describe('Counted limits that it needs a place in, such as `licence:ansys`; they exist in /lanes.'),
  concurrencyKey: plainText
    .min(1)
    .max(200)
    .optional()
    .describe('Of all jobs with the same key, one runs at a time.'),
  runAt: z.iso.datetime({ offset: true }).optional().describe('Not before this moment.'),
  after: z
    .array(jobNumber)
    .max(100)
    .optional()
    .describe('Jobs that must have ended before it starts, however they end.'),
  afterOk: z
    .array(jobNumber)
    .max(100)
    .optional()
    .describe(
      'Jobs that must have succeeded before it starts. When one ends otherwise, this job fails as `rejected`.',
    ),
  timeoutSeconds: z.number().positive().max(31_536_000).optional().describe('Limit for each attempt.'),
  ...runOptions.shape,
  retry: retryPolicy.optional(),
  project: plainText.min(1).max(200).optional(),
  tags: z.array(tagName).max(50).default([]),
  info: noteText.optional().describe('Why the job is made.'),
  baseRuns: z.array(baseRunName).max(100).default([]).describe('The jobs it is to be compared with.'),
  idempotencyKey: plainText
    .min(1)
    .max(200)
    .optional()
    .describe(
      'Submitting again with the same key and body answers with the first job instead of making another.',
    ),
});
export type SubmitOptions = z.infer<typeof submitOptions>;

export const verdict = z.object({ text: z.string(), tone: z.enum(tones) });
export type Verdict = z.infer<typeof verdict>;

const timestamp = z.iso.datetime({ offset: true });

export const ownerId = z
  .int()
  .nullable()
  .describe(
    'The account whose it is, as in `/me`; null: of nobody who has one. The name is only who it was.',
  );

export const progress = z.object({
  fraction: z.number().min(0).max(1).nullable(),
  message: z.string().nullable(),
  at: timestamp,
});

export const jobSummary = z.object({
  id: z.int().describe('The number people say.'),
  uid: shownUid,
  kind: z.string(),
  name: z.string(),
  state: z.enum(jobStates),
  reason: z.enum(failureReasons).nullable().describe('Why it failed.'),
  family: z.string().nullable().describe('Those that failed alike; see /failures.'),
  message: z.string().nullable().describe('The reason in words.'),
  errorLine: z
    .string()
    .nullable()
    .describe('Of one that failed: the line of its output that says best what went wrong.'),
  verdict: verdict.nullable().describe('What a person said of the outcome, else what the kind says.'),
  analysis: z.enum(analyses).nullable().describe('How far people are with looking at it.'),
  assessment: z.enum(assessments).nullable().describe('What people concluded.'),
  keep: z.boolean().describe('Never removed by a retention rule.'),
  progress: progress.nullable(),
  queue: z.string().nullable(),
  priority: z.int(),
  labels: z.array(z.string()),
  lanes: z.array(z.string()),
  blockedBy: z.string().nullable().describe('The full lane it waits for.'),
  owner: z.string().describe('Who submitted it.'),
  ownerId,
  project: z.string().nullable(),
  tags: z.array(z.string()),
  parentId: z.int().nullable(),
  foreign: z
    .object({ source: z.string(), cluster: z.string(), id: z.string() })
    .nullable()
    .describe('Who it is elsewhere, where it was taken over from there.'),
  againOf: z.int().nullable().describe('The job that this one runs once more.'),
  attempt: z.int().describe('Number of the newest attempt; 0 before the first.'),
  cancelRequested: z.boolean(),
  submittedAt: timestamp,
  runAt: timestamp.nullable(),
  startedAt: timestamp.nullable().describe('Start of the newest attempt.'),
  endedAt: timestamp.nullable(),
});
export type JobSummary = z.infer<typeof jobSummary>;

const baseRun = z.object({
  jobId: z.int().nullable(),
  foreignId: z.string().nullable().describe('Its number elsewhere, where the diary does not know it.'),
  name: z.string().nullable(),
  state: z.enum(jobStates).nullable(),
  assessment: z.enum(assessments).nullable(),
});

const usualTime = z.object({
  medianMs: z.number(),
  p5Ms: z.number().describe('One of twenty runs took less.'),
  p95Ms: z.number().describe('One of twenty runs took more.'),
  runs: z.int().describe('So many runs tell: recent ones that succeeded.'),
  alike: z
    .enum(['name', 'first word of the name', 'kind'])
    .describe('What these runs have in common with the job; the kind always.'),
});
/** How long jobs like one took, from the start of an attempt to its end, in milliseconds. */
export type UsualTime = z.infer<typeof usualTime>;

export const job = jobSummary.extend({
  input: z.unknown().describe("What was asked, by the kind's schema."),
  result: z.unknown().describe("Structured outcome by the kind's schema; null until there is one."),
  retry: retryPolicy,
  timeoutSeconds: z.number().nullable(),
  limits: limits.nullable().describe('As submitted; what was not named there has the default of the worker.'),
  nice: z.int().nullable(),
  env: runOptions.shape.env.unwrap().nullable(),
  stdin: z.string().nullable(),
  workdir: z.string().nullable(),
  files: runOptions.shape.files.unwrap().nullable().describe('Files it was given.'),
  after: z
    .array(z.object({ jobId: z.int(), mustSucceed: z.boolean(), state: z.enum(jobStates).nullable() }))
    .describe('Jobs it runs after; without the state where you may not see the other.'),
  info: z.string().nullable().describe('Why the job was made.'),
  summary: z.string().nullable().describe('What came out, as Markdown.'),
  kindVerdict: verdict
    .nullable()
    .describe('What the kind says of the outcome, also when a person overruled it.'),
  baseRuns: z.array(baseRun).describe('The jobs it is compared with.'),
  assessed: z
    .object({ by: z.string(), at: timestamp })
    .nullable()
    .describe('Who said the assessment that stands, and when; null also where it came with an import.'),
  baseRunOf: z.array(z.int()).describe('Jobs that are compared with it, the newest 100.'),
  usual: usualTime
    .nullable()
    .optional()
    .describe(
      'How long jobs like it took; null when no past run tells. Only `GET /jobs/:id` says it, of jobs that began.',
    ),
  warnings: z.array(z.string()).describe('What to know before relying on it, such as an obsolete base run.'),
});
export type Job = z.infer<typeof job>;

export const attempt = z.object({
  number: z.int(),
  state: z.enum(attemptStates),
  owner: z.enum(['slot', 'external']),
  worker: z.string().nullable(),
  reason: z.enum(failureReasons).nullable(),
  message: z.string().nullable(),
  exitCode: z.int().nullable(),
  signal: z.string().nullable(),
  retcode: z
    .int()
    .nullable()
    .describe('Exit code as a shell would report it: 128 + signal, 124 timeout, 143 cancelled, 137 lost.'),
  claimedAt: timestamp,
  launchedAt: timestamp.nullable(),
  endedAt: timestamp.nullable(),
  freeBeforeKib: z.number().nullable().describe('Free space of the home directory before, in KiB.'),
  freeAfterKib: z.number().nullable(),
  wallMs: z.number().nullable().describe('From the start of the program, or the claim, to its end.'),
  queueWaitMs: z
    .number()
    .nullable()
    .describe('From when it was asked for, or due, to the claim; whatever held it up.'),
  cpuMs: z
    .number()
    .nullable()
    .describe('User and system time in milliseconds, children that were waited for included.'),
  maxRssBytes: z
    .number()
    .nullable()
    .describe(
      'Largest resident size in bytes: of all processes together where it ran long enough to be looked at, else of the largest; null when it stayed below what can be told.',
    ),
  readBytes: z
    .number()
    .nullable()
    .describe('Read from storage; what was in the page cache does not count. Null where unknown.'),
  writtenBytes: z.number().nullable().describe('Written to storage. Null where unknown.'),
  errorLine: z.string().nullable().describe('The line of its output that says best what went wrong.'),
  program: z.unknown().describe('What exactly ran: file, arguments, working directory.'),
  stdoutBytes: z.number(),
  stderrBytes: z.number(),
  outputRemoved: z
    .object({ at: timestamp, rule: z.string() })
    .nullable()
    .describe('What it printed is gone; a gap in its place says so.'),
  lateResults: z
    .array(z.object({ receivedAt: timestamp, outcome: z.unknown() }))
    .describe('Results that came after the attempt had been given up; kept, never applied.'),
});
export type Attempt = z.infer<typeof attempt>;

export const jobEvent = z.object({
  id: z.int(),
  jobId: z.int(),
  at: timestamp.describe('When it happened.'),
  recordedAt: timestamp,
  actor: z.string(),
  name: z.string(),
  data: z.unknown(),
});
export type JobEvent = z.infer<typeof jobEvent>;
