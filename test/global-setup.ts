import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { silentLogger } from '../src/lib/logger.ts';
import {
  createEmbeddedPostgres,
  type EmbeddedPostgres,
} from '../src/adapters/store/embedded-postgres/embedded-postgres.ts';
import {
  createTemplate,
  defaultServerUrl,
  dropAll,
  embeddedUrlName,
  serverUrlName,
  socketUrl,
  tuneForTests,
} from './support/database.ts';
import { copyPreparedData, prepareData } from './support/prepared-data.ts';

let folder = '';
let embedded: EmbeddedPostgres | undefined;

/** One embedded PostgreSQL for the whole run; test files and their child processes find it by the environment. */
export async function setup(): Promise<void> {
  folder = mkdtempSync(join(tmpdir(), 'daybook-postgres-'));
  // As root the database runs as another account, which must be able to enter.
  chmodSync(folder, 0o755);
  await prepareData(join(folder, 'prepared'));
  copyPreparedData(folder);
  const untuned = open(folder);
  await untuned.start();
  await tuneForTests(socketUrl(untuned.connection));
  await untuned.stop();
  embedded = open(folder);
  await embedded.start();
  const embeddedUrl = socketUrl(embedded.connection);
  process.env[embeddedUrlName] = embeddedUrl;
  await createTemplate(embeddedUrl);
  const serverUrl = process.env['DAYBOOK_TEST_DATABASE_URL'] ?? defaultServerUrl;
  if (await isReachable(serverUrl)) {
    process.env[serverUrlName] = serverUrl;
    await createTemplate(serverUrl);
  }
}

function open(dataDirectory: string): EmbeddedPostgres {
  return createEmbeddedPostgres({
    dataDirectory,
    logsDirectory: join(dataDirectory, 'logs'),
    systemDirectory: join(dataDirectory, 'system'),
    logger: {
      ...silentLogger,
      error: (fields, message) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
    },
  });
}

/** A test that leaves a database behind fails the run: on a server that is there for others, too, it would stay. */
export async function teardown(): Promise<void> {
  const urls = [process.env[embeddedUrlName], process.env[serverUrlName]].filter((url) => url !== undefined);
  const left: string[] = [];
  for (const url of urls) left.push(...(await dropAll(url)));
  await embedded?.stop();
  rmSync(folder, { recursive: true, force: true });
  if (left.length > 0) throw new Error(`The tests left behind: ${left.join(', ')}`);
}

async function isReachable(connectionString: string): Promise<boolean> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 2_000 });
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    return false;
  }
}
