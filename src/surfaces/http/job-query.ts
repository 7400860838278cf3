import { z } from 'zod';
import { endedStates, isEnded, jobStates } from '../../contract/states.ts';
import type { JobQuery } from '../../domain/jobs/reader-ports.ts';
import { withoutUndefined } from './without-undefined.ts';

/** `live` and `ended` stand for all states of that sort. */
const stateFilter = z
  .string()
  .transform((text, context) => {
    const names = text.split(',').filter((name) => name !== '');
    const states = names.flatMap((name) => {
      if (name === 'ended') return endedStates;
      if (name === 'live') return jobStates.filter((state) => !isEnded(state));
      const state = jobStates.find((known) => known === name);
      if (state) return state;
      context.addIssue({
        code: 'custom',
        message: `expected ${jobStates.join(', ')}, live or ended, got "${name}"`,
      });
      return [];
    });
    return states;
  })
  .describe(`One or more of ${jobStates.join(', ')}, or live, ended; separated by commas.`);

/** Which jobs a list is asked for, in what order. */
export const jobSelection = z.strictObject({
  q: z
    .string()
    .optional()
    .describe(
      'A filter, such as `state:failed owner:ana crash` (docs/filter-language.md). Leaves out what is assessed as obsolete, unless it asks for that.',
    ),
  state: stateFilter.optional(),
  kind: z.string().optional(),
  queue: z.string().optional(),
  owner: z.string().optional(),
  project: z.string().optional(),
  worker: z.string().optional().describe('Name of the worker of the newest attempt.'),
  since: z.iso.datetime({ offset: true }).optional().describe('Submitted at this moment or later.'),
  until: z.iso.datetime({ offset: true }).optional().describe('Submitted before this moment.'),
  order: z.enum(['newest', 'oldest']).default('newest'),
});

/** The plain parameters of a list, as the reader of jobs takes them. */
export function toJobQuery({ state, since, until, ...rest }: Omit<z.infer<typeof jobSelection>, 'q'>): Omit<
  JobQuery,
  'cursor' | 'limit'
> & {
  order: 'newest' | 'oldest';
} {
  return {
    ...withoutUndefined(rest),
    order: rest.order,
    ...(state ? { states: state } : {}),
    ...(since ? { since: new Date(since) } : {}),
    ...(until ? { until: new Date(until) } : {}),
  };
}
