import { hostname } from 'node:os';
import { join } from 'node:path';
import packageFile from '../../package.json' with { type: 'json' };
import { systemActor } from '../contract/actor.ts';
import type { Config } from '../config/config.ts';
import { openKinds, type KindPlace } from '../kinds/define-kind.ts';
import type { Home } from '../domain/home/ports.ts';
import { createOutputRecorder } from '../domain/output/recorder.ts';
import { createSecretOpener } from '../domain/secrets/secrets.ts';
import { LauncherClient } from '../launcher/client/client.ts';
import { withFields } from '../lib/logger.ts';
import { readWorkerId } from '../machine/data-directory.ts';
import type { ProgramAccount } from '../machine/program-account.ts';
import { StartRecorder } from '../worker/attempt/start-recorder.ts';
import { AttemptFolders } from '../worker/files/attempt-folders.ts';
import { createOutputCopies } from '../worker/files/output-copies.ts';
import type { HomeOf } from '../worker/program/program-spec.ts';
import type { WorkerSettings } from '../worker/settings.ts';
import { Worker } from '../worker/worker.ts';
import type { Product } from './product.ts';

/** What runs jobs here. */
export function createWorker(product: Product, account: ProgramAccount): Worker {
  const { config, stores, domains, rings, secretKey, clock } = product;
  const { worker, data } = config;
  const logger = withFields(product.logger, { worker: worker.name });
  const id = readWorkerId(data.directory);
  const settings = settingsOf(config, account);
  const { stdoutCopiesDirectory: stdout, stderrCopiesDirectory: stderr } = settings;
  return new Worker({
    id,
    identity: { host: settings.host, pid: process.pid, version: settings.version },
    settings,
    homeOf: createHomeOf(config, domains.home),
    kinds: openKinds(domains.kinds.list, placeOf(product), config.kinds),
    jobs: domains.jobs,
    here: domains.here,
    workers: stores.workers,
    store: stores.jobs,
    series: stores.series,
    parts: stores.parts,
    capsules: stores.capsules,
    starts: new StartRecorder(stores.jobs, logger),
    secrets: createSecretOpener(stores.secrets, secretKey),
    files: domains.files,
    fileStore: stores.files,
    folders: new AttemptFolders(data.attemptsDirectory, { installation: id }),
    recorder: createOutputRecorder(stores.output, logger),
    reader: domains.output,
    findAttempt: ({ jobId, number }) => stores.jobReader.attemptRef(jobId, number, systemActor('worker')),
    launcher: new LauncherClient({
      folder: data.launcherDirectory,
      logger,
      launcherOptions: { separatesOwners: account.ownerIds !== null },
    }),
    copies: createOutputCopies(domains.output, { stdout, stderr }, logger),
    clock,
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

/** The home directory, or where each account has a folder of its own, that; jobs of no account have all of it. */
function createHomeOf({ data, home: { isPerUser } }: Config, home: Home): HomeOf {
  return async ({ owner, ownerId }, ids) => {
    if (!isPerUser || ownerId === null) return data.homeDirectory;
    await home.view({ account: `account:${ownerId}`, ids, isReadOnly: false, folder: owner });
    return join(data.homeDirectory, owner);
  };
}

function settingsOf({ worker, data, files }: Config, account: ProgramAccount): WorkerSettings {
  return {
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
    madeFilesLimitBytes: files.madeLimitBytes,
    programIds: account.ids,
    programUser: account.isolation,
    ownerIds: account.ownerIds,
    programUserName: account.name,
    stdoutCopiesDirectory: worker.stdoutCopiesDirectory ?? null,
    stderrCopiesDirectory: worker.stderrCopiesDirectory ?? null,
  };
}

/** What kinds get to run with. */
function placeOf({ config, stores, domains }: Product): KindPlace {
  const { homeDirectory, scriptsDirectory } = config.data;
  const { findActor, bulk } = domains;
  return { homeDirectory, scriptsDirectory, findActor, bulk, bulkSteps: stores.bulkSteps };
}
