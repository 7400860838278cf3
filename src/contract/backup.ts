import { z } from 'zod';

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().min(0);

/**
 * A place inside the backup: never absolute, never upwards. A name is bytes, of which not all are UTF-8: since format 2
 * `%E9` is such a byte, and `%25` a percent sign. Nothing else is written so, hence no dot or slash can hide.
 */
const relativePath = z
  .string()
  .refine((path) => path !== '' && !path.startsWith('/') && !path.split('/').includes('..'));
const encodedPath = relativePath.refine((path) => /^([^%]|%25|%[89A-F][0-9A-F])*$/.test(path));
const nanoseconds = z.string().regex(/^-?\d{1,20}$/);

const table = z.object({
  name: z.string(),
  columns: z.array(z.string()),
  rows: count,
  bytes: count,
  sha256: digest,
});
const modifiedNs = nanoseconds.optional();
const account = z.object({ uid: count, gid: count });
/** Former backups do not know. */
const owner = account.optional();
const file = z.object({
  path: encodedPath,
  bytes: count,
  mode: count,
  sha256: digest,
  /** Since 1970. */
  modifiedNs,
  owner,
  /** It had holes: its bytes on the disk were fewer. */
  isSparse: z.boolean().optional(),
});
const link = z.object({ path: encodedPath, target: z.string(), modifiedNs, owner });
const directory = z.object({ path: encodedPath, mode: count, modifiedNs, owner });

/** What a backup holds, as it says of itself. */
export const manifest = z.object({
  format: z.literal(2),
  daybook: z.string(),
  createdAt: z.iso.datetime(),
  postgres: z.string(),
  schema: count,
  tables: z.array(table),
  partitions: z.array(z.object({ name: z.string(), parent: z.string(), bound: z.string() })),
  sequences: z.array(z.object({ table: z.string(), column: z.string(), value: z.string().nullable() })),
  files: z.array(file),
  links: z.array(link),
  directories: z.array(directory),
  /** Further names of files; they have no copy of their own. */
  hardLinks: z.array(z.object({ path: encodedPath, to: encodedPath })),
  /** What stood there and is not in the backup. */
  notTaken: z.array(z.object({ path: encodedPath, why: z.string() })),
  /** Files that were written to while they were read: what is here may be of two moments. */
  changed: z.array(encodedPath),
  /** Whom programs ran as. */
  programs: owner,
  hasHome: z.boolean(),
  hasSecretKey: z.boolean(),
  /** Every setting in effect, secrets masked: to read, not to restore. */
  settings: z.array(z.unknown()),
});
export type Manifest = z.infer<typeof manifest>;

/** Format 1: names as text, without times; what it passed over was not said. */
export const formerManifest = manifest
  .extend({
    format: z.literal(1),
    files: z.array(file.extend({ path: relativePath })),
    links: z.array(link.extend({ path: relativePath })),
    directories: z.array(directory.extend({ path: relativePath })),
  })
  .omit({ hardLinks: true, notTaken: true, changed: true });
export type TableEntry = z.infer<typeof table>;
