import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

/** The one file that removes; what is mounted, linked or somebody's is its care. A further one needs a reason here. */
const mayRemove = new Set(['lib/remove.ts']);

const source = join(import.meta.dirname, '..');
const removals = /\b(rm|rmdir|unlink)(Sync)?\b/;

it('nothing is removed from a disk but by src/lib/remove.ts', () => {
  const files = globSync('**/*.ts', { cwd: source }).filter((path) => !path.endsWith('.test.ts'));
  expect(files.length).toBeGreaterThan(500);
  const offenders = files.filter(
    (path) => !mayRemove.has(path) && removes(readFileSync(join(source, path), 'utf8')),
  );
  expect(offenders).toEqual([]);
});

it.each([
  `import { mkdir, rm } from 'node:fs/promises';`,
  `import {\n  mkdirSync,\n  unlinkSync as away,\n} from 'node:fs';`,
  `import * as fs from 'node:fs';`,
  `import fs from 'fs';`,
  `import { promises } from 'node:fs';`,
  `const { rmdir } = await import('node:fs/promises');`,
  `await run('rm', ['-rf', path]);`,
  `execFileSync("/bin/rm", [path]);`,
])('is found: %s', (text) => expect(removes(text)).toBe(true));

it.each([
  `import { rename } from 'node:fs/promises';`,
  `removeTree(folder, name);`,
  `// rm -rf is dangerous`,
])('is none: %s', (text) => expect(removes(text)).toBe(false));

/** By a function of Node, all of them taken at once, or the program of the system. */
function removes(text: string): boolean {
  const imports = text.matchAll(/import\s+([^;]*?)\s+from\s+['"](?:node:)?fs(?:\/promises)?['"]/g);
  for (const [, names = ''] of imports)
    if (!names.startsWith('{') && !names.startsWith('type')) return true;
    else if (removals.test(names) || /\bpromises\b/.test(names)) return true;
  return (
    /(import|require)\(\s*['"](?:node:)?fs(?:\/promises)?['"]/.test(text) ||
    /['"`](?:\/(?:usr\/)?bin\/)?(rm|rmdir|unlink)['"`]\s*,/.test(text)
  );
}
