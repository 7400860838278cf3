import { isEventName, sayEvent, type EventName } from '../../../../src/contract/events.ts';
import type { JobEvent } from '../../../../src/contract/job.ts';
import { stateLooks, type Look } from './state-look.ts';

/** What a person reads of an event: a sentence, and what stood there before and after. */
export interface EventWords {
  text: string;
  look: Look;
  changes: { field: string; before: string; after: string }[];
}

type Data = Readonly<Record<string, unknown>>;

const otherLook: Look = { icon: 'i-lucide-dot', color: 'neutral' };

const looks: Readonly<Record<EventName, Look>> = {
  submitted: { icon: 'i-lucide-square-plus', color: 'primary' },
  waiting: stateLooks.waiting,
  queued: { icon: 'i-lucide-clock', color: 'neutral' },
  scheduled: { icon: 'i-lucide-calendar-clock', color: 'neutral' },
  claimed: { icon: 'i-lucide-play', color: 'info' },
  'started elsewhere': { icon: 'i-lucide-play', color: 'info' },
  succeeded: { icon: 'i-lucide-circle-check', color: 'success' },
  failed: { icon: 'i-lucide-circle-x', color: 'error' },
  cancelled: { icon: 'i-lucide-circle-slash', color: 'neutral' },
  finished: stateLooks.finished,
  released: otherLook,
  'cancel requested': otherLook,
  imported: otherLook,
  'imported again': otherLook,
  changed: { icon: 'i-lucide-pencil', color: 'neutral' },
  retried: { icon: 'i-lucide-rotate-cw', color: 'primary' },
  'late result': { icon: 'i-lucide-triangle-alert', color: 'warning' },
  'limit near': { icon: 'i-lucide-triangle-alert', color: 'warning' },
  'reports left out': { icon: 'i-lucide-triangle-alert', color: 'warning' },
  'files left out': { icon: 'i-lucide-triangle-alert', color: 'warning' },
  'script changed': { icon: 'i-lucide-triangle-alert', color: 'warning' },
  'output removed': { icon: 'i-lucide-hourglass', color: 'warning' },
  'files removed': { icon: 'i-lucide-hourglass', color: 'warning' },
  'base run assessed': { icon: 'i-lucide-message-circle', color: 'warning' },
};

/** An event of a job in words. */
export function toEventWords({ name, data }: Pick<JobEvent, 'name' | 'data'>): EventWords {
  return {
    text: sayEvent({ name, data }, { time }),
    look: isEventName(name) ? looks[name] : otherLook,
    changes: name === 'changed' && isData(data) ? toChanges(data) : [],
  };
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

function time(at: string): string {
  return new Date(at).toLocaleString();
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
