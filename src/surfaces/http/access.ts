import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyRequest,
  RawServerDefault,
  RouteOptions,
} from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '../../contract/errors.ts';
import { can, permissions, type Permission, type Principal } from '../../contract/permissions.ts';

/** What route files get: a fastify instance whose schemas are zod schemas. */
export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

export interface RouteEntry {
  method: string;
  /** The pattern as registered, with prefix: `/api/v1/users/:name`. */
  url: string;
  access: Permission;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The permission that a request needs. A route without one stops the start. */
    access?: Permission;
  }
  interface FastifyRequest {
    /** Who asks; null on public routes, where nobody is asked. */
    principal: Principal | null;
    /** Whether who asks is still who they were, with the rights they had: for answers that go on for hours. */
    isStillAllowed(): Promise<boolean>;
  }
  interface FastifyInstance {
    /** Every route, HEAD included, once the app is ready. */
    routeTable(): readonly RouteEntry[];
  }
}

/** Collects routes as they are registered, and stops the start when one of them does not say who may ask. */
export function addRouteTable(app: App): void {
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', (route) => {
    routes.push(route);
  });
  // Not checked inside onRoute: what swagger-ui registers gets its access from a hook that runs after this one.
  app.addHook('onReady', async () => {
    const missing = routes.filter((route) => !isPermission(route.config?.access));
    if (missing.length === 0) return;
    const names = missing.map((route) => `${[route.method].flat().join('|')} ${route.url}`);
    throw new Error(`These routes need config: { access: <permission> }: ${names.join(', ')}`);
  });
  app.decorate('routeTable', () =>
    routes.flatMap((route) => {
      const access = route.config?.access;
      return access ? [route.method].flat().map((method) => ({ method, url: route.url, access })) : [];
    }),
  );
}

/** The permission of the route that was asked; null where no route matched. */
export function accessOf(request: FastifyRequest): Permission | null {
  return request.is404 ? null : (request.routeOptions.config.access ?? null);
}

/** Who asks. For handlers behind any permission that is not public. */
export function principalOf(request: FastifyRequest): Principal {
  if (request.principal) return request.principal;
  throw new AppError('not_authenticated', 'Sign in, or send a token.');
}

/** The account of who asks. @throws AppError `forbidden` for one without an account, such as an open predecessor call */
export function accountIdOf(request: FastifyRequest): number {
  const id = principalOf(request).actor.accountId;
  if (id === null) throw new AppError('forbidden', 'This needs an account.');
  return id;
}

/**
 * For what depends on the thing asked for: `requirePermission(request, 'jobs.cancel-others')`.
 * @throws AppError `not_authenticated` or `forbidden`
 */
export function requirePermission(request: FastifyRequest, permission: Permission): void {
  if (can(request.principal, permission)) return;
  const { actor, scopes, via } = principalOf(request);
  const holder =
    via === 'token'
      ? `This token (scope ${scopes.join(', ')}, role ${actor.role})`
      : `The role ${actor.role}`;
  throw new AppError(
    'forbidden',
    `${holder} does not allow ${permission}; it needs ${permissions[permission]}.`,
  );
}

function isPermission(access: string | undefined): access is Permission {
  return access !== undefined && Object.hasOwn(permissions, access);
}
