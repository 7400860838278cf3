import { z } from 'zod';
import { invalidField } from '../../../contract/errors.ts';
import {
  buckets,
  diskHistory,
  groupings,
  jobCounts,
  jobTimes,
  queueHistory,
  spans,
  type Bucket,
} from '../../../contract/stats.ts';
import { jobStates } from '../../../contract/states.ts';
import type { StatsReader, StatsRequest } from '../../../domain/diary/stats-ports.ts';
import type { JobReader } from '../../../domain/jobs/reader-ports.ts';
import { principalOf, type App } from '../access.ts';
import { readFilter } from '../filter-param.ts';

interface StatsDependencies {
  reader: JobReader;
  stats: StatsReader;
  timezone: string;
}

const dayMs = 86_400_000;
const defaultDays = 7;
const mostItems = 2_000;
// Calendars of the database and of this process differ before the year 1 and after 9999.
const earliest = 0;
const latest = Date.UTC(9000, 0, 1);
const bucketMs: Record<Bucket, number> = {
  hour: 3_600_000,
  day: dayMs,
  week: 7 * dayMs,
  month: 28 * dayMs,
};

const time = z.iso.datetime({ offset: true });
const range = {
  from: time.optional().describe(`Submitted at this moment or later; by default ${defaultDays} days ago.`),
  until: time.optional().describe('Submitted before this moment; by default now.'),
  q: z.string().optional().describe('In the filter language: only jobs that fit.'),
};
const by = z.enum(groupings).default('state');
const tags = ['stats'];
const description =
  'Of more than a million jobs, and of fewer where the filter reads words, a part is looked at: `every` says which. As in every list, obsolete jobs count only when the filter asks for them.';

/** How many jobs there are now, and what charts are drawn from. */
export function registerStatsRoutes(app: App, { reader, stats, timezone }: StatsDependencies): void {
  app.get('/api/v1/stats', {
    config: { access: 'stats.read' },
    schema: {
      operationId: 'readStats',
      tags,
      summary: 'Jobs by state and queue',
      response: {
        200: z.object({
          states: z.partialRecord(z.enum(jobStates), z.int()),
          queues: z.array(z.object({ queue: z.string(), state: z.enum(jobStates), count: z.int() })),
        }),
      },
    },
    handler: (request) => reader.stats(principalOf(request).actor),
  });

  app.get('/api/v1/stats/jobs', {
    config: { access: 'stats.read' },
    schema: {
      operationId: 'countJobs',
      tags,
      summary: 'Jobs by the hour, day, week or month of their submit, and by what they have in common',
      description,
      querystring: z.strictObject({
        ...range,
        by,
        bucket: z.enum(buckets).optional().describe('By default what gives some hundred at most.'),
      }),
      response: { 200: jobCounts },
    },
    handler: async (request) => {
      const query = readRange(request.query);
      const bucket = request.query.bucket ?? bucketOf(query);
      if ((query.until.getTime() - query.from.getTime()) / bucketMs[bucket] > mostItems)
        throw invalidField(
          'bucket',
          `expected at most ${mostItems} parts; choose longer ones, or a shorter time`,
        );
      return stats.counts({ ...query, by: request.query.by, bucket }, principalOf(request).actor);
    },
  });

  app.get('/api/v1/stats/times', {
    config: { access: 'stats.read' },
    schema: {
      operationId: 'spreadTimes',
      tags,
      summary: 'How long jobs ran or waited: median, 95th percentile and a histogram',
      description,
      querystring: z.strictObject({
        ...range,
        by,
        of: z
          .enum(spans)
          .default('run')
          .describe('`run`: the newest attempt of ended jobs; `wait`: from the submit to its begin.'),
      }),
      response: { 200: jobTimes },
    },
    handler: (request) =>
      stats.times(
        { ...readRange(request.query), by: request.query.by, of: request.query.of },
        principalOf(request).actor,
      ),
  });

  app.get('/api/v1/stats/disk', {
    config: { access: 'stats.read' },
    schema: {
      operationId: 'readDiskHistory',
      tags,
      summary: 'Free space as jobs left it, and the jobs during which most went',
      description,
      querystring: z.strictObject(range),
      response: { 200: diskHistory },
    },
    handler: (request) => stats.disk(readRange(request.query), principalOf(request).actor),
  });

  app.get('/api/v1/stats/queues', {
    config: { access: 'stats.read' },
    schema: {
      operationId: 'readQueueHistory',
      tags,
      summary: 'What waited, ran, ended and failed in each queue, minute by minute',
      description: 'A job that was retried counts with its newest attempt.',
      querystring: z.strictObject({ minutes: z.coerce.number().int().min(1).max(180).default(60) }),
      response: { 200: queueHistory },
    },
    handler: (request) =>
      stats.queues({ minutes: request.query.minutes, now: new Date() }, principalOf(request).actor),
  });

  function readRange(query: {
    from?: string | undefined;
    until?: string | undefined;
    q?: string | undefined;
  }): StatsRequest {
    const now = new Date();
    const until = new Date(
      Math.min(query.until === undefined ? now.getTime() : Date.parse(query.until), latest),
    );
    const asked = query.from === undefined ? until.getTime() - defaultDays * dayMs : Date.parse(query.from);
    const from = new Date(Math.max(asked, earliest));
    if (from >= until) throw invalidField('from', 'expected a moment before `until`, both from 1970 to 9000');
    return { from, until, filter: readFilter(query.q ?? '', 'q'), now, timezone };
  }
}

function bucketOf({ from, until }: StatsRequest): Bucket {
  const days = (until.getTime() - from.getTime()) / dayMs;
  if (days <= 3) return 'hour';
  if (days <= 400) return 'day';
  return days <= 5 * 366 ? 'week' : 'month';
}
