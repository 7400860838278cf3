import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminPassword } from '../support/admin.ts';
import { runCommand } from '../support/cli.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { requireService } from '../support/services.ts';

const main = join(import.meta.dirname, '../../src/main.ts');

/** What each shell is asked with the script of `daybook completion` in effect: prints what it would offer. */
const bash = `
source ./daybook.bash
# Each line is split as bash does, so a backslash that is to reach a word stands there escaped.
for line; do
  declare -a COMP_WORDS="($line)" COMPREPLY=()
  [[ $line == *' ' ]] && COMP_WORDS+=('')
  COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 ))
  _daybook
  (IFS=,; printf '%s\\n' "\${COMPREPLY[*]}")
done`;

const fish = `
source ./daybook.fish
for line in $argv
  string join , -- (complete -C $line)
end
true`;

/** Completion of zsh lives in its line editor, so a zsh with a terminal of its own is typed to. */
const zsh = `
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'source ./typed.zsh'
zpty -r shell seen '*<ready>*' || exit 1
for line; do
  zpty -w -n shell $line$'\\C-t'
  zpty -r shell seen '*<done>*' || exit 1
done
zpty -d shell
cat told`;

const zshTyped = `
compadd() {
  local -a added
  builtin compadd -A added "$@"
  offered+=("\${added[@]}")
  builtin compadd "$@"
}
tell() {
  offered=()
  zle complete-word
  offered=("\${(@u)offered}")
  print -r -- "\${(j:,:)offered} | $BUFFER" >> told
  BUFFER=
  print -n '<'done'>'
}
zle -N tell
bindkey '^T' tell
print -n '<'ready'>'`;

describe('completion', { timeout: 60_000 }, () => {
  let server: TestServer;
  let folder: string;

  beforeAll(async () => {
    server = await startServer();
    await server.call('PUT', '/api/v1/queues/nightly', {});
    const rule = { name: 'old output', filter: '', olderThanDays: 90, removes: 'output' };
    expect((await server.call('POST', '/api/v1/retention-rules', rule)).status).toBe(201);
    folder = mkdtempSync(join(tmpdir(), 'daybook-completion-'));
    mkdirSync(join(folder, 'functions'));
    writeFileSync(join(folder, 'deck.inp'), '');
    writeFileSync(join(folder, 'daybook'), `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`);
    chmodSync(join(folder, 'daybook'), 0o755);
    for (const [shell, file] of [
      ['bash', 'daybook.bash'],
      ['fish', 'daybook.fish'],
      ['zsh', 'functions/_daybook'],
    ] as const)
      writeFileSync(join(folder, file), (await runCommand(['completion', shell])).stdout);
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await server?.close();
  });

  /** One line of what was offered for each line that somebody has typed. */
  async function offers(shell: string, flags: readonly string[], script: string, lines: readonly string[]) {
    writeFileSync(join(folder, `ask.${shell}`), script);
    rmSync(join(folder, 'told'), { force: true });
    const child = spawn(shell, [...flags, `ask.${shell}`, ...lines], {
      cwd: folder,
      env: {
        PATH: `${folder}${delimiter}${process.env['PATH']}`,
        HOME: folder,
        TERM: 'xterm',
        DAYBOOK_URL: server.url,
        DAYBOOK_USER: 'admin',
        DAYBOOK_PASSWORD: adminPassword,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A shell that waits for what never comes fails the test instead of outliving it.
      timeout: 50_000,
      killSignal: 'SIGKILL',
    });
    const out = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (out.stderr += text));
    const [code] = (await once(child, 'close')) as [number | null];
    expect({ code, stderr: out.stderr }).toEqual({ code: 0, stderr: '' });
    return out.stdout.replace(/\n$/, '').split('\n');
  }

  const typed = [
    'daybook queue pa',
    'daybook queue pause ni',
    'daybook jobs --state fa',
    'daybook retention remove old',
    'daybook view ',
  ];
  const views = 'help,list,remove,set';

  describe.runIf(requireService('bash', isThere('bash')))('of bash', () => {
    it('offers commands, names, values, and leaves files to the shell', async () => {
      const lines = [...typed, String.raw`daybook retention remove old\\\ o`, 'daybook submit --stdin de'];
      expect(await offers('bash', ['--norc'], bash, lines)).toEqual([
        'pause',
        'nightly',
        'failed',
        'old\\ output',
        views,
        'old\\ output',
        '',
      ]);
    });
  });

  describe.runIf(requireService('fish', isThere('fish')))('of fish', () => {
    it('offers commands, names, values, and files only where nothing else can stand', async () => {
      const lines = [
        ...typed,
        "daybook retention remove 'old o",
        'daybook jobs --state=fa',
        'daybook submit --stdin de',
      ];
      expect(await offers('fish', ['--no-config'], fish, lines)).toEqual([
        'pause',
        'nightly',
        'failed',
        'old output',
        views,
        'old output',
        '--state=failed',
        'deck.inp',
      ]);
    });
  });

  describe.runIf(requireService('zsh', isThere('zsh')))('of zsh', () => {
    it.each([
      ['found along fpath', 'fpath=($PWD/functions $fpath); autoload -Uz compinit && compinit -u -D'],
      ['sourced', 'autoload -Uz compinit && compinit -u -D; source functions/_daybook'],
    ])('%s offers commands, names, values, and files, from the first Tab on', async (_how, setUp) => {
      writeFileSync(join(folder, 'typed.zsh'), `${setUp}\n${zshTyped}`);
      const lines = [
        ...typed,
        'daybook retention remove old\\ o',
        'daybook jobs --state=fa',
        'daybook submit --stdin de',
        'daybook submit --stdin=de',
      ];
      expect(await offers('zsh', ['-f'], zsh, lines)).toEqual([
        'pause | daybook queue pause ',
        'nightly | daybook queue pause nightly ',
        'failed | daybook jobs --state failed ',
        'old\\ output | daybook retention remove old\\ output ',
        `${views} | daybook view `,
        'old\\ output | daybook retention remove old\\ output ',
        '--state=failed | daybook jobs --state=failed ',
        'deck.inp | daybook submit --stdin deck.inp ',
        'deck.inp | daybook submit --stdin=deck.inp ',
      ]);
    });
  });
});

function isThere(shell: string): boolean {
  return spawnSync(shell, ['--version']).error === undefined;
}
