import { statfs } from 'node:fs/promises';
import { hostname } from 'node:os';
import packageFile from '../../package.json' with { type: 'json' };
import type { ServerFacts } from '../contract/server.ts';
import type { ProcessFigures } from '../domain/metrics/ports.ts';
import { diagnoseServer } from '../adapters/store/diagnosis-reader.ts';
import type { Product } from './product.ts';

/** What this process, its disks and its database say of themselves; asked anew each time. */
export function createServerFacts(
  { config, db }: Pick<Product, 'config' | 'db'>,
  worker: ProcessFigures['worker'],
): () => Promise<ServerFacts> {
  const { data, timezone, settings } = config;
  const startedAt = new Date(Date.now() - process.uptime() * 1_000).toISOString();
  return async () => {
    const [database, ...disks] = await Promise.all([
      diagnoseServer(db),
      askDisk('data', data.directory),
      askDisk('home', data.homeDirectory),
    ]);
    const { isReadOnly, unsafeSettings, clockAheadMs, ...known } = database;
    return {
      version: packageFile.version,
      runtime: `Node ${process.version}`,
      host: hostname(),
      pid: process.pid,
      startedAt,
      timezone,
      memoryBytes: process.memoryUsage.rss(),
      database: {
        ...known,
        isEmbedded: config.database.kind === 'embedded',
        clockAheadMs: Math.round(clockAheadMs),
        problems: [
          ...(isReadOnly ? ['The database is read-only.'] : []),
          ...unsafeSettings.map((name) => `${name} is off: a crash can lose jobs that were accepted.`),
        ],
      },
      disks,
      worker: worker && { slots: worker.slots, running: worker.running, launcherIsUp: worker.launcherIsUp },
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
