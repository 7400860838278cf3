/**
 * The rules of .dependency-cruiser.cjs, tried out: a small tree in a temporary folder has the folders of this one, and in
 * each of them a file that imports what it must not. One run of the checker must report every rule there is, so a new row
 * or a new rule without a plant fails here.
 */
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const configFile = '.dependency-cruiser.cjs';

/** Row of the table → what a file of such a folder must not import. Tried in each folder of a row with a star. */
const strangers: Record<string, string> = {
  app: 'test/support/thing.ts',
  config: 'src/machine/thing.ts',
  machine: 'src/domain/jobs/ports.ts',
  contract: 'src/lib/thing.ts',
  lib: 'src/contract/thing.ts',
  'domain/*': 'src/adapters/store/thing.ts',
  kinds: 'src/domain/jobs/thing.ts',
  worker: 'src/adapters/store/thing.ts',
  launcher: 'src/contract/thing.ts',
  'adapters/*': 'src/surfaces/http/thing.ts',
  'surfaces/http': 'src/adapters/store/thing.ts',
  'surfaces/cli': 'src/operations/thing.ts',
  'surfaces/ftp': 'src/adapters/store/thing.ts',
  operations: 'src/app/thing.ts',
};

interface Plant {
  rule: string;
  file: string;
  imports: string;
}

/** The rules that are no row, and imports that are close to an allowed one. */
const more: Plant[] = [
  storey('src/domain/schedules', { file: 'decide.ts', imports: 'src/domain/jobs/thing.ts' }),
  storey('src/adapters/queue', { file: 'ask.ts', imports: 'src/adapters/store/thing.ts' }),
  storey('src/worker', { file: 'start.ts', imports: 'src/launcher/thing.ts' }),
  storey('src/surfaces/http', { file: 'show.ts', imports: 'src/surfaces/cli/thing.ts' }),
  storey('src/surfaces/ftp', { file: 'open.ts', imports: 'src/domain/jobs/thing.ts' }),
  { rule: 'no-cycles', file: 'src/lib/egg.ts', imports: 'src/lib/hen.ts' },
  { rule: 'contract-runs-in-browsers', file: 'src/contract/read.ts', imports: 'node:fs' },
  { rule: 'kinds-stand-alone', file: 'src/kinds/one/one.ts', imports: 'src/kinds/other/other.ts' },
  { rule: 'launcher-stays-small', file: 'src/launcher/log.ts', imports: 'pino' },
  { rule: 'nobody-imports-tests', file: 'src/lib/borrow.ts', imports: 'src/lib/thing.test.ts' },
  { rule: 'nobody-imports-main', file: 'src/app/again.ts', imports: 'src/main.ts' },
  { rule: 'main-starts-the-root', file: 'src/main.ts', imports: 'src/worker/thing.ts' },
  { rule: 'sql-lives-in-the-store', file: 'src/app/ask.ts', imports: 'pg' },
  { rule: 'sql-lives-in-the-store', file: 'src/worker/copy.ts', imports: 'pg-copy-streams' },
  { rule: 'messages-leave-by-the-senders', file: 'src/app/tell.ts', imports: 'nodemailer' },
  { rule: 'messages-leave-by-the-senders', file: 'src/worker/tell.ts', imports: 'mqtt' },
  { rule: 'fastify-stays-in-http', file: 'src/worker/serve.ts', imports: 'fastify' },
  { rule: 'pages-know-the-contract-only', file: 'web/src/pages/page.ts', imports: 'src/lib/thing.ts' },
  { rule: 'pages-know-the-contract-only', file: 'web/src/pages/try.ts', imports: 'test/support/thing.ts' },
  { rule: 'pages-run-in-browsers', file: 'web/src/pages/read.ts', imports: 'node:fs' },
  { rule: 'components-do-not-fetch', file: 'web/src/components/a.ts', imports: 'web/src/api/client.ts' },
  { rule: 'no-dev-dependencies-in-the-product', file: 'src/lib/try.ts', imports: 'vite' },
];

/** What folders live from. */
const allowed: Omit<Plant, 'rule'>[] = [
  { file: 'src/app/serve.ts', imports: 'src/adapters/store/thing.ts' },
  { file: 'src/domain/schedules/watch.ts', imports: 'src/domain/jobs/ports.ts' },
  { file: 'src/domain/schedules/watch.test.ts', imports: 'src/adapters/store/thing.ts' },
  { file: 'src/worker/watch.ts', imports: 'src/launcher/client/thing.ts' },
  { file: 'src/adapters/store/ask.ts', imports: 'pg' },
  { file: 'src/adapters/senders/tell.ts', imports: 'nodemailer' },
  { file: 'src/surfaces/http/answer.ts', imports: 'fastify' },
  { file: 'src/surfaces/ftp/answer.ts', imports: 'src/domain/jobs/ports.ts' },
  { file: 'src/surfaces/cli/say.ts', imports: 'src/kinds/other/contract.ts' },
  { file: 'web/src/kinds/form.ts', imports: 'src/kinds/other/contract.ts' },
  { file: 'web/src/pages/show.ts', imports: 'src/contract/thing.ts' },
];

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'daybook-directions-'));
  for (const name of [configFile, 'tsconfig.json', 'package.json'])
    copyFileSync(join(root, name), join(folder, name));
  for (const name of ['pg', 'pg-copy-streams', 'fastify', 'mqtt', 'nodemailer', 'pino', 'vite']) {
    write(`node_modules/${name}/package.json`, JSON.stringify({ name, exports: './index.js' }));
    write(`node_modules/${name}/index.js`, '');
  }
  for (const room of foldersOfSource()) write(`${room}/thing.ts`, '');
  for (const path of ['src/domain/jobs/ports.ts', 'src/launcher/client/thing.ts', 'src/main.ts'])
    write(path, '');
  write('src/kinds/other/other.ts', '');
  write('src/kinds/other/contract.ts', '');
  for (const path of ['test/support/thing.ts', 'src/lib/thing.test.ts', 'web/src/api/client.ts'])
    write(path, '');
});
afterEach(() => rmSync(folder, { recursive: true }));

it('each storey has its forbidden import reported, by its own rule; each rule that there is reports one', async () => {
  const planted = foldersOfSource().map((room) => {
    const imports = strangers[rowOf(room)];
    if (imports === undefined) throw new Error(`What must ${room} not import? Say so in this test.`);
    return storey(room, { file: 'plant.ts', imports });
  });
  for (const { file, imports } of [...planted, ...more, ...allowed])
    write(file, `import '${specifier(file, imports)}';\n`);
  write('src/lib/hen.ts', `import './egg.ts';\n`);
  const { stdout } = await check('--output-type', 'json');
  const { violations } = (JSON.parse(stdout) as Cruise).summary;
  const reported = violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`);
  for (const { rule, file, imports } of [...planted, ...more])
    expect(reported).toContain(`${rule}: ${file} → ${resolved(imports)}`);
  for (const { file } of allowed) expect(violations.filter(({ from }) => from === file)).toEqual([]);
  expect(new Set(violations.map(({ rule }) => rule.name))).toEqual(new Set(rulesOf(root)));
});

it.each([
  ['a new folder', 'src/weather/forecast.ts'],
  ['a new folder where each has a row of its own', 'src/surfaces/sftp/server.ts'],
  ['a file beside the folders of a storey', 'src/domain/thing.ts'],
  ['a file beside all folders', 'src/thing.ts'],
])('without a row the check stops and names the file: %s', (_what, path) => {
  expect(rulesOf(folder)).toEqual(rulesOf(root));
  write(path, '');
  expect(() => rulesOf(folder)).toThrow(`imported by ${path}:`);
});

it('a row whose folder is gone stops the check, and is named', async () => {
  rmSync(join(folder, 'src/machine'), { recursive: true });
  const { code, stderr } = await check();
  expect([code, stderr]).toEqual([1, expect.stringContaining('folders that are gone: machine.')]);
});

interface Cruise {
  summary: { violations: { from: string; to: string; rule: { name: string } }[] };
}

function storey(room: string, { file, imports }: Omit<Plant, 'rule'>): Plant {
  const rule = `${room.slice('src/'.length).replaceAll('/', '-')}-stays-in-its-storey`;
  return { rule, file: `${room}/${file}`, imports };
}

/** Of the tree as it is, each with a rule of its own: `src/app`, `src/domain/jobs`, … */
function foldersOfSource(): string[] {
  const inside = (path: string): string[] =>
    readdirSync(join(root, path), { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [`${path}/${entry.name}`] : [],
    );
  const storeys = inside('src');
  return storeys.flatMap((room) => (room.slice('src/'.length) in strangers ? [room] : inside(room)));
}

function rowOf(room: string): string {
  const name = room.slice('src/'.length);
  return name in strangers ? name : `${dirname(name)}/*`;
}

/** @throws what the check would stop with */
function rulesOf(place: string): string[] {
  const path = join(place, configFile);
  const load = createRequire(path);
  delete load.cache[path];
  return (load(path) as { forbidden: { name: string }[] }).forbidden.map(({ name }) => name);
}

function specifier(file: string, target: string): string {
  return target.includes('/') ? `${'../'.repeat(file.split('/').length - 1)}${target}` : target;
}

/** As the checker names it. */
function resolved(target: string): string {
  if (target.includes('/')) return target;
  return target.startsWith('node:') ? target.slice('node:'.length) : `node_modules/${target}/index.js`;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

function check(...options: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const program = join(root, 'node_modules/.bin/depcruise');
  const args = [program, '--config', configFile, ...options, 'src', 'web/src'];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: folder }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}
