import { systemActor, type Actor } from '../../contract/actor.ts';
import { AppError, invalidField } from '../../contract/errors.ts';
import { asksForObsolete } from '../../contract/filter/meaning.ts';
import type { JobSummary } from '../../contract/job.ts';
import {
  announcementMs,
  type JobRetention,
  type RetentionPreview,
  type RetentionRuleChange,
  type RetentionTerms,
} from '../../contract/retention.ts';
import { isEnded } from '../../contract/states.ts';
import type { Clock } from '../../lib/clock.ts';
import type { JobSearch, SearchRequest } from '../diary/ports.ts';
import type { RemovedBytes, Retention, RetentionStore, StoredRule } from './ports.ts';
import { cutoffOf, narrowedFilter, parseRuleFilter, partTerms } from './selection.ts';

export interface RetentionOptions {
  store: RetentionStore;
  search: JobSearch;
  clock: Pick<Clock, 'now'>;
  timezone: string;
}

/** The last page may be begun shortly before, and be weighed after. */
const previewForMs = 800;
const previewPage = 5_000;
const edgeLookedAt = 50;
const clockToleranceMs = 60_000;

type Asked = Pick<SearchRequest, 'filter' | 'plain' | 'now' | 'timezone'>;
/** By whom, and until when by the clock that only goes forward. */
type Looked = Asked & { actor: Actor; untilMs: number };

export function createRetention({ store, search, clock, timezone }: RetentionOptions): Retention {
  const request = (terms: RetentionTerms, options: { isKept: boolean }): Asked => {
    const now = clock.now();
    // Nothing ends before it is submitted, so the newer part of the diary need not be looked at.
    const plain = { until: cutoffOf(terms, now) };
    return { filter: narrowedFilter(terms, { now, ...options }), plain, now, timezone };
  };

  return {
    list: () => store.list(),
    add: async ({ effectiveFrom, ...rule }, actor) => {
      parseRuleFilter(rule.filter);
      const added = await store.add({ ...rule, effectiveFrom: announced(effectiveFrom) }, actor.name);
      if (!added) throw nameTaken(rule.name);
      return added;
    },
    change: async (id, change, actor) => {
      const before = await store.find(id);
      if (!before) return null;
      const { effectiveFrom, ...after } = withChange(before, change);
      parseRuleFilter(after.filter);
      const isNews = goesFurther(before, after) || change.effectiveFrom !== undefined;
      const from = isNews ? announced(change.effectiveFrom) : effectiveFrom;
      const changed = await store.change(id, { ...after, effectiveFrom: from }, actor.name);
      if (changed === 'taken') throw nameTaken(after.name);
      return changed;
    },
    remove: (id) => store.remove(id),
    preview: (terms, actor) => preview(terms, actor),
    ofJob: (job) => ofJob(job),
  };

  function announced(asked: string | undefined): string {
    const now = clock.now().getTime();
    if (asked === undefined) return new Date(now + announcementMs).toISOString();
    if (Date.parse(asked) < now - clockToleranceMs) {
      throw invalidField(
        'effectiveFrom',
        'has passed; leave it out for one day from now, or name a moment to come',
      );
    }
    return new Date(asked).toISOString();
  }

  /** Everything at once, and never for longer than people wait for a page: what is not looked at then is said to be more. */
  async function preview(terms: RetentionTerms, actor: Actor): Promise<RetentionPreview> {
    const untilMs = performance.now() + previewForMs;
    const going = { ...request(terms, { isKept: false }), actor, untilMs };
    const [first, last, counted, kept] = await Promise.all([
      edge({ ...going, order: 'oldest' }),
      edge({ ...going, order: 'newest' }),
      count(terms, going),
      count(terms, { ...going, ...request(terms, { isKept: true }) }),
    ]);
    return {
      jobs: counted.jobs,
      isAtLeast: counted.isAtLeast,
      outputBytes: counted.outputBytes,
      fileBytes: counted.fileBytes,
      oldest: first,
      newest: last,
      kept: kept.jobs + kept.protectedJobs + counted.protectedJobs,
      keptIsAtLeast: kept.isAtLeast || counted.isAtLeast,
    };
  }

  /** The first of the list that no kept job protects; base runs are few. Null: none, or none was found in time. */
  async function edge({
    actor,
    untilMs,
    ...asked
  }: Looked & { order: 'oldest' | 'newest' }): Promise<RetentionPreview['oldest']> {
    const budgetMs = untilMs - performance.now();
    const { items } = await search.find({ ...asked, limit: edgeLookedAt, budgetMs }, actor);
    const { protectedIds } = await store.weigh(
      items.map(({ id }) => id),
      'job',
    );
    return toEdge(items.find(({ id }) => !protectedIds.includes(id)));
  }

  async function count(
    { removes }: Pick<RetentionTerms, 'removes'>,
    { actor, untilMs, ...asked }: Looked,
  ): Promise<RemovedBytes & { jobs: number; isAtLeast: boolean; protectedJobs: number }> {
    const sum = { jobs: 0, outputBytes: 0, fileBytes: 0, protectedJobs: 0 };
    let cursor: string | undefined;
    do {
      const budgetMs = Math.max(1, untilMs - performance.now());
      const page = await search.findIds(
        {
          ...asked,
          order: 'oldest',
          limit: previewPage,
          budgetMs,
          ...(cursor === undefined ? {} : { cursor }),
        },
        actor,
      );
      const { outputBytes, fileBytes, protectedIds } = await store.weigh(page.items, removes);
      sum.jobs += page.items.length - protectedIds.length;
      sum.outputBytes += outputBytes;
      sum.fileBytes += fileBytes;
      sum.protectedJobs += protectedIds.length;
      cursor = page.cursor ?? undefined;
    } while (cursor !== undefined && performance.now() < untilMs);
    return { ...sum, isAtLeast: cursor !== undefined };
  }

  async function ofJob(job: JobSummary): Promise<JobRetention> {
    if (!isEnded(job.state) || job.endedAt === null) return { items: [], keptBy: null };
    const fitting: StoredRule[] = [];
    for (const rule of await store.enabled()) if (await fits(rule, job)) fitting.push(rule);
    if (fitting.length === 0) return { items: [], keptBy: null };
    const { protectedIds } = await store.weigh([job.id], 'job');
    if (job.keep || protectedIds.length > 0) return { items: [], keptBy: job.keep ? 'keep' : 'base run' };
    const endedAt = Date.parse(job.endedAt);
    const items = fitting.map((rule) => ({
      rule: rule.name,
      removes: rule.removes,
      at: new Date(
        Math.max(endedAt - cutoffOf(rule, new Date(0)).getTime(), Date.parse(rule.effectiveFrom)),
      ).toISOString(),
    }));
    return { items: items.toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at)), keptBy: null };
  }

  async function fits({ filter: text, removes }: StoredRule, job: JobSummary): Promise<boolean> {
    const filter = parseRuleFilter(text);
    // To name a job asks for obsolete ones, too.
    if (job.assessment === 'obsolete' && !asksForObsolete(filter)) return false;
    const one = { at: job.id, isIncluded: true };
    const { items } = await search.findIds(
      {
        filter: {
          terms: [
            ...filter.terms,
            {
              type: 'key',
              isNot: false,
              key: 'id',
              values: [{ type: 'number', range: { from: one, to: one } }],
            },
            ...partTerms({ removes }),
          ],
        },
        now: clock.now(),
        timezone,
        limit: 1,
      },
      retentionActor,
    );
    return items.length > 0;
  }
}

/** Who removes: sees everything, and is named in the audit. */
export const retentionActor = systemActor('retention');

type Fields = Omit<StoredRule, 'id' | 'version' | 'createdBy' | 'createdAt' | 'changedBy' | 'changedAt'>;

function withChange(rule: StoredRule, change: RetentionRuleChange): Fields {
  return {
    name: change.name ?? rule.name,
    filter: change.filter ?? rule.filter,
    olderThanDays: change.olderThanDays ?? rule.olderThanDays,
    removes: change.removes ?? rule.removes,
    enabled: change.enabled ?? rule.enabled,
    effectiveFrom: rule.effectiveFrom,
  };
}

/** A name tells nobody's job anything, nor does a rule that is switched off or waits longer. */
function goesFurther(before: Fields, after: Omit<Fields, 'effectiveFrom'>): boolean {
  return (
    before.filter !== after.filter ||
    before.olderThanDays > after.olderThanDays ||
    before.removes !== after.removes ||
    (after.enabled && !before.enabled)
  );
}

function toEdge(job: JobSummary | undefined): RetentionPreview['oldest'] {
  if (!job || job.endedAt === null) return null;
  const { id, name, submittedAt, endedAt } = job;
  return { id, name, submittedAt, endedAt };
}

function nameTaken(name: string): AppError {
  const message = `There is a rule named "${name}" already.`;
  return new AppError('conflict', message, { details: [{ field: 'name', message }] });
}
