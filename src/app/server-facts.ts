import { statfs } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { ServerFacts } from '../contract/server.ts';
import type { ProcessFigures } from '../domain/metrics/ports.ts';
import type { Database } from '../adapters/store/database.ts';
import { diagnoseServer } from '../adapters/store/diagnosis-reader.ts';

export interface ServerFactsOptions {
  db: Database;
  version: string;
  timezone: string;
  isEmbedded: boolean;
  /** By what they hold. */
  directories: Readonly<Record<string, string>>;
  settings: readonly ServerFacts['settings'][number][];
  worker(): ProcessFigures['worker'];
}

/** What this process, its disks and its database say of themselves; asked anew each time. */
export function createServerFacts(options: ServerFactsOptions): () => Promise<ServerFacts> {
  const { db, version, timezone, isEmbedded, directories, settings, worker } = options;
  const startedAt = new Date(Date.now() - process.uptime() * 1_000).toISOString();
  return async () => {
    const [database, disks] = await Promise.all([
      diagnoseServer(db),
      Promise.all(Object.entries(directories).map(([name, directory]) => askDisk(name, directory))),
    ]);
    const { isReadOnly, unsafeSettings, clockAheadMs, ...known } = database;
    return {
      version,
      runtime: `Node ${process.version}`,
      host: hostname(),
      pid: process.pid,
      startedAt,
      timezone,
      memoryBytes: process.memoryUsage.rss(),
      database: {
        ...known,
        isEmbedded,
        clockAheadMs: Math.round(clockAheadMs),
        problems: [
          ...(isReadOnly ? ['The database is read-only.'] : []),
          ...unsafeSettings.map((name) => `${name} is off: a crash can lose jobs that were accepted.`),
        ],
      },
      disks,
      worker: worker(),
      settings: settings.map(({ name, value, origin }) => ({ name, value, origin })),
    };
  };
}

async function askDisk(name: string, directory: string): Promise<ServerFacts['disks'][number]> {
  try {
    const { bavail, blocks, bsize } = await statfs(directory);
    return { name, directory, freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch {
    return { name, directory, freeBytes: null, totalBytes: null };
  }
}
