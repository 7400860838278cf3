import { parseFilter } from '../../contract/filter/parse.ts';
import type { Actor } from '../../contract/actor.ts';
import type { JobSummary } from '../../contract/job.ts';
import type { NotificationEvent } from '../../contract/notification-facts.ts';
import { isEnded } from '../../contract/states.ts';
import type { FeedEvent, JobReader, UsualTimeReader } from '../jobs/reader-ports.ts';
import type { Clock } from '../../lib/clock.ts';
import { delay } from '../../lib/delay.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Duty } from '../../lib/service.ts';
import type { JobSearch } from '../diary/ports.ts';
import { mayTell } from './may-tell.ts';
import type {
  NewNotice,
  NotificationStore,
  RunningJob,
  StoredNotificationRule,
  StreakStep,
} from './ports.ts';

export interface WatcherOptions {
  store: NotificationStore;
  feed: Pick<JobReader, 'feed'>;
  search: Pick<JobSearch, 'find'>;
  usualTimes: UsualTimeReader;
  /** Whose eyes see everything: a rule's own filter is asked with those of its owner. */
  system: Actor;
  findActor(accountId: number | null): Promise<Actor | null>;
  /** Bytes that are free where the server keeps its data; null: not known. */
  freeBytes(): Promise<number | null>;
  clock: Clock;
  timezone: string;
  logger: Logger;
}

const lookEveryMs = 1_000;
const eventsAtOnce = 500;
const watchEveryMs = 30_000;
const searchMs = 5_000;
/** Fewer runs tell nothing of what is usual. */
const leastRuns = 3;
/** Later than this by so little is no news. */
const aMomentMs = 60_000;
const gib = 1024 ** 3;

/**
 * Finds what there is to tell. Run by the leader.
 *
 * Ends of jobs come from the feed of events, in which none is skipped; how far it was looked at is stored in the
 * transaction that stores what was found, so that after a crash, or with two leaders, each end is told of once. What is
 * no event (slow, stuck, a full disk) is looked for by the clock, and told of once for each attempt.
 */
export class Watcher implements Duty {
  readonly name = 'notification watcher';
  readonly #options: WatcherOptions;
  /** Since when a running attempt shows no sign of life, by this process's own clock. */
  #still = new Map<string, { signs: string; sinceMs: number }>();
  #isDiskLow = new Set<number>();

  constructor(options: WatcherOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    let watchAtMs = 0;
    while (!signal.aborted) {
      try {
        const rules = await this.rules();
        while (!signal.aborted && (await this.look(rules)));
        if (clock.monotonicMs() >= watchAtMs) {
          watchAtMs = clock.monotonicMs() + watchEveryMs;
          await this.watch(rules);
        }
      } catch (error) {
        logger.warn({ err: error }, 'What there is to tell could not be looked for; trying again.');
      }
      await delay(lookEveryMs, signal);
    }
  }

  /** Those that tell somebody, by what their owners may do now. */
  async rules(): Promise<StoredNotificationRule[]> {
    const { store, findActor } = this.#options;
    const told: StoredNotificationRule[] = [];
    for (const rule of await store.rules())
      if (!rule.paused && mayTell(rule, await findActor(rule.ownerId))) told.push(rule);
    return told;
  }

  /** One page of the feed. Resolves with whether there may be more. */
  async look(rules: readonly StoredNotificationRule[]): Promise<boolean> {
    const { store, feed, system } = this.#options;
    const from = await store.position();
    if (rules.length === 0) {
      // Nobody is told of what was before the first rule.
      if (from !== null) await store.forgetPosition();
      return false;
    }
    const page = await feed.feed(from, eventsAtOnce, system);
    if (page.position === from) return false;
    const ends = page.events.filter(({ name }) => endNames.has(name));
    const found = await Promise.all(rules.map((rule) => this.#match(rule, endedSince(rule, ends))));
    const isDone = await store.advance({
      from,
      to: page.position,
      notices: found.flatMap(({ notices }) => notices),
      steps: found.flatMap(({ steps }) => steps),
    });
    return isDone && page.events.length === eventsAtOnce;
  }

  /** What no event tells. */
  async watch(rules: readonly StoredNotificationRule[]): Promise<void> {
    await this.#watchDisk(rules.filter(({ events }) => events.includes('disk_low')));
    const asking = rules.filter(({ events }) => events.includes('slow') || events.includes('stuck'));
    if (asking.length === 0) return this.#still.clear();
    const running = await this.#options.store.running();
    const nowMs = this.#options.clock.monotonicMs();
    const still = new Map<string, { signs: string; sinceMs: number }>();
    for (const { id, attempt, signs } of running) {
      const before = this.#still.get(`${id}/${attempt}`);
      still.set(`${id}/${attempt}`, before?.signs === signs ? before : { signs, sinceMs: nowMs });
    }
    this.#still = still;
    for (const rule of asking) {
      const owner = await this.#options.findActor(rule.ownerId);
      if (!owner) continue;
      const notices = await Promise.all(
        running.map(async (job) => {
          const stillMs = nowMs - (still.get(`${job.id}/${job.attempt}`)?.sinceMs ?? nowMs);
          return [...(await this.#slow(rule, job, owner)), ...stuck(rule, job, stillMs)];
        }),
      );
      await this.#notifyFitting(rule, notices.flat());
    }
  }

  /** What is usual is asked with the eyes of the owner, too: it tells of other jobs. */
  async #slow(rule: StoredNotificationRule, job: RunningJob, owner: Actor): Promise<NewNotice[]> {
    if (!rule.events.includes('slow')) return [];
    const usual = (await this.#options.usualTimes.read(owner))(job);
    if (usual === null || usual.runs < leastRuns || job.elapsedMs <= usual.p95Ms + aMomentMs) return [];
    const text = `Runs for ${words(job.elapsedMs)}; usual are ${words(usual.medianMs)}.`;
    return [{ ...noticeOf(rule, job), event: 'slow', text }];
  }

  async #notifyFitting(rule: StoredNotificationRule, notices: readonly NewNotice[]): Promise<void> {
    const ids = [...new Set(notices.flatMap(({ jobId }) => jobId ?? []))];
    const fitting = new Set((await this.#find(rule, ids)).map(({ id }) => id));
    await this.#options.store.notify(notices.filter(({ jobId }) => jobId !== null && fitting.has(jobId)));
  }

  async #watchDisk(rules: readonly StoredNotificationRule[]): Promise<void> {
    if (rules.length === 0) return;
    const free = await this.#options.freeBytes();
    if (free === null) return;
    for (const { id, diskBelowGib } of rules) {
      const isLow = free < diskBelowGib * gib;
      // Once it has risen well above, a fall is news again.
      if (free > diskBelowGib * gib * 1.1) this.#isDiskLow.delete(id);
      if (!isLow || this.#isDiskLow.has(id)) continue;
      this.#isDiskLow.add(id);
      const key = this.#options.clock.now().toISOString().slice(0, 13);
      const text = `Only ${(free / gib).toFixed(1)} GiB are free where the server keeps its data.`;
      await this.#options.store.notify([{ ruleId: id, event: 'disk_low', key, jobId: null, text }]);
    }
  }

  async #match(
    rule: StoredNotificationRule,
    ids: readonly number[],
  ): Promise<{ notices: NewNotice[]; steps: StreakStep[] }> {
    if (ids.length === 0) return { notices: [], steps: [] };
    const jobs = (await this.#find(rule, ids)).filter(({ state }) => isEnded(state));
    const asksForStreaks = rule.events.includes('first_failure') || rule.events.includes('recovered');
    return {
      notices: jobs.flatMap((job) =>
        rule.events
          .filter((event) => endsAs(job, event))
          .map((event) => ({
            ruleId: rule.id,
            event,
            key: `${job.id}/${job.attempt}`,
            jobId: job.id,
            text: null,
          })),
      ),
      steps: asksForStreaks
        ? jobs
            .filter(({ state }) => state === 'failed' || state === 'succeeded')
            .sort((a, b) => a.id - b.id)
            .map(({ id, kind, name, state }) => ({
              ruleId: rule.id,
              jobId: id,
              kind,
              name,
              hasFailed: state === 'failed',
            }))
        : [],
    };
  }

  /** Those of these jobs that fit the filter and that the owner of the rule may see. */
  async #find(rule: StoredNotificationRule, ids: readonly number[]): Promise<JobSummary[]> {
    const { search, findActor, clock, timezone } = this.#options;
    const owner = ids.length === 0 ? null : await findActor(rule.ownerId);
    if (!owner) return [];
    const found: JobSummary[] = [];
    let cursor: string | null = null;
    do {
      const page = await search.find(
        {
          filter: parseFilter(rule.filter),
          plain: { ids },
          limit: eventsAtOnce,
          budgetMs: searchMs,
          now: clock.now(),
          timezone,
          ...(cursor === null ? {} : { cursor }),
        },
        owner,
      );
      found.push(...page.items);
      ({ cursor } = page);
    } while (cursor !== null && found.length < ids.length);
    return found;
  }
}

function stuck(rule: StoredNotificationRule, job: RunningJob, stillMs: number): NewNotice[] {
  if (!rule.events.includes('stuck') || stillMs < rule.stuckMinutes * 60_000) return [];
  return [{ ...noticeOf(rule, job), event: 'stuck', text: `Nothing was heard of it for ${words(stillMs)}.` }];
}

function noticeOf(
  rule: StoredNotificationRule,
  { id, attempt }: RunningJob,
): Pick<NewNotice, 'ruleId' | 'key' | 'jobId'> {
  return { ruleId: rule.id, key: `${id}/${attempt}`, jobId: id };
}

/** The feed may reach back behind the making of a rule: nobody is told of what was before. */
function endedSince({ createdAt }: StoredNotificationRule, ends: readonly FeedEvent[]): number[] {
  const since = Date.parse(createdAt);
  return [
    ...new Set(ends.flatMap(({ jobId, recordedAt }) => (Date.parse(recordedAt) < since ? [] : [jobId]))),
  ];
}

/** Events after which a job has ended. */
const endNames: ReadonlySet<string> = new Set(['succeeded', 'failed', 'cancelled', 'finished', 'rejected']);

function endsAs({ state, reason }: JobSummary, event: NotificationEvent): boolean {
  if (event === 'ended') return true;
  if (event === 'failed') return state === 'failed';
  return event === 'lost' && state === 'failed' && reason === 'lost';
}

function words(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  return minutes < 120 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}
