import type { Actor } from '../../contract/actor.ts';
import type { AttemptKey } from '../../contract/attempt.ts';
import type { Verdict } from '../../contract/job.ts';
import type { JobPart, PartSummary } from '../../contract/part.ts';
import type { tones } from '../../contract/states.ts';

/** Something that a job did, among many. */
export interface NewPart {
  /** From 1; the same in every attempt of the job. */
  number: number;
  /** What it is about; the same thing has the same key in every job. */
  key: string;
  endedAt: string;
  verdict: Verdict;
  /** False: nothing can be concluded from it, so it counts neither as good nor as bad. True when not said. */
  isConclusive?: boolean;
  tookMs: number | null;
  facts: unknown;
}

/** What an interrupted attempt has done already. */
export type DonePart = Required<Pick<NewPart, 'number' | 'key' | 'verdict' | 'isConclusive' | 'tookMs'>>;

/** What jobs did, thing by thing. */
export interface PartStore {
  /** Only while the attempt runs. A part of an earlier attempt with the same number gives way. */
  append(attempt: AttemptKey, kind: string, parts: readonly NewPart[]): Promise<void>;
  /** Of the attempts right before this one that were taken back or lost, in order of number. */
  done(attempt: AttemptKey): Promise<DonePart[]>;
  /** The newest good part with this key, of another job of the kind. */
  lastGood(
    search: { kind: string; key: string; otherThan: number },
    actor: Actor,
  ): Promise<{ jobId: number; facts: unknown } | null>;
  /** Of a job, in order of number. */
  ofJob(
    query: { jobId: number; tone: (typeof tones)[number] | null; after: number; limit: number },
    actor: Actor,
  ): Promise<JobPart[]>;
  /** Of all jobs of a kind, the newest first. */
  newest(
    query: { kind: string; key: string | null; since: Date | null; limit: number; offset: number },
    actor: Actor,
  ): Promise<JobPart[]>;
  /** Of one key between two moments, cut into so many slices of equal length. */
  summary(
    query: { kind: string; key: string; from: Date; until: Date; slices: number },
    actor: Actor,
  ): Promise<PartSummary>;
}
