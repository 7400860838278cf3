import { z } from 'zod';
import type { Again } from '../../../domain/again/ports.ts';
import type { CapsuleStore } from '../../../domain/again/capsule-ports.ts';
import { againDifference, againQuery, againRequest, attemptNumber } from '../../../contract/again.ts';
import { capsule } from '../../../contract/capsule.ts';
import { AppError } from '../../../contract/errors.ts';
import { job } from '../../../contract/job.ts';
import type { JobReader } from '../../../domain/jobs/reader-ports.ts';
import { principalOf, type App } from '../access.ts';
import { withKeyOfHeader } from '../idempotency-key.ts';
import { findJob, jobParams } from '../job-params.ts';

interface AgainDependencies {
  reader: JobReader;
  capsules: Pick<CapsuleStore, 'read'>;
  again: Again;
}

const tags = ['jobs'];

export function registerAgainRoutes(app: App, { reader, capsules, again }: AgainDependencies): void {
  app.get('/api/v1/jobs/:id/capsule', {
    config: { access: 'jobs.read' },
    schema: {
      operationId: 'getCapsule',
      tags,
      summary: 'What exactly ran',
      description:
        'Script with hash and text, arguments, folder, environment, limits, worker and versions, as recorded when the attempt was started.',
      params: jobParams,
      querystring: z.strictObject({
        attempt: z.coerce.number().pipe(attemptNumber).optional().describe('By default the newest.'),
      }),
      response: { 200: capsule },
    },
    handler: async (request) => {
      const { id } = await findJob(reader, request);
      const { attempt = null } = request.query;
      const found = await capsules.read(id, attempt, principalOf(request).actor);
      if (found) return found;
      const which = attempt === null ? 'no attempt' : `no attempt ${attempt}`;
      throw new AppError('not_found', `Job ${id} has ${which} that was started with a program.`);
    },
  });

  app.get('/api/v1/jobs/:id/again', {
    config: { access: 'jobs.read' },
    schema: {
      operationId: 'compareAgain',
      tags,
      summary: 'What would be different if the job ran again',
      params: jobParams,
      querystring: againQuery,
      response: { 200: againDifference },
    },
    handler: async (request) => {
      const found = await findJob(reader, request);
      const { as, attempt = null } = request.query;
      const { actor, scopes } = principalOf(request);
      return again.compare({ job: found, as, attempt, edit: {}, actor, scopes });
    },
  });

  app.post('/api/v1/jobs/:id/again', {
    config: { access: 'jobs.submit' },
    schema: {
      operationId: 'runAgain',
      tags,
      summary: 'Run the job again, as a new job',
      description:
        'As it was, as it is now, or edited. With `dryRun` answers 200 with the difference and submits nothing. With an idempotency key (the member, or the header `Idempotency-Key`) a repetition of the request answers 200 with the first job.',
      params: jobParams,
      body: againRequest,
      response: { 200: z.union([againDifference, job]), 201: job },
    },
    handler: async (request, reply) => {
      const found = await findJob(reader, request);
      const { actor, scopes } = principalOf(request);
      const { as, attempt = null, edit, dryRun, idempotencyKey } = withKeyOfHeader(request.body, request);
      const asked = { job: found, as, attempt, edit, actor, scopes };
      if (dryRun) return again.compare(asked);
      const stored = await again.submit({ ...asked, idempotencyKey: idempotencyKey ?? null });
      const view = stored.job ?? (await reader.byId(stored.id, actor));
      if (!view) throw new AppError('not_found', `Job ${stored.id} was stored and is already gone again.`);
      reply.code(stored.isNew ? 201 : 200).header('location', `/api/v1/jobs/${stored.id}`);
      return view;
    },
  });
}
