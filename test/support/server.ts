import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endProcesses } from './faults/processes.ts';
import { copyPreparedData } from './prepared-data.ts';

const entry = join(import.meta.dirname, '../../src/main.ts');
const adminPassword = 'the admin of a test';

export interface TestServer {
  url: string;
  /** Of its data directory: `homedir`, `scripts`. */
  folder: string;
  process: ChildProcess;
  /** As admin, JSON in and out. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<TestAnswer>;
  /** Ends server, launcher and what they started, and removes the folder. */
  close(): Promise<void>;
}

export interface TestAnswer {
  status: number;
  text: string;
  /** The body read as JSON; throws when it is none. */
  json<T = Record<string, unknown>>(): T;
  headers: Headers;
}

/** A whole server of its own, as `npm start` runs it: embedded PostgreSQL, web and worker, on a free port. */
export async function startServer(
  env: Record<string, string> = {},
  options: { args?: readonly string[]; folder?: string } = {},
): Promise<TestServer> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'daybook-server-'));
  chmodSync(folder, 0o755);
  if (env['DATABASE_URL'] === undefined) copyPreparedData(env['DAYBOOK_DATA'] ?? folder);
  const child = spawn(process.execPath, [entry, 'serve', ...(options.args ?? [])], {
    env: {
      PATH: process.env['PATH'],
      DAYBOOK_DATA: folder,
      DAYBOOK_PORT: '0',
      DAYBOOK_ADMIN_PASSWORD: adminPassword,
      DAYBOOK_MIN_FREE_DISK: '1MiB',
      DAYBOOK_LOG_LEVEL: 'warn',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const url = await readyUrl(child);
  const authorization = `Basic ${Buffer.from(`admin:${adminPassword}`).toString('base64')}`;
  return {
    url,
    folder,
    process: child,
    call: async (method, path, body, headers = {}) => {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          authorization,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      return {
        status: response.status,
        text,
        json: <T>() => JSON.parse(text) as T,
        headers: response.headers,
      };
    },
    close: async () => {
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      // Programs and their launcher outlive a server; a test leaves nothing behind.
      await endProcesses(folder);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function readyUrl(child: ChildProcess): Promise<string> {
  let printed = '';
  const ready = new Promise<string>((resolve, reject) => {
    const collect = (bytes: Buffer): void => {
      printed += bytes.toString();
      const match = /^Daybook is ready at (\S+)$/m.exec(printed);
      if (match?.[1]) resolve(match[1]);
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    child.once('exit', (code, signal) =>
      reject(new Error(`the server ended with ${code ?? signal}:\n${printed}`)),
    );
  });
  return ready;
}
