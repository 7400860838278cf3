import { z } from 'zod';
import { jobPart, partSummary } from '../../../contract/part.ts';
import { tones } from '../../../contract/states.ts';
import type { JobReader } from '../../../domain/jobs/reader-ports.ts';
import type { PartStore } from '../../../domain/reports/part-ports.ts';
import { principalOf, type App } from '../access.ts';
import { findJob, jobParams } from '../job-params.ts';

interface PartDependencies {
  reader: JobReader;
  parts: PartStore;
}

const limit = z.coerce.number().int().min(1).max(1_000).default(100);
const tags = ['jobs'];
const hourMs = 3_600_000;

/** What jobs did, thing by thing: each URL of a list with its verdict. */
export function registerPartRoutes(app: App, { reader, parts }: PartDependencies): void {
  app.get('/api/v1/jobs/:id/parts', {
    config: { access: 'jobs.read' },
    schema: {
      operationId: 'listParts',
      tags,
      summary: 'The many things a job did, each with its verdict',
      params: jobParams,
      querystring: z.strictObject({
        tone: z.enum(tones).optional(),
        after: z.coerce
          .number()
          .int()
          .min(0)
          .max(2 ** 31 - 1)
          .default(0)
          .describe('Only those with a higher number.'),
        limit,
      }),
      response: { 200: z.object({ items: z.array(jobPart) }) },
    },
    handler: async (request) => {
      const { id } = await findJob(reader, request);
      const { tone = null, after, limit: most } = request.query;
      return {
        items: await parts.ofJob({ jobId: id, tone, after, limit: most }, principalOf(request).actor),
      };
    },
  });

  app.get('/api/v1/parts', {
    config: { access: 'jobs.read' },
    schema: {
      operationId: 'listPartsOfKind',
      tags,
      summary: 'What jobs of a kind did, the newest first; with a key, the history of one thing',
      querystring: z.strictObject({
        kind: z.string().max(100).describe('`url`'),
        key: z.string().max(20_000).optional().describe('The URL, as it stands in the parts.'),
        since: z.iso.datetime({ offset: true }).optional(),
        limit,
        offset: z.coerce.number().int().min(0).max(100_000).default(0),
      }),
      response: { 200: z.object({ items: z.array(jobPart) }) },
    },
    handler: async (request) => {
      const { kind, key = null, since, limit: most, offset } = request.query;
      const query = { kind, key, since: since === undefined ? null : new Date(since), limit: most, offset };
      return { items: await parts.newest(query, principalOf(request).actor) };
    },
  });

  app.get('/api/v1/parts/summary', {
    config: { access: 'jobs.read' },
    schema: {
      operationId: 'summarizeParts',
      tags,
      summary: 'How one thing fared over the last days: counts and median time of each slice',
      querystring: z.strictObject({
        kind: z.string().max(100).describe('`url`'),
        key: z.string().max(20_000).describe('The URL, as it stands in the parts.'),
        hours: z.coerce.number().int().min(1).max(2_400).default(24).describe('Back from now.'),
        slices: z.coerce.number().int().min(1).max(500).default(48),
      }),
      response: { 200: partSummary },
    },
    handler: async (request) => {
      const { kind, key, hours, slices } = request.query;
      const until = new Date();
      const from = new Date(until.getTime() - hours * hourMs);
      return parts.summary({ kind, key, from, until, slices }, principalOf(request).actor);
    },
  });
}
