import type { Config } from '../config/config.ts';
import { Housekeeper } from '../jobs/housekeeper.ts';
import { createFiles } from '../files/files.ts';
import { createJobs } from '../jobs/jobs.ts';
import { appendGap } from '../output/gap-chunk.ts';
import { createOutputReader } from '../output/reader.ts';
import { Rescuer } from '../jobs/rescuer.ts';
import { listKinds } from '../kinds/list.ts';
import { systemClock } from '../lib/clock.ts';
import type { Service } from '../lib/service.ts';
import { measureJobStore, measureOutputStore } from '../metrics/measured-stores.ts';
import { placeOf } from '../local-database.ts';
import { NotifyRings } from '../queue/notify.ts';
import { Runner } from '../schedules/runner.ts';
import { Scheduler } from '../schedules/scheduler.ts';
import { createSecretKey } from '../secrets/key.ts';
import { createSecrets } from '../secrets/secrets.ts';
import { createAccountStore } from '../store/accounts.ts';
import { createFileStore } from '../store/file-store.ts';
import { createJobReader } from '../store/job-reader.ts';
import { createJobStore } from '../store/job-store.ts';
import { Leader } from '../store/leader.ts';
import { findActor } from '../accounts/find-actor.ts';
import { createBulk } from '../search/bulk.ts';
import { createBulkSteps } from '../store/search/bulk-steps.ts';
import { WordsKeeper } from '../search/words-keeper.ts';
import { createWordStore } from '../store/search/word-store.ts';
import { createJobSearch } from '../store/search/job-search.ts';
import { createOutputStore } from '../store/output-store.ts';
import { RetentionKeeper } from '../retention/keeper.ts';
import { createRetentionStore } from '../store/retention/rule-store.ts';
import { createAuditLog } from '../store/audit.ts';
import { createScheduleStore } from '../store/schedule-store.ts';
import { createSecretStore } from '../store/secret-store.ts';
import { StorageGuard } from '../storage-guard.ts';
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
    url: {
      allowed: config.urls.allowed,
      findRole: async (name) => (await findActor(createAccountStore(db), name))?.role ?? null,
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
  const fileStore = createFileStore(db);
  const files = createFiles({
    store: fileStore,
    limitBytes: config.files.limitBytes,
    obstacle: () => storage.obstacle,
  });
  const jobs = createJobs({
    store,
    files: fileStore,
    secrets: createSecrets(secretStore, secretKey),
    reader: createJobReader(db),
    output: createOutputReader(outputStore),
    bell: rings,
    kinds,
    defaultTimeoutMs: config.worker.jobTimeoutMs ?? null,
    obstacle: () => storage.obstacle,
  });
  const search = createJobSearch(db);
  const bulk = createBulk({ search, jobs, timezone: config.timezone });
  const rescuer = new Rescuer({
    store,
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
    auditLog: createAuditLog(db),
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
    tasks: [
      (signal) => rescuer.run(signal),
      (signal) => housekeeper.run(signal),
      (signal) => words.run(signal),
      (signal) => retention.run(signal),
      (signal) => scheduler.run(signal),
      (signal) => watcher.run(signal),
      (signal) => courier.run(signal),
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
