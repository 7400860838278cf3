import packageFile from '../../package.json' with { type: 'json' };
import { createAccounts } from '../domain/accounts/accounts.ts';
import type { IdentityProvider } from '../domain/accounts/ports.ts';
import { createOidcProvider } from '../adapters/oidc/provider.ts';
import type { Logger } from '../lib/logger.ts';
import { createAgain } from '../domain/again/again.ts';
import type { Config } from '../config/config.ts';
import { createAudit } from '../surfaces/http/audit.ts';
import { createImports } from '../domain/elsewhere/imports.ts';
import { createExternalAttempts } from '../domain/elsewhere/external.ts';
import { measureRequests } from '../surfaces/http/plugins/measure-requests.ts';
import { registerRoutes } from '../surfaces/http/routes.ts';
import { registerHealthRoutes, type ReadinessCheck } from '../surfaces/http/routes/health.ts';
import { registerMetricsRoutes } from '../surfaces/http/routes/metrics.ts';
import { createHttpServer } from '../surfaces/http/server.ts';
import { createHttpService, type HttpService } from '../surfaces/http/service.ts';
import { createOutputFinder } from '../domain/output/find/finder.ts';
import { appendOutput, chunkOutput } from '../domain/output/append.ts';
import { createOutputReader } from '../domain/output/reader.ts';
import { externalKinds } from '../kinds/list.ts';
import { systemClock } from '../lib/clock.ts';
import type { MetricsReport, ProcessFigures } from '../domain/metrics/ports.ts';
import { createMetricsReport } from '../domain/metrics/report.ts';
import { createOutputSearch } from '../domain/diary/output-search.ts';
import { createScheduleBoard } from '../domain/schedules/board.ts';
import { createSchedules } from '../domain/schedules/schedules.ts';
import { createScripts } from '../domain/scripts/scripts.ts';
import { createSecrets } from '../domain/secrets/secrets.ts';
import { createRetention } from '../domain/retention/retention.ts';
import { createRetentionStore } from '../adapters/store/retention/retention-store.ts';
import { appendGap } from '../domain/output/gap-chunk.ts';
import { createAccountStore } from '../adapters/store/account-store.ts';
import { createAuditStore } from '../adapters/store/audit-store.ts';
import { createCapsuleStore } from '../adapters/store/capsule-store.ts';
import type { Database } from '../adapters/store/database.ts';
import { createImportStore } from '../adapters/store/import-store.ts';
import { createExternalStore } from '../adapters/store/external-store.ts';
import { createGaugeReader } from '../adapters/store/gauge-reader.ts';
import { createFleetStore } from '../adapters/store/fleet/fleet-store.ts';
import { createJobReader } from '../adapters/store/job-reader.ts';
import { createJobCompletion } from '../adapters/store/search/job-completion.ts';
import { createViewStore } from '../adapters/store/search/view-store.ts';
import { createJobSearch } from '../adapters/store/search/job-search.ts';
import { createScriptStore } from '../adapters/store/script-store.ts';
import { createPartStore } from '../adapters/store/part-store.ts';
import { createSeriesStore } from '../adapters/store/series-store.ts';
import { createStatsReader } from '../adapters/store/stats/stats-reader.ts';
import { createTaskReader } from '../adapters/store/task-reader.ts';
import { createUsualTimeReader } from '../adapters/store/usual-time-reader.ts';
import { createWaitingStore } from '../adapters/store/waiting-store.ts';
import { createWaitingReasons } from '../domain/waiting/waiting.ts';
import type { Worker } from '../worker/worker.ts';
import type { Core } from './context.ts';
import { createServerFacts } from './server-facts.ts';

export function buildReport({ db, registry, logger }: Core, worker: Worker | null): MetricsReport {
  return createMetricsReport(registry, {
    reader: createGaugeReader(db),
    process: () => ({ connections: db.connections(), worker: figuresOf(worker) }),
    clock: systemClock,
    logger,
  });
}

function figuresOf(worker: Worker | null): ProcessFigures['worker'] {
  return worker && { slots: worker.slots, running: worker.running, launcherIsUp: worker.launcherIsUp };
}

/** What a process without the web interface still answers. */
export async function buildMetricsHttp(
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
  return [{ name: 'database', check: () => db.ping() }];
}

/** The web interface and the API. */
export async function buildHttp(
  config: Config,
  core: Core,
  { metricsReport, worker }: { metricsReport: MetricsReport; worker: Worker | null },
): Promise<HttpService> {
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
  const auditStore = createAuditStore(db);
  const finder = createOutputFinder(outputStore);
  const search = createJobSearch(db);
  const capsules = createCapsuleStore(db);
  const usualTimes = createUsualTimeReader(db);
  const scripts = createScripts(config.data.scriptsDirectory, createScriptStore(db));
  const schedules = createSchedules({
    store: core.scheduleStore,
    jobs,
    runner: core.scheduleRunner,
    clock: systemClock,
  });
  registerRoutes(app, {
    accounts,
    auditStore,
    audit: createAudit(auditStore, systemClock),
    files: core.files,
    fileStore: core.fileStore,
    isHttps: publicUrl?.protocol === 'https:',
    identityProvider: buildIdentityProvider(config, logger),
    readiness: readiness(db),
    metricsReport,
    openMetrics: config.metrics.isOpen,
    jobs,
    reader: createJobReader(db),
    usualTimes,
    series: createSeriesStore(db),
    parts: createPartStore(db),
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
    retention: createRetention({
      store: createRetentionStore(db, appendGap),
      search,
      clock: systemClock,
      timezone: config.timezone,
    }),
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
    notifications: core.notifications,
    schedules,
    scheduleBoard: createScheduleBoard({
      store: core.scheduleStore,
      schedules,
      scripts: async () => (await scripts.list()).map(({ name }) => name),
      clock: systemClock,
    }),
    scripts,
    listenForNews: (onNews) => rings.listenForNews(onNews),
    stats: createStatsReader(db, search),
    serverFacts: createServerFacts({
      db,
      version: packageFile.version,
      timezone: config.timezone,
      isEmbedded: config.database.kind === 'embedded',
      directories: { data: config.data.directory, home: config.data.homeDirectory },
      settings: config.settings,
      worker: () => figuresOf(worker),
    }),
    tasks: createTaskReader(db),
    waiting: createWaitingReasons(createWaitingStore(db, usualTimes)),
    timezone: config.timezone,
    openPredecessors: http.openPredecessors,
  });
  const port = http.port === 'off' ? 0 : http.port;
  return createHttpService({ app, host: http.host, port, portIsDefault: !http.portIsChosen });
}

function buildIdentityProvider({ oidc }: Config, logger: Logger): IdentityProvider | null {
  if (!oidc) return null;
  const { publicUrl, roles, ...settings } = oidc;
  return createOidcProvider({
    ...settings,
    redirectUri: `${publicUrl}/api/v1/oidc/callback`,
    homeUri: `${publicUrl}/`,
    roleOfGroup: new Map(roles),
    logger,
  });
}
