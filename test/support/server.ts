import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFailed } from 'vitest';
import { adminAuthorization, adminPassword } from './admin.ts';
import { createServerDatabase, hasDatabaseOfRun } from './database.ts';
import { endProcesses } from './faults/processes.ts';
import { copyPreparedData } from './prepared-data.ts';

const repository = join(import.meta.dirname, '../..');

export interface TestServer {
  url: string;
  /** Of its data directory: `homedir`, `scripts`. */
  folder: string;
  /** The ports of its FTP server, where there is one. */
  ftp: { port: number | null; implicitTlsPort: number | null };
  process: ChildProcess;
  /** As admin, JSON in and out. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<TestAnswer>;
  /** Its next life, on the same data directory and database, once it has ended. */
  startAgain(env?: Record<string, string>): Promise<TestServer>;
  /** Ends server, launcher and what they started, and removes folder and database. */
  close(): Promise<void>;
}

export interface TestAnswer {
  status: number;
  text: string;
  /** The body read as JSON; throws when it is none. */
  json<T = Record<string, unknown>>(): T;
  headers: Headers;
}

/**
 * A whole server of its own, as `npm start` runs it: web and worker on a free port. Its database is one of its own on the
 * PostgreSQL of the run, which saves copying and starting a cluster; with `embedded`, on a data directory that is there
 * already and outside of a run it brings its own.
 */
export async function startServer(
  env: Record<string, string> = {},
  options: {
    args?: readonly string[];
    folder?: string;
    database?: 'of the run' | 'embedded';
    /** Where the source is; by default here. */
    checkout?: string;
    /** Words that run it, each of which becomes the next. */
    through?: readonly string[];
  } = {},
): Promise<TestServer> {
  const isOwn = [options.folder, env['DAYBOOK_DATA'], env['DATABASE_URL']].some(
    (given) => given !== undefined,
  );
  const usesRun = !isOwn && options.database !== 'embedded' && hasDatabaseOfRun();
  const database = usesRun ? await createServerDatabase() : null;
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'daybook-server-'));
  chmodSync(folder, 0o755);
  if (!database && env['DATABASE_URL'] === undefined) copyPreparedData(env['DAYBOOK_DATA'] ?? folder);
  const place = { DAYBOOK_DATA: folder, ...(database ? { DATABASE_URL: database.url } : {}) };
  const remove = async (): Promise<void> => {
    // Programs and their launcher outlive a server; a test leaves nothing behind.
    await endProcesses(folder);
    rmSync(folder, { recursive: true, force: true });
    await database?.drop();
  };
  const life: Life = {
    args: [],
    checkout: repository,
    through: [],
    ...options,
    folder,
    place,
    child: null,
    close,
  };
  let closed: Promise<void> | undefined;
  function close(): Promise<void> {
    closed ??= endLife(life).then(remove);
    return closed;
  }
  closeWhenTestFails(close);
  try {
    return await startLife({ ...place, ...env }, life);
  } catch (error) {
    await close();
    throw error;
  }
}

/** A test that fails does not come to its own end, and is tried again with a server of its own. */
function closeWhenTestFails(close: () => Promise<void>): void {
  try {
    onTestFailed(close);
  } catch {
    // Outside of tests: whoever starts it there ends it in a hook.
  }
}

async function endLife({ child }: Life): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

interface Life {
  args: readonly string[];
  checkout: string;
  through: readonly string[];
  folder: string;
  /** What every life of this server is told: where its data is. */
  place: Record<string, string>;
  /** The newest. */
  child: ChildProcess | null;
  close(): Promise<void>;
}

async function startLife(env: Record<string, string>, life: Life): Promise<TestServer> {
  const [file, ...words] = [...life.through, process.execPath];
  const child = spawn(file, [...words, join(life.checkout, 'src/main.ts'), 'serve', ...life.args], {
    env: {
      PATH: process.env['PATH'],
      DAYBOOK_PORT: '0',
      DAYBOOK_FTP_PORT: 'off',
      DAYBOOK_ADMIN_PASSWORD: adminPassword,
      DAYBOOK_MIN_FREE_DISK: '1MiB',
      DAYBOOK_LOG_LEVEL: 'warn',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  life.child = child;
  const { url, printed } = await untilReady(child);
  return {
    url,
    ftp: { port: portIn(printed, 'ftp'), implicitTlsPort: portIn(printed, 'ftps') },
    folder: life.folder,
    process: child,
    call: (method, path, body, headers) => call(`${url}${path}`, method, body, headers),
    startAgain: (changes = {}) => startLife({ ...life.place, ...changes }, Object.assign(life, { args: [] })),
    close: life.close,
  };
}

async function call(
  url: string,
  method: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<TestAnswer> {
  const response = await fetch(url, {
    method,
    headers: {
      authorization: adminAuthorization,
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
}

function portIn(printed: string, scheme: string): number | null {
  const [, port] = new RegExp(`^FTP.* ${scheme}://\\S+:(\\d+)$`, 'm').exec(printed) ?? [];
  return port === undefined ? null : Number(port);
}

async function untilReady(child: ChildProcess): Promise<{ url: string; printed: string }> {
  let printed = '';
  const ready = new Promise<{ url: string; printed: string }>((resolve, reject) => {
    const collect = (bytes: Buffer): void => {
      printed += bytes.toString();
      const match = /^Daybook is ready at (\S+)$/m.exec(printed);
      if (match?.[1]) resolve({ url: match[1], printed });
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    child.once('exit', (code, signal) =>
      reject(new Error(`the server ended with ${code ?? signal}:\n${printed}`)),
    );
  });
  return ready;
}
