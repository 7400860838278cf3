import { z } from 'zod';
import { mostMoments } from './moments-text.ts';
import { ownerId, plainText, submitOptions, verdict } from './job.ts';
import { jobStates } from './states.ts';

const timestamp = z.iso.datetime({ offset: true });

export const scheduleName = plainText
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$/, {
    message: 'expected up to 60 letters, digits, `.`, `_` or `-`, beginning with a letter or digit',
  })
  .describe('Of all schedules each name once, case ignored.');

/** What happens at a due moment while a job of the same schedule has not ended. */
export const overlapPolicies = ['skip', 'queue', 'replace', 'allow'] as const;
export type OverlapPolicy = (typeof overlapPolicies)[number];

/** What happens to moments that passed while nobody looked. */
export const missedPolicies = ['skip', 'once', 'all'] as const;
export type MissedPolicy = (typeof missedPolicies)[number];

export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof weekdays)[number];

const timeOfDay = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, { message: 'expected a time of day such as `22:30`' });

const weeklyBlackout = z.strictObject({
  days: z.array(z.enum(weekdays)).min(1).max(7).describe('The days on which it begins.'),
  from: timeOfDay,
  until: timeOfDay.describe('Not itself part of it. Not later than `from`: of the day after.'),
});

const datedBlackout = z.strictObject({
  from: timestamp,
  until: timestamp.describe('Not itself part of it.'),
});

export const blackout = z
  .union([weeklyBlackout, datedBlackout])
  .describe('A time in which nothing is submitted: each week in the zone of the schedule, or once.');
export type Blackout = z.infer<typeof blackout>;

const terms = {
  cron: plainText
    .trim()
    .min(1)
    .max(200)
    .describe(
      'Five fields (minute, hour, day, month, weekday), six with seconds first, or `@daily` and its like.',
    ),
  timezone: plainText
    .max(100)
    .describe('An IANA time zone such as `Europe/Madrid`, in which the fields are read.'),
  overlap: z
    .enum(overlapPolicies)
    .describe(
      'While a job of this schedule has not ended: `skip` the moment, `queue` behind it, `replace` it (it is cancelled), or `allow` both.',
    ),
  missed: z
    .enum(missedPolicies)
    .describe(
      'Moments that passed while no server ran: `skip` them, make up for them `once`, or for `all`, the newest `missedLimit`.',
    ),
  missedLimit: z.int().min(1).max(1_000),
  startsAt: timestamp.nullable().describe('Nothing before this moment.'),
  endsAt: timestamp.nullable().describe('Nothing at this moment or later.'),
  blackouts: z.array(blackout).max(50),
  jitterSeconds: z
    .int()
    .min(0)
    .max(86_400)
    .describe('A job may begin up to this much later; how much follows from the schedule and the moment.'),
};

/** When a schedule is due, and what then happens; all but `cron` by default as most people want it. */
export const scheduleTerms = z.strictObject({
  cron: terms.cron,
  timezone: terms.timezone.optional().describe('By default the one of the server.'),
  overlap: terms.overlap.default('skip'),
  missed: terms.missed.default('once'),
  missedLimit: terms.missedLimit.default(100),
  startsAt: terms.startsAt.default(null),
  endsAt: terms.endsAt.default(null),
  blackouts: terms.blackouts.default([]),
  jitterSeconds: terms.jitterSeconds.default(0),
});

/**
 * Options of a submit that a schedule may say; the others belong to one run. A file does, too: one that no job has yet
 * is removed after a day.
 */
export const scheduledOptions = submitOptions.omit({
  files: true,
  runAt: true,
  after: true,
  afterOk: true,
  idempotencyKey: true,
});

const note = plainText.max(2_000).describe('Why it is there.');

export const newSchedule = scheduleTerms.extend({
  name: scheduleName,
  note: note.default(''),
  paused: z.boolean().default(false),
});

const takeOver = z
  .literal(true)
  .optional()
  .describe('It becomes your own: it then submits in your name, with your rights.');

/** Members that are named are changed. */
export const scheduleChange = z.strictObject({
  ...z.strictObject(terms).partial().shape,
  name: scheduleName.optional(),
  note: note.optional(),
  paused: z.boolean().optional(),
  takeOver,
});

/** What became of a due moment. */
export const runOutcomes = ['pending', 'submitted', 'overlap', 'blackout', 'missed', 'refused'] as const;
export type RunOutcome = (typeof runOutcomes)[number];

export const scheduleRun = z.object({
  dueAt: timestamp,
  lastDueAt: timestamp.nullable().describe('Of several moments that were passed over together, the last.'),
  moments: z.int().describe(`How many they are; ${mostMoments} are so many or more.`),
  outcome: z
    .enum(runOutcomes)
    .describe(
      '`pending`: about to be submitted; `overlap`, `blackout`, `missed`: passed over for that reason; `refused`: the submit was, `message` says why.',
    ),
  message: z.string().nullable(),
  by: z.string().nullable().describe('Who asked for it, when it was not due.'),
  decidedAt: timestamp,
  job: z
    .object({
      id: z.int(),
      state: z.enum(jobStates),
      verdict: verdict.nullable(),
      startedAt: timestamp.nullable(),
      endedAt: timestamp.nullable(),
    })
    .nullable()
    .describe('Null also when it was removed.'),
});
export type ScheduleRun = z.infer<typeof scheduleRun>;

export const schedule = z.object({
  name: scheduleName,
  ...terms,
  note: z.string(),
  paused: z.boolean(),
  submit: z.record(z.string(), z.unknown()).describe('What is submitted: the body of a submit.'),
  owner: z.string().describe('In whose name.'),
  ownerId,
  ownerIsGone: z
    .boolean()
    .describe('The account was removed: nothing is submitted until somebody takes it over.'),
  createdAt: timestamp,
  changedAt: timestamp,
  changedBy: z.string(),
  nextAt: timestamp.nullable().describe('Null: paused, or never again.'),
  lastRun: scheduleRun.nullable(),
});
export type Schedule = z.infer<typeof schedule>;

/** What is due and how: the part of a schedule that says when. */
export type ScheduleTerms = Pick<Schedule, keyof typeof terms>;

const occurrence = z.object({
  at: timestamp,
  local: z.string().describe('In the zone of the schedule, with its distance from UTC.'),
  isBlackedOut: z.boolean(),
});
export type Occurrence = z.infer<typeof occurrence>;

export const schedulePreview = z.object({
  timezone: z.string(),
  next: z.array(occurrence),
  clockChanges: z
    .array(
      z.object({
        at: timestamp.describe('When the clocks change.'),
        minutes: z.int().describe('How far they are put forward; negative: back.'),
        runs: z.array(occurrence).describe('Due within three hours of it.'),
      }),
    )
    .describe('The next of either direction.'),
});
export type SchedulePreview = z.infer<typeof schedulePreview>;

export const scheduleTimeline = z.object({
  from: timestamp,
  now: timestamp,
  until: timestamp,
  items: z.array(
    z.object({
      name: z.string(),
      past: z.array(scheduleRun).describe('The newest first, some hundred at most.'),
      coming: z.array(timestamp).describe('Some hundred at most.'),
    }),
  ),
});
export type ScheduleTimeline = z.infer<typeof scheduleTimeline>;

export const crontabImport = z.object({
  items: z.array(
    z.object({
      line: z.int().describe('Of the file, from 1.'),
      text: z.string(),
      name: z.string().nullable().describe('Of the schedule that was made, or would be; null: none.'),
      problem: z.string().nullable().describe('Why it is none.'),
    }),
  ),
});
export type CrontabImport = z.infer<typeof crontabImport>;
