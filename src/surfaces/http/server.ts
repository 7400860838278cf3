import Fastify, { LogController, type FastifyBaseLogger } from 'fastify';
import { serializerCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import type { Authenticator } from '../../domain/accounts/ports.ts';
import { addRouteTable, type App } from './access.ts';
import { handleError } from './error-handler.ts';
import { addJsonBody } from './json-body.ts';
import { answerClientError } from './client-error.ts';
import { addNotFound } from './not-found.ts';
import { addApiDescription, addApiDocs } from './plugins/api-docs.ts';
import { addAuthentication } from './plugins/authentication.ts';
import { addPages } from './plugins/pages.ts';
import { addRequestChecks } from './plugins/request-checks.ts';
import { addSecurityHeaders } from './plugins/security-headers.ts';
import { addStopping } from './plugins/stopping.ts';
import { validatorCompiler } from './validation.ts';

export interface HttpServerOptions {
  /** Pino's; without one nothing is logged. */
  logger?: FastifyBaseLogger | undefined;
  /** Whose X-Forwarded-* headers count: false (nobody's), true, a number of hops, or addresses and CIDRs. */
  trustProxy: boolean | number | readonly string[];
  /** The address people use, when it differs from where we listen. https switches HSTS and Secure cookies on. */
  publicUrl: URL | null;
  /** Where we listen, for the Host check. */
  host: string;
  /** Further names for the Host check. */
  extraHosts?: readonly string[];
  accounts: Authenticator;
  /** Largest JSON body; default 1 MiB. A route may set its own `bodyLimit`. */
  bodyLimitBytes?: number;
  rateLimits?: { refusedPerMinute: number };
  /** What `npm run build` made; by default where it puts it. */
  pagesDirectory?: string;
  /** Of Daybook, for the API description. */
  version?: string;
}

const builtPages = join(import.meta.dirname, '../../../web/dist');

/**
 * A server without routes: checks, errors, authentication, documentation. Register routes on it, each with
 * `config: { access }`, then start it with `createHttpService`, or use `inject` in tests.
 */
export async function createHttpServer(options: HttpServerOptions): Promise<App> {
  const app: App = Fastify({
    ...(options.logger ? { loggerInstance: options.logger } : { logger: false }),
    logController: new QuietLog({ requestIdLogLabel: 'requestId' }),
    trustProxy: toTrustProxy(options.trustProxy),
    bodyLimit: options.bodyLimitBytes ?? 1024 * 1024,
    // For all of a request to come: a large file over a slow line takes its time. Its head has a minute.
    requestTimeout: 3_600_000,
    genReqId: toRequestId,
    return503OnClosing: false,
    clientErrorHandler: (error, socket) => answerClientError(error, socket),
    routerOptions: { maxParamLength: 500, ignoreTrailingSlash: true },
    frameworkErrors: (error, request, reply) => {
      reply.header('x-request-id', request.id);
      handleError(error, request, reply);
    },
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(handleError);
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    // What one person may see is not for the cache of a shared browser or proxy. Routes with files may say otherwise.
    if (request.url.startsWith('/api/')) reply.header('cache-control', 'no-store');
  });
  addJsonBody(app);
  addRouteTable(app);
  addStopping(app);
  const { publicUrl, host, extraHosts = [] } = options;
  await addSecurityHeaders(app, { isHttps: publicUrl?.protocol === 'https:' });
  addRequestChecks(app, { publicUrl, host, extraHosts });
  await addAuthentication(app, {
    accounts: options.accounts,
    refusedPerMinute: options.rateLimits?.refusedPerMinute ?? 300,
  });
  await addApiDescription(app, { version: options.version ?? 'development' });
  await addApiDocs(app);
  addNotFound(app, await addPages(app, options.pagesDirectory ?? builtPages));
  return app;
}

function toTrustProxy(
  trusted: HttpServerOptions['trustProxy'],
): boolean | string[] | ((address: string, hop: number) => boolean) {
  if (typeof trusted === 'boolean') return trusted;
  if (typeof trusted === 'number') return (_address, hop) => hop < trusted;
  return [...trusted];
}

/** A line a request costs more than many requests do; the error handler logs what somebody has to look at. */
class QuietLog extends LogController {
  override incomingRequest(): void {}

  override requestCompleted(...[error, request, reply]: Parameters<LogController['requestCompleted']>): void {
    const fields = {
      err: error ?? undefined,
      method: request.method,
      url: request.url,
      status: reply.statusCode,
    };
    request.log.debug({ ...fields, durationMs: Math.round(reply.elapsedTime) }, 'request completed');
  }
}

/** A caller may name its request, so that its log and ours meet; but only in a form that cannot forge a log line. */
function toRequestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
}
