import type { Logger as PinoLogger } from 'pino';
import type { Config } from '../config/config.ts';
import type { ServerRole } from '../contract/server.ts';
import { StartGate } from '../surfaces/http/gate.ts';
import type { ListenOptions } from '../surfaces/http/listen-error.ts';
import packageFile from '../../package.json' with { type: 'json' };
import type { App } from '../surfaces/http/access.ts';
import { measureRequests } from '../surfaces/http/plugins/measure-requests.ts';
import { createHttpServer } from '../surfaces/http/server.ts';
import { createHttpService, type HttpService } from '../surfaces/http/service.ts';
import type { Product } from './product.ts';
import { registerMonitoringRoutes, registerRoutes, type ToldWorker } from './routes.ts';

export interface WebOptions {
  worker: ToldWorker;
  /** Pino's: the HTTP server makes a child of it for each request. */
  logger: PinoLogger;
}

/** The web interface and the API. */
export async function createWeb(
  product: Product,
  { gate, ...options }: WebOptions & { gate: StartGate },
): Promise<HttpService> {
  const { config, metrics } = product;
  await ensureFirstAdmin(product);
  const app = await createServer(product, options);
  measureRequests(app, metrics);
  registerRoutes(app, product, options.worker);
  return createHttpService({ app, gate, ...webPort(config) });
}

/** Answers on the port of the web until the server can; null where there is no web. */
export function createGate(config: Config, roles: readonly ServerRole[]): StartGate | null {
  return roles.includes('web') && config.http.port !== 'off' ? new StartGate(webPort(config)) : null;
}

function webPort({ http: { host, port, portIsChosen } }: Config): ListenOptions {
  return { host, port: port === 'off' ? 0 : port, portIsDefault: !portIsChosen };
}

/** What a process without the web interface still answers. */
export async function createMetricsHttp(product: Product, options: WebOptions): Promise<HttpService> {
  const { http, metrics } = product.config;
  const app = await createServer(product, options);
  registerMonitoringRoutes(app, product, options.worker);
  return createHttpService({
    app,
    host: http.host,
    port: metrics.port === 'off' ? 0 : metrics.port,
    portSetting: 'DAYBOOK_METRICS_PORT',
    portIsDefault: false,
  });
}

function createServer({ config, domains }: Product, { logger }: WebOptions): Promise<App> {
  const { trustProxy, publicUrl, host, extraHosts } = config.http;
  return createHttpServer({
    logger,
    trustProxy,
    publicUrl: publicUrl === undefined ? null : new URL(publicUrl),
    host,
    extraHosts,
    accounts: domains.accounts,
    version: packageFile.version,
  });
}

async function ensureFirstAdmin({ config, domains }: Product): Promise<void> {
  const first = await domains.accounts.ensureFirstAdmin(config.accounts.adminPassword ?? null);
  if (!first?.generated) return;
  process.stderr.write(
    `\nFirst start: sign in as ${first.name} with the password ${first.password}\nIt is shown only now; "daybook user password ${first.name} --local" sets another one.\n\n`,
  );
}
