import { Readable } from 'node:stream';
import { z } from 'zod';
import { parseFilter } from '../../../contract/filter/parse.ts';
import { jobTable, jobTableColumns, type JobTableColumn } from '../../../contract/job-table.ts';
import { csvLine } from '../../../lib/csv.ts';
import type { JobSearch } from '../../../domain/diary/ports.ts';
import { principalOf, type App } from '../access.ts';
import { jobSelection, toJobQuery } from '../job-query.ts';

interface ExportDependencies {
  search: JobSearch;
  timezone: string;
}

const pageSize = 500;
const byteOrderMark = '\uFEFF';

/** Names of columns, separated by commas. */
const columnList = z
  .string()
  .transform((text, context): JobTableColumn[] =>
    text.split(',').flatMap((name) => {
      const column = jobTableColumns.find((known) => known === name.trim());
      if (column) return column;
      context.addIssue({ code: 'custom', message: `expected ${jobTableColumns.join(', ')}, got "${name}"` });
      return [];
    }),
  )
  .describe(`Which columns, in which order, separated by commas; by default ${jobTableColumns.join(', ')}.`);

export function registerExportRoutes(app: App, { search, timezone }: ExportDependencies): void {
  app.get('/api/v1/jobs/export', {
    config: { access: 'jobs.read' },
    schema: {
      operationId: 'exportJobs',
      tags: ['jobs'],
      summary: 'Every job of a list, as comma-separated values',
      description:
        'All pages of the list, as they are found: RFC 4180 in UTF-8, the names of the columns first. A text that a spreadsheet would take for a formula begins with an apostrophe.',
      querystring: jobSelection.extend({
        columns: columnList.optional(),
        bom: z
          .stringbool()
          .default(false)
          .describe('Begins with a byte order mark, without which Excel takes UTF-8 for something else.'),
      }),
      response: {
        200: { description: 'The table.', content: { 'text/csv': { schema: z.custom<Readable>() } } },
      },
    },
    handler: async (request, reply) => {
      // As a list without a filter: nothing is left out.
      const { q = 'show:obsolete', columns = jobTableColumns, bom, ...asked } = request.query;
      const { actor } = principalOf(request);
      const { order, ...plain } = toJobQuery(asked);
      const now = new Date();
      const list = { filter: parseFilter(q), plain, order, limit: pageSize, now, timezone };

      async function* lines(): AsyncGenerator<string> {
        yield `${bom ? byteOrderMark : ''}${csvLine(columns)}`;
        let cursor: string | null | undefined;
        while (cursor !== null) {
          const page = await search.find({ ...list, ...(cursor ? { cursor } : {}) }, actor);
          if (page.items.length > 0)
            yield page.items.map((job) => csvLine(columns.map((name) => jobTable[name](job)))).join('');
          ({ cursor } = page);
        }
      }

      const day = new Intl.DateTimeFormat('en-CA', { timeZone: timezone, dateStyle: 'short' }).format(now);
      reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="daybook-${day}.csv"`);
      return reply.send(Readable.from(lines(), { objectMode: false }));
    },
  });
}
