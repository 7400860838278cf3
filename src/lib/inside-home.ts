import { realpath } from 'node:fs/promises';
import { resolve, sep } from 'node:path';

export type InsideHome = { path: string } | { problem: 'missing' | 'outside' };

/**
 * Where something really is that people name by a path in the home directory, or in another folder that is theirs to
 * name things in; all links are resolved. What looks absolute begins at the folder, as in a chroot. What leads out of
 * it, by `..` or by a link, is refused.
 *
 * It tells how things stand now. Until the path is used, a program may put a link in the place of a folder on the way;
 * who opens it with more rights than the program has must look at what was opened, not at the path.
 */
export async function insideHome(home: string, path: string): Promise<InsideHome> {
  const root = await realpath(home).catch(() => home);
  const real = await realpath(resolve(home, `./${path}`)).catch(() => null);
  if (real === null) return { problem: 'missing' };
  return real === root || real.startsWith(root + sep) ? { path: real } : { problem: 'outside' };
}
