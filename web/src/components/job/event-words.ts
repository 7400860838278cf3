import type { JobEvent } from '../../../../src/contract/job.ts';
import type { Look } from './state-look.ts';

/** What a person reads of an event: a sentence, and what stood there before and after. */
export interface EventWords {
  text: string;
  look: Look;
  changes: { field: string; before: string; after: string }[];
}

type Data = Readonly<Record<string, unknown>>;

const looks: Readonly<Record<string, Look>> = {
  submitted: { icon: 'i-lucide-square-plus', color: 'primary' },
  queued: { icon: 'i-lucide-clock', color: 'neutral' },
  scheduled: { icon: 'i-lucide-calendar-clock', color: 'neutral' },
  claimed: { icon: 'i-lucide-play', color: 'info' },
  'started elsewhere': { icon: 'i-lucide-play', color: 'info' },
  succeeded: { icon: 'i-lucide-circle-check', color: 'success' },
  failed: { icon: 'i-lucide-circle-x', color: 'error' },
  cancelled: { icon: 'i-lucide-circle-slash', color: 'neutral' },
  changed: { icon: 'i-lucide-pencil', color: 'neutral' },
  retried: { icon: 'i-lucide-rotate-cw', color: 'primary' },
  'late result': { icon: 'i-lucide-triangle-alert', color: 'warning' },
  'limit near': { icon: 'i-lucide-triangle-alert', color: 'warning' },
  'files left out': { icon: 'i-lucide-triangle-alert', color: 'warning' },
  'script changed': { icon: 'i-lucide-triangle-alert', color: 'warning' },
  'output removed': { icon: 'i-lucide-hourglass', color: 'warning' },
  'files removed': { icon: 'i-lucide-hourglass', color: 'warning' },
  'base run assessed': { icon: 'i-lucide-message-circle', color: 'warning' },
};
const otherLook: Look = { icon: 'i-lucide-dot', color: 'neutral' };

/** How each event is told; one that is not here is told by its name. */
const sentences: Readonly<Record<string, (data: Data) => string>> = {
  submitted: ({ state }) =>
    state === undefined || state === 'queued' ? 'Submitted' : `Submitted, ${said(state)}`,
  queued: () => 'Queued',
  scheduled: ({ runAt }) => `Waits for its time${runAt === undefined ? '' : `, ${time(runAt)}`}`,
  claimed: ({ attempt }) => `Attempt ${said(attempt)} began`,
  'started elsewhere': ({ holder }) => `Started elsewhere, by ${said(holder)}`,
  succeeded: (data) => ended(data, 'succeeded'),
  failed: (data) => ended(data, 'failed'),
  cancelled: (data) => ended(data, 'was cancelled'),
  finished: (data) => ended(data, 'ended'),
  released: (data) => ended(data, 'was given back before it began'),
  retried: () => 'To be run once more',
  changed: () => 'Changed',
  'cancel requested': () => 'Asked to end',
  'late result': ({ attempt }) =>
    `A result of attempt ${said(attempt)} came after it had been given up; kept, not applied`,
  'limit near': ({ attempt, limit, value, max }) =>
    `Attempt ${said(attempt)} comes near its limit of ${said(limit)}: ${said(value)} of ${said(max)}`,
  'files left out': ({ attempt, count }) =>
    `${said(count)} files that attempt ${said(attempt)} left were not kept; the tab Files says why`,
  'script changed': ({ attempt, file }) => `${said(file)} changed while attempt ${said(attempt)} ran`,
  'base run assessed': ({ baseRun, assessment }) =>
    assessment === 'obsolete'
      ? `Base run ${said(baseRun)} is obsolete`
      : `Base run ${said(baseRun)} is ${assessment ? said(assessment) : 'not assessed'} now`,
  'output removed': ({ rule }) => `What it printed was removed by retention rule ${said(rule)}`,
  'files removed': ({ rule, count }) => `${said(count)} files were removed by retention rule ${said(rule)}`,
  imported: ({ source, cluster, id }) =>
    `Imported from ${[source, cluster, id].filter(Boolean).map(said).join(' ')}`,
  'imported again': ({ source, cluster, id }) =>
    `Imported again from ${[source, cluster, id].filter(Boolean).map(said).join(' ')}`,
};

/** An event of a job in words. */
export function toEventWords({ name, data }: Pick<JobEvent, 'name' | 'data'>): EventWords {
  const known: Data = isData(data) ? data : {};
  return {
    text: sentences[name]?.(known) ?? name,
    look: looks[name] ?? otherLook,
    changes: name === 'changed' ? toChanges(known) : [],
  };
}

function ended({ attempt, message, next, runAt }: Data, how: string): string {
  const who = attempt === undefined ? `The job ${how}` : `Attempt ${said(attempt)} ${how}`;
  const why = typeof message === 'string' ? `: ${message.replace(/\.$/, '')}` : '';
  if (next === undefined) return `${who}${why}`;
  return `${who}${why}. Another try ${runAt === undefined ? 'is queued' : `from ${time(runAt)}`}`;
}

function toChanges({ before, after }: Data): EventWords['changes'] {
  if (!isData(before) || !isData(after)) return [];
  return Object.keys(after).map((field) => ({
    field,
    before: said(before[field]),
    after: said(after[field]),
  }));
}

function isData(value: unknown): value is Data {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function time(value: unknown): string {
  return typeof value === 'string' ? new Date(value).toLocaleString() : said(value);
}

/** A value as people write it; nothing is a dash. */
function said(value: unknown): string {
  if (value === null || value === undefined || value === '') return '–';
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.length === 0 ? '–' : value.map(said).join(', ');
  if (isData(value))
    return said(value['jobId'] ?? value['foreignId'] ?? value['text'] ?? JSON.stringify(value));
  return JSON.stringify(value);
}
