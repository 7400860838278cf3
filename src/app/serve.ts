/**
 * The composition root: the only place where domains, adapters and servers meet. Builds what the roles need, starts it
 * in order, stops it in reverse.
 */
import type { Logger as PinoLogger } from 'pino';
import { Registry } from 'prom-client';
import type { Config } from '../config/config.ts';
import type { ServerRole } from '../contract/server.ts';
import type { HttpService } from '../surfaces/http/service.ts';
import { NotifyRings } from '../adapters/queue/notify.ts';
import { createSession } from '../adapters/store/connection.ts';
import type { Connection, Database } from '../adapters/store/database.ts';
import { Leader } from '../adapters/store/leader.ts';
import { startServices, type Service } from '../lib/service.ts';
import { EndSignals } from '../lib/end-signals.ts';
import { systemClock } from '../lib/clock.ts';
import { createMetrics } from '../domain/metrics/metrics.ts';
import type { Metrics } from '../domain/metrics/ports.ts';
import { createSecretKey } from '../domain/secrets/key.ts';
import { lockRole } from '../machine/data-directory.ts';
import { createLogger } from './log.ts';
import { prepareDirectories } from '../machine/directories.ts';
import { resolveProgramAccount, type ProgramAccount } from '../machine/program-account.ts';
import { StorageGuard } from '../machine/storage-guard.ts';
import { placeOf } from '../operations/local-database.ts';
import { migrate } from '../adapters/store/migrate.ts';
import type { Worker } from '../worker/worker.ts';
import { openDatabase } from './database.ts';
import { listDuties } from './duties.ts';
import { createIdentityProvider } from './identity-provider.ts';
import { createProduct } from './product.ts';
import { createSenders } from './senders.ts';
import type { StoresOptions } from './stores.ts';
import { createMetricsHttp, createWeb } from './web.ts';
import { createWorker } from './worker.ts';

export interface ServeOptions {
  roles: readonly ServerRole[];
  /** At the stop wait for what runs, instead of leaving it to the launcher. */
  drain: boolean;
  /** For tests that have to fail at a chosen place. */
  decorate?: NonNullable<StoresOptions['decorate']>;
}

interface StartContext extends ServeOptions {
  logger: PinoLogger;
  registry: Registry;
  metrics: Metrics;
  account: ProgramAccount;
}

/**
 * Runs until a signal stops it. The first SIGTERM or SIGINT takes no new work and leaves programs to the launcher (or
 * waits for them, with `drain`); a second one cancels them.
 * @throws AppError `configuration` when it cannot start
 */
export async function serve(config: Config, options: ServeOptions): Promise<void> {
  const logger = createLogger(config);
  for (const warning of config.warnings) logger.warn(warning);
  const account = resolveProgramAccount(config.worker);
  const directories = await prepareDirectories(config.data, account);
  const registry = new Registry();
  const locks = options.roles.map((role) => lockRole(config.data.directory, role));
  try {
    const server = await startServer(
      { ...config, data: { ...config.data, ...directories } },
      { ...options, logger, account, registry, metrics: createMetrics(registry) },
    );
    await untilStopped(server, { ...options, logger });
  } finally {
    for (const lock of locks) lock.release();
  }
}

interface RunningServer {
  worker: Worker | null;
  stop(): Promise<void>;
}

async function startServer(config: Config, context: StartContext): Promise<RunningServer> {
  const { logger } = context;
  const settings = {
    deadlineMs: config.stop.deadlineMs,
    onProblem: (service: string, problem: unknown) =>
      logger.error({ err: problem, service }, 'A part did not stop in time.'),
  };
  const database = await openDatabase(config, context);
  const running = [await startServices(database.services, settings)];
  const stop = async (): Promise<void> => {
    for (let part = running.pop(); part; part = running.pop()) await part.stop();
  };
  try {
    const db = database.open();
    running.push({ stop: () => db.close() });
    await migrate(db);
    const parts = await build(config, { ...context, db, connection: database.connection() });
    running.push(await startServices(parts.services, settings));
    if (parts.http) announce(parts.http);
    else process.stdout.write('Daybook worker is ready\n');
    return { worker: parts.worker, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function build(
  config: Config,
  context: StartContext & { db: Database; connection: Connection },
): Promise<{ services: Service[]; worker: Worker | null; http: HttpService | null }> {
  const { db, connection, logger, roles, account } = context;
  const rings = new NotifyRings({ createSession: () => createSession(connection, 'daybook'), db, logger });
  const storage = new StorageGuard({
    directories: [config.data.directory, placeOf(config)?.directory ?? config.data.directory],
    leastBytes: config.data.stopFreeBytes,
    logger,
  });
  const { key, keyFile } = config.secrets;
  const secretKey = createSecretKey(key === undefined ? null : Buffer.from(key, 'base64'), keyFile);
  const product = createProduct({
    ...context,
    config,
    rings,
    secretKey,
    senders: createSenders(config, secretKey),
    identityProvider: createIdentityProvider(config, logger),
    clock: systemClock,
    obstacle: () => storage.obstacle,
  });
  await product.stores.output.preparePartitions(3);
  const leader = new Leader({ connection, duties: listDuties(product), logger });
  const worker = roles.includes('worker') ? createWorker(product, account) : null;
  const hasWeb = roles.includes('web') && config.http.port !== 'off';
  const http = hasWeb ? await createWeb(product, { worker, logger }) : null;
  const hasMetrics = http === null && config.metrics.port !== 'off';
  const metricsHttp = hasMetrics ? await createMetricsHttp(product, { worker, logger }) : null;
  const services = [storage, rings, leader, worker, http, metricsHttp].filter((service) => service !== null);
  return { services, worker, http };
}

function announce(http: HttpService): void {
  process.stdout.write(`Daybook is ready at ${http.url()}\n`);
}

async function untilStopped(
  { worker, stop }: RunningServer,
  { drain, logger }: ServeOptions & { logger: PinoLogger },
): Promise<void> {
  const signals = new EndSignals();
  await signals.next();
  if (worker && drain) {
    logger.info({ running: worker.running }, 'Taking no new work; waiting for what runs.');
    const second = signals.next().then(() => worker.cancelAll());
    await Promise.race([worker.drain(), second]);
  } else if (worker && worker.running > 0) {
    logger.info({ running: worker.running }, 'Stopping. Programs run on and are taken up at the next start.');
  }
  await stop();
  signals.close();
}
