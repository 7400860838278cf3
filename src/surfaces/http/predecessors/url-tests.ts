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
import { mostGiven, type UrlTest } from '../../../kinds/url/contract/url-test.ts';
import type { Jobs } from '../../../domain/jobs/ports.ts';
import type { PartStore } from '../../../domain/reports/part-ports.ts';
import type { App } from '../access.ts';
import { toAppError } from '../error-handler.ts';
import { takeJsonOfAnyType } from './any-json.ts';

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

/** Where no list goes on; the database counts no further than its numbers go. */
const mostOffset = 1_000_000_000;

export function registerUrlTestRoutes(app: App, dependencies: UrlTestDependencies): void {
  void app.register(async (scope) => {
    const urlTests: App = scope.withTypeProvider();
    setErrorBodies(urlTests);
    takeJsonOfAnyType(urlTests);
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
        '`{"url": "http://example.com"}`; `http://` is assumed. What is no URL is a finished test as well, and its result says why. 422 when the body is no JSON object.',
    },
    handler: async (request) => {
      const { id } = await jobs.submit({
        kind: 'url',
        input: { asGiven: givenUrl(request.body) },
        options: submitOptions.parse({}),
        actor: actorOf(request),
      });
      return { status: 'queued', id };
    },
  });
}

const wholeNumber = z.string().regex(/^\d+$/);
const pageQuery = z.object({ limit: wholeNumber.default('10'), offset: wholeNumber.default('0') });

function registerList(app: App, { parts, timezone, openPredecessors }: UrlTestDependencies): void {
  app.get('/api/get_jobs', {
    config: { access: openPredecessors ? 'predecessors.open' : 'jobs.read' },
    schema: {
      operationId: 'listUrlTests',
      tags,
      summary: 'Finished URL tests, the newest first',
      description:
        '`?limit=10&offset=0`, which are the defaults; the answer is `[]` when one of them is no number.',
    },
    handler: async (request) => {
      const page = pageQuery.safeParse(request.query);
      if (!page.success) return [];
      const limit = Math.min(Number(page.data.limit), mostItems);
      const offset = Math.min(Number(page.data.offset), mostOffset);
      const query = { kind: 'url', key: null, since: null, limit, offset };
      return (await parts.newest(query, actorOf(request))).map((part) => toListed(part, timezone));
    },
  });
}

function actorOf(request: FastifyRequest): Actor {
  return request.principal?.actor ?? anonymous;
}

/** The old page does not read answers, so whatever was given becomes a test that people see in the history. */
function givenUrl(body: unknown): string {
  const read = z.object({ url: z.unknown().optional() }).safeParse(body);
  if (!read.success)
    throw new AppError('invalid_input', 'Expected JSON such as {"url": "http://example.com"}.');
  const url = read.data.url ?? '';
  const text = typeof url === 'string' ? url : JSON.stringify(url);
  // What the record cannot keep is no part of a URL, either.
  return text
    .replaceAll(/\p{Cc}/gu, ' ')
    .toWellFormed()
    .slice(0, mostGiven);
}

function toListed(
  { endedAt, facts }: JobPart,
  timezone: string,
): { time: string; url: string; result: string } {
  const { url, asGiven, status, error, verdict } = facts as UrlTest;
  return {
    time: localMinute(new Date(endedAt), timezone),
    url: asGiven ?? url,
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
