import type { App } from './access.ts';
import { registerUrlTestRoutes, type UrlTestDependencies } from './predecessors/url-tests.ts';
import { registerTaskRoutes, type TaskDependencies } from './predecessors/tasks.ts';
import { registerAccountRoutes, type AccountDependencies } from './routes/accounts.ts';
import { registerExportRoutes, type ExportDependencies } from './routes/export.ts';
import { registerKindRoutes, type KindDependencies } from './routes/kinds.ts';
import { registerFailureRoutes, type FailureDependencies } from './routes/failures.ts';
import { registerAgainRoutes, type AgainDependencies } from './routes/again.ts';
import { registerExternalRoutes, type ExternalDependencies } from './routes/external.ts';
import { registerEventRoutes, type EventDependencies } from './routes/events.ts';
import { registerStatsRoutes, type StatsDependencies } from './routes/stats.ts';
import { registerFileRoutes, type FileDependencies } from './routes/files.ts';
import { registerFleetRoutes, type FleetDependencies } from './routes/fleet.ts';
import { registerHealthRoutes, type HealthDependencies } from './routes/health.ts';
import { registerImportRoutes, type ImportDependencies } from './routes/import.ts';
import { registerJobRoutes, type JobDependencies } from './routes/jobs.ts';
import { registerRetentionRoutes, type RetentionDependencies } from './routes/retention.ts';
import { registerMetricsRoutes, type MetricsDependencies } from './routes/metrics.ts';
import { registerOutputViewRoutes, type OutputViewDependencies } from './routes/output-view.ts';
import { registerOutputSearchRoutes, type OutputSearchDependencies } from './routes/output-search.ts';
import { registerOutputRoutes, type OutputDependencies } from './routes/output.ts';
import { registerLiveOutputRoutes, type LiveOutputDependencies } from './routes/output-live.ts';
import { registerNotificationRoutes, type NotificationDependencies } from './routes/notifications.ts';
import { registerScheduleRoutes, type ScheduleDependencies } from './routes/schedules.ts';
import { registerPartRoutes, type PartDependencies } from './routes/parts.ts';
import { registerScriptRoutes, type ScriptDependencies } from './routes/scripts.ts';
import { registerSecretRoutes, type SecretDependencies } from './routes/secrets.ts';
import { registerServerRoutes, type ServerDependencies } from './routes/server.ts';
import { registerWaitingRoutes, type WaitingDependencies } from './routes/waiting.ts';
import { registerCompletionRoutes, type CompletionDependencies } from './routes/completion.ts';
import { registerBulkRoutes, type BulkDependencies } from './routes/bulk.ts';
import { registerViewRoutes, type ViewDependencies } from './routes/views.ts';

/** Everything that route files need. Each adds its own part. */
export interface RouteDependencies
  extends
    HealthDependencies,
    MetricsDependencies,
    AccountDependencies,
    JobDependencies,
    ExportDependencies,
    KindDependencies,
    OutputDependencies,
    LiveOutputDependencies,
    OutputViewDependencies,
    OutputSearchDependencies,
    FileDependencies,
    FleetDependencies,
    ExternalDependencies,
    ImportDependencies,
    NotificationDependencies,
    ScheduleDependencies,
    ScriptDependencies,
    SecretDependencies,
    ServerDependencies,
    StatsDependencies,
    EventDependencies,
    WaitingDependencies,
    AgainDependencies,
    FailureDependencies,
    TaskDependencies,
    UrlTestDependencies,
    PartDependencies,
    ViewDependencies,
    BulkDependencies,
    CompletionDependencies,
    RetentionDependencies {}

/** The list of route files: a new one is one line here, and the tests of access and documentation cover it. */
export function registerRoutes(app: App, dependencies: RouteDependencies): void {
  registerHealthRoutes(app, dependencies);
  registerMetricsRoutes(app, dependencies);
  registerAccountRoutes(app, dependencies);
  registerJobRoutes(app, dependencies);
  registerExportRoutes(app, dependencies);
  registerKindRoutes(app, dependencies);
  registerOutputRoutes(app, dependencies);
  registerLiveOutputRoutes(app, dependencies);
  registerOutputViewRoutes(app, dependencies);
  registerOutputSearchRoutes(app, dependencies);
  registerFileRoutes(app, dependencies);
  registerFleetRoutes(app, dependencies);
  registerExternalRoutes(app, dependencies);
  registerImportRoutes(app, dependencies);
  registerNotificationRoutes(app, dependencies);
  registerScheduleRoutes(app, dependencies);
  registerScriptRoutes(app, dependencies);
  registerSecretRoutes(app, dependencies);
  registerServerRoutes(app, dependencies);
  registerStatsRoutes(app, dependencies);
  registerEventRoutes(app, dependencies);
  registerWaitingRoutes(app, dependencies);
  registerAgainRoutes(app, dependencies);
  registerFailureRoutes(app, dependencies);
  registerTaskRoutes(app, dependencies);
  registerUrlTestRoutes(app, dependencies);
  registerPartRoutes(app, dependencies);
  registerViewRoutes(app, dependencies);
  registerBulkRoutes(app, dependencies);
  registerCompletionRoutes(app, dependencies);
  registerRetentionRoutes(app, dependencies);
}
