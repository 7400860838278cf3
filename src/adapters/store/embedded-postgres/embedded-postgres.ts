import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type pg from 'pg';
import { AppError } from '../../../contract/errors.ts';
import { backoffMs } from '../../../lib/backoff.ts';
import { delay } from '../../../lib/delay.ts';
import { tryLockDirectory, type DirectoryLock } from '../../../lib/directory-lock.ts';
import type { Logger } from '../../../lib/logger.ts';
import { removeFileSync } from '../../../lib/remove.ts';
import type { Service } from '../../../lib/service.ts';
import { findBinaries, usableBinaries, type Binaries } from './binaries.ts';
import { checkVersion, createCluster } from './cluster.ts';
import {
  makeSocketFolder,
  markReady,
  preparePlace,
  readPlace,
  removeSocketFolder,
  type Place,
} from './place.ts';
import {
  adoptPostmaster,
  answers,
  connectionTo,
  isMarkedReady,
  pidFile,
  readLog,
  readPidFile,
  spawnPostmaster,
  stopPostmaster,
  type Postmaster,
} from './postmaster.ts';
import { serverSettings } from './server-settings.ts';

/**
 * Supervises a PostgreSQL of our own.
 *
 * A supervisor is keeper or guest. The keeper holds the lock `database` of the data directory: it alone makes the
 * cluster, starts the postmaster or adopts a running one, starts it again after a death, and stops it. A guest (a
 * second process on the same data directory) only uses what answers; when that dies, or the keeper does, whoever gets
 * the lock is the next keeper. So two supervisors never fight, and at most one postmaster runs.
 *
 * When the keeper is killed, the postmaster goes on, as it has a session of its own; the next keeper adopts it. When
 * the postmaster is killed, queries fail with `database_unavailable` until it is back (recovery takes about 0.8 s).
 */
export interface EmbeddedPostgres extends Service {
  /** For the pool; the same until the end. Known once started. */
  readonly connection: pg.PoolConfig;
  /** The postmaster's process, for tests and `daybook doctor`. */
  readonly pid: number | undefined;
}

export interface EmbeddedPostgresOptions {
  dataDirectory: string;
  /** postgres.log goes here. */
  logsDirectory: string;
  logger: Logger;
  /** Name or number of the account that programs run as; the database never runs as it. */
  programUser?: string | undefined;
  /** Where a database goes that cannot lie in its data directory. */
  systemDirectory?: string;
  /** Instead of the platform's package. */
  binaries?: Binaries;
}

const backoff = { initialMs: 200, factor: 2, maxMs: 30_000 };
/** After this long without a death, the next one is the first again. */
const healthyMs = 60_000;
const pollMs = 10;
const guestPollMs = 50;
/** How long a start may be kept back by what a killed postmaster left behind (its backends end by themselves). */
const leftoversMs = 15_000;

export function createEmbeddedPostgres(options: EmbeddedPostgresOptions): EmbeddedPostgres {
  return new Supervisor(options);
}

class Supervisor implements EmbeddedPostgres {
  readonly name = 'database';
  readonly #options: EmbeddedPostgresOptions & { systemDirectory: string };
  readonly #stopping = new AbortController();
  #lock: DirectoryLock | undefined;
  #binaries: Binaries | undefined;
  #place: Place | undefined;
  #postmaster: Postmaster | undefined;
  #starting: Promise<void> | undefined;
  #supervising: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: EmbeddedPostgresOptions) {
    this.#options = { systemDirectory: '/var/lib/daybook', ...options };
  }

  get connection(): pg.PoolConfig {
    if (!this.#place) throw new Error('the embedded database has not been started yet');
    return connectionTo(this.#place);
  }

  get pid(): number | undefined {
    return this.#postmaster?.isAlive() ? this.#postmaster.pid : undefined;
  }

  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #start(): Promise<void> {
    if (process.platform === 'win32') {
      throw new AppError(
        'configuration',
        'The built-in PostgreSQL does not run on Windows yet; set DATABASE_URL to a PostgreSQL server.',
      );
    }
    await this.#bringUp();
    this.#supervising = this.#supervise();
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    await this.#starting?.catch(() => {
      // Whoever called start has this error.
    });
    await this.#supervising;
    await this.#letGo();
  }

  async #letGo(): Promise<void> {
    try {
      if (this.#lock && this.#postmaster) await this.#stopPostmaster(this.#postmaster);
    } finally {
      this.#lock?.release();
      this.#lock = undefined;
    }
  }

  async #stopPostmaster(postmaster: Postmaster): Promise<void> {
    const { logger } = this.#options;
    await stopPostmaster(postmaster, (signal) => {
      logger.warn({ postmaster: postmaster.pid, signal }, 'PostgreSQL does not end; ending it harder.');
    });
    const place = this.#place;
    if (place && dirname(place.socketDirectory) !== place.directory) {
      removeSocketFolder(place);
    }
  }

  /** Resolves when the server answers; whether we keep it or are a guest. */
  async #bringUp(): Promise<void> {
    const { dataDirectory, logger } = this.#options;
    const startedAt = performance.now();
    for (;;) {
      this.#stopping.signal.throwIfAborted();
      if (!this.#lock) {
        const result = tryLockDirectory(dataDirectory, { name: 'database' });
        if ('lock' in result) this.#lock = result.lock;
      }
      if (this.#lock) await this.#keep();
      else if (!(await this.#visit())) {
        await delay(guestPollMs, this.#stopping.signal);
        continue;
      }
      const role = this.#lock ? 'keeper' : 'guest';
      const elapsedMs = Math.round(performance.now() - startedAt);
      logger.info({ postmaster: this.#postmaster?.pid, role, elapsedMs }, 'The database answers.');
      return;
    }
  }

  /** As guest: use what the keeper runs. False as long as there is nothing to use. */
  async #visit(): Promise<boolean> {
    const place = readPlace(this.#placeOptions());
    if (!place?.isReady || !(await answers(place))) return false;
    const found = readPidFile(place);
    if (found.kind !== 'running') return false;
    this.#place = place;
    this.#postmaster = adoptPostmaster(found, this.#stopping.signal);
    return true;
  }

  async #keep(): Promise<void> {
    try {
      this.#binaries ??= this.#options.binaries ?? findBinaries();
      const known = readPlace(this.#placeOptions());
      const found = known?.isReady ? readPidFile(known) : undefined;
      // A running server is adopted where it is, before anything is moved, given away or written.
      if (!known || found?.kind !== 'running') await this.#prepare(this.#binaries);
      else this.#place = known;
      const place = this.#requirePlace();
      checkVersion(this.#binaries, place);
      await this.#startOrAdopt(this.#binaries, place);
    } catch (error) {
      // A start that failed leaves nothing behind; later ones are tried again by the supervision.
      if (!this.#supervising) await this.#letGo();
      throw error;
    }
  }

  async #prepare(binaries: Binaries): Promise<void> {
    const { logger } = this.#options;
    // It was there at the start of this life. That nothing is there now means that its disk is gone, not that it is new.
    if (this.#place && !readPlace(this.#placeOptions())) throw vanished(this.#place);
    const place = await preparePlace(this.#placeOptions());
    this.#binaries = await usableBinaries(binaries, place.directory, place.account);
    if (!place.isReady) {
      const startedAt = performance.now();
      await createCluster(this.#binaries, place);
      logger.info(
        { directory: place.directory, elapsedMs: Math.round(performance.now() - startedAt) },
        'A new database was made.',
      );
    }
    markReady(this.#placeOptions(), place);
    this.#place = place;
  }

  async #startOrAdopt(binaries: Binaries, place: Place): Promise<void> {
    const giveUpAt = performance.now() + leftoversMs;
    for (;;) {
      this.#stopping.signal.throwIfAborted();
      const found = readPidFile(place);
      if (found.kind === 'running') {
        const adopted = adoptPostmaster(found, this.#stopping.signal);
        if (await this.#untilReady(adopted, place)) return;
        // It was stopping, or died while starting.
        continue;
      }
      if (await answers(place)) throw hiddenServer(place);
      if (found.kind === 'mistaken') removeFileSync(pidFile(place));
      makeSocketFolder(place);
      writeFileSync(join(place.clusterDirectory, 'postgresql.conf'), serverSettings(place.socketDirectory));
      mkdirSync(this.#options.logsDirectory, { recursive: true });
      const logFile = join(this.#options.logsDirectory, 'postgres.log');
      const { postmaster, log } = spawnPostmaster(binaries, place, logFile);
      if (await this.#untilReady(postmaster, place)) return;
      const output = readLog(log);
      if (!isLeftover(output) || performance.now() > giveUpAt)
        throw startFailure(output, logFile, postmaster);
      await delay(guestPollMs, this.#stopping.signal);
    }
  }

  /** True when it answers, false when it ended before. Recovery may take long, so there is no deadline but `stop`. */
  async #untilReady(postmaster: Postmaster, place: Place): Promise<boolean> {
    this.#postmaster = postmaster;
    let reportAt = performance.now() + 10_000;
    while (postmaster.isAlive()) {
      if (isMarkedReady(place) && (await answers(place))) return true;
      this.#stopping.signal.throwIfAborted();
      if (performance.now() > reportAt) {
        this.#options.logger.info(
          { postmaster: postmaster.pid },
          'PostgreSQL is still starting (recovering after a crash).',
        );
        reportAt += 10_000;
      }
      await delay(pollMs, this.#stopping.signal);
    }
    return false;
  }

  async #supervise(): Promise<void> {
    const { logger } = this.#options;
    const { signal } = this.#stopping;
    let deaths = 0;
    while (!signal.aborted) {
      const upAt = performance.now();
      const postmaster = this.#postmaster;
      if (postmaster) await untilAborted(postmaster.ended, signal);
      if (signal.aborted) return;
      deaths = performance.now() - upAt > healthyMs ? 1 : deaths + 1;
      logger.error({ postmaster: postmaster?.pid, deaths }, 'PostgreSQL ended; starting it again.');
      await delay(deaths === 1 ? 0 : backoffMs(deaths - 1, backoff), signal);
      try {
        if (!signal.aborted) await this.#bringUp();
      } catch (error) {
        if (!signal.aborted) logger.error({ error }, 'The database could not be started.');
      }
    }
  }

  #requirePlace(): Place {
    if (!this.#place) throw new Error('the place of the database is not known');
    return this.#place;
  }

  #placeOptions(): { dataDirectory: string; systemDirectory: string; programUser?: string | undefined } {
    const { dataDirectory, systemDirectory, programUser } = this.#options;
    return { dataDirectory, systemDirectory, programUser };
  }
}

/** Resolves when one of the two is aborted. */
function untilAborted(first: AbortSignal, second: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (first.aborted || second.aborted) return resolve();
    const both = AbortSignal.any([first, second]);
    both.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Signs of a killed postmaster whose children have not noticed yet, or of a starter that was faster. */
function isLeftover(output: string): boolean {
  return /pre-existing shared memory block|lock file ".*" already exists|could not bind Unix address/.test(
    output,
  );
}

function vanished(place: Place): AppError {
  return new AppError(
    'configuration',
    `The database in ${place.directory} is gone; was its disk unmounted? Nothing is made in its place.`,
  );
}

function hiddenServer(place: Place): AppError {
  return new AppError(
    'configuration',
    `A PostgreSQL that this process cannot see (in another container?) already serves the database in ${place.directory}. Stop it first; two containers cannot share one data directory.`,
  );
}

function startFailure(output: string, logFile: string, postmaster: Postmaster): AppError {
  const reason: unknown = postmaster.ended.reason;
  const lastLines = output.split('\n').slice(-5).join('\n');
  const cause = reason instanceof Error && reason.name !== 'AbortError' ? reason : undefined;
  return new AppError(
    'configuration',
    `PostgreSQL did not start: ${lastLines || cause?.message || 'it said nothing'} (more in ${logFile})`,
    { cause },
  );
}
