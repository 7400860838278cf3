import { z } from 'zod';
import * as contract from '../../../contract/accounts.ts';
import type { Accounts, IdentityRecord, UserRecord } from '../../../domain/accounts/ports.ts';
import type { App } from '../access.ts';
import type { Audit } from '../audit.ts';

interface UserDependencies {
  accounts: Accounts;
  audit: Audit;
}

const nameParams = z.object({ name: z.string().min(1).max(200) });
const tags = ['users'];

export function registerUserRoutes(app: App, { accounts, audit }: UserDependencies): void {
  app.get('/api/v1/users', {
    config: { access: 'users.read' },
    schema: {
      operationId: 'listUsers',
      tags,
      summary: 'All users, by name',
      response: { 200: z.object({ items: z.array(contract.listedUser) }) },
    },
    handler: async () => {
      const [users, identities] = await Promise.all([accounts.listUsers(), accounts.listIdentities(null)]);
      const byUser = Map.groupBy(identities, ({ userId }) => userId);
      return {
        items: users.map((user) => ({
          ...toUserView(user),
          hasPassword: user.passwordHash !== null,
          identities: (byUser.get(user.id) ?? []).map(toIdentityView),
        })),
      };
    },
  });

  app.post('/api/v1/users', {
    config: { access: 'users.change' },
    schema: {
      operationId: 'createUser',
      tags,
      summary: 'Add a user',
      body: contract.newUser,
      response: { 201: contract.user },
    },
    handler: async (request, reply) => {
      const user = await accounts.createUser(request.body);
      await audit(request, { action: 'users.create', target: user.name, details: { role: user.role } });
      reply.code(201);
      return toUserView(user);
    },
  });

  app.patch('/api/v1/users/:name', {
    config: { access: 'users.change' },
    schema: {
      operationId: 'changeUser',
      tags,
      summary: 'Change a user: role, name shown, password, disabled',
      description: 'The last admin who can sign in cannot be disabled or given another role.',
      params: nameParams,
      body: contract.userChange,
      response: { 200: contract.user },
    },
    handler: async (request) => {
      const { password, ...rest } = request.body;
      const user = await accounts.updateUser(request.params.name, request.body);
      const details = password === undefined ? rest : { ...rest, password: 'changed' };
      await audit(request, { action: 'users.change', target: user.name, details });
      return toUserView(user);
    },
  });

  app.delete('/api/v1/users/:name', {
    config: { access: 'users.change' },
    schema: {
      operationId: 'deleteUser',
      tags,
      summary: 'Remove a user; their jobs stay in the diary',
      description:
        'Sessions, tokens, private views and rights to use secrets go at once; schedules and notification rules stop until somebody takes them over; shared views stay. Nobody inherits anything of it, not even who gets the same name later.',
      params: nameParams,
      response: { 200: contract.removedUser },
    },
    handler: async (request) => {
      const removed = await accounts.deleteUser(request.params.name);
      await audit(request, { action: 'users.delete', target: request.params.name, details: removed });
      return removed;
    },
  });
}

export function toUserView(user: UserRecord): contract.User {
  const { id, name, displayName, role } = user;
  return {
    id,
    name,
    displayName,
    role,
    disabledAt: user.disabledAt?.toISOString() ?? null,
    createdAt: user.createdAt.toISOString(),
  };
}

export function toIdentityView({
  id,
  issuer,
  subject,
  linkedAt,
  lastUsedAt,
}: IdentityRecord): contract.Identity {
  return { id, issuer, subject, linkedAt: linkedAt.toISOString(), lastUsedAt: lastUsedAt.toISOString() };
}
