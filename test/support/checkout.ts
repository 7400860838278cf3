import { execFile, execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const repository = join(import.meta.dirname, '../..');

export interface Checkout {
  folder: string;
  read(file: string): string;
  /** Runs a file of it; never rejects. */
  node(
    args: readonly string[],
    env?: Record<string, string>,
  ): Promise<{ code: number; stdout: string; stderr: string }>;
  remove(): void;
}

/** A copy of the source as it is here, with links to packages and built pages. */
export function copyCheckout(): Checkout {
  const folder = mkdtempSync(join(tmpdir(), 'daybook-checkout-'));
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: repository,
    encoding: 'utf8',
  });
  const files = listed.split('\0').filter((file) => file !== '' && existsSync(join(repository, file)));
  for (const parent of new Set(files.map(dirname))) mkdirSync(join(folder, parent), { recursive: true });
  for (const file of files) copyFileSync(join(repository, file), join(folder, file));
  for (const link of ['node_modules', 'web/dist']) symlinkSync(join(repository, link), join(folder, link));
  return {
    folder,
    read: (file) => readFileSync(join(folder, file), 'utf8'),
    node: (args, env = {}) =>
      new Promise((resolve) => {
        const path = `${join(folder, 'node_modules/.bin')}:${process.env['PATH']}`;
        const options = { cwd: folder, env: { ...env, PATH: path } };
        const child = execFile(process.execPath, args, options, (_error, stdout, stderr) =>
          resolve({ code: child.exitCode ?? 1, stdout, stderr }),
        );
      }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Adds a kind of `test/support/kinds` as CONTRIBUTING.md says: its folder, and its line in the list. */
export function addKind({ folder, read }: Checkout, name: string): void {
  cpSync(join(import.meta.dirname, 'kinds', name), join(folder, 'src/kinds', name), { recursive: true });
  const list = read('src/kinds/list.ts')
    .replace(/^import \{ commandKind /m, `import { ${name}Kind } from './${name}/${name}.ts';\n$&`)
    .replace(/(createKindRegistry<KindDefinition>\(\[.*?),?(\s*\]\))/s, `$1, ${name}Kind$2`);
  writeFileSync(join(folder, 'src/kinds/list.ts'), list);
  execFileSync(join(folder, 'node_modules/.bin/oxfmt'), ['--write', 'src/kinds/list.ts'], { cwd: folder });
}
