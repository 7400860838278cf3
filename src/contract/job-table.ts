import type { JobSummary } from './job.ts';

type Cell = string | number | boolean | null;

/** What a table of jobs may show of each, by name of the column; the order is that of an export. */
export const jobTable = {
  id: (job) => job.id,
  state: (job) => job.state,
  reason: (job) => job.reason,
  name: (job) => job.name,
  kind: (job) => job.kind,
  owner: (job) => job.owner,
  project: (job) => job.project,
  queue: (job) => job.queue,
  priority: (job) => job.priority,
  tags: (job) => job.tags.join(', '),
  verdict: (job) => job.verdict?.text ?? null,
  tone: (job) => job.verdict?.tone ?? null,
  analysis: (job) => job.analysis,
  assessment: (job) => job.assessment,
  message: (job) => job.message,
  errorLine: (job) => job.errorLine,
  attempt: (job) => job.attempt,
  keep: (job) => job.keep,
  submittedAt: (job) => job.submittedAt,
  startedAt: (job) => job.startedAt,
  endedAt: (job) => job.endedAt,
  ranSeconds: (job) =>
    job.startedAt && job.endedAt ? (Date.parse(job.endedAt) - Date.parse(job.startedAt)) / 1_000 : null,
  uid: (job) => job.uid,
} satisfies Record<string, (job: JobSummary) => Cell>;

export type JobTableColumn = keyof typeof jobTable;

export const jobTableColumns = Object.keys(jobTable) as JobTableColumn[];
