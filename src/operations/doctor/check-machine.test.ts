import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadConfig } from '../../config/config.ts';
import { checkProgramAccount } from './check-machine.ts';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'daybook-check-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it.runIf(process.getuid?.() === 0)(
  'takes the place a link leads to, as the server does, and reports the one programs cannot reach',
  () => {
    const open = mkdtempSync(join(tmpdir(), 'daybook-open-'));
    chmodSync(open, 0o755);
    symlinkSync(open, join(folder, 'homedir'));
    mkdirSync(join(folder, 'scripts'));
    const findings = checkProgramAccount(loadConfig({ DAYBOOK_DATA: folder }));
    rmSync(open, { recursive: true });
    expect(findings.map(({ level, text }) => `${level}: ${text}`)).toEqual([
      `bad: Programs run as nobody, who cannot reach ${join(folder, 'scripts')}.`,
    ]);
  },
);

it('a scripts directory that everybody may write to is told, with what to do', () => {
  const scripts = join(folder, 'scripts');
  chmodSync(folder, 0o755);
  mkdirSync(scripts);
  mkdirSync(join(folder, 'homedir'));
  chmodSync(join(folder, 'homedir'), 0o777);
  const config = loadConfig({ DAYBOOK_DATA: folder });
  expect(checkProgramAccount(config)).toMatchObject([{ level: 'ok' }]);
  chmodSync(scripts, 0o777);
  expect(checkProgramAccount(config)).toMatchObject([
    {
      level: 'bad',
      text: `The scripts directory ${scripts} may be written by everybody on this machine (mode 777): who can write there decides what the jobs of others run.`,
      advice: `chmod go-w ${scripts}`,
    },
  ]);
});
