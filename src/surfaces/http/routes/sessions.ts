import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import * as contract from '../../../contract/accounts.ts';
import type { Accounts, SessionRecord } from '../../../domain/accounts/ports.ts';
import { AppError } from '../../../contract/errors.ts';
import { can, permissions, type Permission } from '../../../contract/permissions.ts';
import { accountIdOf, principalOf, type App } from '../access.ts';
import type { Audit } from '../audit.ts';
import { refuseTooMany } from '../error-handler.ts';
import { sessionCookieOf } from '../plugins/authentication.ts';
import { toUserView } from './users.ts';

interface SessionDependencies {
  accounts: Accounts;
  audit: Audit;
  isHttps: boolean;
}

const idParams = z.object({ id: z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER) });
const tags = ['sessions'];

/** Signing in and out, and what a person may do to their own account. */
export function registerSessionRoutes(app: App, { accounts, audit, isHttps }: SessionDependencies): void {
  const cookie = { path: '/', httpOnly: true, sameSite: 'lax', secure: isHttps } as const;

  app.post('/api/v1/sessions', {
    config: { access: 'sessions.create' },
    schema: {
      operationId: 'signIn',
      tags,
      summary: 'Sign in; the session comes as a cookie',
      description: 'Wrong passwords are answered with growing delays, per user and address.',
      body: contract.login,
      response: { 201: z.object({ user: contract.user, session: contract.session }) },
    },
    handler: async (request, reply) => {
      const { name, password } = request.body;
      const caller = { address: request.ip, userAgent: request.headers['user-agent'] ?? null };
      const result = await accounts.login(name, password, caller);
      if (result.outcome === 'wait')
        refuseTooMany(reply, result.retryAfterSeconds, 'Too many wrong passwords.');
      if (result.outcome === 'refused') {
        request.log.warn({ name: name.slice(0, 64), address: request.ip }, 'signing in was refused');
        throw new AppError('not_authenticated', 'The user or the password is not right.');
      }
      const { user, session, secret } = result;
      await audit(request, { action: 'sessions.create', target: String(session.id), actor: user.name });
      reply.setCookie(sessionCookieOf(request), secret, { ...cookie, expires: session.expiresAt });
      reply.code(201);
      return { user: toUserView(user), session: toSessionView(session, session.id) };
    },
  });

  app.get('/api/v1/sessions', {
    config: { access: 'profile.read' },
    schema: {
      operationId: 'listSessions',
      tags,
      summary: 'Your sessions, the last used first',
      response: { 200: z.object({ items: z.array(contract.session) }) },
    },
    handler: async (request) => {
      const sessions = await accounts.listSessions(accountIdOf(request));
      return { items: sessions.map((session) => toSessionView(session, currentSessionId(request))) };
    },
  });

  app.delete('/api/v1/sessions/current', {
    config: { access: 'profile.change' },
    schema: {
      operationId: 'signOut',
      tags,
      summary: 'Sign out',
      response: { 204: z.undefined().describe('Signed out.') },
    },
    handler: async (request, reply) => {
      const id = currentSessionId(request);
      if (id === null)
        throw new AppError('conflict', 'This request uses no session, so there is nothing to end.');
      await accounts.endSession(accountIdOf(request), id);
      await audit(request, { action: 'sessions.end', target: String(id) });
      reply.clearCookie(sessionCookieOf(request), cookie);
      return reply.code(204).send();
    },
  });

  app.delete('/api/v1/sessions/:id', {
    config: { access: 'profile.change' },
    schema: {
      operationId: 'endSession',
      tags,
      summary: 'End one of your sessions',
      params: idParams,
      response: { 204: z.undefined().describe('Ended.') },
    },
    handler: async (request, reply) => {
      const { id } = request.params;
      await accounts.endSession(accountIdOf(request), id);
      await audit(request, { action: 'sessions.end', target: String(id) });
      return reply.code(204).send();
    },
  });

  app.get('/api/v1/me', {
    config: { access: 'profile.read' },
    schema: {
      operationId: 'getMe',
      tags,
      summary: 'Who you are and what you may do',
      response: { 200: contract.me },
    },
    handler: async (request) => {
      const principal = principalOf(request);
      const names = Object.keys(permissions) as Permission[];
      return {
        user: toUserView(await accounts.findUser(principal.actor.name)),
        via: principal.via,
        scopes: [...principal.scopes],
        permissions: names.filter((permission) => can(principal, permission)),
      };
    },
  });

  app.patch('/api/v1/me', {
    config: { access: 'profile.change' },
    schema: {
      operationId: 'changeMe',
      tags,
      summary: 'Change the name that others see of you',
      body: contract.meChange,
      response: { 200: contract.user },
    },
    handler: async (request) => {
      const { name } = principalOf(request).actor;
      const user = await accounts.updateUser(name, request.body);
      await audit(request, { action: 'users.change', target: name, details: request.body });
      return toUserView(user);
    },
  });

  app.patch('/api/v1/me/password', {
    config: { access: 'profile.change' },
    schema: {
      operationId: 'changePassword',
      tags,
      summary: 'Change your password; your other sessions end, tokens stay',
      body: contract.passwordChange,
      response: { 204: z.undefined().describe('Changed.') },
    },
    handler: async (request, reply) => {
      const { currentPassword: current, newPassword: next } = request.body;
      const principal = principalOf(request);
      const result = await accounts.changeOwnPassword(principal, { current, next }, { address: request.ip });
      if (result !== 'changed' && result.outcome === 'wait') {
        refuseTooMany(reply, result.retryAfterSeconds, 'Too many wrong passwords.');
      }
      if (result !== 'changed') {
        const details = [{ field: 'currentPassword', message: 'It is not right.' }];
        throw new AppError('invalid_input', 'The current password is not right.', { details });
      }
      await audit(request, { action: 'users.change-password', target: principal.actor.name });
      return reply.code(204).send();
    },
  });
}

function currentSessionId(request: FastifyRequest): number | null {
  const { via, credentialId } = principalOf(request);
  return via === 'session' ? credentialId : null;
}

function toSessionView(session: SessionRecord, currentId: number | null): contract.Session {
  return {
    id: session.id,
    createdAt: session.createdAt.toISOString(),
    lastSeenAt: session.lastSeenAt.toISOString(),
    expiresAt: session.expiresAt.toISOString(),
    address: session.address,
    userAgent: session.userAgent,
    current: session.id === currentId,
  };
}
