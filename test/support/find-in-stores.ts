import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { TestDatabase } from './database.ts';

/** Where a text stands in what a server keeps: tables of its database as they are dumped, files below its folder. */
export async function findInStores(
  text: string,
  { database, folder }: { database: TestDatabase; folder: string },
): Promise<string[]> {
  const found: string[] = [];
  const tables = await database.db.query<{ name: string }>(
    `select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`,
  );
  for (const { name } of tables) {
    const [row] = await database.db.query<{ text: string | null }>(
      `select string_agg(to_jsonb(t)::text, ' ') as text from "${name}" t`,
    );
    if (row?.text?.includes(text) || row?.text?.includes(Buffer.from(text).toString('hex'))) found.push(name);
  }
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const file = join(folder, path);
    if (statSync(file, { throwIfNoEntry: false })?.isFile() && readFileSync(file).includes(text))
      found.push(path);
  }
  return found;
}
