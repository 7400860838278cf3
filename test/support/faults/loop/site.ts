import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { adminPassword } from '../../admin.ts';
import { awkwardSettings, createEmptyDatabase, type TestDatabase } from '../../database.ts';
import { Client } from '../client.ts';
import { DatabaseProxy } from '../database-proxy.ts';
import { Installation } from '../installation.ts';
import { printerName, printerScript } from '../printer.ts';
import type { FoundProcess } from '../processes.ts';
import { findFreePort, type Server } from '../server.ts';

/**
 * - `serve`: one process, the embedded database.
 * - `split`: web and worker as two processes with a data directory each, on a PostgreSQL server, where all that may be
 *   set is set in an unusual way, and through a proxy.
 * - `guest`: web and worker as two processes on one data directory, so on one embedded database.
 */
export const modes = ['serve', 'split', 'guest'] as const;
export type Mode = (typeof modes)[number];

export interface SiteOptions {
  mode: Mode;
  leaseMs: number;
  /** For `split`: a PostgreSQL server on which a database may be made. */
  serverUrl: string;
}

/** Limits that some of the jobs are under. The others may be adopted after any time. */
export const lanes = { 'licence:x': 2, 'licence:y': 1 } as const;

/** What the loop shoots at. */
export class Site {
  readonly mode: Mode;
  readonly leaseMs: number;
  readonly installation: Installation;
  readonly #options: SiteOptions;
  #database: TestDatabase | undefined;
  #proxy: DatabaseProxy | undefined;
  #isLinked = false;
  #web: Server | undefined;
  #worker: Server | undefined;
  #client: Client | undefined;

  constructor(options: SiteOptions) {
    this.mode = options.mode;
    this.leaseMs = options.leaseMs;
    this.#options = options;
    this.installation = new Installation({ env: { DAYBOOK_LEASE_SECONDS: String(options.leaseMs / 1000) } });
  }

  get client(): Client {
    return demand(this.#client);
  }

  get web(): Server {
    return demand(this.#web);
  }

  /** The same as `web` in one process. */
  get worker(): Server {
    return demand(this.#worker);
  }

  /** Without those that serve the web only. */
  get servers(): Server[] {
    return [...new Set([this.web, this.worker])];
  }

  get home(): string {
    return this.installation.home(this.#workerData);
  }

  get hasPostmaster(): boolean {
    return this.mode !== 'split';
  }

  /** Between the servers and their database, in `split`. */
  get proxy(): DatabaseProxy {
    return demand(this.#proxy);
  }

  processes(role: FoundProcess['role']): FoundProcess[] {
    return this.installation.processes(role, this.#workerData);
  }

  /** Tells a server where to kill itself; nothing disarms it. */
  arm(server: Server, point: string): void {
    this.installation.fault(server, point, server === this.#worker ? this.#workerData : 'data');
  }

  async open(): Promise<void> {
    const { installation } = this;
    const port = await findFreePort();
    const env: Record<string, string> = { DAYBOOK_PORT: String(port) };
    if (this.mode === 'split') env['DATABASE_URL'] = await this.#createDatabase();
    installation.addScript(printerName, printerScript, this.#workerData);
    mkdirSync(join(this.home, 'evidence'), { recursive: true });
    if (this.mode === 'serve') {
      this.#web = installation.server(['web', 'worker'], { name: 'server', env });
      this.#worker = this.#web;
    } else {
      this.#web = installation.server(['web'], { name: 'web', env });
      this.#worker = installation.server(['worker'], { name: 'worker', data: this.#workerData, env });
    }
    const url = await this.#web.start();
    if (this.#worker !== this.#web) await this.#worker.start();
    this.#client = new Client(url, { connections: 8 });
    await this.#client.signIn('admin', adminPassword);
    for (const [key, capacity] of Object.entries(lanes))
      await this.#client.json('PUT', `/api/v1/lanes/${key}`, { capacity });
  }

  async close(options: { keep: boolean }): Promise<void> {
    this.#client?.close();
    await this.installation.close(options);
    await this.#proxy?.close();
    if (!options.keep) await this.#database?.drop();
  }

  /**
   * Lets the worker find its data directory by a link, and in it the folder of attempts by another one, as on a disk of
   * its own; or both where they are. While no program runs.
   */
  async placeBehindLinks(isLinked: boolean): Promise<void> {
    if (isLinked === this.#isLinked) return;
    this.#isLinked = isLinked;
    const { installation, worker } = this;
    await worker.stop();
    const data = installation.data(this.#workerData);
    const attempts = join(data, 'attempts');
    const elsewhere = join(installation.folder, 'attempts-elsewhere');
    const link = join(installation.folder, 'link');
    if (isLinked) {
      renameSync(attempts, elsewhere);
      symlinkSync(elsewhere, attempts);
      symlinkSync(data, link);
    } else {
      rmSync(attempts);
      rmSync(link);
      renameSync(elsewhere, attempts);
    }
    worker.changeEnv({ DAYBOOK_DATA: isLinked ? link : data });
    await worker.start();
  }

  get #workerData(): string {
    return this.mode === 'split' ? 'worker-data' : 'data';
  }

  async #createDatabase(): Promise<string> {
    const settings = Object.assign({}, ...Object.values(awkwardSettings), { datestyle: 'German' });
    this.#database = await createEmptyDatabase(this.#options.serverUrl, { settings });
    this.#proxy = await DatabaseProxy.open(this.#database.url);
    return this.#proxy.url;
  }
}

function demand<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the site is not open');
  return value;
}
