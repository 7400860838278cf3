import { randomBytes } from 'node:crypto';
import { Registry } from 'prom-client';
import { createAgain } from '../../src/domain/again/again.ts';
import { createImports } from '../../src/domain/elsewhere/imports.ts';
import { createExternalAttempts } from '../../src/domain/elsewhere/external.ts';
import { createAudit } from '../../src/surfaces/http/audit.ts';
import type { RouteDependencies } from '../../src/surfaces/http/routes.ts';
import { createFiles } from '../../src/domain/files/files.ts';
import { createJobLife } from '../../src/domain/jobs/job-life.ts';
import { createSubmits } from '../../src/domain/jobs/submits.ts';
import { createOutputFinder } from '../../src/domain/output/find/finder.ts';
import { appendOutput, chunkOutput } from '../../src/domain/output/append.ts';
import { createOutputReader } from '../../src/domain/output/reader.ts';
import { createServerFacts } from '../../src/app/server-facts.ts';
import type { Bell, Jobs } from '../../src/domain/jobs/ports.ts';
import { externalKinds, listKinds } from '../../src/kinds/list.ts';
import { systemClock, type Clock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import { createMetricsReport } from '../../src/domain/metrics/report.ts';
import { createOutputSearch } from '../../src/domain/diary/output-search.ts';
import { Courier } from '../../src/domain/notifications/courier.ts';
import { createNotifications } from '../../src/domain/notifications/notifications.ts';
import type { Senders } from '../../src/domain/notifications/ports.ts';
import { createScheduleBoard } from '../../src/domain/schedules/board.ts';
import { Runner } from '../../src/domain/schedules/runner.ts';
import { createSchedules } from '../../src/domain/schedules/schedules.ts';
import { createScripts } from '../../src/domain/scripts/scripts.ts';
import { createAuditStore } from '../../src/adapters/store/audit-store.ts';
import type { Database } from '../../src/adapters/store/database.ts';
import { createImportStore } from '../../src/adapters/store/import-store.ts';
import { createExternalStore } from '../../src/adapters/store/external-store.ts';
import { createFileStore } from '../../src/adapters/store/file-store.ts';
import { createGaugeReader } from '../../src/adapters/store/gauge-reader.ts';
import { createCapsuleStore } from '../../src/adapters/store/capsule-store.ts';
import { createFleetStore } from '../../src/adapters/store/fleet/fleet-store.ts';
import { createJobReader } from '../../src/adapters/store/job-reader.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import { createJobCompletion } from '../../src/adapters/store/search/job-completion.ts';
import { createViewStore } from '../../src/adapters/store/search/view-store.ts';
import { createJobSearch } from '../../src/adapters/store/search/job-search.ts';
import { createOutputStore } from '../../src/adapters/store/output-store.ts';
import { createNotificationStore } from '../../src/adapters/store/notifications/notification-store.ts';
import { createScheduleStore } from '../../src/adapters/store/schedule-store.ts';
import { createScriptStore } from '../../src/adapters/store/script-store.ts';
import { createSecretStore } from '../../src/adapters/store/secret-store.ts';
import { createSecretKey } from '../../src/domain/secrets/key.ts';
import { createSecrets } from '../../src/domain/secrets/secrets.ts';
import { createRetention } from '../../src/domain/retention/retention.ts';
import { createRetentionStore } from '../../src/adapters/store/retention/retention-store.ts';
import { appendGap } from '../../src/domain/output/gap-chunk.ts';
import { createPartStore } from '../../src/adapters/store/part-store.ts';
import { createSeriesStore } from '../../src/adapters/store/series-store.ts';
import { findActor } from '../../src/domain/accounts/find-actor.ts';
import { createBulk } from '../../src/domain/diary/bulk.ts';
import { createAccountStore } from '../../src/adapters/store/account-store.ts';
import { createBulkSteps } from '../../src/adapters/store/search/bulk-steps.ts';
import { createStatsReader } from '../../src/adapters/store/stats/stats-reader.ts';
import { createTaskReader } from '../../src/adapters/store/task-reader.ts';
import { createUsualTimeReader } from '../../src/adapters/store/usual-time-reader.ts';
import { createWaitingStore } from '../../src/adapters/store/waiting-store.ts';
import { createWaitingReasons } from '../../src/domain/waiting/waiting.ts';

export const silentBell: Bell = { ring: () => {}, callWorkers: () => {}, announce: () => {} };

/** What the routes need, on a database of the test; no worker, and no scripts unless a directory is given. */
export function createRouteDependencies(
  db: Database,
  options: {
    clock?: Clock;
    scriptsDirectory?: string;
    openPredecessors?: boolean;
    fileLimitBytes?: number;
  } = {},
): Omit<RouteDependencies, 'accounts' | 'isHttps'> {
  const { scriptsDirectory = '/nowhere' } = options;
  const search = createJobSearch(db);
  const reader = createJobReader(db);
  const life = createJobLife({
    store: createJobStore(db),
    reader,
    output: createOutputReader(createOutputStore(db)),
    bell: silentBell,
  });
  const bulk = createBulk({ search, jobs: life, timezone: 'UTC' });
  const kinds = listKinds({
    script: { scriptsDirectory, allowShell: false },
    bulk: {
      bulk,
      steps: createBulkSteps(db),
      findActor: (name) => findActor(createAccountStore(db), name),
    },
    url: { allowed: [], findRole: () => Promise.resolve(null) },
  });
  const auditStore = createAuditStore(db);
  const finder = createOutputFinder(createOutputStore(db));
  const registry = new Registry();
  const secretKey = createSecretKey(randomBytes(32), '/nowhere');
  const secrets = createSecrets(createSecretStore(db), secretKey);
  const fileStore = createFileStore(db);
  const files = createFiles({
    store: fileStore,
    limitBytes: options.fileLimitBytes ?? 2 ** 30,
    obstacle: () => null,
  });
  const submits = createSubmits({
    files: fileStore,
    secrets,
    store: createJobStore(db),
    reader,
    bell: silentBell,
    kinds,
    defaultTimeoutMs: null,
    obstacle: () => null,
  });
  const jobs: Jobs = { ...life, ...submits };
  const capsules = createCapsuleStore(db);
  const usualTimes = createUsualTimeReader(db);
  const scripts = createScripts(scriptsDirectory, createScriptStore(db));
  const notificationStore = createNotificationStore(db);
  const senders: Senders = {
    email: { send: async () => 'taken' },
    webhook: { send: async () => 'taken' },
    mqtt: null,
  };
  const urlOf = (jobId: number): string => `http://localhost/jobs/${jobId}`;
  const scheduleStore = createScheduleStore(db);
  const clock = options.clock ?? systemClock;
  const schedules = createSchedules({
    store: scheduleStore,
    jobs,
    runner: new Runner({
      store: scheduleStore,
      jobs,
      findActor: (name) => findActor(createAccountStore(db), name),
    }),
    clock,
  });
  return {
    auditStore,
    audit: createAudit(auditStore, options.clock ?? systemClock),
    identityProvider: null,
    readiness: [],
    metricsReport: createMetricsReport(registry, {
      reader: createGaugeReader(db),
      process: () => ({ connections: db.connections(), worker: null }),
      clock: systemClock,
      logger: silentLogger,
    }),
    openMetrics: false,
    files,
    fileStore,
    jobs,
    reader: createJobReader(db),
    usualTimes,
    series: createSeriesStore(db),
    parts: createPartStore(db),
    capsules,
    secrets,
    again: createAgain({ jobs, capsules, scripts }),
    kinds,
    finder,
    output: createOutputReader(createOutputStore(db)),
    search,
    outputSearch: createOutputSearch({ search, reader: createJobReader(db), finder }),
    views: createViewStore(db),
    completion: createJobCompletion(db, search),
    bulk,
    retention: createRetention({
      store: createRetentionStore(db, appendGap),
      search,
      clock: options.clock ?? systemClock,
      timezone: 'UTC',
    }),
    fleet: createFleetStore(db),
    imports: createImports({ store: createImportStore(db), chunk: chunkOutput }),
    external: createExternalAttempts({
      store: createExternalStore(db),
      jobs,
      kinds: externalKinds,
      append: appendOutput,
      bell: silentBell,
      leaseMs: 60_000,
    }),
    bell: silentBell,
    notifications: createNotifications({
      store: notificationStore,
      courier: new Courier({ store: notificationStore, senders, urlOf, clock, logger: silentLogger }),
      senders,
      search,
      key: secretKey,
      urlOf,
      clock,
      timezone: 'UTC',
    }),
    schedules,
    scheduleBoard: createScheduleBoard({
      store: scheduleStore,
      schedules,
      scripts: async () => (await scripts.list()).map(({ name }) => name),
      clock,
    }),
    scripts,
    listenForNews: () => () => {},
    stats: createStatsReader(db, search),
    serverFacts: createServerFacts({
      db,
      version: '0',
      timezone: 'UTC',
      isEmbedded: true,
      directories: { scripts: scriptsDirectory, gone: '/nowhere' },
      settings: [{ name: 'DAYBOOK_PORT', value: '8000', origin: 'default' }],
      worker: () => null,
    }),
    tasks: createTaskReader(db),
    waiting: createWaitingReasons(createWaitingStore(db, usualTimes)),
    timezone: 'UTC',
    openPredecessors: options.openPredecessors ?? false,
  };
}
