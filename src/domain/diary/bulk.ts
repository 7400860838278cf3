import { isOwner } from '../../contract/actor.ts';
import type { BulkAction } from '../../contract/bulk.ts';
import { isAppError } from '../../contract/errors.ts';
import type { JobSummary } from '../../contract/job.ts';
import { withoutTags, withTags } from '../../contract/same-text.ts';
import { isEnded, type JobState } from '../../contract/states.ts';
import type { Jobs } from '../jobs/ports.ts';
import type { Bulk, BulkOrder, BulkStep, JobSearch } from './ports.ts';

const pageSize = 100;
const countAtMost = 10_000;
const countForMs = 2_000;
const sampleSize = 10;
const examplesOfAReason = 5;
const maxTags = 50;

export interface BulkOptions {
  search: JobSearch;
  jobs: Pick<Jobs, 'cancel' | 'retry' | 'change' | 'remove'>;
  timezone: string;
}

/**
 * Acts on the jobs of a filter page by page, newest first. The cursor is a place in the diary, so jobs that no longer
 * fit after the action, or come in meanwhile, shift nothing. Every action is safe to do twice: a page that was under
 * way when its process died is done again.
 */
export function createBulk({ search, jobs, timezone }: BulkOptions): Bulk {
  const request = ({ filter, askedAt }: BulkOrder) => ({
    filter,
    plain: { until: askedAt },
    now: askedAt,
    timezone,
  });

  return {
    preview: async (order) => {
      const untilMs = performance.now() + countForMs;
      const first = await search.find({ ...request(order), limit: sampleSize }, order.actor);
      let matched = first.items.length;
      let { cursor } = first;
      while (cursor !== null && matched < countAtMost && performance.now() < untilMs) {
        const limit = Math.min(500, countAtMost - matched);
        const page = await search.findIds({ ...request(order), cursor, limit }, order.actor);
        matched += page.items.length;
        ({ cursor } = page);
      }
      return { matched, isAtLeast: cursor !== null, sample: first.items };
    },

    run: async (order, { step: begun, signal, onStep }) => {
      const step: BulkStep = structuredClone(begun) ?? {
        seen: 0,
        changed: 0,
        states: {},
        skipped: [],
        cursor: null,
      };
      let cursor = step.cursor ?? undefined;
      do {
        if (signal?.aborted) return { ...step, cursor: cursor ?? null };
        const page = await search.find(
          { ...request(order), limit: pageSize, ...(cursor ? { cursor } : {}) },
          order.actor,
        );
        await actOn(page.items, order, step);
        cursor = page.cursor ?? undefined;
        step.cursor = page.cursor;
        await onStep?.(step);
      } while (cursor !== undefined);
      return step;
    },
  };

  async function actOn(page: readonly JobSummary[], order: BulkOrder, step: BulkStep): Promise<void> {
    for (const job of page) {
      count(step, job.state);
      const reason = refusal(job, order) ?? (await act(job, order));
      if (reason === null) step.changed += 1;
      else skip(step, job.id, reason);
    }
  }

  /** One queue that takes no more jobs must not keep those of the others from running. */
  async function retry(job: JobSummary, actor: BulkOrder['actor']): Promise<string | null> {
    try {
      return (await jobs.retry(job.id, actor)) ? null : `is ${job.state}, which is not retried`;
    } catch (error) {
      if (!isAppError(error) || error.code !== 'queue_draining') throw error;
      return 'is of a queue that takes no new jobs';
    }
  }

  /** Null when it was done, else why not. */
  async function act(job: JobSummary, { action, actor }: BulkOrder): Promise<string | null> {
    switch (action.action) {
      case 'cancel':
        return (await jobs.cancel([job.id], actor, action)).length > 0 ? null : 'has ended already';
      case 'retry':
        return retry(job, actor);
      case 'delete':
        return (await jobs.remove(job.id)) ? null : 'has not ended';
      case 'tag':
      case 'untag':
        return (await jobs.change(job.id, { tags: tagsAfter(job.tags, action) }, actor)) ? null : 'is gone';
      case 'move':
        return (await jobs.change(job.id, { queue: action.queue }, actor)) ? null : 'does not wait any more';
      case 'assess': {
        const { action: _action, ...change } = action;
        return (await jobs.change(job.id, change, actor)) ? null : 'is gone';
      }
    }
  }
}

/** Why a job is left alone before anything is tried. */
function refusal(job: JobSummary, { action, actor, mayTouchOthers, askedAt }: BulkOrder): string | null {
  if (!isOwner(job, actor) && !mayTouchOthers) return 'belongs to somebody else';
  switch (action.action) {
    case 'cancel':
      return isEnded(job.state) ? 'has ended already' : null;
    case 'retry':
      // It may have been retried by this very order, and failed again.
      return job.endedAt !== null && Date.parse(job.endedAt) >= askedAt.getTime()
        ? 'ended after this was asked'
        : null;
    case 'delete':
      if (job.keep) return 'is kept';
      return isEnded(job.state) ? null : 'has not ended';
    case 'tag':
      return tagsAfter(job.tags, action).length > maxTags ? `would have more than ${maxTags} tags` : null;
    case 'move':
      return waits(job.state) ? null : 'does not wait any more';
    case 'untag':
    case 'assess':
      return null;
  }
}

function waits(state: JobState): boolean {
  return state === 'waiting' || state === 'scheduled' || state === 'queued';
}

function tagsAfter(
  tags: readonly string[],
  { action, tags: named }: Extract<BulkAction, { tags: string[] }>,
): string[] {
  return action === 'untag' ? withoutTags(tags, named) : withTags(tags, named);
}

function count(step: BulkStep, state: JobState): void {
  step.seen += 1;
  step.states[state] = (step.states[state] ?? 0) + 1;
}

function skip(step: BulkStep, id: number, reason: string): void {
  let entry = step.skipped.find((known) => known.reason === reason);
  if (!entry) step.skipped.push((entry = { reason, count: 0, jobs: [] }));
  entry.count += 1;
  if (entry.jobs.length < examplesOfAReason) entry.jobs.push(id);
}
