import { chmodSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerRole } from '../../../src/contract/server.ts';
import { adminPassword } from '../admin.ts';
import { Client } from './client.ts';
import { faultFileName } from './fault-points.ts';
import { endProcesses, findProcesses, type FoundProcess } from './processes.ts';
import { findFreePort, Server } from './server.ts';

export const isRoot = process.getuid?.() === 0;

export interface InstallationOptions {
  env?: Record<string, string>;
}

export interface PlaceOptions {
  data?: string;
  /** Of the log file. */
  name?: string;
  env?: Record<string, string>;
  /** Run as this user; needs root. */
  user?: number;
}

/** A folder below the temporary one with data directories and the servers that use them; `close` leaves nothing. */
export class Installation {
  readonly folder: string;
  readonly #env: Record<string, string>;
  readonly #servers: Server[] = [];
  readonly #dataDirectories = new Set<string>();

  constructor(options: InstallationOptions = {}) {
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), 'daybook-faults-')));
    // As root the database runs as another account, which must be able to enter.
    chmodSync(this.folder, 0o755);
    this.#env = options.env ?? {};
  }

  /** @param options `data` names the data directory, two servers may share one; an empty variable is left out */
  server(roles: readonly ServerRole[], options: PlaceOptions = {}): Server {
    const { data = 'data', name = roles.join('-') } = options;
    const server = new Server({
      roles,
      logFile: join(this.folder, `${name}.log`),
      ...(options.user === undefined ? {} : { user: options.user }),
      env: withoutEmpty({
        DAYBOOK_DATA: this.data(data),
        DAYBOOK_PORT: '0',
        DAYBOOK_FTP_PORT: 'off',
        DAYBOOK_ADMIN_PASSWORD: adminPassword,
        DAYBOOK_SLOTS: '8',
        DAYBOOK_MIN_FREE_DISK: '1KiB',
        DAYBOOK_LEASE_SECONDS: '2',
        DAYBOOK_KILL_GRACE_SECONDS: '1',
        TMPDIR: tmpdir(),
        ...(isRoot ? { WORKER_USER: 'root' } : {}),
        ...this.#env,
        ...options.env,
      }),
    });
    this.#servers.push(server);
    return server;
  }

  /** Starts a server of these roles and signs in. */
  async start(
    roles: readonly ServerRole[] = ['web', 'worker'],
    options: PlaceOptions = {},
  ): Promise<{ server: Server; client: Client; port: number }> {
    const port = await findFreePort();
    const server = this.server(roles, { ...options, env: { DAYBOOK_PORT: String(port), ...options.env } });
    const url = await server.start();
    const client = new Client(url);
    await client.signIn('admin', adminPassword);
    return { server, client, port };
  }

  data(name = 'data'): string {
    const directory = join(this.folder, name);
    this.#dataDirectories.add(directory);
    return directory;
  }

  home(data = 'data'): string {
    return join(this.data(data), 'homedir');
  }

  /** Must be there before the server first starts, or after. */
  addScript(name: string, text: string, data = 'data'): void {
    const directory = join(this.data(data), 'scripts');
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, name), text, { mode: 0o755 });
  }

  /** Tells a server of this data directory where to kill itself, or what to do to itself. */
  fault(server: Server, command: string, data = 'data'): void {
    writeFileSync(join(this.data(data), faultFileName), command);
    server.signal('SIGUSR2');
  }

  processes(role: FoundProcess['role'], data = 'data'): FoundProcess[] {
    return findProcesses(this.data(data)).filter((found) => found.role === role);
  }

  async close(options: { keep?: boolean } = {}): Promise<void> {
    for (const server of this.#servers) await server.close();
    for (const directory of this.#dataDirectories) if (existsSync(directory)) await endProcesses(directory);
    if (!options.keep) rmSync(this.folder, { recursive: true, force: true });
  }
}

function withoutEmpty(env: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
}
