import { AppError, invalidField } from '../../../contract/errors.ts';
import { bulkAnswer, bulkRequest, type BulkAction, type BulkAnswer } from '../../../contract/bulk.ts';
import { submitOptions } from '../../../contract/job.ts';
import { can, permissionsOf } from '../../../contract/permissions.ts';
import type { Jobs } from '../../../domain/jobs/ports.ts';
import type { Bulk, BulkOrder, JobSearch } from '../../../domain/diary/ports.ts';
import { principalOf, requirePermission, type App } from '../access.ts';
import type { Audit } from '../audit.ts';
import { readFilter } from '../filter-param.ts';

interface BulkDependencies {
  bulk: Bulk;
  search: JobSearch;
  jobs: Jobs;
  audit: Audit;
}

/** More jobs than this are a job of their own. */
const atOnce = 200;

export function registerBulkRoutes(app: App, { bulk, search, jobs, audit }: BulkDependencies): void {
  app.post('/api/v1/jobs/bulk', {
    config: { access: 'jobs.cancel' },
    schema: {
      operationId: 'actInBulk',
      tags: ['jobs'],
      summary: 'Cancel, retry, remove, tag, move or assess every job of a filter',
      description: `Up to ${atOnce} jobs at once (200); more by a job of their own (202). Obsolete jobs only when the filter asks for them. Kept jobs are not removed; jobs of others need the right to change them, and are skipped without it.`,
      body: bulkRequest,
      response: { 200: bulkAnswer, 202: bulkAnswer },
    },
    handler: async (request, reply): Promise<BulkAnswer> => {
      const principal = principalOf(request);
      const { filter, dryRun, expect, ...action } = request.body;
      requirePermission(request, permissionsOf(action).own);
      requireSomething(action);
      const order: BulkOrder = {
        action,
        filter: readFilter(filter, 'filter'),
        askedAt: await search.now(),
        actor: principal.actor,
        mayTouchOthers: can(principal, permissionsOf(action).others),
      };
      const { matched, isAtLeast, sample } = await bulk.preview(order);
      if (dryRun) return { status: 'dry run', matched, isAtLeast, sample };
      requireExpected(expect, matched);
      const details = { ...action, filter, matched, isAtLeast };
      if (matched <= atOnce && !isAtLeast) {
        const { cursor: _cursor, ...counts } = await bulk.run(order, { step: null });
        await audit(request, { action: 'jobs.bulk', details: { ...details, changed: counts.changed } });
        return { status: 'done', ...counts };
      }
      const { id } = await jobs.submit({
        kind: 'bulk',
        input: { filter, action, askedAt: order.askedAt.toISOString(), matched },
        options: submitOptions.parse({
          name: `${action.action}: ${filter}`.slice(0, 300).toWellFormed().trim(),
        }),
        actor: principal.actor,
        isOurs: true,
      });
      await audit(request, { action: 'jobs.bulk', target: String(id), details });
      reply.code(202);
      return { status: 'started', job: id, matched, isAtLeast };
    },
  });
}

function requireSomething(action: BulkAction): void {
  if (action.action !== 'assess' || action.assessment !== undefined || action.analysis !== undefined) return;
  throw invalidField('assessment', 'expected an assessment, an analysis, or both');
}

function requireExpected(expect: number | undefined, matched: number): void {
  if (expect === undefined || expect === matched) return;
  throw new AppError(
    'conflict',
    `The filter now finds ${matched} jobs, not ${expect}. Nothing was touched; look again with a dry run.`,
  );
}
