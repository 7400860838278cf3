/**
 * The states of a job and who may move it between them.
 *
 *     waiting ──▶ queued ──▶ running ──▶ succeeded | failed | cancelled | finished
 *     scheduled ─▶  ▲           │
 *        ▲          └── retry ──┤   a retry goes back to queued, or to scheduled when it must wait
 *        └──────────────────────┘
 *
 * *Decide* moves are ours: a submit, a claim, the end of an attempt, a person. Each is one conditional update that
 * names the state it starts from, so of two parties that want to move a job one wins and the other is told.
 * *Observe* moves come from a source that watches jobs others run; what it saw may be late and may skip states, so
 * they leave out nothing but the way back from a known outcome.
 *
 * `docs/job-states.md` is checked against the tables of this file.
 */
export const jobStates = [
  'waiting',
  'scheduled',
  'queued',
  'running',
  'succeeded',
  'failed',
  'cancelled',
  'finished',
  'unknown',
] as const;
export type JobState = (typeof jobStates)[number];

export const endedStates = [
  'succeeded',
  'failed',
  'cancelled',
  'finished',
] as const satisfies readonly JobState[];
export type EndedState = (typeof endedStates)[number];

/** Why a job failed. */
export const failureReasons = ['exit', 'signal', 'timeout', 'limit', 'lost', 'rejected', 'error'] as const;
export type FailureReason = (typeof failureReasons)[number];

/** `released`: taken back before its first instruction; it does not count as a try. */
export const attemptStates = ['running', 'succeeded', 'failed', 'cancelled', 'released', 'finished'] as const;
export type AttemptState = (typeof attemptStates)[number];

/** What the kind says of the outcome, or the person who overruled it. */
export const tones = ['good', 'warn', 'bad'] as const;
export type Tone = (typeof tones)[number];

/** How far people are with looking at it. */
export const analyses = ['open', 'ongoing', 'done'] as const;

/** What people concluded. */
export const assessments = ['ok', 'not ok', 'other', 'issue', 'obsolete'] as const;

export const decideMoves = {
  waiting: ['queued', 'scheduled', 'cancelled', 'failed'],
  scheduled: ['queued', 'waiting', 'cancelled'],
  queued: ['running', 'waiting', 'cancelled'],
  running: ['succeeded', 'failed', 'cancelled', 'finished', 'queued', 'scheduled'],
  succeeded: [],
  failed: ['queued', 'waiting'],
  cancelled: ['queued', 'waiting'],
  finished: [],
  unknown: [],
} as const satisfies Record<JobState, readonly JobState[]>;

const live = ['waiting', 'queued', 'running', 'unknown'] as const;
const outcomes = ['succeeded', 'failed', 'cancelled'] as const;

export const observeMoves = {
  waiting: ['queued', 'running', 'unknown', 'finished', ...outcomes],
  scheduled: [],
  queued: ['waiting', 'running', 'unknown', 'finished', ...outcomes],
  running: ['waiting', 'queued', 'unknown', 'finished', ...outcomes],
  succeeded: [],
  failed: [],
  cancelled: [],
  // An outcome may become known after the end was seen; a scheduler may also run a job once more.
  finished: [...live, ...outcomes],
  unknown: ['waiting', 'queued', 'running', 'finished', ...outcomes],
} as const satisfies Record<JobState, readonly JobState[]>;

export type MoveTable = Readonly<Record<JobState, readonly JobState[]>>;

export function isMoveAllowed(table: MoveTable, from: JobState, to: JobState): boolean {
  return table[from].includes(to);
}

export function isEnded(state: JobState): state is EndedState {
  return (endedStates as readonly JobState[]).includes(state);
}

/** States a person may retry from: where an outcome stands that a new attempt could change. */
export function statesBefore(table: MoveTable, to: JobState): JobState[] {
  return jobStates.filter((from) => isMoveAllowed(table, from, to));
}
