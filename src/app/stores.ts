import type { JobStore } from '../domain/jobs/ports.ts';
import type { JobReader } from '../domain/jobs/reader-ports.ts';
import {
  measureJobStore,
  measureOutputStore,
  measureWorkerStore,
} from '../domain/metrics/measured-stores.ts';
import type { Metrics } from '../domain/metrics/ports.ts';
import { appendGap } from '../domain/output/gap-chunk.ts';
import type { OutputStore } from '../domain/output/ports.ts';
import { createAccountStore } from '../adapters/store/account-store.ts';
import { createAuditStore } from '../adapters/store/audit-store.ts';
import { createCapsuleStore } from '../adapters/store/capsule-store.ts';
import type { Database } from '../adapters/store/database.ts';
import { createExternalStore } from '../adapters/store/external-store.ts';
import { createFileStore } from '../adapters/store/file-store.ts';
import { createFleetStore } from '../adapters/store/fleet/fleet-store.ts';
import { createWorkerStore } from '../adapters/store/fleet/worker-store.ts';
import { createGaugeReader } from '../adapters/store/gauge-reader.ts';
import { createImportStore } from '../adapters/store/import-store.ts';
import { createJobReader } from '../adapters/store/job-reader.ts';
import { createJobStore } from '../adapters/store/job-store.ts';
import { createNotificationStore } from '../adapters/store/notifications/notification-store.ts';
import { createOutputStore } from '../adapters/store/output-store.ts';
import { createPartStore } from '../adapters/store/part-store.ts';
import { createRetentionStore } from '../adapters/store/retention/retention-store.ts';
import { createScheduleStore } from '../adapters/store/schedule-store.ts';
import { createScriptStore } from '../adapters/store/script-store.ts';
import { createBulkSteps } from '../adapters/store/search/bulk-steps.ts';
import { createJobCompletion } from '../adapters/store/search/job-completion.ts';
import { createJobSearch } from '../adapters/store/search/job-search.ts';
import { createViewStore } from '../adapters/store/search/view-store.ts';
import { createWordStore } from '../adapters/store/search/word-store.ts';
import { createSecretStore } from '../adapters/store/secret-store.ts';
import { createSeriesStore } from '../adapters/store/series-store.ts';
import { createStatsReader } from '../adapters/store/stats/stats-reader.ts';
import { createTaskReader } from '../adapters/store/task-reader.ts';
import { createUsualTimeReader } from '../adapters/store/usual-time-reader.ts';
import { createWaitingStore } from '../adapters/store/waiting-store.ts';

export interface StoresOptions {
  metrics: Metrics;
  /** Stands between a store and everybody else; for tests that have to fail at a chosen place. */
  decorate?: {
    jobStore?(store: JobStore): JobStore;
    jobReader?(reader: JobReader): JobReader;
    outputStore?(store: OutputStore): OutputStore;
  };
}

export type Stores = ReturnType<typeof createStores>;

/** Every store there is, made once. */
export function createStores(db: Database, { metrics, decorate }: StoresOptions) {
  const jobs = createJobStore(db);
  const reader = createJobReader(db);
  const output = createOutputStore(db);
  const search = createJobSearch(db);
  const usualTimes = createUsualTimeReader(db);
  return {
    accounts: createAccountStore(db),
    audit: createAuditStore(db),
    bulkSteps: createBulkSteps(db),
    capsules: createCapsuleStore(db),
    completion: createJobCompletion(db, search),
    external: createExternalStore(db),
    files: createFileStore(db),
    fleet: createFleetStore(db),
    gauges: createGaugeReader(db),
    imports: createImportStore(db),
    jobReader: decorate?.jobReader?.(reader) ?? reader,
    jobs: measureJobStore(decorate?.jobStore?.(jobs) ?? jobs, metrics),
    notifications: createNotificationStore(db),
    output: measureOutputStore(decorate?.outputStore?.(output) ?? output, metrics),
    parts: createPartStore(db),
    retention: createRetentionStore(db, appendGap),
    schedules: createScheduleStore(db),
    scripts: createScriptStore(db),
    search,
    secrets: createSecretStore(db),
    series: createSeriesStore(db),
    stats: createStatsReader(db, search),
    tasks: createTaskReader(db),
    usualTimes,
    views: createViewStore(db),
    waiting: createWaitingStore(db, usualTimes),
    words: createWordStore(db),
    workers: measureWorkerStore(createWorkerStore(db), metrics),
  };
}
