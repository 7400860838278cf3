import { z } from 'zod';
import { failure } from '../../../contract/failure.ts';
import type { JobReader } from '../../../domain/jobs/reader-ports.ts';
import { principalOf, type App } from '../access.ts';

interface FailureDependencies {
  reader: JobReader;
}

const defaultDays = 30;

export function registerFailureRoutes(app: App, { reader }: FailureDependencies): void {
  app.get('/api/v1/failures', {
    config: { access: 'jobs.read' },
    schema: {
      operationId: 'listFailures',
      tags: ['jobs'],
      summary: 'Jobs that failed, in families of those that failed alike',
      description:
        'A family is what failures have in common: the cause and the line that says best what went wrong, without numbers, paths and names. The filter `family:<id>` lists its jobs, also for bulk actions such as a retry of all.',
      querystring: z.strictObject({
        since: z.iso
          .datetime({ offset: true })
          .optional()
          .describe(`Failed at this moment or later; by default ${defaultDays} days ago.`),
        until: z.iso.datetime({ offset: true }).optional().describe('Failed before this moment.'),
        limit: z.coerce.number().int().min(1).max(500).default(50),
      }),
      response: { 200: z.object({ items: z.array(failure) }) },
    },
    handler: async (request) => {
      const { since, until, limit } = request.query;
      const end = until === undefined ? new Date(Date.now() + 1_000) : new Date(until);
      const start =
        since === undefined ? new Date(end.getTime() - defaultDays * 86_400_000) : new Date(since);
      return {
        items: await reader.failures({ since: start, until: end, limit }, principalOf(request).actor),
      };
    },
  });
}
