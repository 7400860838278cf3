import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AppError } from '../../../contract/errors.ts';
import { cancelWish } from '../../../contract/cancel.ts';
import { jobChange } from '../../../contract/job-change.ts';
import { attempt, job, jobEvent, jobSummary, submitOptions, type Job } from '../../../contract/job.ts';
import type { Jobs } from '../../../domain/jobs/ports.ts';
import type { JobReader, UsualTimeReader } from '../../../domain/jobs/reader-ports.ts';
import type { SeriesStore } from '../../../domain/reports/series-ports.ts';
import type { KindRegistry } from '../../../domain/jobs/kind-ports.ts';
import { parseFilter } from '../../../contract/filter/parse.ts';
import type { JobSearch } from '../../../domain/diary/ports.ts';
import { principalOf, type App } from '../access.ts';
import type { Audit } from '../audit.ts';
import { withKeyOfHeader } from '../idempotency-key.ts';
import { findJob, findJobToChange, jobParams } from '../job-params.ts';
import { jobSelection, toJobQuery } from '../job-query.ts';
import { submitBody } from '../submit-body.ts';
import { withoutUndefined } from '../without-undefined.ts';

interface JobDependencies {
  jobs: Jobs;
  reader: JobReader;
  usualTimes: UsualTimeReader;
  search: JobSearch;
  /** Says when a day of a filter begins. */
  timezone: string;
  series: SeriesStore;
  kinds: KindRegistry;
  audit: Audit;
}

const tags = ['jobs'];

const jobPage = z.object({
  items: z.array(jobSummary),
  cursor: z.string().nullable().describe('Of the next page; null when there is nothing more.'),
  searchedBackTo: z.iso
    .datetime()
    .nullable()
    .describe(
      'Set when the filter took too long: how far it was looked. There may be fewer items than asked for; `cursor` goes on from there.',
    ),
});

export function registerJobRoutes(app: App, dependencies: JobDependencies): void {
  const { jobs, reader, usualTimes, search, timezone, series, kinds, audit } = dependencies;
  /** The history of a job goes with it; the audit stays. */
  const record = (
    request: FastifyRequest,
    { id, uid, name }: Job,
    verb: 'change' | 'delete' | 'cancel' | 'retry',
    asked: Record<string, unknown> = {},
  ): Promise<void> =>
    audit(request, { action: `jobs.${verb}`, target: String(id), details: { uid, name, ...asked } });

  app.get('/api/v1/jobs', {
    config: { access: 'jobs.read' },
    schema: {
      operationId: 'listJobs',
      tags,
      summary: 'Jobs in the order of the diary, a page at a time',
      querystring: jobSelection.extend({
        cursor: z.string().optional().describe('`cursor` of the page before.'),
        limit: z.coerce.number().int().min(1).max(500).default(50),
      }),
      response: { 200: jobPage },
    },
    handler: async (request) => {
      const { q, cursor, limit, ...asked } = request.query;
      const { actor } = principalOf(request);
      const { order, ...plain } = toJobQuery(asked);
      const page = { order, limit, ...(cursor === undefined ? {} : { cursor }) };
      if (q === undefined)
        return { ...(await reader.list({ ...plain, ...page }, actor)), searchedBackTo: null };
      return search.find({ filter: parseFilter(q), plain, ...page, now: new Date(), timezone }, actor);
    },
  });

  app.post('/api/v1/jobs', {
    config: { access: 'jobs.submit' },
    schema: {
      operationId: 'submitJob',
      tags,
      summary: 'Submit a job',
      description:
        'Answers after the job is stored. With an idempotency key (the member, or the header `Idempotency-Key`) a repetition answers 200 with the first job.',
      body: submitBody(kinds, submitOptions),
      response: { 200: job, 201: job },
    },
    handler: async (request, reply) => {
      const { actor, scopes } = principalOf(request);
      const { kind, input, ...body } = request.body;
      const options = withKeyOfHeader(body, request);
      const stored = await jobs.submit({ kind, input, isChecked: true, options, actor, scopes });
      const view = stored.job ?? (await reader.byId(stored.id, actor));
      if (!view) throw new AppError('not_found', `Job ${stored.id} was stored and is already gone again.`);
      reply.code(stored.isNew ? 201 : 200).header('location', `/api/v1/jobs/${stored.id}`);
      return view;
    },
  });

  app.get('/api/v1/jobs/:id', {
    config: { access: 'jobs.read' },
    schema: {
      operationId: 'getJob',
      tags,
      summary: 'One job by number or uid',
      params: jobParams,
      response: { 200: job },
    },
    handler: async (request) => {
      const found = await findJob(reader, request);
      if (found.startedAt === null) return found;
      const usual = await usualTimes.read(principalOf(request).actor);
      return { ...found, usual: usual(found) };
    },
  });

  app.patch('/api/v1/jobs/:id', {
    config: { access: 'jobs.change' },
    schema: {
      operationId: 'changeJob',
      tags,
      summary: 'Change what people may change',
      description: 'Queue and priority only while the job waits.',
      params: jobParams,
      body: jobChange,
      response: { 200: job },
    },
    handler: async (request) => {
      const found = await findJobToChange(reader, request, 'jobs.change-others');
      const { actor } = principalOf(request);
      if (!(await jobs.change(found.id, withoutUndefined(request.body), actor))) {
        throw new AppError(
          'conflict',
          `Job ${found.id} is ${found.state}; queue and priority can be changed only while it waits.`,
        );
      }
      await record(request, found, 'change', withShortTexts(withoutUndefined(request.body)));
      return findJob(reader, request);
    },
  });

  app.delete('/api/v1/jobs/:id', {
    config: { access: 'jobs.change' },
    schema: {
      operationId: 'deleteJob',
      tags,
      summary: 'Remove an ended job with its output',
      params: jobParams,
      response: { 204: z.undefined().describe('Removed.') },
    },
    handler: async (request, reply) => {
      const found = await findJobToChange(reader, request, 'jobs.change-others');
      if (!(await jobs.remove(found.id))) {
        throw new AppError(
          'conflict',
          `Job ${found.id} is ${found.state}; cancel it first, only an ended job can be removed.`,
        );
      }
      await record(request, found, 'delete');
      return reply.code(204).send();
    },
  });

  app.post('/api/v1/jobs/:id/cancel', {
    config: { access: 'jobs.cancel' },
    schema: {
      operationId: 'cancelJob',
      tags,
      summary: 'Cancel a job',
      description:
        'One that waits is cancelled at once; one that runs is asked to end, and killed after a grace. Of several cancels the first counts. The body may be left out.',
      params: jobParams,
      body: cancelWish.nullable(),
      response: { 202: job },
    },
    handler: async (request, reply) => {
      const found = await findJobToChange(reader, request, 'jobs.cancel-others');
      const { actor } = principalOf(request);
      const touched = await jobs.cancel([found.id], actor, request.body ?? {});
      if (touched.length === 0)
        throw new AppError('conflict', `Job ${found.id} is ${found.state}; it has ended already.`);
      await record(request, found, 'cancel', withShortTexts(withoutUndefined(request.body ?? {})));
      reply.code(202);
      return findJob(reader, request);
    },
  });

  app.post('/api/v1/jobs/:id/retry', {
    config: { access: 'jobs.change' },
    schema: {
      operationId: 'retryJob',
      tags,
      summary: 'Run a failed or cancelled job once more',
      params: jobParams,
      response: { 202: job },
    },
    handler: async (request, reply) => {
      const found = await findJobToChange(reader, request, 'jobs.change-others');
      const { actor } = principalOf(request);
      if (!(await jobs.retry(found.id, actor))) {
        throw new AppError(
          'conflict',
          found.queue === null
            ? `Job ${found.id} ran elsewhere; it cannot be run once more here.`
            : `Job ${found.id} is ${found.state}; only a failed or cancelled job can be run once more.`,
        );
      }
      await record(request, found, 'retry');
      reply.code(202);
      return findJob(reader, request);
    },
  });

  app.get('/api/v1/jobs/:id/attempts', {
    config: { access: 'jobs.read' },
    schema: {
      operationId: 'listAttempts',
      tags,
      summary: 'Every try, with late results',
      params: jobParams,
      response: { 200: z.object({ items: z.array(attempt) }) },
    },
    handler: async (request) => {
      const { id } = await findJob(reader, request);
      return { items: await reader.attempts(id, principalOf(request).actor) };
    },
  });

  app.get('/api/v1/jobs/:id/events', {
    config: { access: 'jobs.read' },
    schema: {
      operationId: 'listJobEvents',
      tags,
      summary: 'What happened to the job, oldest first',
      params: jobParams,
      querystring: z.strictObject({
        after: z.coerce.number().int().min(0).default(0).describe('Id of the last event one has.'),
        limit: z.coerce.number().int().min(1).max(1000).default(200),
      }),
      response: { 200: z.object({ items: z.array(jobEvent) }) },
    },
    handler: async (request) => {
      const { id } = await findJob(reader, request);
      const { after, limit } = request.query;
      return { items: await reader.events(id, after, limit, principalOf(request).actor) };
    },
  });

  app.get('/api/v1/jobs/:id/series', {
    config: { access: 'jobs.read' },
    schema: {
      operationId: 'listJobSeries',
      tags,
      summary: 'Measured columns of the job',
      params: jobParams,
      response: { 200: z.object({ items: z.array(seriesSummary) }) },
    },
    handler: async (request) => {
      const { id } = await findJob(reader, request);
      return { items: await series.list(id) };
    },
  });

  app.get('/api/v1/jobs/:id/series/:series', {
    config: { access: 'jobs.read' },
    schema: {
      operationId: 'readJobSeries',
      tags,
      summary: 'Points of one measured column',
      params: jobParams.extend({ series: z.coerce.number().int().positive() }),
      querystring: z.strictObject({
        first: z.coerce.number().int().min(0).default(0),
        limit: z.coerce.number().int().min(1).max(100_000).default(10_000),
      }),
      response: { 200: seriesSummary.extend({ x: z.array(z.number()), y: z.array(z.number()) }) },
    },
    handler: async (request) => {
      const { id } = await findJob(reader, request);
      const found = (await series.list(id)).find((one) => one.id === request.params.series);
      if (!found) throw new AppError('not_found', `Job ${id} has no series ${request.params.series}.`);
      const { x, y } = await series.read(found.id, request.query.first, request.query.limit);
      return { ...found, x: [...x], y: [...y] };
    },
  });
}

const mostAuditedText = 200;

/** Notes may be as long as a report. */
function withShortTexts(change: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(change).map(([member, value]) =>
      typeof value === 'string' && value.length > mostAuditedText
        ? [member, `${value.slice(0, mostAuditedText).toWellFormed()}…`]
        : [member, value],
    ),
  );
}

const seriesSummary = z.object({
  id: z.int(),
  attempt: z.int(),
  name: z.string(),
  unit: z.string().nullable(),
  points: z.int(),
});
