import { z } from 'zod';
import { bulkAction, bulkCounts } from '../../contract/bulk.ts';
import { parseFilter } from '../../contract/filter/parse.ts';
import { isAllowed, permissionsOf } from '../../contract/permissions.ts';
import { defineKind } from '../define-kind.ts';

export const bulkInput = z.strictObject({
  filter: z.string(),
  action: bulkAction,
  askedAt: z.iso.datetime(),
  matched: z.int().describe('Jobs that were counted when it was asked.'),
});

/**
 * An action on many jobs, as a job of its own. It has the rights that its owner has when it runs. How far it came is
 * stored with every page, as its result: after a restart it goes on from there.
 */
export const bulkKind = defineKind({
  name: 'bulk',
  title: 'Bulk action',
  description: 'Cancels, retries, removes, tags, moves or assesses every job of a filter.',
  input: bulkInput,
  result: bulkCounts.extend({ cursor: z.string().nullable() }),
  nameOf: ({ action, filter }) => `${action.action}: ${filter}`,
  runsProgram: false,
  isInternal: true,
  createRun:
    ({ bulk, bulkSteps, findActor }) =>
    async ({ id, attempt, owner, ownerId, input }, { signal, progress, result }) => {
      const actor = await findActor(ownerId);
      if (!actor || !isAllowed(actor, permissionsOf(input.action).own))
        return { state: 'failed', reason: 'rejected', message: `${owner} may not do this any more.` };
      const order = {
        action: input.action,
        filter: parseFilter(input.filter),
        askedAt: new Date(input.askedAt),
        actor,
        mayTouchOthers: isAllowed(actor, permissionsOf(input.action).others),
      };
      const begun = await bulkSteps.read(id);
      const done = await bulk.run(order, {
        // A whole run that is retried by hand begins anew.
        step: begun?.cursor === null ? null : begun,
        signal,
        onStep: async (step) => {
          await bulkSteps.save(id, attempt, step);
          progress(
            Math.min(1, step.seen / Math.max(1, input.matched)),
            `${step.changed} of ${step.seen} jobs changed`,
          );
        },
      });
      result({ ...done });
      if (signal.aborted && done.cursor !== null)
        return { state: 'failed', reason: 'error', message: 'Stopped before all jobs were seen.' };
      return { state: 'succeeded' };
    },
});
