import { z } from 'zod';
import * as contract from '../../../contract/accounts.ts';
import type { AuditStore, AuditRecord } from '../../../domain/accounts/ports.ts';
import type { App } from '../access.ts';

export function registerAuditRoutes(app: App, { auditStore }: { auditStore: AuditStore }): void {
  app.get('/api/v1/audit', {
    config: { access: 'audit.read' },
    schema: {
      operationId: 'listAudit',
      tags: ['audit'],
      summary: 'Who changed what, the newest first',
      querystring: contract.auditQuery,
      response: {
        200: z.object({
          items: z.array(contract.auditEntry),
          cursor: z.int().nullable().describe('For the next page; null = there is none.'),
        }),
      },
    },
    handler: async (request) => {
      const { cursor, limit, since, until, ...rest } = request.query;
      const records = await auditStore.list({
        ...rest,
        since: since === undefined ? undefined : new Date(since),
        until: until === undefined ? undefined : new Date(until),
        before: cursor,
        // One more than asked tells whether there is a next page.
        limit: limit + 1,
      });
      const items = records.slice(0, limit).map(toView);
      return { items, cursor: records.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
  });
}

function toView(record: AuditRecord): contract.AuditEntryView {
  return { ...record, at: record.at.toISOString() };
}
