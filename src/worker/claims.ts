import type { AttemptKey } from '../contract/attempt.ts';
import type { ClaimedJob, ClaimRequest, NewJob } from '../domain/jobs/ports.ts';
import type { LocalClaim, LocalWorker } from '../domain/jobs/local-ports.ts';
import type { Claimer } from './claimer.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { toLauncherKey } from './attempt/launcher-key.ts';
import { ClaimsUnderWay } from './claims-under-way.ts';

export interface ClaimsOptions {
  id: string;
  settings: { queues: readonly string[]; labels: readonly string[] };
  kinds: { names: readonly string[] };
  clock: Clock;
  logger: Logger;
  claimer: Pick<Claimer, 'isBusy' | 'answeredElsewhere'>;
  incarnation(): number;
  /** Whether work may be taken now. */
  mayClaim(): boolean;
  freeSlots(): number;
  runs(key: string): boolean;
  /** Begins what was claimed before it first waits, or gives it back. */
  take(claimed: readonly ClaimedJob[], askedMs: number): Promise<void>;
}

/** Claims of a worker: by themselves, and with what is stored in this process anyway, a submit or the ends of attempts. */
export class Claims implements LocalWorker {
  readonly underWay = new ClaimsUnderWay();
  readonly #options: ClaimsOptions;
  #reserved = 0;

  constructor(options: ClaimsOptions) {
    this.#options = options;
  }

  /** Slots of jobs that are just being submitted. */
  get reserved(): number {
    return this.#reserved;
  }

  /** With the ends of our attempts the next ones are claimed, as long as there is more work than slots. */
  claimInPlaceOf(ending: readonly AttemptKey[]): LocalClaim | null {
    const { claimer, mayClaim, runs } = this.#options;
    if (!claimer.isBusy || !mayClaim()) return null;
    const limit = ending.filter((key) => runs(toLauncherKey(key))).length;
    if (limit === 0) return null;
    const { request, answered } = this.begin(limit);
    return {
      request,
      answered: (claimed) => {
        this.#giveBack(answered(claimed));
        claimer.answeredElsewhere(claimed?.length === limit);
      },
    };
  }

  /** Who finds nothing before them need not wait for a claim. The slot is taken until the answer is there. */
  claimForSubmit({ kind, queue, needs }: Pick<NewJob, 'kind' | 'queue' | 'needs'>): LocalClaim | null {
    const { claimer, settings, kinds, mayClaim, freeSlots } = this.#options;
    if (claimer.isBusy || !mayClaim() || freeSlots() <= 0 || !kinds.names.includes(kind)) return null;
    if (!settings.queues.includes(queue) && !settings.queues.includes('*')) return null;
    if (!needs.every((label) => settings.labels.includes(label))) return null;
    const { request, answered } = this.begin(1);
    this.#reserved += 1;
    return {
      request,
      answered: (claimed) => {
        this.#reserved -= 1;
        this.#giveBack(answered(claimed));
      },
    };
  }

  /** Counts as under way until its answer was taken in. */
  begin(limit: number): {
    request: ClaimRequest;
    answered(claimed: readonly ClaimedJob[] | null): Promise<void>;
  } {
    const { id, settings, kinds, clock, incarnation, take } = this.#options;
    const askedMs = clock.monotonicMs();
    const taken = this.underWay.begin();
    return {
      request: {
        workerId: id,
        incarnation: incarnation(),
        queues: settings.queues,
        labels: settings.labels,
        kinds: kinds.names,
        limit,
      },
      answered: (claimed) => taken(take(claimed ?? [], askedMs)),
    };
  }

  #giveBack(taking: Promise<void>): void {
    taking.catch((error: unknown) =>
      this.#options.logger.warn({ err: error }, 'Jobs could not be given back; the next start does it.'),
    );
  }
}
