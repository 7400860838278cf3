import { z } from 'zod';
import { parseFilter } from '../../../contract/filter/parse.ts';
import { jobSummary } from '../../../contract/job.ts';
import { findCase, findText, outputLine } from '../../../contract/output.ts';
import type { OutputSearch } from '../../../domain/diary/ports.ts';
import { principalOf, type App } from '../access.ts';

interface OutputSearchDependencies {
  outputSearch: OutputSearch;
  timezone: string;
}

const budgetMs = 2_000;

export function registerOutputSearchRoutes(
  app: App,
  { outputSearch, timezone }: OutputSearchDependencies,
): void {
  app.get('/api/v1/output', {
    config: { access: 'jobs.read' },
    schema: {
      operationId: 'findInOutputs',
      tags: ['output'],
      summary: 'Jobs that printed a text, the newest first',
      description:
        'Reads the output of the newest attempts of the jobs that a filter leaves, for two seconds at most; `cursor` goes on. No index takes part, so a filter that leaves fewer jobs makes it reach further back. Of a line of more than 500 characters the part with the text is shown.',
      querystring: z.strictObject({
        find: findText.describe('The text, a part of one line.'),
        case: findCase,
        q: z.string().default('').describe('A filter (docs/filter-language.md) for the jobs to look at.'),
        lines: z.coerce.number().int().min(1).max(100).default(3).describe('Lines shown of each job.'),
        cursor: z.string().optional().describe('`cursor` of the page before.'),
        limit: z.coerce.number().int().min(1).max(100).default(40).describe('Jobs named at most.'),
      }),
      response: {
        200: z.object({
          items: z.array(
            z.object({
              job: jobSummary,
              attempt: z.int(),
              lines: z.array(outputLine),
              isUnfinished: z
                .boolean()
                .describe(
                  'Its output is too large for the time there was: `find` in the job itself goes on.',
                ),
            }),
          ),
          cursor: z.string().nullable().describe('Of the next page; null when all jobs were looked at.'),
          searchedBackTo: z.iso
            .datetime()
            .nullable()
            .describe('How far back jobs were looked at; null when all were.'),
        }),
      },
    },
    handler: async (request) => {
      const { find, case: compare, q, lines, cursor, limit } = request.query;
      const found = await outputSearch.find(
        {
          text: find,
          ignoresCase: compare === 'ignore',
          linesPerJob: lines,
          filter: parseFilter(q),
          limit,
          ...(cursor === undefined ? {} : { cursor }),
          budgetMs,
          signal: request.signal,
          now: new Date(),
          timezone,
        },
        principalOf(request).actor,
      );
      const items = found.items.map((item) => ({
        ...item,
        lines: item.lines.map((line) => ({ ...line, at: line.at.toISOString() })),
      }));
      return { ...found, items };
    },
  });
}
