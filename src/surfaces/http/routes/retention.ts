import { z } from 'zod';
import { AppError } from '../../../contract/errors.ts';
import {
  jobRetention,
  newRetentionRule,
  retentionPreview,
  retentionRule,
  retentionRuleChange,
  retentionTerms,
} from '../../../contract/retention.ts';
import type { JobReader } from '../../../domain/jobs/reader-ports.ts';
import type { Retention } from '../../../domain/retention/ports.ts';
import { principalOf, type App } from '../access.ts';
import type { Audit } from '../audit.ts';
import { readFilter } from '../filter-param.ts';
import { findJob, jobParams } from '../job-params.ts';
import { withoutUndefined } from '../without-undefined.ts';

interface RetentionDependencies {
  reader: JobReader;
  retention: Retention;
  audit: Audit;
}

const tags = ['retention'];
const params = z.object({ id: z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER) });

export function registerRetentionRoutes(app: App, { reader, retention, audit }: RetentionDependencies): void {
  app.get('/api/v1/retention-rules', {
    config: { access: 'retention.read' },
    schema: {
      operationId: 'listRetentionRules',
      tags,
      summary: 'The rules that remove, with their last runs',
      description: 'Nothing else ever removes a job or its output by itself, and a kept job stays.',
      response: { 200: z.object({ items: z.array(retentionRule) }) },
    },
    handler: async () => ({ items: await retention.list() }),
  });

  app.post('/api/v1/retention-rules', {
    config: { access: 'retention.change' },
    schema: {
      operationId: 'addRetentionRule',
      tags,
      summary: 'Announce a rule',
      description: 'It removes nothing before `effectiveFrom`, by default one day from now.',
      body: newRetentionRule,
      response: { 201: retentionRule },
    },
    handler: async (request, reply) => {
      readFilter(request.body.filter, 'filter');
      const rule = await retention.add(request.body, principalOf(request).actor);
      await audit(request, {
        action: 'retention-rules.create',
        target: rule.name,
        details: { ...request.body, effectiveFrom: rule.effectiveFrom },
      });
      reply.code(201).header('location', `/api/v1/retention-rules/${rule.id}`);
      return rule;
    },
  });

  app.post('/api/v1/retention-rules/preview', {
    config: { access: 'retention.read' },
    schema: {
      operationId: 'previewRetentionRule',
      tags,
      summary: 'What a rule would remove if it were applied now',
      description: 'Counts for about two seconds; what was not counted by then is said to be more.',
      body: retentionTerms,
      response: { 200: retentionPreview },
    },
    handler: async (request) => {
      readFilter(request.body.filter, 'filter');
      return retention.preview(request.body, principalOf(request).actor);
    },
  });

  app.patch('/api/v1/retention-rules/:id', {
    config: { access: 'retention.change' },
    schema: {
      operationId: 'changeRetentionRule',
      tags,
      summary: 'Change a rule',
      description:
        'A change by which something else may go, and switching it on, announce it anew: it takes effect one day later. A run that is under way ends.',
      params,
      body: retentionRuleChange,
      response: { 200: retentionRule },
    },
    handler: async (request) => {
      const change = withoutUndefined(request.body);
      if (change.filter !== undefined) readFilter(change.filter, 'filter');
      const rule = await retention.change(request.params.id, change, principalOf(request).actor);
      if (!rule) throw unknownRule(request.params.id);
      await audit(request, { action: 'retention-rules.change', target: rule.name, details: change });
      return rule;
    },
  });

  app.delete('/api/v1/retention-rules/:id', {
    config: { access: 'retention.change' },
    schema: {
      operationId: 'removeRetentionRule',
      tags,
      summary: 'Remove a rule; what it removed is not coming back',
      params,
      response: { 204: z.undefined().describe('Removed.') },
    },
    handler: async (request, reply) => {
      const rule = await retention.remove(request.params.id);
      if (!rule) throw unknownRule(request.params.id);
      const { filter, olderThanDays, removes } = rule;
      await audit(request, {
        action: 'retention-rules.delete',
        target: rule.name,
        details: { filter, olderThanDays, removes },
      });
      return reply.code(204).send();
    },
  });

  app.get('/api/v1/jobs/:id/retention', {
    config: { access: 'jobs.read' },
    schema: {
      operationId: 'readJobRetention',
      tags: ['jobs'],
      summary: 'Which rules take the job, and when',
      params: jobParams,
      response: { 200: jobRetention },
    },
    handler: async (request) => retention.ofJob(await findJob(reader, request)),
  });
}

function unknownRule(id: number): AppError {
  return new AppError('not_found', `There is no retention rule ${id}.`);
}
