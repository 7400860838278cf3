import { z } from 'zod';
import type { Actor } from '../../../contract/actor.ts';
import {
  completeKeys,
  completeValues,
  completionPoint,
  fixedValues,
  type Completion,
  type CompletionPoint,
} from '../../../contract/filter/completion.ts';
import type { JobCompletion } from '../../../domain/diary/ports.ts';
import { principalOf, type App } from '../access.ts';

interface CompletionDependencies {
  completion: JobCompletion;
  timezone: string;
}

const most = 20;

export function registerCompletionRoutes(app: App, { completion, timezone }: CompletionDependencies): void {
  app.get('/api/v1/jobs/complete', {
    config: { access: 'jobs.read' },
    schema: {
      operationId: 'completeFilter',
      tags: ['jobs'],
      summary: 'What may stand at the cursor of a filter',
      description:
        'Keys with their meaning, or values: of those that are in use the most frequent among the newest jobs that fit the rest of the filter.',
      querystring: z.strictObject({
        q: z.string().max(4_000).describe('The filter as far as it is typed.'),
        at: z.coerce
          .number()
          .int()
          .min(0)
          .max(4_000)
          .optional()
          .describe('Where the cursor stands; by default the end.'),
      }),
      response: {
        200: z.object({
          from: z.int().describe('A completion stands in place of everything from here …'),
          to: z.int().describe('… to here, in UTF-16 units.'),
          items: z.array(z.object({ text: z.string(), meaning: z.string().nullable() })),
        }),
      },
    },
    handler: async (request) => {
      const { q, at = q.length } = request.query;
      const point = completionPoint(q, at);
      const items = await complete(point, principalOf(request).actor);
      return { from: point.from, to: point.to, items: items.slice(0, most) };
    },
  });

  async function complete(point: CompletionPoint, actor: Actor): Promise<Completion[]> {
    const { key, path, typed, others } = point;
    const request = { others, now: new Date(), timezone };
    if (key === null && path !== null) {
      const names = await completion.members({ ...request, typed: path }, actor);
      return names.map((name) => ({ text: `args.${name}:`, meaning: null }));
    }
    if (key === null) return completeKeys(point);
    const fixed = fixedValues(key);
    if (fixed) return completeValues(typed, fixed, false);
    return completeValues(typed, await completion.values({ ...request, key, path, typed }, actor), true);
  }
}
