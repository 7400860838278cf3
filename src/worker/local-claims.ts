import type { AttemptKey } from '../contract/attempt.ts';
import type { ClaimedJob, ClaimRequest, NewJob } from '../domain/jobs/ports.ts';
import type { LocalClaim, LocalWorker } from '../domain/jobs/local-ports.ts';
import type { Claimer } from './claimer.ts';
import { toLauncherKey } from './attempt/launcher-key.ts';

export interface LocalClaimsOptions {
  claimer: Pick<Claimer, 'isBusy' | 'answeredElsewhere'>;
  settings: { queues: readonly string[]; labels: readonly string[] };
  knowsKind(kind: string): boolean;
  /** Whether work may be taken now. */
  mayClaim(): boolean;
  freeSlots(): number;
  runs(key: string): boolean;
  /** `answered` never rejects. */
  begin(limit: number): {
    request: ClaimRequest;
    answered(claimed: readonly ClaimedJob[] | null): Promise<void>;
  };
}

/** Claims that go with what is stored in this process anyway: with a submit, and with the ends of attempts. */
export class LocalClaims implements LocalWorker {
  readonly #options: LocalClaimsOptions;
  #reserved = 0;

  constructor(options: LocalClaimsOptions) {
    this.#options = options;
  }

  /** Slots of jobs that are just being submitted. */
  get reserved(): number {
    return this.#reserved;
  }

  /** With the ends of our attempts the next ones are claimed, as long as there is more work than slots. */
  claimInPlaceOf(ending: readonly AttemptKey[]): LocalClaim | null {
    const { claimer, mayClaim, runs, begin } = this.#options;
    if (!claimer.isBusy || !mayClaim()) return null;
    const limit = ending.filter((key) => runs(toLauncherKey(key))).length;
    if (limit === 0) return null;
    const { request, answered } = begin(limit);
    return {
      request,
      answered: (claimed) => {
        void answered(claimed);
        claimer.answeredElsewhere(claimed?.length === limit);
      },
    };
  }

  /** Who finds nothing before them need not wait for a claim. The slot is taken until the answer is there. */
  claimForSubmit({ kind, queue, needs }: Pick<NewJob, 'kind' | 'queue' | 'needs'>): LocalClaim | null {
    const { claimer, settings, knowsKind, mayClaim, freeSlots, begin } = this.#options;
    if (claimer.isBusy || !mayClaim() || freeSlots() <= 0 || !knowsKind(kind)) return null;
    if (!settings.queues.includes(queue) && !settings.queues.includes('*')) return null;
    if (!needs.every((label) => settings.labels.includes(label))) return null;
    const { request, answered } = begin(1);
    this.#reserved += 1;
    return {
      request,
      answered: (claimed) => {
        this.#reserved -= 1;
        void answered(claimed);
      },
    };
  }
}
