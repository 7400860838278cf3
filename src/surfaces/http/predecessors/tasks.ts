/**
 * Contract A: script tasks over REST, as clients of the remote executor know them. Nothing but another face of the
 * same jobs: a task is a job of kind `script`, and every check, queue and permission is the core's.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Actor } from '../../../contract/actor.ts';
import { AppError } from '../../../contract/errors.ts';
import { submitOptions } from '../../../contract/job.ts';
import { shownUid, toUid } from '../../../contract/uid.ts';
import type { Jobs } from '../../../domain/jobs/ports.ts';
import type { Day, TaskReader, TaskRow } from '../../../domain/diary/task-ports.ts';
import type { App } from '../access.ts';
import { toAppError } from '../error-handler.ts';
import { takeJsonOfAnyType } from './any-json.ts';
import { dailyChart, diskChart } from './task-charts.ts';

interface TaskDependencies {
  jobs: Jobs;
  tasks: TaskReader;
  timezone: string;
  /** Old clients that know no password may use the predecessors' calls. */
  openPredecessors: boolean;
}

const tags = ['tasks (predecessor)'];

const task = z.object({
  id: z.int(),
  uid: shownUid,
  created: z.iso.datetime({ offset: true }),
  script: z.string(),
  arguments: z.record(z.string(), z.string()),
  started: z.iso.datetime({ offset: true }).nullable(),
  finished: z.iso.datetime({ offset: true }).nullable(),
  diskspace_before: z.number().nullable(),
  diskspace_after: z.number().nullable(),
  retcode: z.int().nullable(),
});
type Task = z.infer<typeof task>;

/** Who submits when nobody has to say who they are. */
const anonymous: Actor = { name: 'predecessor', accountId: null, role: 'member' };

/** Reasons, one list per member. */
type Reasons = Record<string, string[]>;

export function registerTaskRoutes(app: App, dependencies: TaskDependencies): void {
  const { openPredecessors } = dependencies;
  const readAccess = openPredecessors ? 'predecessors.open' : 'jobs.read';
  void app.register(async (scope) => {
    const tasks: App = scope.withTypeProvider();
    setErrorBodies(tasks);
    takeJsonOfAnyType(tasks);
    registerGreeting(tasks, readAccess);
    registerCreate(tasks, dependencies);
    registerViews(tasks, dependencies, readAccess);
    registerCharts(tasks, dependencies, readAccess);
  });
}

function registerCreate(app: App, { jobs, tasks, openPredecessors }: TaskDependencies): void {
  app.post('/task/create', {
    config: { access: openPredecessors ? 'predecessors.open' : 'jobs.submit' },
    schema: {
      operationId: 'createTask',
      tags,
      summary: 'Submit a script',
      description:
        '`{"script": "touch.sh", "arguments": {"": "sample_file.txt"}}`; both members are required.',
    },
    handler: async (request, reply) => {
      const body = checkBody(request.body);
      if ('reasons' in body) return reply.code(400).send(body.reasons);
      const actor = actorOf(request);
      try {
        const stored = await jobs.submit({
          kind: 'script',
          input: { script: body.script, arguments: Object.entries(body.arguments) },
          options: submitOptions.parse({}),
          toleratesMissing: true,
          actor,
        });
        const row = await tasks.byId(stored.id, actor);
        if (!row) throw new AppError('not_found', 'The task was removed at once.');
        return reply.code(201).send(toTask(row));
      } catch (error) {
        // What concerns no member these clients send is an error of the call: `{"detail": "…"}`.
        if (error instanceof AppError && error.code === 'invalid_input' && error.details.length > 0)
          return reply.code(400).send(toReasons(error));
        throw error;
      }
    },
  });
}

/** By this answer these clients know that somebody is there. */
function registerGreeting(app: App, access: 'predecessors.open' | 'jobs.read'): void {
  app.get('/task/', {
    config: { access },
    schema: { operationId: 'greetTasks', tags, summary: 'The text `Hello, world`' },
    handler: async (_request, reply) => reply.type('text/plain; charset=utf-8').send('Hello, world'),
  });
}

function registerViews(
  app: App,
  { tasks, timezone }: TaskDependencies,
  access: 'predecessors.open' | 'jobs.read',
): void {
  app.get('/task/view/:selector', {
    config: { access },
    schema: {
      operationId: 'viewTasks',
      tags,
      summary: 'One task (`pk:<n>`, `uid:<uuid>`) or those of a day (`date:today`, `date:YYYYMMDD`)',
      params: z.object({ selector: z.string() }),
    },
    handler: async (request, reply) => {
      const { selector } = request.params;
      const actor = actorOf(request);
      const [key, value] = splitSelector(selector);
      switch (key) {
        case 'date': {
          const day = parseDay(value, timezone);
          if (!day) return refuseDate(reply);
          return reply.send((await tasks.ofDay(day, actor)).map(toTask));
        }
        case 'uid': {
          const uid = toUid(value);
          if (uid === null) return reply.code(400).send({ uid: ['Not a valid UUID.'] });
          return sendTask(reply, await tasks.byUid(uid, actor));
        }
        case 'pk': {
          const id = /^\d{1,15}$/.test(value) ? Number(value) : 0;
          return sendTask(reply, id > 0 ? await tasks.byId(id, actor) : null);
        }
        default:
          return reply.code(404).send({ detail: 'Not found.' });
      }
    },
  });

  app.get('/task/view/:selector/count', {
    config: { access },
    schema: {
      operationId: 'countTasks',
      tags,
      summary: 'How many tasks a day has (`date:today`, `date:YYYYMMDD`)',
      params: z.object({ selector: z.string() }),
    },
    handler: async (request, reply) => {
      const [key, value] = splitSelector(request.params.selector);
      if (key !== 'date') return reply.code(404).send({ detail: 'Not found.' });
      const day = parseDay(value, timezone);
      if (!day) return refuseDate(reply);
      const count = await tasks.countOfDay(day, actorOf(request));
      return reply.type('application/json; charset=utf-8').send(String(count));
    },
  });
}

function registerCharts(
  app: App,
  { tasks, timezone }: TaskDependencies,
  access: 'predecessors.open' | 'jobs.read',
): void {
  app.get('/task/charts/daily', {
    config: { access },
    schema: { operationId: 'chartDailyTasks', tags, summary: 'Page: tasks per day of this month' },
    handler: async (request, reply) => {
      const days = await tasks.daysOfMonth(timezone, actorOf(request));
      return reply.type('text/html; charset=utf-8').send(dailyChart(days));
    },
  });

  app.get('/task/charts/disk', {
    config: { access },
    schema: { operationId: 'chartDiskSpace', tags, summary: "Page: free disk space over this month's tasks" },
    handler: async (request, reply) => {
      const points = await tasks.diskOfMonth(timezone, 1_000, actorOf(request));
      return reply.type('text/html; charset=utf-8').send(diskChart(points, timezone));
    },
  });
}

function refuseDate(reply: FastifyReply): FastifyReply {
  return reply.code(400).type('text/plain; charset=utf-8').send('Invalid date. Use YYYYMMDD.');
}

function actorOf(request: FastifyRequest): Actor {
  return request.principal?.actor ?? anonymous;
}

/** Errors as these clients know them: `{"detail": "…"}`. */
function setErrorBodies(app: App): void {
  app.setErrorHandler((error, request, reply) => {
    const problem = toAppError(error, request);
    if (problem.code === 'internal') request.log.error({ err: error }, 'A predecessor call failed.');
    else if (problem.status >= 500)
      request.log.warn({ err: error }, 'A predecessor call could not be served.');
    if (problem.status === 401) reply.header('www-authenticate', 'Basic realm="Daybook", charset="UTF-8"');
    return reply.code(problem.status).send({ detail: problem.message });
  });
}

function checkBody(
  body: unknown,
): { script: string; arguments: Record<string, string> } | { reasons: Reasons } {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return { reasons: { non_field_errors: ['Invalid data. Expected a dictionary.'] } };
  }
  const { script, arguments: pairs } = body as { script?: unknown; arguments?: unknown };
  const reasons: Reasons = {};
  const scriptProblem = textProblem(script);
  if (scriptProblem) reasons['script'] = [scriptProblem];
  const pairProblems = argumentProblems(pairs);
  if (pairProblems.length > 0) reasons['arguments'] = pairProblems;
  if (Object.keys(reasons).length > 0) return { reasons };
  return { script: script as string, arguments: pairs as Record<string, string> };
}

function textProblem(value: unknown): string | null {
  if (value === undefined) return 'This field is required.';
  if (value === null) return 'This field may not be null.';
  if (typeof value !== 'string') return 'Not a valid string.';
  return value === '' ? 'This field may not be blank.' : null;
}

function argumentProblems(value: unknown): string[] {
  if (value === undefined) return ['This field is required.'];
  if (value === null) return ['This field may not be null.'];
  if (typeof value !== 'object' || Array.isArray(value))
    return ['Expected a dictionary of options and values.'];
  return Object.entries(value).flatMap(([option, text]) =>
    typeof text === 'string' ? [] : [`The value of "${option}" is not a valid string.`],
  );
}

/** What the core said of its fields, under the names these clients sent. */
function toReasons(error: AppError): Reasons {
  const reasons: Reasons = {};
  for (const { field, message } of error.details) {
    const [, member = 'non_field_errors'] = field.split('.');
    (reasons[member] ??= []).push(message);
  }
  return reasons;
}

function splitSelector(selector: string): [key: string, value: string] {
  const at = selector.indexOf(':');
  return at < 0 ? ['', selector] : [selector.slice(0, at), selector.slice(at + 1)];
}

function parseDay(text: string, timezone: string): Day | null {
  if (text === 'today') return { date: null, timezone };
  const match = /^(\d{4})(\d{2})(\d{2})$/.exec(text);
  if (!match) return null;
  const date = `${match[1]}-${match[2]}-${match[3]}`;
  const parsed = new Date(`${date}T00:00:00Z`);
  // 30 February becomes 2 March; then the text does not come back.
  if (Number.isNaN(parsed.getTime()) || !parsed.toISOString().startsWith(date) || match[1] === '0000')
    return null;
  return { date, timezone };
}

function sendTask(
  reply: { code(status: number): { send(body: unknown): unknown } },
  row: TaskRow | null,
): unknown {
  return row ? reply.code(200).send(toTask(row)) : reply.code(404).send({ detail: 'Not found.' });
}

function toTask(row: TaskRow): Task {
  const { script, arguments: pairs } = row.input as { script: string; arguments: [string, string][] };
  return {
    id: row.id,
    uid: row.uid,
    created: row.created.toISOString(),
    script,
    arguments: toObject(pairs),
    started: row.started?.toISOString() ?? null,
    finished: row.finished?.toISOString() ?? null,
    diskspace_before: row.freeBeforeKib,
    diskspace_after: row.freeAfterKib,
    retcode: row.retcode,
  };
}

/** An option that was given twice (only the newer API can) shows its values together. */
function toObject(pairs: readonly (readonly [string, string])[]): Record<string, string> {
  const merged = new Map<string, string>();
  for (const [option, value] of pairs) {
    const before = merged.get(option);
    merged.set(option, before === undefined ? value : `${before} ${value}`);
  }
  return Object.fromEntries(merged);
}
