import { z } from 'zod';
import type { FastifyRequest } from 'fastify';
import type { AttemptKey } from '../../../contract/attempt.ts';
import * as contract from '../../../contract/external.ts';
import type { ExternalAttempts } from '../../../domain/elsewhere/external-ports.ts';
import type { JobReader } from '../../../domain/jobs/reader-ports.ts';
import { principalOf, type App } from '../access.ts';
import { findJobToChange, jobParams } from '../job-params.ts';

interface ExternalDependencies {
  external: ExternalAttempts;
  reader: JobReader;
}

const tags = ['external attempts'];
const attemptParams = jobParams.extend({
  number: z.coerce
    .number()
    .int()
    .positive()
    .max(2 ** 31 - 1),
});
const tokenHeader = z.object({ 'attempt-token': z.uuid().describe('From the answer of the beginning.') });
const outputBodyLimit = 4 * 1024 * 1024;

/** Reports of attempts that run somewhere else. Each may be repeated; see `external/external.ts`. */
export function registerExternalRoutes(app: App, { external, reader }: ExternalDependencies): void {
  app.post('/api/v1/attempts', {
    config: { access: 'jobs.submit' },
    schema: {
      operationId: 'beginExternalAttempt',
      tags,
      summary: 'Report the beginning of something that runs elsewhere',
      body: contract.beginExternal,
      response: { 201: contract.begunExternal },
    },
    handler: async (request, reply) => {
      reply.code(201);
      return external.begin(request.body, principalOf(request).actor);
    },
  });

  app.post('/api/v1/jobs/:id/attempts/:number/output', {
    config: { access: 'jobs.submit' },
    bodyLimit: outputBodyLimit,
    schema: {
      operationId: 'appendExternalOutput',
      tags,
      summary: 'Report what it printed, in order',
      params: attemptParams,
      headers: tokenHeader,
      body: z.strictObject({ pieces: z.array(contract.outputPiece).max(1_000) }),
      response: { 200: contract.receivedOutput },
    },
    handler: async (request) => external.append(await keyOf(request), request.body.pieces),
  });

  app.post('/api/v1/jobs/:id/attempts/:number/beat', {
    config: { access: 'jobs.submit' },
    schema: {
      operationId: 'beatExternalAttempt',
      tags,
      summary: 'Say that it still runs; hear whether it shall end',
      params: attemptParams,
      headers: tokenHeader,
      response: { 200: contract.externalBeat },
    },
    handler: async (request) => external.beat(await keyOf(request)),
  });

  app.post('/api/v1/jobs/:id/attempts/:number/finish', {
    config: { access: 'jobs.submit' },
    schema: {
      operationId: 'finishExternalAttempt',
      tags,
      summary: 'Report how it ended',
      description:
        'Repeating it changes nothing. After the attempt was given up the report is kept as a late result.',
      params: attemptParams,
      headers: tokenHeader,
      body: contract.externalEnd,
      response: { 200: contract.finishedExternal },
    },
    handler: async (request) => {
      const key = await keyOf(request);
      const { actor } = principalOf(request);
      await external.finish(key, request.body, actor);
      const attempt = (await reader.attempts(key.jobId, actor)).find(({ number }) => number === key.number);
      return { state: attempt?.state ?? 'unknown', reason: attempt?.reason ?? null };
    },
  });

  /** Only whoever owns the job may report on it, and operators. */
  async function keyOf(request: FastifyRequest): Promise<AttemptKey> {
    const { id } = await findJobToChange(reader, request, 'jobs.change-others');
    const { number } = request.params as z.infer<typeof attemptParams>;
    const { 'attempt-token': token } = request.headers as z.infer<typeof tokenHeader>;
    return { jobId: id, number, token };
  }
}
