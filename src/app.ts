/**
 * The composition root: the only place where domains, adapters and servers meet. Builds what the roles need, starts it
 * in order, stops it in reverse.
 */
import { hostname } from 'node:os';
import type pg from 'pg';
import type { Logger as PinoLogger } from 'pino';
import { Registry } from 'prom-client';
import packageFile from '../package.json' with { type: 'json' };
import { createAccounts } from './accounts/accounts.ts';
import { createAgain } from './again/again.ts';
import { createCapsuleRecorder } from './capsules/recorder.ts';
import type { Config } from './config/config.ts';
import { createAudit } from './http/audit.ts';
import { createImports } from './imports/imports.ts';
import { createExternalAttempts } from './external/external.ts';
import { measureRequests } from './http/plugins/measure-requests.ts';
import { registerRoutes } from './http/routes.ts';
import { registerHealthRoutes, type ReadinessCheck } from './http/routes/health.ts';
import { registerMetricsRoutes } from './http/routes/metrics.ts';
import { createHttpServer } from './http/server.ts';
import { createHttpService, type HttpService } from './http/service.ts';
import { Housekeeper } from './jobs/housekeeper.ts';
import { createJobs } from './jobs/jobs.ts';
import type { JobStore } from './jobs/ports.ts';
import type { OutputStore } from './output/ports.ts';
import { appendGap } from './output/gap-chunk.ts';
import { createOutputFinder } from './output/find/finder.ts';
import { appendOutput, chunkOutput } from './output/append.ts';
import { createOutputReader } from './output/reader.ts';
import { createOutputRecorder } from './output/recorder.ts';
import { Rescuer } from './jobs/rescuer.ts';
import { externalKinds, listKinds } from './kinds/list.ts';
import { systemClock } from './lib/clock.ts';
import { withFields } from './lib/logger.ts';
import { startServices, type Service } from './lib/service.ts';
import { EndSignals } from './lib/end-signals.ts';
import { measureJobStore, measureOutputStore } from './metrics/measured-stores.ts';
import { createMetrics } from './metrics/metrics.ts';
import type { Metrics, MetricsReport } from './metrics/ports.ts';
import { createMetricsReport } from './metrics/report.ts';
import { lockRole, readWorkerId } from './data-directory.ts';
import { createLogger } from './log.ts';
import { prepareDirectories } from './directories.ts';
import { placeOf } from './local-database.ts';
import { resolveProgramAccount, type ProgramAccount } from './program-account.ts';
import { NotifyRings } from './queue/notify.ts';
import { createOutputSearch } from './search/output-search.ts';
import { createScripts } from './scripts/scripts.ts';
import { createSecretKey } from './secrets/key.ts';
import type { SecretKey, SecretStore } from './secrets/ports.ts';
import { createSecretOpener, createSecrets } from './secrets/secrets.ts';
import { createAccountStore } from './store/accounts.ts';
import { createAuditLog } from './store/audit.ts';
import { createCapsuleStore } from './store/capsule-store.ts';
import { createDatabase, type Database } from './store/database.ts';
import { createEmbeddedPostgres } from './store/embedded-postgres/embedded-postgres.ts';
import { createImportStore } from './store/import-store.ts';
import { createExternalStore } from './store/external-attempts.ts';
import { createFigureReader } from './store/figures.ts';
import { createFleetStore } from './store/fleet-store.ts';
import { createJobReader } from './store/job-reader.ts';
import { createJobStore } from './store/job-store.ts';
import { Leader } from './store/leader.ts';
import { migrate } from './store/migrate.ts';
import { findActor } from './accounts/find-actor.ts';
import { createBulk } from './search/bulk.ts';
import type { Bulk } from './search/ports.ts';
import { createBulkSteps } from './store/search/bulk-steps.ts';
import { WordsKeeper } from './search/words-keeper.ts';
import { createWordStore } from './store/search/word-store.ts';
import { createJobCompletion } from './store/search/completion.ts';
import { createViewStore } from './store/search/view-store.ts';
import { createJobSearch } from './store/search/job-search.ts';
import { createOutputStore } from './store/output-store.ts';
import { createScriptHistory } from './store/script-history.ts';
import { createSecretStore } from './store/secret-store.ts';
import { createSeriesStore } from './store/series-store.ts';
import { StorageGuard } from './storage-guard.ts';
import { createTaskReader } from './store/task-reader.ts';
import { createWaitingStore } from './store/waiting-store.ts';
import { createWaitingReasons } from './waiting/waiting.ts';
import { LauncherClient } from './worker/launcher-client.ts';
import { createOutputCopies } from './worker/output-copies.ts';
import { Worker } from './worker/worker.ts';

export type ServerRole = 'web' | 'worker';

export interface ServeOptions {
  roles: readonly ServerRole[];
  /** At the stop wait for what runs, instead of leaving it to the launcher. */
  drain: boolean;
  /** Stands between a store and everybody else; for tests that have to fail at a chosen place. */
  decorate?: {
    jobStore(store: JobStore): JobStore;
    outputStore(store: OutputStore): OutputStore;
  };
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

interface StartContext extends ServeOptions {
  logger: PinoLogger;
  registry: Registry;
  metrics: Metrics;
  account: ProgramAccount;
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

interface DatabaseAccess {
  services: Service[];
  connection(): pg.PoolConfig;
  open(): Database;
}

async function openDatabase(
  config: Config,
  { logger, account, metrics }: StartContext,
): Promise<DatabaseAccess> {
  const { database, data } = config;
  const embedded =
    database.kind === 'embedded'
      ? createEmbeddedPostgres({
          dataDirectory: data.directory,
          logsDirectory: data.logsDirectory,
          logger,
          programUser: account.name,
        })
      : null;
  const connection = (): pg.PoolConfig =>
    database.kind === 'server' ? database.connection : (embedded?.connection ?? {});
  return {
    services: embedded ? [embedded] : [],
    connection,
    open: () =>
      createDatabase({
        connection: connection(),
        poolSize: database.poolSize,
        applicationName: 'daybook',
        onIdleError: (error) => logger.debug({ err: error }, 'An idle database connection broke.'),
        onStatementError: (code) => metrics.statementFailed(code),
        outage: {
          onLost: (error) =>
            logger.warn({ reason: String(error) }, 'The database does not answer; trying again and again.'),
          onBack: (seconds) => logger.warn({ seconds }, 'The database answers again.'),
        },
      }),
  };
}

interface BuildContext extends StartContext {
  db: Database;
  connection: pg.PoolConfig;
}

async function build(
  config: Config,
  context: BuildContext,
): Promise<{ services: Service[]; worker: Worker | null; http: HttpService | null }> {
  const { db, connection, logger, roles, metrics, decorate } = context;
  const jobStore = createJobStore(db);
  const store = measureJobStore(decorate?.jobStore(jobStore) ?? jobStore, metrics);
  const plainOutputStore = createOutputStore(db);
  const outputStore = measureOutputStore(
    decorate?.outputStore(plainOutputStore) ?? plainOutputStore,
    metrics,
  );
  const kinds = listKinds({
    script: {
      scriptsDirectory: config.data.scriptsDirectory,
      allowShell: config.worker.allowShell,
    },
    bulk: {
      bulk: { run: (order, options) => bulk.run(order, options) },
      steps: createBulkSteps(db),
      findActor: (name) => findActor(createAccountStore(db), name),
    },
  });
  const rings = new NotifyRings({
    connection,
    notify: async (channel, payload) => void (await db.query('select pg_notify($1, $2)', [channel, payload])),
    logger,
  });
  const secretStore = createSecretStore(db);
  const secretKey = createSecretKey(
    config.secrets.key === undefined ? null : Buffer.from(config.secrets.key, 'base64'),
    config.secrets.keyFile,
  );
  const storage = new StorageGuard({
    directories: [config.data.directory, placeOf(config)?.directory ?? config.data.directory],
    leastBytes: config.data.stopFreeBytes,
    logger,
  });
  const jobs = createJobs({
    store,
    secrets: createSecrets(secretStore, secretKey),
    reader: createJobReader(db),
    output: createOutputReader(outputStore),
    bell: rings,
    kinds,
    defaultTimeoutMs: config.worker.jobTimeoutMs ?? null,
    obstacle: () => storage.obstacle,
  });
  const bulk = createBulk({ search: createJobSearch(db), jobs, timezone: config.timezone });
  const rescuer = new Rescuer({
    store,
    bell: rings,
    markGap: (attempt, gap) => appendGap(outputStore, attempt, gap),
    clock: systemClock,
    logger,
    leaseMs: config.worker.leaseMs,
  });
  const housekeeper = new Housekeeper({ store, output: outputStore, bell: rings, logger });
  const words = new WordsKeeper(createWordStore(db), logger);
  const leader = new Leader({
    connection,
    tasks: [
      (signal) => rescuer.run(signal),
      (signal) => housekeeper.run(signal),
      (signal) => words.run(signal),
    ],
    logger,
  });
  await outputStore.preparePartitions(3);
  const core = {
    ...context,
    store,
    outputStore,
    kinds,
    rings,
    jobs,
    bulk,
    secretStore,
    secretKey,
  };
  const worker = roles.includes('worker') ? buildWorker(config, core) : null;
  const report = buildReport(core, worker);
  const http =
    roles.includes('web') && config.http.port !== 'off' ? await buildHttp(config, core, report) : null;
  const metricsHttp =
    http === null && config.metrics.port !== 'off' ? await buildMetricsHttp(config, core, report) : null;
  const services = [storage, rings, leader, worker, http, metricsHttp].filter((service) => service !== null);
  return { services, worker, http };
}

interface Core extends BuildContext {
  store: ReturnType<typeof createJobStore>;
  outputStore: ReturnType<typeof createOutputStore>;
  kinds: ReturnType<typeof listKinds>;
  secretStore: SecretStore;
  secretKey: SecretKey;
  rings: NotifyRings;
  jobs: ReturnType<typeof createJobs>;
  bulk: Bulk;
}

function buildWorker(config: Config, core: Core): Worker {
  const { db, store, outputStore, kinds, rings, jobs, account } = core;
  const { worker, data } = config;
  const logger = withFields(core.logger, { worker: worker.name });
  const id = readWorkerId(data.directory);
  const reader = createOutputReader(outputStore);
  const settings = {
    name: worker.name,
    host: hostname(),
    version: packageFile.version,
    slots: worker.slots,
    queues: worker.queues,
    labels: worker.labels,
    leaseMs: worker.leaseMs,
    killGraceMs: worker.killGraceMs,
    outputLimitBytes: worker.outputLimitBytes,
    defaultLimits: worker.jobLimits,
    defaultNice: worker.jobNice,
    warnAt: worker.limitWarnAt,
    minFreeBytes: worker.minFreeDiskBytes,
    homeDirectory: data.homeDirectory,
    dataDirectory: data.directory,
    pinnedDirectory: data.pinnedDirectory,
    programUser: account.isolation,
    programUserName: account.name,
    stdoutCopiesDirectory: worker.stdoutCopiesDirectory ?? null,
    stderrCopiesDirectory: worker.stderrCopiesDirectory ?? null,
  };
  return new Worker({
    id,
    identity: { host: hostname(), pid: process.pid, version: packageFile.version },
    settings,
    kinds,
    jobs,
    store,
    series: createSeriesStore(db),
    capsules: createCapsuleRecorder(createCapsuleStore(db)),
    secrets: createSecretOpener(core.secretStore, core.secretKey),
    recorder: createOutputRecorder(outputStore, logger),
    reader,
    launcher: new LauncherClient({ folder: data.launcherDirectory, logger }),
    copies: createOutputCopies(
      reader,
      { stdout: settings.stdoutCopiesDirectory, stderr: settings.stderrCopiesDirectory },
      logger,
    ),
    clock: systemClock,
    logger,
    listen: ({ onRing, onCall }) => {
      const stopRings = rings.listen({ queues: worker.queues, labels: worker.labels }, onRing);
      const stopCalls = rings.listenForCalls(id, onCall);
      return () => {
        stopRings();
        stopCalls();
      };
    },
  });
}

function buildReport({ db, registry, logger }: Core, worker: Worker | null): MetricsReport {
  return createMetricsReport(registry, {
    figures: createFigureReader(db),
    process: () => ({
      connections: db.connections(),
      worker: worker && {
        slots: worker.slots,
        running: worker.running,
        launcherIsUp: worker.launcherIsUp,
      },
    }),
    clock: systemClock,
    logger,
  });
}

/** What a process without the web interface still answers. */
async function buildMetricsHttp(
  { http, metrics }: Config,
  { db, logger }: Core,
  metricsReport: MetricsReport,
): Promise<HttpService> {
  const app = await createHttpServer({
    logger,
    trustProxy: http.trustProxy,
    publicUrl: null,
    host: http.host,
    accounts: createAccounts({ store: createAccountStore(db) }),
    version: packageFile.version,
  });
  registerHealthRoutes(app, { readiness: readiness(db) });
  registerMetricsRoutes(app, { metricsReport, openMetrics: metrics.isOpen });
  const port = metrics.port === 'off' ? 0 : metrics.port;
  return createHttpService({
    app,
    host: http.host,
    port,
    portSetting: 'DAYBOOK_METRICS_PORT',
    portIsDefault: false,
  });
}

function readiness(db: Database): ReadinessCheck[] {
  return [{ name: 'database', check: async () => void (await db.query('select 1')) }];
}

async function buildHttp(config: Config, core: Core, metricsReport: MetricsReport): Promise<HttpService> {
  const { db, outputStore, kinds, rings, jobs, logger, metrics } = core;
  const { http } = config;
  const accounts = createAccounts({ store: createAccountStore(db) });
  const first = await accounts.ensureFirstAdmin(config.accounts.adminPassword ?? null);
  if (first?.generated) {
    process.stderr.write(
      `\nFirst start: sign in as ${first.name} with the password ${first.password}\nIt is shown only now; "daybook user password ${first.name} --local" sets another one.\n\n`,
    );
  }
  const publicUrl = http.publicUrl === undefined ? null : new URL(http.publicUrl);
  const app = await createHttpServer({
    logger,
    trustProxy: http.trustProxy,
    publicUrl,
    host: http.host,
    accounts,
    version: packageFile.version,
  });
  measureRequests(app, metrics);
  const auditLog = createAuditLog(db);
  const finder = createOutputFinder(outputStore);
  const search = createJobSearch(db);
  const capsules = createCapsuleStore(db);
  const scripts = createScripts(config.data.scriptsDirectory, createScriptHistory(db));
  registerRoutes(app, {
    accounts,
    auditLog,
    audit: createAudit(auditLog, systemClock),
    isHttps: publicUrl?.protocol === 'https:',
    readiness: readiness(db),
    metricsReport,
    openMetrics: config.metrics.isOpen,
    jobs,
    reader: createJobReader(db),
    series: createSeriesStore(db),
    capsules,
    secrets: createSecrets(core.secretStore, core.secretKey),
    again: createAgain({ jobs, capsules, scripts }),
    kinds,
    finder,
    output: createOutputReader(outputStore),
    search,
    outputSearch: createOutputSearch({ search, reader: createJobReader(db), finder }),
    views: createViewStore(db),
    completion: createJobCompletion(db, search),
    bulk: core.bulk,
    fleet: createFleetStore(db),
    imports: createImports({ store: createImportStore(db), chunk: chunkOutput }),
    external: createExternalAttempts({
      store: createExternalStore(db),
      jobs,
      kinds: externalKinds,
      append: appendOutput,
      bell: rings,
      leaseMs: config.worker.leaseMs,
    }),
    bell: rings,
    scripts,
    listenForNews: (onNews) => rings.listenForNews(onNews),
    tasks: createTaskReader(db),
    waiting: createWaitingReasons(createWaitingStore(db)),
    timezone: config.timezone,
    openPredecessors: http.openPredecessors,
  });
  const port = http.port === 'off' ? 0 : http.port;
  return createHttpService({ app, host: http.host, port, portIsDefault: !http.portIsChosen });
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
