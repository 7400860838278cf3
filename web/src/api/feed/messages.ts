import type { JobEvent } from '../../../../src/contract/job.ts';
import type { JobState } from '../../../../src/contract/states.ts';

/** What the stream of events tells: something happened to a job, which is now in this state. */
export interface JobNews extends JobEvent {
  state: JobState | null;
}

/** What whoever holds the stream tells all pages of a browser. */
export type FeedMessage =
  | { type: 'state'; state: 'connecting' | 'lost' }
  /** `isAgain`: it was open before, and something may have been missed meanwhile. */
  | { type: 'state'; state: 'open'; isAgain: boolean }
  | { type: 'news'; news: JobNews };

/** How a page takes part in the one stream of its browser. */
export interface FeedLink {
  /** @param isNewSession the stream must be asked for anew: it was opened by who was signed in before */
  join(isNewSession: boolean): void;
  leave(): void;
}
