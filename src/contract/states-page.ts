import {
  decideMoves,
  jobStates,
  observeMoves,
  type AttemptState,
  type FailureReason,
  type JobState,
  type MoveTable,
} from './states.ts';

const meanings: Record<JobState, string> = {
  waiting: 'A counted limit (lane) is full, or jobs that it runs after have not ended; it goes on by itself.',
  scheduled: 'It has a time before which it does not start: its run-at, or the pause before a retry.',
  queued: 'Any worker that offers what it needs may take it.',
  running: 'A worker, or a source elsewhere, works on it.',
  succeeded: 'It did what was asked.',
  failed: 'It did not; `reason` says why.',
  cancelled: 'Somebody took it back.',
  finished: 'It ended elsewhere and nobody knows how.',
  unknown: 'A source has lost sight of it.',
};

const reasonMeanings: Record<FailureReason, string> = {
  exit: 'The program ended with an exit code other than 0.',
  signal: 'A signal ended the program.',
  timeout: 'It ran longer than its limit.',
  limit: 'It used more than it may, such as output.',
  lost: 'Its worker or launcher went away, and how the program ended is not known.',
  rejected: 'It can never run as it was asked.',
  error: 'It could not be started, or the kind itself failed.',
};

const attemptMeanings: Record<AttemptState, string> = {
  running: 'In the hands of a worker or a source.',
  succeeded: 'Ended well.',
  failed: 'Ended otherwise; the job may be tried again.',
  cancelled: 'Ended because somebody asked for it.',
  released: 'Taken back before its first instruction; does not count as a try.',
  finished: 'Ended elsewhere, outcome unknown.',
};

/** The text of docs/job-states.md. */
export function statesPage(): string {
  return [
    '# States of a job',
    '',
    '<!-- Generated from src/contract/states.ts by `node scripts/write-docs.ts`; a test compares. -->',
    '',
    '```text',
    'waiting ──▶ queued ──▶ running ──▶ succeeded | failed | cancelled',
    'scheduled ─▶  ▲           │',
    '   ▲          └── retry ──┤',
    '   └──────────────────────┘',
    '```',
    '',
    ...table('state', meanings),
    '## Why a job failed',
    '',
    ...table('reason', reasonMeanings),
    '## States of an attempt',
    '',
    'An attempt is one try at a job. It has a number and a token; whoever ends it must name both, so a result that comes',
    'after the attempt was given up is kept as a *late result* and never applied.',
    '',
    ...table('state', attemptMeanings),
    '## Moves that Daybook decides',
    '',
    'Each is one conditional update that names the state it starts from. Retrying a failed or cancelled job by hand is the',
    'only way out of an end.',
    '',
    ...moves(decideMoves),
    '## Moves that a source observes',
    '',
    'What a source saw may come late and skip states, so these moves leave out nothing but the way back from a known',
    'outcome.',
    '',
    ...moves(observeMoves),
  ].join('\n');
}

function table(title: string, rows: Record<string, string>): string[] {
  return [
    `| ${title} | meaning |`,
    '| --- | --- |',
    ...Object.entries(rows).map(([name, meaning]) => `| \`${name}\` | ${meaning} |`),
    '',
  ];
}

function moves(allowed: MoveTable): string[] {
  return [
    '| from | to |',
    '| --- | --- |',
    ...jobStates.map(
      (from) => `| \`${from}\` | ${allowed[from].map((to) => `\`${to}\``).join(', ') || '–'} |`,
    ),
    '',
  ];
}
