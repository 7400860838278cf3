/**
 * Applies the retention rules. Run by the leader, beside the sweeps.
 *
 * A run walks the diary from the oldest job on, page by page; each job goes in a transaction of its own, by a statement
 * that asks once more whether it may, so nothing is held for long and nobody waits. Where the run has come stands with
 * it: after a stop, a kill or with another leader it goes on there, and what is looked at twice is removed once. Two
 * leaders at the same time share the work.
 *
 * Ages are told by the clock of this process and that of the database, and both must agree: a clock that is ahead
 * removes nothing early. Where both are one that was put forward, nothing is removed until it has held for a while.
 */
import type { AuditStore } from '../accounts/ports.ts';
import type { Bell } from '../jobs/ports.ts';
import type { Clock } from '../../lib/clock.ts';
import { delay } from '../../lib/delay.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Duty } from '../../lib/service.ts';
import { SettledClock } from '../../lib/settled-clock.ts';
import type { JobSearch } from '../diary/ports.ts';
import type { OpenRun, RetentionStore } from './ports.ts';
import { retentionActor } from './retention.ts';
import { cutoffOf, narrowedFilter } from './selection.ts';

export interface RetentionKeeperOptions {
  store: RetentionStore;
  search: JobSearch;
  audit: Pick<AuditStore, 'record'>;
  bell: Pick<Bell, 'announce'>;
  clock: Clock;
  timezone: string;
  logger: Logger;
}

const lookEveryMs = 10_000;
const runEveryMs = 3_600_000;
const pageSize = 100;
/** Between pages: whoever submits and claims meanwhile comes first. */
const pauseMs = 20;

export class RetentionKeeper implements Duty {
  readonly name = 'retention';
  readonly #options: RetentionKeeperOptions;
  #isHeld = false;

  constructor(options: RetentionKeeperOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    let settled: SettledClock | undefined;
    while (!signal.aborted) {
      try {
        settled ??= new SettledClock(this.#options.clock, await this.#options.store.newestMark());
        if (this.#mayRely(settled)) await this.apply(signal);
      } catch (error) {
        this.#options.logger.warn({ err: error }, 'A retention rule could not be applied; trying again.');
      }
      await delay(lookEveryMs, signal);
    }
  }

  #mayRely(settled: SettledClock): boolean {
    const heldMs = settled.heldMs();
    if (heldMs > 0 && !this.#isHeld) {
      this.#options.logger.warn(
        { minutes: Math.ceil(heldMs / 60_000) },
        'The clock of this machine stands far ahead of what was written last; retention waits until it has held for an hour.',
      );
    }
    this.#isHeld = heldMs > 0;
    return !this.#isHeld;
  }

  /** Goes on with what is under way and begins what is due, until all is done or the signal is aborted. */
  async apply(signal: AbortSignal): Promise<void> {
    const { store, clock, logger } = this.#options;
    for (const run of await store.openRuns(clock.now(), runEveryMs)) {
      try {
        await this.#goOn(run, signal);
      } catch (error) {
        // The next rule shall not wait for the mend of this one.
        logger.warn(
          { err: error, rule: run.rule.name },
          'A retention rule could not be applied; trying again.',
        );
      }
    }
  }

  async #goOn(run: OpenRun, signal: AbortSignal): Promise<void> {
    const { store, search, clock, timezone, bell } = this.#options;
    let { cursor } = run;
    do {
      if (signal.aborted) return;
      const now = clock.now();
      const page = await search.findIds(
        {
          filter: narrowedFilter(run.rule, { now, isKept: false }),
          plain: { until: cutoffOf(run.rule, now) },
          order: 'oldest',
          limit: pageSize,
          now,
          timezone,
          ...(cursor === null ? {} : { cursor }),
        },
        retentionActor,
      );
      let removed = 0;
      for (const id of page.items) {
        // Where the page began stays remembered.
        if (signal.aborted) return;
        if (await store.removeFrom(id, run, now)) removed += 1;
      }
      if (removed > 0) bell.announce();
      ({ cursor } = page);
      await this.#advance(run, cursor);
      await delay(pauseMs, signal);
    } while (cursor !== null);
  }

  async #advance(run: OpenRun, cursor: string | null): Promise<void> {
    const { store, audit, clock } = this.#options;
    const done = await store.advance(run.id, cursor);
    if (!done || done.jobs === 0) return;
    const { name, removes } = run.rule;
    await audit.record(
      {
        actor: retentionActor.name,
        action: 'retention-rules.applied',
        target: name,
        details: { removes, ...done },
        address: null,
        requestId: null,
      },
      clock.now(),
    );
  }
}
