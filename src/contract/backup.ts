import { z } from 'zod';

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().min(0);

/** Inside the backup: never absolute, never upwards. */
const relativePath = z
  .string()
  .refine((path) => path !== '' && !path.startsWith('/') && !path.split('/').includes('..'));

const table = z.object({
  name: z.string(),
  columns: z.array(z.string()),
  rows: count,
  bytes: count,
  sha256: digest,
});
const file = z.object({ path: relativePath, bytes: count, mode: count, sha256: digest });
const link = z.object({ path: relativePath, target: z.string() });

/** What a backup holds, as it says of itself. */
export const manifest = z.object({
  format: z.literal(1),
  daybook: z.string(),
  createdAt: z.iso.datetime(),
  postgres: z.string(),
  schema: count,
  tables: z.array(table),
  partitions: z.array(z.object({ name: z.string(), parent: z.string(), bound: z.string() })),
  sequences: z.array(z.object({ table: z.string(), column: z.string(), value: z.string().nullable() })),
  files: z.array(file),
  links: z.array(link),
  directories: z.array(z.object({ path: relativePath, mode: count })),
  hasHome: z.boolean(),
  hasSecretKey: z.boolean(),
  /** Every setting in effect, secrets masked: to read, not to restore. */
  settings: z.array(z.unknown()),
});
export type Manifest = z.infer<typeof manifest>;
export type TableEntry = z.infer<typeof table>;
