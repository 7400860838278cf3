import { z } from 'zod';
import * as contract from '../../../contract/accounts.ts';
import type { Accounts } from '../../../domain/accounts/ports.ts';
import { accountIdOf, type App } from '../access.ts';
import type { Audit } from '../audit.ts';
import { toIdentityView } from './users.ts';

interface IdentityDependencies {
  accounts: Accounts;
  audit: Audit;
}

const tags = ['sessions'];

/** The accounts of identity providers that open one's own. */
export function registerIdentityRoutes(app: App, { accounts, audit }: IdentityDependencies): void {
  app.get('/api/v1/me/identities', {
    config: { access: 'profile.read' },
    schema: {
      operationId: 'listIdentities',
      tags,
      summary: 'Accounts of identity providers that are linked with yours',
      response: { 200: z.object({ items: z.array(contract.identity) }) },
    },
    handler: async (request) => ({
      items: (await accounts.listIdentities(accountIdOf(request))).map(toIdentityView),
    }),
  });

  app.delete('/api/v1/me/identities/:id', {
    config: { access: 'profile.change' },
    schema: {
      operationId: 'unlinkIdentity',
      tags,
      summary: 'Unlink one of them, unless it is the only way in',
      params: z.object({ id: z.string().regex(/^[0-9a-f]{64}$/, 'expected the id of a linked account') }),
      response: { 204: z.undefined().describe('Unlinked.') },
    },
    handler: async (request, reply) => {
      const { issuer, subject } = await accounts.unlinkIdentity(accountIdOf(request), request.params.id);
      await audit(request, {
        action: 'users.unlink-identity',
        target: request.principal?.actor.name,
        details: { issuer, subject },
      });
      return reply.code(204).send();
    },
  });
}
