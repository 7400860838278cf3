import { Readable } from 'node:stream';
import { z } from 'zod';
import { AppError } from '../../../contract/errors.ts';
import { mostLineBytes, type ImportOutcome } from '../../../contract/import.ts';
import type { Imports } from '../../../domain/elsewhere/import-ports.ts';
import { splitLines } from '../../../lib/lines.ts';
import { principalOf, type App } from '../access.ts';
import type { Audit } from '../audit.ts';

interface ImportDependencies {
  imports: Imports;
  audit: Audit;
}

const ndjson = 'application/x-ndjson';

/** Takes a body of any length: lines are read, stored and answered a batch at a time. */
export function registerImportRoutes(app: App, { imports, audit }: ImportDependencies): void {
  void app.register(async (scope: App) => {
    scope.addContentTypeParser(ndjson, async (_request: unknown, payload: unknown) => payload);
    scope.post('/api/v1/import', {
      config: { access: 'jobs.import' },
      bodyLimit: Number.MAX_SAFE_INTEGER,
      schema: {
        operationId: 'importJobs',
        tags: ['jobs'],
        summary: 'Take over jobs that others ran',
        description: `The body is \`${ndjson}\`: a JSON object a line (docs/operations.md has its members). The answer is a JSON object a line, too, in the same order: \`{"line": 1, "outcome": "added" | "updated" | "known" | "refused", "jobId", "problems"}\`; a last line \`{"error": …}\` says that it broke off there.`,
        querystring: z.strictObject({
          dryRun: z.stringbool().default(false).describe('Say what would happen, and change nothing.'),
          update: z.stringbool().default(false).describe('Jobs that are known take what their line says.'),
        }),
      },
      handler: async (request, reply) => {
        const { dryRun: isDryRun, update: isUpdate } = request.query;
        if (!(request.body instanceof Readable)) {
          throw new AppError(
            'unsupported_media_type',
            `Send one JSON object a line with Content-Type: ${ndjson}.`,
          );
        }
        const { actor } = principalOf(request);
        const lines = readLines(request.body);
        const outcomes = imports.run(lines, { isDryRun, isUpdate }, actor);
        // What goes wrong before anything was answered is an error like any other.
        const first = await outcomes.next();
        await audit(request, { action: 'jobs.import', details: { isDryRun, isUpdate } });
        return reply.type(ndjson).send(Readable.from(toLines(first, outcomes)));
      },
    });
  });
}

/** @throws AppError `payload_too_large` at a line that is longer than any job */
async function* readLines(body: Readable): AsyncGenerator<string> {
  try {
    yield* splitLines(body, { maxBytes: mostLineBytes });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new AppError(
      'payload_too_large',
      `A line is longer than ${mostLineBytes} bytes; no job may say so much.`,
      { cause: error },
    );
  }
}

async function* toLines(
  first: IteratorResult<ImportOutcome>,
  rest: AsyncGenerator<ImportOutcome>,
): AsyncGenerator<string> {
  try {
    for (let next = first; !next.done; next = await rest.next()) yield `${JSON.stringify(next.value)}\n`;
  } catch (error) {
    const { code, message } =
      error instanceof AppError ? error : new AppError('internal', 'Something unexpected happened here.');
    yield `${JSON.stringify({ error: { code, message } })}\n`;
  }
}
