/**
 * The composition root: the only place where domains, adapters and servers meet. Builds what the roles need, starts it
 * in order, stops it in reverse.
 */
import type { Logger as PinoLogger } from 'pino';
import { Registry } from 'prom-client';
import type { Config } from '../config/config.ts';
import type { ServerRole } from '../contract/server.ts';
import type { HttpService } from '../surfaces/http/service.ts';
import type { FtpServer } from '../surfaces/ftp/server.ts';
import { NotifyRings } from '../adapters/queue/notify.ts';
import { createSession } from '../adapters/store/connection.ts';
import type { Connection, Database } from '../adapters/store/database.ts';
import { Leader } from '../adapters/store/leader.ts';
import { startServices, type Service } from '../lib/service.ts';
import { ftpAddress } from '../lib/host.ts';
import { EndSignals } from '../lib/end-signals.ts';
import { systemClock } from '../lib/clock.ts';
import { HomeKeeper } from '../domain/home/keeper.ts';
import { createMetrics } from '../domain/metrics/metrics.ts';
import type { Metrics } from '../domain/metrics/ports.ts';
import { createSecretKey } from '../domain/secrets/key.ts';
import { lockRole } from '../machine/data-directory.ts';
import { createLogger } from './log.ts';
import { findOpenScripts, prepareDirectories } from '../machine/directories.ts';
import { DataGuard } from '../machine/data-guard.ts';
import { boundFreedMemory } from '../machine/freed-memory.ts';
import { resolveProgramAccount, type ProgramAccount } from '../machine/program-account.ts';
import { findClosedHome } from '../machine/shared-home.ts';
import { SpaceGuard } from '../machine/space-guard.ts';
import { placeOf } from '../operations/local-database.ts';
import { repairPositions } from '../adapters/store/cluster-positions.ts';
import { migrate } from '../adapters/store/migrate.ts';
import type { Worker } from '../worker/worker.ts';
import { openDatabase, type DatabaseAccess } from './database.ts';
import { listDuties } from './duties.ts';
import { createFtp } from './ftp.ts';
import { createIdentityProvider } from './identity-provider.ts';
import { createProduct } from './product.ts';
import { createSenders } from './senders.ts';
import type { StoresOptions } from './stores.ts';
import type { StartGate } from '../surfaces/http/gate.ts';
import { createGate, createMetricsHttp, createWeb } from './web.ts';
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
  await boundFreedMemory();
  const logger = createLogger(config);
  for (const warning of config.warnings) logger.warn(warning);
  const account = resolveProgramAccount(config.worker);
  const { isPerUser: isHomePerUser } = config.home;
  const directories = await prepareDirectories(config.data, account, { isHomePerUser });
  const caution = findOpenScripts(directories.scriptsDirectory, account);
  if (caution) logger.warn(`${caution.text} Close it: ${caution.advice}`);
  if (options.roles.includes('worker'))
    tellOfPrograms(isHomePerUser ? null : directories.homeDirectory, account, logger);
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

/** What operators should know of how the programs of owners live together here. */
function tellOfPrograms(sharedHome: string | null, account: ProgramAccount, logger: PinoLogger): void {
  logger.info(account.promise);
  const caution = sharedHome === null ? null : findClosedHome(sharedHome, account);
  if (caution) logger.warn(`${caution.text} Open it: ${caution.advice}`);
}

interface RunningServer {
  worker: Worker | null;
  guard: DataGuard;
  stop(): Promise<void>;
}

async function startServer(config: Config, context: StartContext): Promise<RunningServer> {
  const { logger } = context;
  const settings = {
    deadlineMs: config.stop.deadlineMs,
    onProblem: (service: string, problem: unknown) =>
      logger.error({ err: problem, service }, 'A part did not stop in time.'),
  };
  const gate = createGate(config, context.roles);
  const database = await openDatabase(config, context);
  const guard = new DataGuard(config.data.directory);
  const running: { stop(): Promise<void> }[] = [{ stop: async () => gate?.close() }];
  const stop = async (): Promise<void> => {
    for (let part = running.pop(); part; part = running.pop()) await part.stop();
  };
  try {
    await gate?.open();
    running.push(await startServices([guard, ...database.services], settings));
    await prepareDatabase(database, { gate, logger });
    const db = database.open();
    running.push({ stop: () => db.close() });
    const parts = await build(config, { ...context, db, connection: database.connection(), gate, guard });
    running.push(await startServices(parts.services, settings));
    if (parts.http) announce(parts.http, parts.ftp);
    else process.stdout.write('Daybook worker is ready\n');
    return { worker: parts.worker, guard, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const tellEveryMs = 60_000;

/** Waits for the database and brings it to this version, and says at the gate and in the log how far that is. */
async function prepareDatabase(
  database: DatabaseAccess,
  { gate, logger }: { gate: StartGate | null; logger: PinoLogger },
): Promise<void> {
  let toldAtMs = -Infinity;
  const tell = (sentence: string, facts: object): void => {
    gate?.say(sentence);
    if (performance.now() - toldAtMs < tellEveryMs) return;
    toldAtMs = performance.now();
    logger.warn(facts, sentence);
  };
  await database.untilReachable((reason) =>
    tell('Waiting for the database; it does not answer yet.', { reason }),
  );
  const db = database.openForMaintenance();
  try {
    await migrate(db, {
      onStep: ({ number, of, file, isWaiting }) => {
        const sentence = `Updating the schema, ${number} of ${of}${isWaiting ? '; it waits for others who use the tables' : ''}.`;
        gate?.say(sentence);
        logger.info({ file }, sentence);
      },
    });
    if (await repairPositions(db))
      logger.warn('These rows come from another database server; what names its transactions was put right.');
  } finally {
    await db.close();
  }
}

async function build(
  config: Config,
  context: StartContext & {
    db: Database;
    connection: Connection;
    gate: StartGate | null;
    guard: DataGuard;
  },
): Promise<{ services: Service[]; worker: Worker | null; http: HttpService | null; ftp: FtpServer | null }> {
  const { db, connection, logger, roles, account, gate, guard } = context;
  const rings = new NotifyRings({ createSession: () => createSession(connection, 'daybook'), db, logger });
  const storage = new SpaceGuard({
    directories: [config.data.directory, placeOf(config)?.directory ?? config.data.directory],
    leastBytes: config.data.stopFreeBytes,
    describe: (free, least) =>
      `Only ${free} MiB are free on the disk of the server; below ${least} MiB nothing more is accepted.`,
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
    runsJobs: roles.includes('worker'),
    obstacle: () => storage.obstacle,
    readiness: [
      { name: 'database', check: () => db.ping() },
      { name: 'data directory', check: () => guard.check() },
    ],
  });
  await product.stores.output.preparePartitions(3);
  const leader = new Leader({ connection, duties: listDuties(product), logger });
  const worker = roles.includes('worker') ? createWorker(product, account) : null;
  const http = gate ? await createWeb(product, { worker, logger, gate }) : null;
  const hasMetrics = http === null && config.metrics.port !== 'off';
  const metricsHttp = hasMetrics ? await createMetricsHttp(product, { worker, logger }) : null;
  const ftp = roles.includes('web') ? createFtp(product, { account, logger }) : null;
  const keeper = roles.includes('web') ? new HomeKeeper(product.domains.home, logger) : null;
  const services = [storage, rings, leader, worker, keeper, ftp, http, metricsHttp].filter(
    (service) => service !== null,
  );
  return { services, worker, http, ftp };
}

function announce(http: HttpService, ftp: FtpServer | null): void {
  for (const { host, port, isImplicitTls } of ftp?.doors ?? [])
    process.stdout.write(
      `FTP${isImplicitTls ? ' by TLS' : ''} is at ${ftpAddress(host, port, isImplicitTls)}\n`,
    );
  process.stdout.write(`Daybook is ready at ${http.url()}\n`);
}

/** @throws AppError `configuration` when it had to stop by itself */
async function untilStopped(
  { worker, guard, stop }: RunningServer,
  { drain, logger }: ServeOptions & { logger: PinoLogger },
): Promise<void> {
  const signals = new EndSignals();
  const lost = await Promise.race([
    guard.lost,
    signals.next().then(() => letGo(worker, { drain, logger, signals })),
  ]);
  if (lost) logger.error(lost.message);
  await stop();
  signals.close();
  if (lost) throw lost;
}

/** Resolves when the worker may be stopped: at once, or with `drain` when nothing runs any more. */
async function letGo(
  worker: Worker | null,
  { drain, logger, signals }: { drain: boolean; logger: PinoLogger; signals: EndSignals },
): Promise<void> {
  if (!worker) return;
  if (drain) {
    logger.info({ running: worker.running }, 'Taking no new work; waiting for what runs.');
    const second = signals.next().then(() => worker.cancelAll());
    await Promise.race([worker.drain(), second]);
  } else if (worker.running > 0) {
    logger.info({ running: worker.running }, 'Stopping. Programs run on and are taken up at the next start.');
  }
}
