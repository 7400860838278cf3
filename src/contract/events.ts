/**
 * Everything that can stand in the history of a job: name → what is stored with it → how it is told. The statements of
 * the store write these names (a test reads them there), the page tells them. A name that is gone from here still
 * stands in old histories, and is then told by itself.
 */
import { z } from 'zod';
import { assessments, jobStates } from './states.ts';

interface EventKind<Data> {
  readonly data: z.ZodType<Data>;
  say(data: Partial<Data>, words: EventFormat): string;
}

/** How a reader writes moments. */
export interface EventFormat {
  time(at: string): string;
}

const attempt = z.int();

const end = z.object({
  attempt: attempt.optional(),
  reason: z.string().optional(),
  message: z.string().optional(),
  exitCode: z.int().optional(),
  signal: z.string().optional(),
  /** The job is tried again, at once or from `runAt`. */
  next: z.enum(['queued', 'scheduled']).optional(),
  runAt: z.string().optional(),
});
const foreignJob = z.object({ source: z.string(), cluster: z.string().nullable(), id: z.string() });
const nothing = z.object({});

export const jobEvents = {
  submitted: event(z.object({ state: z.enum(jobStates), runAt: z.string().nullable() }), ({ state }) =>
    state === undefined || state === 'queued' ? 'Submitted' : `Submitted, ${state}`,
  ),
  waiting: event(z.object({ lane: z.string() }), ({ lane }) => sayLane(lane)),
  queued: event(nothing, () => 'Queued'),
  scheduled: event(
    z.object({ runAt: z.string().optional() }),
    ({ runAt }, { time }) => `Waits for its time${runAt === undefined ? '' : `, ${time(runAt)}`}`,
  ),
  claimed: event(z.object({ attempt }), ({ attempt }) => `Attempt ${said(attempt)} began`),
  'started elsewhere': event(
    z.object({ attempt, holder: z.string() }),
    ({ holder }) => `Started elsewhere, by ${said(holder)}`,
  ),
  succeeded: event(end, (data, words) => sayEnd(data, words, 'succeeded')),
  failed: event(end, (data, words) => sayEnd(data, words, 'failed')),
  cancelled: event(end, (data, words) => sayEnd(data, words, 'was cancelled')),
  finished: event(end, (data, words) => sayEnd(data, words, 'ended')),
  released: event(end, (data, words) => sayEnd(data, words, 'was given back before it began')),
  retried: event(nothing, () => 'To be run once more'),
  changed: event(
    z.object({ before: z.record(z.string(), z.unknown()), after: z.record(z.string(), z.unknown()) }),
    () => 'Changed',
  ),
  'cancel requested': event(
    z.object({ reason: z.string().optional(), graceSeconds: z.number().optional() }),
    ({ reason, graceSeconds }) =>
      `Asked to end${graceSeconds === undefined ? '' : ` within ${graceSeconds} s`}${reason === undefined ? '' : `: ${reason}`}`,
  ),
  'late result': event(
    z.object({ attempt }),
    ({ attempt }) =>
      `A result of attempt ${said(attempt)} came after it had been given up; kept, not applied`,
  ),
  'limit near': event(
    z.object({ attempt, limit: z.string(), value: z.number(), max: z.number() }),
    ({ attempt, limit, value, max }) =>
      `Attempt ${said(attempt)} comes near its limit of ${said(limit)}: ${said(value)} of ${said(max)}`,
  ),
  'reports left out': event(
    z.object({ attempt, members: z.int(), series: z.int() }),
    ({ attempt, members = 0, series = 0 }) => {
      const what = [
        members > 0 ? `${members} members of the result` : '',
        series > 0 ? `${series} reports of further series` : '',
      ];
      return `Attempt ${said(attempt)} reported more than is kept; left out: ${what.filter(Boolean).join(', ')}`;
    },
  ),
  'files left out': event(
    z.object({
      attempt,
      count: z.int(),
      files: z.array(z.object({ name: z.string(), why: z.string() })),
    }),
    ({ attempt, count }) =>
      `${said(count)} files that attempt ${said(attempt)} left were not kept; the tab Files says why`,
  ),
  'script changed': event(
    z.object({ attempt, file: z.string() }),
    ({ attempt, file }) => `${said(file)} changed while attempt ${said(attempt)} ran`,
  ),
  'base run assessed': event(
    z.object({ baseRun: z.int(), assessment: z.enum(assessments).nullable() }),
    ({ baseRun, assessment }) =>
      assessment === 'obsolete'
        ? `Base run ${said(baseRun)} is obsolete`
        : `Base run ${said(baseRun)} is ${assessment ?? 'not assessed'} now`,
  ),
  'output removed': event(
    z.object({ rule: z.string(), bytes: z.number() }),
    ({ rule }) => `What it printed was removed by retention rule ${said(rule)}`,
  ),
  'files removed': event(
    z.object({ rule: z.string(), count: z.int(), bytes: z.number() }),
    ({ rule, count }) => `${said(count)} files were removed by retention rule ${said(rule)}`,
  ),
  imported: event(foreignJob, (job) => `Imported from ${sayForeignJob(job)}`),
  'imported again': event(foreignJob, (job) => `Imported again from ${sayForeignJob(job)}`),
} as const;

export type EventName = keyof typeof jobEvents;
export type EventData<Name extends EventName> = z.infer<(typeof jobEvents)[Name]['data']>;

export function isEventName(name: string): name is EventName {
  return Object.hasOwn(jobEvents, name);
}

/** What is stored with an event, as the JSON that its statement takes. */
export function toEventData<Name extends EventName>(_name: Name, data: EventData<Name>): string {
  return JSON.stringify(data);
}

/** An event as a sentence without its full stop; the bare name where nothing is known of it. */
export function sayEvent({ name, data }: { name: string; data: unknown }, format: EventFormat): string {
  if (!isEventName(name)) return name;
  const kind: EventKind<Record<string, unknown>> = jobEvents[name];
  return kind.say(isRecord(data) ? data : {}, format);
}

function event<Data>(data: z.ZodType<Data>, say: EventKind<Data>['say']): EventKind<Data> {
  return { data, say };
}

function sayLane(lane: string | undefined): string {
  const [, what, name] = /^(key|queue|user):(.*)$/s.exec(lane ?? '') ?? [];
  if (what === 'key') return `Waits for its turn in ${name}`;
  if (what === 'queue') return `Waits for a free place in the queue ${name}`;
  if (what === 'user') return `Waits for a free place among the jobs of ${name}`;
  return lane === undefined ? 'Waits' : `Waits for a free place of ${lane}`;
}

function sayEnd(
  { attempt, message, next, runAt }: Partial<z.infer<typeof end>>,
  { time }: EventFormat,
  how: string,
): string {
  const who = attempt === undefined ? `The job ${how}` : `Attempt ${attempt} ${how}`;
  const why = typeof message === 'string' ? `: ${message.replace(/\.$/, '')}` : '';
  if (next === undefined) return `${who}${why}`;
  return `${who}${why}. Another try ${runAt === undefined ? 'is queued' : `from ${time(runAt)}`}`;
}

function sayForeignJob({ source, cluster, id }: Partial<z.infer<typeof foreignJob>>): string {
  return [source, cluster, id].filter(Boolean).join(' ');
}

function said(value: string | number | undefined): string {
  return value === undefined || value === '' ? '–' : String(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
