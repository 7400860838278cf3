import type { Actor, Owned } from '../../contract/actor.ts';
import type { Filter } from '../../contract/filter/filter.ts';
import type { KeyName } from '../../contract/filter/keys.ts';
import type { MomentContext } from '../../contract/filter/moments.ts';
import type { JobSummary } from '../../contract/job.ts';
import type { BulkAction, BulkCounts } from '../../contract/bulk.ts';
import type { View } from '../../contract/view.ts';
import type { JobQuery } from '../jobs/reader-ports.ts';
import type { FoundLines } from '../output/ports.ts';

/** What to look for: a filter, and the plain parameters of a list besides it. */
export interface SearchRequest extends MomentContext {
  filter: Filter;
  plain?: Omit<JobQuery, 'cursor' | 'limit' | 'order'>;
  order?: 'newest' | 'oldest';
  cursor?: string;
  limit: number;
  /** How long to look, in milliseconds; by default `searchBudgetMs`. The first thousands of jobs are always looked at. */
  budgetMs?: number;
}

/**
 * One page of what was found. When the time ran out before the page was full, `searchedBackTo` says how far the search
 * came (jobs submitted before that moment were not looked at; for the oldest first: after it) and `cursor` goes on
 * from there. `cursor` is null when there is nothing more.
 */
export interface Found<Item> {
  items: Item[];
  cursor: string | null;
  searchedBackTo: string | null;
}

/** Finds jobs by a filter, in the order of the diary. `visibleTo` is part of every statement behind it. */
export interface JobSearch {
  find(request: SearchRequest, actor: Actor): Promise<Found<JobSummary>>;
  /** The same, of numbers only. */
  findIds(request: SearchRequest, actor: Actor): Promise<Found<number>>;
  /** The moment by the clock that dates submits. */
  now(): Promise<Date>;
}

/** A page takes milliseconds; this is what a filter may cost that nothing stored helps with. */
export const searchBudgetMs = 400;

/** A text to look for in what the jobs of a filter printed. */
export interface OutputSearchRequest extends SearchRequest {
  text: string;
  /** Of the letters A to Z. */
  ignoresCase: boolean;
  /** So many lines of each job, the first ones. */
  linesPerJob: number;
  budgetMs: number;
  /** Nobody waits for the answer any more once it is aborted. */
  signal: AbortSignal;
}

export interface FoundOutput {
  job: JobSummary;
  attempt: number;
  lines: FoundLines['lines'];
  /** The output is too large for the time there was; its own search goes on. */
  isUnfinished: boolean;
}

/** Finds text in the newest attempts of many jobs. */
export interface OutputSearch {
  /** As `JobSearch.find`: what was looked at in the time, and where to go on. At most `limit` jobs. */
  find(request: OutputSearchRequest, actor: Actor): Promise<Found<FoundOutput>>;
}

/** What keeps the search up to date and quick. Safe to call from several processes at once. */
export interface WordStore {
  /** Writes the words of jobs whose record changed without them; resolves with how many there were. */
  indexDue(limit: number): Promise<number>;
  /** Keeps what words are looked up in at the size that searches are quick with. */
  keepPartitions(): Promise<void>;
}

/** Filters that people keep under a name. Names and owners are compared without regard to case. */
export interface ViewStore {
  /** Of one owner, and those that are shared; by name. */
  list(owner: Owned): Promise<View[]>;
  find(owner: Owned, name: string): Promise<View | null>;
  /** One that is shared, by the name of whose it is; the newest account first. */
  findShared(owner: string, name: string): Promise<View | null>;
  /** Makes it, or puts this in its place. */
  put(view: Omit<View, 'changedAt'>): Promise<void>;
  remove(owner: Owned, name: string): Promise<boolean>;
}

/** An action on every job of a filter, as it was asked. */
export interface BulkOrder {
  action: BulkAction;
  filter: Filter;
  /** Jobs submitted from this moment on are not touched, nor is one retried that ended later. */
  askedAt: Date;
  actor: Actor;
  /** Whether jobs of others may be touched, too; else they are skipped. */
  mayTouchOthers: boolean;
}

/** How far an order has come; what is done twice after a crash changes nothing. */
export interface BulkStep extends BulkCounts {
  /** Null when it is done. */
  cursor: string | null;
}

/** Acts on every job of a filter, page by page. */
export interface Bulk {
  /** How many jobs an order concerns, counted up to a bound, and the newest of them. */
  preview(order: BulkOrder): Promise<{ matched: number; isAtLeast: boolean; sample: JobSummary[] }>;
  /** Goes on from `step` (null: begins) until all is done or the signal is aborted; tells of every step. */
  run(
    order: BulkOrder,
    options: { step: BulkStep | null; signal?: AbortSignal; onStep?(step: BulkStep): Promise<void> },
  ): Promise<BulkStep>;
}

/** Where a job that acts in bulk keeps how far it came: its result so far. */
export interface BulkSteps {
  read(jobId: number): Promise<BulkStep | null>;
  save(jobId: number, attempt: number, step: BulkStep): Promise<void>;
}

export interface CompletionRequest extends MomentContext {
  /** The other terms: completed is what fits them. */
  others: Filter;
  typed: string;
}

/** What may stand where somebody types a filter: values in use, the most frequent first, at a bounded cost. */
export interface JobCompletion {
  values(request: CompletionRequest & { key: KeyName; path: string | null }, actor: Actor): Promise<string[]>;
  /** Names of members of inputs. */
  members(request: CompletionRequest, actor: Actor): Promise<string[]>;
}
