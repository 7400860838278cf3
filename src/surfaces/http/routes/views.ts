import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ownerOf, type Owned } from '../../../contract/actor.ts';
import { AppError } from '../../../contract/errors.ts';
import { view, viewName } from '../../../contract/view.ts';
import type { ViewStore } from '../../../domain/diary/ports.ts';
import { principalOf, requirePermission, type App } from '../access.ts';
import type { Audit } from '../audit.ts';
import { readFilter } from '../filter-param.ts';

interface ViewDependencies {
  views: ViewStore;
  audit: Audit;
}

const tags = ['views'];
const params = z.object({ name: viewName });
const querystring = z.strictObject({
  owner: z.string().min(1).optional().describe('Whose it is, when it is not your own; for operators.'),
});

export function registerViewRoutes(app: App, { views, audit }: ViewDependencies): void {
  app.get('/api/v1/views', {
    config: { access: 'views.read' },
    schema: {
      operationId: 'listViews',
      tags,
      summary: 'Saved filters: your own, and those that are shared',
      response: { 200: z.object({ items: z.array(view) }) },
    },
    handler: async (request) => ({ items: await views.list(ownerOf(principalOf(request).actor)) }),
  });

  app.put('/api/v1/views/:name', {
    config: { access: 'views.change' },
    schema: {
      operationId: 'putView',
      tags,
      summary: 'Save a filter under a name',
      params,
      querystring,
      body: z.strictObject({
        filter: z.string().describe('In the filter language; checked.'),
        shared: z.boolean().default(false),
      }),
      response: { 200: view },
    },
    handler: async (request) => {
      const { name, ...owned } = await ownerAndName(request);
      const { owner } = owned;
      const { filter, shared } = request.body;
      readFilter(filter, 'filter');
      await views.put({ ...owned, name, filter, shared });
      await audit(request, { action: 'views.put', target: name, details: { owner, filter, shared } });
      const stored = await views.find(owned, name);
      if (!stored) throw gone(name, owner);
      return stored;
    },
  });

  app.delete('/api/v1/views/:name', {
    config: { access: 'views.change' },
    schema: {
      operationId: 'deleteView',
      tags,
      summary: 'Remove a saved filter',
      params,
      querystring,
      response: { 204: z.undefined().describe('Removed.') },
    },
    handler: async (request, reply) => {
      const { name, ...owned } = await ownerAndName(request);
      const { owner } = owned;
      if (!(await views.remove(owned, name))) throw gone(name, owner);
      await audit(request, { action: 'views.delete', target: name, details: { owner } });
      return reply.code(204).send();
    },
  });

  /** @throws AppError `forbidden`, or `not_found` for what somebody else keeps private */
  async function ownerAndName(request: FastifyRequest): Promise<Owned & { name: string }> {
    const { name } = request.params as z.infer<typeof params>;
    const { owner } = request.query as z.infer<typeof querystring>;
    const own = ownerOf(principalOf(request).actor);
    if (owner === undefined || owner.toLowerCase() === own.owner.toLowerCase()) return { ...own, name };
    requirePermission(request, 'views.change-others');
    const found = await views.findShared(owner, name);
    if (!found) throw gone(name, owner);
    return { owner: found.owner, ownerId: found.ownerId, name };
  }
}

function gone(name: string, owner: string): AppError {
  return new AppError('not_found', `${owner} has no view "${name}".`);
}
