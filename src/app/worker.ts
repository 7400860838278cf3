import { hostname } from 'node:os';
import packageFile from '../../package.json' with { type: 'json' };
import { createCapsuleRecorder } from '../domain/again/capsule-recorder.ts';
import type { Config } from '../config/config.ts';
import { createOutputReader } from '../domain/output/reader.ts';
import { createOutputRecorder } from '../domain/output/recorder.ts';
import { systemClock } from '../lib/clock.ts';
import { withFields } from '../lib/logger.ts';
import { readWorkerId } from '../machine/data-directory.ts';
import { createSecretOpener } from '../domain/secrets/secrets.ts';
import { createCapsuleStore } from '../adapters/store/capsule-store.ts';
import { createPartStore } from '../adapters/store/part-store.ts';
import { createSeriesStore } from '../adapters/store/series-store.ts';
import { AttemptFolders } from '../worker/files/attempt-folders.ts';
import { LauncherClient } from '../launcher/client/client.ts';
import { createOutputCopies } from '../worker/files/output-copies.ts';
import { Worker } from '../worker/worker.ts';
import type { Core } from './context.ts';

/** What runs jobs here. */
export function buildWorker(config: Config, core: Core): Worker {
  const { db, store, workers, outputStore, kinds, rings, jobs, account } = core;
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
    madeFilesLimitBytes: config.files.madeLimitBytes,
    programIds: account.ids,
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
    workers,
    store,
    series: createSeriesStore(db),
    parts: createPartStore(db),
    capsules: createCapsuleRecorder(createCapsuleStore(db)),
    secrets: createSecretOpener(core.secretStore, core.secretKey),
    files: core.files,
    fileStore: core.fileStore,
    folders: new AttemptFolders(data.attemptsDirectory, account.ids),
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
