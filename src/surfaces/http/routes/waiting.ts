import { AppError } from '../../../contract/errors.ts';
import { waiting } from '../../../contract/waiting.ts';
import type { JobReader } from '../../../domain/jobs/reader-ports.ts';
import type { WaitingReasons } from '../../../domain/waiting/ports.ts';
import { principalOf, type App } from '../access.ts';
import { findJob, jobParams } from '../job-params.ts';

interface WaitingDependencies {
  reader: JobReader;
  waiting: WaitingReasons;
}

export function registerWaitingRoutes(app: App, dependencies: WaitingDependencies): void {
  app.get('/api/v1/jobs/:id/waiting', {
    config: { access: 'jobs.read' },
    schema: {
      operationId: 'explainWaiting',
      tags: ['jobs'],
      summary: 'Why a job does not run yet, and until when',
      description:
        'Each reason with what stands in the way. Times are estimates from the median run time of recent jobs of the same kind and name.',
      params: jobParams,
      response: { 200: waiting },
    },
    handler: async (request) => {
      const { id } = await findJob(dependencies.reader, request);
      const explained = await dependencies.waiting.explain(id, principalOf(request).actor);
      if (!explained) throw new AppError('not_found', `There is no job ${id}.`);
      return explained;
    },
  });
}
