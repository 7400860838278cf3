/**
 * Contract B: URL tests over REST, as clients of the URL tester know them. A test is a job of kind `url` with one URL;
 * the list shows every URL that was tested, whoever asked and in whichever job.
 */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Actor } from '../../../contract/actor.ts';
import { AppError, type ErrorCode } from '../../../contract/errors.ts';
import { submitOptions } from '../../../contract/job.ts';
import type { JobPart } from '../../../contract/part.ts';
import type { UrlTest } from '../../../kinds/url/contract/url-test.ts';
import type { Jobs } from '../../../domain/jobs/ports.ts';
import type { PartStore } from '../../../domain/reports/part-ports.ts';
import type { App } from '../access.ts';
import { toAppError } from '../error-handler.ts';

interface UrlTestDependencies {
  jobs: Jobs;
  parts: PartStore;
  timezone: string;
  /** Old clients that know no password may use the predecessors' calls. */
  openPredecessors: boolean;
}

const tags = ['URL tests (predecessor)'];

/** Who submits when nobody has to say who they are. */
const anonymous: Actor = { name: 'predecessor', accountId: null, role: 'member' };

/** What is left out of a list in one go; older clients ask for pages of ten. */
const mostItems = 1_000;

export function registerUrlTestRoutes(app: App, dependencies: UrlTestDependencies): void {
  void app.register(async (scope) => {
    const urlTests: App = scope.withTypeProvider();
    setErrorBodies(urlTests);
    registerAdd(urlTests, dependencies);
    registerList(urlTests, dependencies);
  });
}

function registerAdd(app: App, { jobs, openPredecessors }: UrlTestDependencies): void {
  app.post('/api/add_job', {
    config: { access: openPredecessors ? 'predecessors.open' : 'jobs.submit' },
    schema: {
      operationId: 'addUrlTest',
      tags,
      summary: 'Test a URL',
      description:
        '`{"url": "http://example.com"}`; `http://` is assumed. 422 when the body is no JSON or has no URL.',
    },
    handler: async (request) => {
      const { url } = readBody(request.body);
      const { id } = await jobs.submit({
        kind: 'url',
        input: { urls: [url] },
        options: submitOptions.parse({}),
        actor: actorOf(request),
      });
      return { status: 'queued', id };
    },
  });
}

const wholeNumber = z.string().regex(/^\d{1,9}$/);

function registerList(app: App, { parts, timezone, openPredecessors }: UrlTestDependencies): void {
  app.get('/api/get_jobs', {
    config: { access: openPredecessors ? 'predecessors.open' : 'jobs.read' },
    schema: {
      operationId: 'listUrlTests',
      tags,
      summary: 'Finished URL tests, the newest first',
      description: '`?limit=10&offset=0`; the answer is `[]` when one of them is no number, or missing.',
    },
    handler: async (request) => {
      const { limit, offset } = request.query as { limit?: unknown; offset?: unknown };
      const page = z.tuple([wholeNumber, wholeNumber]).safeParse([limit, offset]);
      if (!page.success) return [];
      const [most, passed] = page.data.map(Number) as [number, number];
      const query = { kind: 'url', key: null, since: null, limit: Math.min(most, mostItems), offset: passed };
      return (await parts.newest(query, actorOf(request))).map((part) => toListed(part, timezone));
    },
  });
}

function actorOf(request: FastifyRequest): Actor {
  return request.principal?.actor ?? anonymous;
}

function readBody(body: unknown): { url: string } {
  const read = z.object({ url: z.string() }).safeParse(body);
  if (read.success) return read.data;
  throw new AppError('invalid_input', 'Expected JSON such as {"url": "http://example.com"}.');
}

function toListed(
  { endedAt, facts }: JobPart,
  timezone: string,
): { time: string; url: string; result: string } {
  const { url, status, error, verdict } = facts as UrlTest;
  return {
    time: localMinute(new Date(endedAt), timezone),
    url,
    result: error?.message ?? (status === null ? verdict : String(status)),
  };
}

/** `2019-03-01 14:05` */
function localMinute(at: Date, timeZone: string): string {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' });
  return format.format(at);
}

/** Errors as these clients know them: `{"error": "…"}`, and 422 for any body that cannot be used. */
function setErrorBodies(app: App): void {
  app.setErrorHandler((error, request, reply) => {
    const problem = toAppError(error, request);
    if (problem.code === 'internal') request.log.error({ err: error }, 'A predecessor call failed.');
    else if (problem.status >= 500)
      request.log.warn({ err: error }, 'A predecessor call could not be served.');
    if (problem.status === 401) reply.header('www-authenticate', 'Basic realm="Daybook", charset="UTF-8"');
    return reply.code(unusable.has(problem.code) ? 422 : problem.status).send({ error: problem.message });
  });
}

/** A body that is no JSON, whatever it says it is, or not what is expected. */
const unusable: ReadonlySet<ErrorCode> = new Set(['invalid_input', 'unsupported_media_type']);
