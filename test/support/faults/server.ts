import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ServerRole } from '../../../src/contract/server.ts';
import { pollUntil } from '../poll.ts';
import { send } from './processes.ts';

export interface ServerOptions {
  roles: readonly ServerRole[];
  env: Record<string, string>;
  /** Standard error goes to its end. */
  logFile: string;
  /** Started as, by `setpriv`; needs root. */
  user?: number;
  cwd?: string;
}

const entry = fileURLToPath(import.meta.resolve('./serve-entry.ts'));
// As the command line has it (src/main.ts): a test starts many servers, and each would strip the types again.
const compileCache = join(import.meta.dirname, '../../../node_modules/.cache/daybook');

/** One server process: started, killed, started again. Knows only the process that it started itself. */
export class Server {
  readonly #options: ServerOptions;
  #child: ChildProcess | undefined;
  #stdout = '';
  #isClosed = false;
  #exit: Promise<number | string> | undefined;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The exit code, or the signal, of the process that was started last. */
  get exit(): Promise<number | string> {
    return this.#exit ?? Promise.reject(new Error('the server was not started'));
  }

  get log(): string {
    return readFileSync(this.#options.logFile, 'utf8');
  }

  spawn(): void {
    if (this.#isClosed) throw new Error('the installation is closed');
    const { env, roles, logFile, user, cwd = '/' } = this.#options;
    const log = openSync(logFile, 'a');
    const command =
      user === undefined ? [] : ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups'];
    const [file = '', ...args] = [...command, process.execPath, entry, ...roles];
    const child = spawn(file, args, {
      stdio: ['ignore', 'pipe', log],
      env: { PATH: process.env['PATH'] ?? '', NODE_COMPILE_CACHE: compileCache, ...env },
      cwd,
    });
    closeSync(log);
    this.#child = child;
    this.#stdout = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text));
    this.#exit = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'));
    });
  }

  /** Starts and waits until everything is up; the address when it serves the web. */
  async start(): Promise<string> {
    this.spawn();
    return this.untilReady();
  }

  async untilReady(): Promise<string> {
    const said = await pollUntil(
      () => this.#stdout,
      (text) => /is ready/.test(text) || !this.isRunning,
      { deadlineMs: 60_000 },
    );
    if (!/is ready/.test(said)) {
      throw new Error(`the server ended (${await this.exit}) before it was ready: ${this.log.slice(-2_000)}`);
    }
    return /is ready at (\S+)/.exec(said)?.[1] ?? '';
  }

  /** For its next lives. */
  changeEnv(changes: Record<string, string>): void {
    Object.assign(this.#options.env, changes);
  }

  signal(signal: NodeJS.Signals): void {
    if (this.isRunning) send(this.pid, signal);
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#exit;
  }

  /** Kills it for good: whoever still wants to start it again may not. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (!this.isRunning) return;
    // A stopped one would never hear of it.
    this.signal('SIGCONT');
    await this.kill();
  }

  /** SIGTERM, then waits. */
  async stop(): Promise<number | string> {
    this.signal('SIGTERM');
    return this.exit;
  }
}

/** A port that nobody listens on; kept over restarts, so that clients find the server again. */
export async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
