import type { Config } from '../config/config.ts';
import { Housekeeper } from '../domain/jobs/housekeeper.ts';
import { createFiles } from '../domain/files/files.ts';
import { createJobLife } from '../domain/jobs/job-life.ts';
import type { Jobs } from '../domain/jobs/ports.ts';
import { createSubmits } from '../domain/jobs/submits.ts';
import { appendGap } from '../domain/output/gap-chunk.ts';
import { createOutputReader } from '../domain/output/reader.ts';
import { Rescuer } from '../domain/jobs/rescuer.ts';
import { listKinds } from '../kinds/list.ts';
import { systemClock } from '../lib/clock.ts';
import type { Service } from '../lib/service.ts';
import {
  measureJobStore,
  measureOutputStore,
  measureWorkerStore,
} from '../domain/metrics/measured-stores.ts';
import { placeOf } from '../operations/local-database.ts';
import { NotifyRings } from '../adapters/queue/notify.ts';
import { Runner } from '../domain/schedules/runner.ts';
import { Scheduler } from '../domain/schedules/scheduler.ts';
import { createSecretKey } from '../domain/secrets/key.ts';
import { createSecrets } from '../domain/secrets/secrets.ts';
import { createAccountStore } from '../adapters/store/account-store.ts';
import { createFileStore } from '../adapters/store/file-store.ts';
import { createJobReader } from '../adapters/store/job-reader.ts';
import { createWorkerStore } from '../adapters/store/fleet/worker-store.ts';
import { createJobStore } from '../adapters/store/job-store.ts';
import { Leader } from '../adapters/store/leader.ts';
import { findActor } from '../domain/accounts/find-actor.ts';
import { createBulk } from '../domain/diary/bulk.ts';
import { createBulkSteps } from '../adapters/store/search/bulk-steps.ts';
import { WordsKeeper } from '../domain/diary/words-keeper.ts';
import { createWordStore } from '../adapters/store/search/word-store.ts';
import { createJobSearch } from '../adapters/store/search/job-search.ts';
import { createOutputStore } from '../adapters/store/output-store.ts';
import { RetentionKeeper } from '../domain/retention/keeper.ts';
import { createRetentionStore } from '../adapters/store/retention/retention-store.ts';
import { createAuditStore } from '../adapters/store/audit-store.ts';
import { createScheduleStore } from '../adapters/store/schedule-store.ts';
import { createSecretStore } from '../adapters/store/secret-store.ts';
import { StorageGuard } from '../machine/storage-guard.ts';
import type { BuildContext, Core } from './context.ts';
import { buildNotifications } from './notifications.ts';

/** The domains on their stores, and what runs in every role. */
export async function buildCore(
  config: Config,
  context: BuildContext,
): Promise<{ core: Core; services: Service[] }> {
  const { db, connection, logger, metrics, decorate } = context;
  const jobStore = createJobStore(db);
  const store = measureJobStore(decorate?.jobStore(jobStore) ?? jobStore, metrics);
  const workers = measureWorkerStore(createWorkerStore(db), metrics);
  const plainOutputStore = createOutputStore(db);
  const outputStore = measureOutputStore(
    decorate?.outputStore(plainOutputStore) ?? plainOutputStore,
    metrics,
  );
  const rings = new NotifyRings({
    connection,
    db,
    logger,
  });
  const search = createJobSearch(db);
  const reader = createJobReader(db);
  // A bulk action is a kind of job and acts on jobs that are there; only taking new ones in asks for kinds.
  const life = createJobLife({ store, reader, output: createOutputReader(outputStore), bell: rings });
  const bulk = createBulk({ search, jobs: life, timezone: config.timezone });
  const kinds = listKinds({
    script: {
      scriptsDirectory: config.data.scriptsDirectory,
      allowShell: config.worker.allowShell,
    },
    bulk: {
      bulk,
      steps: createBulkSteps(db),
      findActor: (name) => findActor(createAccountStore(db), name),
    },
    url: {
      allowed: config.urls.allowed,
      findRole: async (name) => (await findActor(createAccountStore(db), name))?.role ?? null,
    },
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
  const fileStore = createFileStore(db);
  const files = createFiles({
    store: fileStore,
    limitBytes: config.files.limitBytes,
    obstacle: () => storage.obstacle,
  });
  const submits = createSubmits({
    store,
    files: fileStore,
    secrets: createSecrets(secretStore, secretKey),
    reader,
    bell: rings,
    kinds,
    defaultTimeoutMs: config.worker.jobTimeoutMs ?? null,
    obstacle: () => storage.obstacle,
  });
  const jobs: Jobs = { ...life, ...submits };
  const rescuer = new Rescuer({
    workers,
    jobs: store,
    bell: rings,
    markGap: (attempt, gap) => appendGap(outputStore, attempt, gap),
    clock: systemClock,
    logger,
    leaseMs: config.worker.leaseMs,
  });
  const housekeeper = new Housekeeper({ store, output: outputStore, files: fileStore, bell: rings, logger });
  const words = new WordsKeeper(createWordStore(db), logger);
  const retention = new RetentionKeeper({
    store: createRetentionStore(db, appendGap),
    search,
    audit: createAuditStore(db),
    bell: rings,
    clock: systemClock,
    timezone: config.timezone,
    logger,
  });
  const scheduleStore = createScheduleStore(db);
  const scheduleRunner = new Runner({
    store: scheduleStore,
    jobs,
    findActor: (name) => findActor(createAccountStore(db), name),
  });
  const scheduler = new Scheduler({
    store: scheduleStore,
    runner: scheduleRunner,
    clock: systemClock,
    logger,
  });
  const { notifications, watcher, courier } = buildNotifications(config, context, secretKey);
  const leader = new Leader({
    connection,
    duties: [rescuer, housekeeper, words, retention, scheduler, watcher, courier],
    logger,
  });
  await outputStore.preparePartitions(3);
  const core = {
    ...context,
    store,
    workers,
    outputStore,
    kinds,
    rings,
    jobs,
    bulk,
    scheduleStore,
    scheduleRunner,
    notifications,
    files,
    fileStore,
    secretStore,
    secretKey,
  };
  return { core, services: [storage, rings, leader] };
}
