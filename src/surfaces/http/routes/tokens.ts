import { z } from 'zod';
import * as contract from '../../../contract/accounts.ts';
import type { Accounts, TokenRecord } from '../../../domain/accounts/ports.ts';
import { AppError } from '../../../contract/errors.ts';
import type { Principal } from '../../../contract/permissions.ts';
import { principalOf, type App } from '../access.ts';
import type { Audit } from '../audit.ts';

interface TokenDependencies {
  accounts: Accounts;
  audit: Audit;
}

const idParams = z.object({ id: z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER) });
const tags = ['tokens'];

/** One's own tokens. Those of others end with their user. */
export function registerTokenRoutes(app: App, { accounts, audit }: TokenDependencies): void {
  app.get('/api/v1/tokens', {
    config: { access: 'tokens.own' },
    schema: {
      operationId: 'listTokens',
      tags,
      summary: 'Your tokens, the newest first',
      response: { 200: z.object({ items: z.array(contract.token) }) },
    },
    handler: async (request) => {
      const tokens = await accounts.listTokens(accountId(principalOf(request)));
      return { items: tokens.map(toTokenView) };
    },
  });

  app.post('/api/v1/tokens', {
    config: { access: 'tokens.own' },
    schema: {
      operationId: 'createToken',
      tags,
      summary: 'Make a token; its secret is shown this once',
      description: 'Needs a session or a password: a token cannot make tokens.',
      body: contract.newToken,
      response: {
        201: z.object({
          token: contract.token,
          secret: z.string().describe('`dbk_…`. Not kept, so it cannot be shown again.'),
        }),
      },
    },
    handler: async (request, reply) => {
      const { name, scopes, expiresAt } = request.body;
      const expires = expiresAt === undefined ? null : new Date(expiresAt);
      const { record, secret } = await accounts.createToken(principalOf(request), {
        name,
        scopes,
        expiresAt: expires,
      });
      await audit(request, { action: 'tokens.create', target: String(record.id), details: { name, scopes } });
      reply.code(201);
      return { token: toTokenView(record), secret };
    },
  });

  app.delete('/api/v1/tokens/:id', {
    config: { access: 'tokens.own' },
    schema: {
      operationId: 'revokeToken',
      tags,
      summary: 'Revoke one of your tokens, at once',
      params: idParams,
      response: { 204: z.undefined().describe('Revoked.') },
    },
    handler: async (request, reply) => {
      const { id } = request.params;
      await accounts.revokeToken(accountId(principalOf(request)), id);
      await audit(request, { action: 'tokens.revoke', target: String(id) });
      return reply.code(204).send();
    },
  });
}

function accountId({ actor }: Principal): number {
  if (actor.accountId === null) throw new AppError('forbidden', 'This needs an account.');
  return actor.accountId;
}

function toTokenView(token: TokenRecord): contract.Token {
  return {
    id: token.id,
    name: token.name,
    scopes: token.scopes,
    createdAt: token.createdAt.toISOString(),
    createdBy: token.createdBy,
    expiresAt: token.expiresAt?.toISOString() ?? null,
    lastUsedAt: token.lastUsedAt?.toISOString() ?? null,
  };
}
