import { z } from 'zod';
import { invalidField, type AppError } from '../../../contract/errors.ts';
import type { JobReader } from '../../../domain/jobs/reader-ports.ts';
import { outputView } from '../../../contract/output.ts';
import type { OutputReader } from '../../../domain/output/ports.ts';
import { principalOf, type App } from '../access.ts';
import { attemptQuery, findAttempt, findJob, jobParams } from '../job-params.ts';
import { streamChoices } from '../../../contract/stream.ts';

interface OutputViewDependencies {
  reader: JobReader;
  output: OutputReader;
}

export function registerOutputViewRoutes(app: App, { reader, output }: OutputViewDependencies): void {
  app.get('/api/v1/jobs/:id/output/view', {
    config: { access: 'jobs.read' },
    schema: {
      operationId: 'viewOutput',
      tags: ['output'],
      summary: 'Lines around a place in output of any length',
      description:
        'For viewers that scroll in both directions and follow what is printed. An answer holds at most about 1 MiB of text. A line longer than 64 KiB may come in pieces with the same number. Gaps among lines of the other stream alone are seen in the merged view.',
      params: jobParams,
      querystring: z.strictObject({
        attempt: attemptQuery,
        stream: z.enum(streamChoices).default('merged'),
        from: z
          .string()
          .max(40)
          .optional()
          .describe(
            'A place from another answer, a line such as `stdout:120`, `row:5000` (behind so many lines of the view), or `end`; by default the beginning.',
          ),
        direction: z
          .enum(['forward', 'backward'])
          .default('forward')
          .describe('Forward: from there on. Backward: what comes right before, in order of arrival, too.'),
        lines: z.coerce.number().int().min(1).max(2_000).default(300),
        protocol: z.stringbool().default(false).describe('Also lines that were reports to Daybook.'),
      }),
      response: { 200: outputView },
    },
    handler: async (request) => {
      const { id } = await findJob(reader, request);
      const { attempt: number, stream, from = null, direction, lines: limit, protocol } = request.query;
      const attempt = await findAttempt(reader, { id, number }, principalOf(request).actor);
      const nothing = { lines: [], before: null, after: null, hasMore: false, rows: 0, chunks: 0 };
      if (!attempt) return { attempt: 0, isEnded: false, ...nothing };
      const options = { stream: stream === 'merged' ? null : stream, from, direction, limit };
      const view = await output.view(attempt, options).catch((error: unknown) => {
        throw error instanceof RangeError ? invalidFrom() : error;
      });
      const lines = view.lines
        .filter(({ kind }) => protocol || kind !== 'protocol')
        .map((line) => ({ ...line, at: line.at.toISOString() }));
      return { ...view, lines, attempt: attempt.number, isEnded: attempt.isEnded };
    },
  });
}

function invalidFrom(): AppError {
  return invalidField('from', 'expected a place from another answer, `stdout:120`, `row:5000` or `end`');
}
