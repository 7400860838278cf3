import type { Actor } from '../../contract/actor.ts';
import type { JobSummary } from '../../contract/job.ts';
import type {
  JobRetention,
  NewRetentionRule,
  Removal,
  RetentionPreview,
  RetentionRule,
  RetentionRuleChange,
  RetentionTerms,
} from '../../contract/retention.ts';

/** The rules by which anything is ever removed without a person asking for it. Errors meant for people are `AppError`s. */
export interface Retention {
  list(): Promise<RetentionRule[]>;
  /** @throws AppError `invalid_input`, or `conflict` for a name that is taken */
  add(rule: NewRetentionRule, actor: Actor): Promise<RetentionRule>;
  /**
   * Whatever changes what goes, or switches the rule on, announces it anew: it takes effect a day later.
   * @throws AppError as `add`; null when there is no such rule
   */
  change(id: number, change: RetentionRuleChange, actor: Actor): Promise<RetentionRule | null>;
  /** The rule that went; null when there was none. */
  remove(id: number): Promise<RetentionRule | null>;
  /** What would go now, counted for some seconds. @throws AppError `invalid_input` */
  preview(terms: RetentionTerms, actor: Actor): Promise<RetentionPreview>;
  /** Which rules take a job, and when. */
  ofJob(job: JobSummary): Promise<JobRetention>;
}

/** A rule as it is stored, to be applied. */
export interface StoredRule extends Omit<RetentionRule, 'runs'> {
  /** Raised by every change. */
  version: number;
}

export type RuleFields = Pick<
  StoredRule,
  'name' | 'filter' | 'olderThanDays' | 'removes' | 'enabled' | 'effectiveFrom'
>;

/** A run that is under way. */
export interface OpenRun {
  id: number;
  rule: StoredRule;
  /** Where in the diary it goes on; null: from the oldest job on. */
  cursor: string | null;
}

/** What is, or was, there to remove, in bytes. */
export interface RemovedBytes {
  outputBytes: number;
  fileBytes: number;
}

/** Safe to call from any number of processes at once. */
export interface RetentionStore {
  list(): Promise<RetentionRule[]>;
  /** The rules that are switched on, without their runs. */
  enabled(): Promise<StoredRule[]>;
  find(id: number): Promise<StoredRule | null>;
  /** Null when the name is taken. */
  add(rule: RuleFields, actor: string): Promise<RetentionRule | null>;
  /** Ends a run that is under way: it was that of another rule. */
  change(id: number, rule: RuleFields, actor: string): Promise<RetentionRule | 'taken' | null>;
  remove(id: number): Promise<RetentionRule | null>;
  /**
   * Runs to go on with: of rules that are enabled, in effect at this moment by both clocks, and whose last run began
   * at least `everyMs` ago. Begins those that are not under way.
   */
  openRuns(now: Date, everyMs: number): Promise<OpenRun[]>;
  /**
   * Removes what the rule takes of one job, and counts it for the run; what went, or null when the job has to stay: it
   * is kept, or the base run of a kept job, does not stand ended for long enough by both clocks, or the rule is not what
   * it was. All of that is asked by the statement that takes hold of the job.
   */
  removeFrom(jobId: number, run: OpenRun, now: Date): Promise<RemovedBytes | null>;
  /** Remembers how far a run came; null: it is done. Resolves with what it removed in all when this ended it. */
  advance(runId: number, cursor: string | null): Promise<({ jobs: number } & RemovedBytes) | null>;
  /** When anything of a job was written last; null: never. */
  newestMark(): Promise<Date | null>;
  /** Of these jobs: what there is to remove, and which of them are base runs of kept jobs and have to stay. */
  weigh(jobIds: readonly number[], removes: Removal): Promise<RemovedBytes & { protectedIds: number[] }>;
}
