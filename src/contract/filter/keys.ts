import { analyses, assessments, failureReasons, jobStates, tones } from '../states.ts';

/** How the values of a key are written and compared. */
export type ValueType =
  /** Compared whole, case ignored; a `*` at the end makes it a beginning. */
  | 'text'
  /** One of a fixed list, case ignored. */
  | 'choice'
  /** A whole number or a range. */
  | 'number'
  /** Only with a comparison, or a range. */
  | 'duration'
  /** A day, month, year, minute or moment, or how long ago. */
  | 'moment';

export interface FilterKey {
  type: ValueType;
  choices?: readonly string[];
  /** Further names that people know it by. */
  aliases?: readonly string[];
  /** It takes a path behind a dot: `args.case`. */
  hasPath?: boolean;
  meaning: string;
  example: string;
}

/** What a job may have; `has:` asks for it. */
export const belongings = ['result', 'output', 'files', 'info', 'summary', 'base'] as const;

/** What a job may be, seen from who asks; `is:` asks for it. */
export const conditions = ['live', 'ended', 'mine', 'late', 'retried'] as const;

/** Every key of the filter language: parser, SQL, completion and documentation come from this table. */
export const filterKeys = {
  id: { type: 'number', meaning: 'Its number.', example: 'id:100..200' },
  uid: { type: 'text', meaning: 'Its UUID.', example: 'uid:0f8fad5b*' },
  state: {
    type: 'choice',
    choices: [...jobStates, 'live', 'ended'],
    meaning: 'Its state; `live` and `ended` stand for all states of that sort.',
    example: 'state:failed,cancelled',
  },
  reason: { type: 'choice', choices: failureReasons, meaning: 'Why it failed.', example: 'reason:timeout' },
  family: {
    type: 'text',
    meaning: 'Those that failed alike; `/failures` names the families.',
    example: 'family:5f1c6a4b9e2d7038',
  },
  kind: { type: 'text', meaning: 'What sort of work it is.', example: 'kind:script' },
  name: { type: 'text', meaning: 'Its whole name.', example: 'name:"nightly build"' },
  owner: { type: 'text', aliases: ['user'], meaning: 'Who submitted it.', example: 'owner:ana,bo' },
  project: { type: 'text', meaning: 'Its project.', example: 'project:3001*' },
  queue: { type: 'text', meaning: 'The queue it waits or waited in.', example: 'queue:nightly' },
  worker: { type: 'text', meaning: 'Name of the worker of its newest attempt.', example: 'worker:east*' },
  source: { type: 'text', meaning: 'What discovered it.', example: 'source:slurm' },
  foreign: { type: 'text', meaning: 'Its number at that source.', example: 'foreign:1234567' },
  tag: { type: 'text', meaning: 'One of its tags.', example: 'tag:release' },
  label: { type: 'text', meaning: 'What its worker must offer.', example: 'label:gpu' },
  lane: { type: 'text', meaning: 'A counted limit it needs a place in.', example: 'lane:licence:ansys' },
  verdict: {
    type: 'text',
    meaning: `The tone of its verdict (${tones.join(', ')}), or the verdict itself; a person's counts before the kind's.`,
    example: 'verdict:bad',
  },
  analysis: {
    type: 'choice',
    choices: analyses,
    meaning: 'How far people looked at it.',
    example: '-analysis:done',
  },
  assessment: {
    type: 'choice',
    choices: [...assessments, 'nok'],
    meaning: 'What people concluded; `nok` is `not ok`.',
    example: 'assessment:issue',
  },
  keep: {
    type: 'choice',
    choices: ['yes', 'no'],
    meaning: 'Whether it is kept for good.',
    example: 'keep:yes',
  },
  parent: { type: 'number', meaning: 'The job that submitted it.', example: 'parent:17' },
  after: { type: 'number', meaning: 'A job it runs after.', example: 'after:17' },
  base: { type: 'number', meaning: 'A job it is compared with.', example: 'base:17' },
  exit: { type: 'number', meaning: 'Exit code of its newest attempt.', example: 'exit:>0' },
  submitted: {
    type: 'moment',
    meaning: 'When it was submitted.',
    example: 'submitted:2026-11-01..2026-11-20',
  },
  started: { type: 'moment', meaning: 'When its newest attempt began.', example: 'started:today' },
  ended: { type: 'moment', meaning: 'When it ended.', example: 'ended:>-7d' },
  wall: { type: 'duration', meaning: 'How long its newest attempt has run.', example: 'wall:>10m' },
  wait: {
    type: 'duration',
    meaning: 'From submit to the begin of its newest attempt.',
    example: 'wait:1h..1d',
  },
  args: {
    type: 'text',
    hasPath: true,
    meaning: 'A member of its input, dots leading inside; of a script also an option, without its dashes.',
    example: 'args.case:A3',
  },
  has: { type: 'choice', choices: belongings, meaning: 'What it has.', example: 'has:result' },
  is: {
    type: 'choice',
    choices: conditions,
    meaning:
      '`mine`: of the account that asks, whoever had its name before; `late`: a result came after its attempt was given up; `retried`: tried more than once.',
    example: 'is:mine',
  },
  show: {
    type: 'choice',
    choices: ['obsolete'],
    meaning: 'Leaves in what is left out by default: jobs assessed as obsolete.',
    example: 'show:obsolete',
  },
} as const satisfies Record<string, FilterKey>;

export type KeyName = keyof typeof filterKeys;

export const keyNames = Object.keys(filterKeys) as KeyName[];

export function filterKey(name: KeyName): FilterKey {
  return filterKeys[name];
}

/** The key of a name or alias; case ignored. */
export function findKey(text: string): KeyName | undefined {
  const name = text.toLowerCase();
  return keyNames.find((key) => key === name || filterKey(key).aliases?.includes(name));
}

/** The known name that is written most like this one; null when none is. */
export function nearestName<Name extends string>(text: string, names: readonly Name[]): Name | null {
  const typed = text.toLowerCase();
  let nearest: { name: Name; edits: number } | null = null;
  for (const name of names) {
    const edits = distance(typed, name);
    if (edits < (nearest?.edits ?? Infinity)) nearest = { name, edits };
  }
  return nearest !== null && nearest.edits <= Math.max(1, typed.length / 2) ? nearest.name : null;
}

/** Edits (insert, delete, replace) that make one text of the other; a common beginning counts half an edit less. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 0; i < a.length; i += 1) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j += 1) {
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1)));
    }
    row = next;
  }
  return (row.at(-1) ?? 0) - (b.startsWith(a[0] ?? '') ? 0.5 : 0);
}
