import type { ProcessFigures } from '../domain/metrics/ports.ts';
import { createMetricsReport } from '../domain/metrics/report.ts';
import type { App } from '../surfaces/http/access.ts';
import { createAudit } from '../surfaces/http/audit.ts';
import { registerTaskRoutes } from '../surfaces/http/predecessors/tasks.ts';
import { registerUrlTestRoutes } from '../surfaces/http/predecessors/url-tests.ts';
import { registerAccountRoutes } from '../surfaces/http/routes/accounts.ts';
import { registerAgainRoutes } from '../surfaces/http/routes/again.ts';
import { registerBulkRoutes } from '../surfaces/http/routes/bulk.ts';
import { registerCompletionRoutes } from '../surfaces/http/routes/completion.ts';
import { registerEventRoutes } from '../surfaces/http/routes/events.ts';
import { registerExportRoutes } from '../surfaces/http/routes/export.ts';
import { registerExternalRoutes } from '../surfaces/http/routes/external.ts';
import { registerFailureRoutes } from '../surfaces/http/routes/failures.ts';
import { registerFileRoutes } from '../surfaces/http/routes/files.ts';
import { registerFleetRoutes } from '../surfaces/http/routes/fleet.ts';
import { registerHealthRoutes } from '../surfaces/http/routes/health.ts';
import { registerImportRoutes } from '../surfaces/http/routes/import.ts';
import { registerJobRoutes } from '../surfaces/http/routes/jobs.ts';
import { registerKindRoutes } from '../surfaces/http/routes/kinds.ts';
import { registerMetricsRoutes } from '../surfaces/http/routes/metrics.ts';
import { registerNotificationRoutes } from '../surfaces/http/routes/notifications.ts';
import { registerLiveOutputRoutes } from '../surfaces/http/routes/output-live.ts';
import { registerOutputSearchRoutes } from '../surfaces/http/routes/output-search.ts';
import { registerOutputViewRoutes } from '../surfaces/http/routes/output-view.ts';
import { registerOutputRoutes } from '../surfaces/http/routes/output.ts';
import { registerPartRoutes } from '../surfaces/http/routes/parts.ts';
import { registerRetentionRoutes } from '../surfaces/http/routes/retention.ts';
import { registerScheduleRoutes } from '../surfaces/http/routes/schedules.ts';
import { registerScriptRoutes } from '../surfaces/http/routes/scripts.ts';
import { registerSecretRoutes } from '../surfaces/http/routes/secrets.ts';
import { registerServerRoutes } from '../surfaces/http/routes/server.ts';
import { registerStatsRoutes } from '../surfaces/http/routes/stats.ts';
import { registerViewRoutes } from '../surfaces/http/routes/views.ts';
import { registerWaitingRoutes } from '../surfaces/http/routes/waiting.ts';
import type { Product } from './product.ts';
import { createServerFacts } from './server-facts.ts';

/** What is told of the worker of this process; null: it has none. */
export type ToldWorker = ProcessFigures['worker'];

/** The whole API: a new group of routes is one line here, and the tests of access and documentation cover it. */
export function registerRoutes(app: App, product: Product, worker: ToldWorker): void {
  const { config, stores, domains, rings, identityProvider, clock } = product;
  const { timezone } = config;
  const { openPredecessors, publicUrl } = config.http;
  const { accounts, bulk, files, finder, jobs, kinds, output } = domains;
  const { jobReader: reader, search, parts, series, usualTimes } = stores;
  const auditStore = stores.audit;
  const audit = createAudit(auditStore, clock);
  const isHttps = publicUrl !== undefined && new URL(publicUrl).protocol === 'https:';

  registerMonitoringRoutes(app, product, worker);
  registerAccountRoutes(app, { accounts, auditStore, audit, isHttps, identityProvider });
  registerJobRoutes(app, { jobs, reader, usualTimes, search, timezone, series, kinds, audit });
  registerExportRoutes(app, { search, timezone });
  registerKindRoutes(app, { kinds });
  registerOutputRoutes(app, { reader, output, finder });
  registerLiveOutputRoutes(app, { reader, output });
  registerOutputViewRoutes(app, { reader, output });
  registerOutputSearchRoutes(app, { outputSearch: domains.outputSearch, timezone });
  registerFileRoutes(app, { reader, files, fileStore: stores.files });
  registerFleetRoutes(app, { fleet: stores.fleet, bell: rings, audit });
  registerExternalRoutes(app, { external: domains.external, reader });
  registerImportRoutes(app, { imports: domains.imports, audit });
  registerNotificationRoutes(app, { notifications: domains.notifications, audit });
  const { schedules, scheduleBoard } = domains;
  registerScheduleRoutes(app, { schedules, scheduleBoard, kinds, timezone, audit });
  registerScriptRoutes(app, { scripts: domains.scripts, audit });
  registerSecretRoutes(app, { secrets: domains.secrets, audit });
  registerServerRoutes(app, { serverFacts: createServerFacts(product, worker) });
  registerStatsRoutes(app, { reader, stats: stores.stats, timezone });
  registerEventRoutes(app, { reader, listenForNews: (onNews) => rings.listenForNews(onNews) });
  registerWaitingRoutes(app, { reader, waiting: domains.waiting });
  registerAgainRoutes(app, { reader, capsules: stores.capsules, again: domains.again });
  registerFailureRoutes(app, { reader });
  registerTaskRoutes(app, { jobs, tasks: stores.tasks, timezone, openPredecessors });
  registerUrlTestRoutes(app, { jobs, parts, timezone, openPredecessors });
  registerPartRoutes(app, { reader, parts });
  registerViewRoutes(app, { views: stores.views, audit });
  registerBulkRoutes(app, { bulk, search, jobs, audit });
  registerCompletionRoutes(app, { completion: stores.completion, timezone });
  registerRetentionRoutes(app, { reader, retention: domains.retention, audit });
}

/** What a process without the web interface answers, too. */
export function registerMonitoringRoutes(app: App, product: Product, worker: ToldWorker): void {
  const { config, db, registry, stores, clock, logger, readiness } = product;
  const metricsReport = createMetricsReport(registry, {
    reader: stores.gauges,
    process: () => ({ connections: db.connections(), worker }),
    clock,
    logger,
  });
  registerHealthRoutes(app, { readiness });
  registerMetricsRoutes(app, { metricsReport, openMetrics: config.metrics.isOpen });
}
