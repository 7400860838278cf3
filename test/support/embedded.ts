import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { silentLogger } from '../../src/lib/logger.ts';
import {
  createEmbeddedPostgres,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from '../../src/adapters/store/embedded-postgres/embedded-postgres.ts';
import { pollUntil } from './poll.ts';
import { copyPreparedData } from './prepared-data.ts';

export const isRoot = process.getuid?.() === 0;

export interface Keeper {
  child: ChildProcess;
  /** Of the postmaster. */
  pid: number;
  connection: pg.PoolConfig;
}

/** A folder for one test, with everything started in it; `close` leaves neither process nor file. */
export interface Workshop {
  folder: string;
  data: string;
  /** Puts a complete database there, for tests that are not about a first start. */
  fill(): void;
  create(options?: Partial<EmbeddedPostgresOptions>): EmbeddedPostgres;
  /** Starts a supervisor in a process of its own. */
  spawnKeeper(options?: { asNobody?: boolean }): Promise<Keeper>;
  close(): Promise<void>;
}

export function openWorkshop(): Workshop {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'daybook-pg-')));
  chmodSync(folder, 0o755);
  const data = join(folder, 'data');
  const system = join(folder, 'system');
  const services: EmbeddedPostgres[] = [];
  const children: ChildProcess[] = [];
  const pids = new Set<number>();
  return {
    folder,
    data,
    fill: () => copyPreparedData(data),
    create: (options = {}) => {
      const service = createEmbeddedPostgres({
        dataDirectory: data,
        logsDirectory: join(folder, 'logs'),
        systemDirectory: system,
        logger: silentLogger,
        ...options,
      });
      services.push(service);
      return service;
    },
    spawnKeeper: async (options = {}) => {
      if (options.asNobody && isRoot) {
        mkdirSync(data, { recursive: true });
        chownSync(data, nobody, nobody);
      }
      const child = spawnKeeperProcess(data, system, options.asNobody ?? false);
      children.push(child);
      const keeper = await firstLine(child);
      pids.add(keeper.pid);
      return keeper;
    },
    close: async () => {
      for (const service of services) await service.stop();
      for (const child of children) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      for (const pid of pids) await endPostmaster(pid, folder);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const nobody = 65_534;

function spawnKeeperProcess(data: string, system: string, asNobody: boolean): ChildProcess {
  const program = join(import.meta.dirname, 'database-keeper.ts');
  const identity = asNobody && isRoot ? { uid: nobody, gid: nobody } : {};
  return spawn(process.execPath, [program, data, system], {
    stdio: ['ignore', 'pipe', 'inherit'],
    ...identity,
  });
}

async function firstLine(child: ChildProcess): Promise<Keeper> {
  if (!child.stdout) throw new Error('the keeper has no output');
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line) as { pid: number; connection: pg.PoolConfig; error?: string };
    if (said.error !== undefined) throw new Error(said.error);
    return { child, pid: said.pid, connection: said.connection };
  }
  throw new Error('the keeper ended without a word');
}

/** Only when it still is the postmaster that this test saw: a number may belong to somebody else by now. */
async function endPostmaster(pid: number, folder: string): Promise<void> {
  const isOurs = (): boolean => commandLine(pid).includes(folder);
  if (!isOurs()) return;
  process.kill(pid, 'SIGQUIT');
  await pollUntil(isOurs, (value) => !value);
}

export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

export async function ask<Row extends pg.QueryResultRow>(
  connection: pg.PoolConfig,
  statement: string,
): Promise<Row[]> {
  const client = new pg.Client(connection);
  client.on('error', () => {
    // The statement's own outcome counts.
  });
  await client.connect();
  try {
    return (await client.query<Row>(statement)).rows;
  } finally {
    await client.end();
  }
}
