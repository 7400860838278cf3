import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { isOwner } from '../../../contract/actor.ts';
import {
  crontabImport,
  newSchedule,
  schedule,
  scheduleChange,
  scheduledOptions,
  scheduleName,
  schedulePreview,
  scheduleRun,
  scheduleTerms,
  scheduleTimeline,
} from '../../../contract/schedule.ts';
import type { KindRegistry } from '../../../domain/jobs/kind-ports.ts';
import type { ScheduleBoard, Schedules } from '../../../domain/schedules/ports.ts';
import { principalOf, requirePermission, type App } from '../access.ts';
import type { Audit } from '../audit.ts';
import { submitBody } from '../submit-body.ts';
import { withoutUndefined } from '../without-undefined.ts';

interface ScheduleDependencies {
  schedules: Schedules;
  scheduleBoard: ScheduleBoard;
  kinds: KindRegistry;
  /** For schedules that name none. */
  timezone: string;
  audit: Audit;
}

const tags = ['schedules'];
const params = z.object({ name: scheduleName });
const hours = z.coerce.number().int().min(1).max(744);

/** Rules that submit jobs by the clock. */
export function registerScheduleRoutes(app: App, dependencies: ScheduleDependencies): void {
  const { schedules, scheduleBoard, kinds, timezone, audit } = dependencies;
  const submit = submitBody(kinds, scheduledOptions).describe('What is submitted: as the body of a submit.');

  app.get('/api/v1/schedules', {
    config: { access: 'schedules.read' },
    schema: {
      operationId: 'listSchedules',
      tags,
      summary: 'All schedules by name, each with its next moment and its last run',
      response: { 200: z.object({ items: z.array(schedule) }) },
    },
    handler: async () => ({ items: await schedules.list() }),
  });

  app.post('/api/v1/schedules', {
    config: { access: 'schedules.change' },
    schema: {
      operationId: 'addSchedule',
      tags,
      summary: 'Make a schedule; it is due from now on',
      description: 'Its jobs belong to whoever made it, or said last what it submits.',
      body: newSchedule.extend({ submit }),
      response: { 201: schedule },
    },
    handler: async (request, reply) => {
      const { timezone: zone = timezone, ...body } = request.body;
      const added = await schedules.add({ ...body, timezone: zone }, principalOf(request).actor);
      const { name, cron } = added;
      await audit(request, { action: 'schedules.add', target: name, details: { cron, timezone: zone } });
      return reply.code(201).header('location', `/api/v1/schedules/${name}`).send(added);
    },
  });

  app.get('/api/v1/schedules/timeline', {
    config: { access: 'schedules.read' },
    schema: {
      operationId: 'readScheduleTimeline',
      tags,
      summary: 'Past and coming runs of all schedules',
      querystring: z.strictObject({ hoursBack: hours.default(24), hoursAhead: hours.default(24) }),
      response: { 200: scheduleTimeline },
    },
    handler: (request) => scheduleBoard.timeline(request.query),
  });

  app.post('/api/v1/schedules/preview', {
    config: { access: 'schedules.read' },
    schema: {
      operationId: 'previewSchedule',
      tags,
      summary: 'When a rule would be due: its next moments, and those around the next changes of the clocks',
      body: scheduleTerms.extend({ count: z.int().min(1).max(100).default(10) }),
      response: { 200: schedulePreview },
    },
    handler: (request) => {
      const { count, timezone: zone = timezone, ...terms } = request.body;
      return Promise.resolve(scheduleBoard.preview({ ...terms, timezone: zone }, count));
    },
  });

  app.post('/api/v1/schedules/import', {
    config: { access: 'schedules.change' },
    schema: {
      operationId: 'importCrontab',
      tags,
      summary: 'Make schedules of the lines of a crontab',
      description: 'Each line is answered for; lines that can be made are, whatever the others are.',
      body: z.strictObject({
        crontab: z.string().min(1).max(1_000_000).describe('In the form of crontab(5).'),
        hasUser: z.boolean().default(false).describe('A sixth field names a user, as in /etc/crontab.'),
        timezone: scheduleTerms.shape.timezone,
        dryRun: z.boolean().default(false).describe('Tell what would be made, and make nothing.'),
      }),
      response: { 200: crontabImport },
    },
    handler: async (request) => {
      const { crontab, timezone: zone = timezone, hasUser, dryRun } = request.body;
      const order = { text: crontab, hasUser, timezone: zone, dryRun };
      const answer = await scheduleBoard.importCrontab(order, principalOf(request).actor);
      const made = answer.items.flatMap(({ name }) => name ?? []);
      if (!dryRun && made.length > 0)
        await audit(request, { action: 'schedules.import', details: { names: made } });
      return answer;
    },
  });

  app.get('/api/v1/schedules/:name', {
    config: { access: 'schedules.read' },
    schema: {
      operationId: 'getSchedule',
      tags,
      summary: 'One schedule',
      params,
      response: { 200: schedule },
    },
    handler: (request) => schedules.get(request.params.name),
  });

  app.patch('/api/v1/schedules/:name', {
    config: { access: 'schedules.change' },
    schema: {
      operationId: 'changeSchedule',
      tags,
      summary: 'Change, pause or resume a schedule',
      description:
        'After a change of its rule, and after a pause, it is due from now on: moments before count as decided. Who says what is submitted, or takes it over, becomes its owner.',
      params,
      body: scheduleChange.extend({ submit: submit.optional() }),
      response: { 200: schedule },
    },
    handler: async (request) => {
      const { name } = await findOwn(request);
      const change = withoutUndefined(request.body);
      const changed = await schedules.change(name, change, principalOf(request).actor);
      await audit(request, {
        action: 'schedules.change',
        target: name,
        details: { members: Object.keys(change) },
      });
      return changed;
    },
  });

  app.delete('/api/v1/schedules/:name', {
    config: { access: 'schedules.change' },
    schema: {
      operationId: 'removeSchedule',
      tags,
      summary: 'Remove a schedule and its history; its jobs stay',
      params,
      response: { 204: z.undefined().describe('Removed.') },
    },
    handler: async (request, reply) => {
      const { name } = await findOwn(request);
      await schedules.remove(name);
      await audit(request, { action: 'schedules.remove', target: name });
      return reply.code(204).send();
    },
  });

  app.post('/api/v1/schedules/:name/run', {
    config: { access: 'schedules.change' },
    schema: {
      operationId: 'runScheduleNow',
      tags,
      summary: 'Submit its job now, besides the due ones',
      params,
      response: { 201: scheduleRun },
    },
    handler: async (request, reply) => {
      const { name } = await findOwn(request);
      const run = await schedules.runNow(name, principalOf(request).actor);
      await audit(request, { action: 'schedules.run', target: name, details: { job: run.job?.id ?? null } });
      return reply.code(201).send(run);
    },
  });

  app.get('/api/v1/schedules/:name/runs', {
    config: { access: 'schedules.read' },
    schema: {
      operationId: 'listScheduleRuns',
      tags,
      summary: 'What became of its moments, the newest first',
      params,
      querystring: z.strictObject({
        before: z.iso
          .datetime({ offset: true })
          .optional()
          .describe('`dueAt` of the last of the page before.'),
        limit: z.coerce.number().int().min(1).max(500).default(50),
      }),
      response: { 200: z.object({ items: z.array(scheduleRun) }) },
    },
    handler: async (request) => {
      const { before, limit } = request.query;
      const page = { before: before === undefined ? null : new Date(before), limit };
      return { items: await schedules.runs(request.params.name, page) };
    },
  });

  /** @throws AppError `not_found`, or `forbidden` for one of somebody else */
  async function findOwn(request: FastifyRequest): Promise<{ name: string }> {
    const { name } = request.params as z.infer<typeof params>;
    const found = await schedules.get(name);
    if (!isOwner(found, principalOf(request).actor)) requirePermission(request, 'schedules.change-others');
    return { name };
  }
}
