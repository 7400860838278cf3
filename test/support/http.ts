import { afterEach } from 'vitest';
import { z } from 'zod';
import type { AuthenticationOutcome, Authenticator } from '../../src/domain/accounts/ports.ts';
import { roles, type Role } from '../../src/contract/actor.ts';
import type { Principal, TokenScope } from '../../src/contract/permissions.ts';
import type { App } from '../../src/surfaces/http/access.ts';
import { createHttpServer, type HttpServerOptions } from '../../src/surfaces/http/server.ts';

/** Takes `Bearer <role>.<scope>` for what it says; anything else is refused. */
const accounts: Authenticator = {
  authenticate: async (credentials): Promise<AuthenticationOutcome> => {
    const text = credentials.kind === 'token' ? credentials.token : 'member.all';
    if (credentials.kind === 'basic') return { outcome: 'refused' };
    const [role, scope] = text.split('.');
    if (!roles.includes(role as Role)) return { outcome: 'refused' };
    return { outcome: 'accepted', principal: principal(role as Role, scope as TokenScope) };
  },
};

export function principal(role: Role, scope: TokenScope): Principal {
  return { actor: { name: 'ana', accountId: 1, role }, scopes: [scope], via: 'token', credentialId: 1 };
}

const apps: App[] = [];

/** Closes what `createApp` made, after each test. */
export function useApps(): void {
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
  });
}

export async function createApp(options: Partial<HttpServerOptions> = {}): Promise<App> {
  const app = await createHttpServer({
    accounts,
    trustProxy: false,
    publicUrl: null,
    host: '127.0.0.1',
    ...options,
  });
  apps.push(app);
  return app;
}

export async function createAppWithEcho(options: Partial<HttpServerOptions> = {}): Promise<App> {
  const app = await createApp(options);
  app.post('/api/v1/echo', {
    config: { access: 'jobs.submit' },
    schema: {
      body: z.strictObject({
        name: z.string().min(1),
        retry: z.strictObject({ on: z.array(z.enum(['exit'])) }),
      }),
    },
    handler: async (request) => request.body,
  });
  app.get('/api/v1/things/:id', { config: { access: 'jobs.read' }, handler: async () => ({ fine: true }) });
  app.delete('/api/v1/things/:id', {
    config: { access: 'jobs.change' },
    handler: async () => ({ fine: true }),
  });
  return app;
}

export const json = { 'content-type': 'application/json' };
export const member = { authorization: 'Bearer member.all' };
export const echo = { method: 'POST', url: '/api/v1/echo' } as const;
export const good = { name: 'a', retry: { on: ['exit'] } };
