import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isScriptChanged, readScript } from './script-file.ts';

let folder = '';
let file = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'daybook-script-'));
  file = join(folder, 'script.sh');
});
afterEach(() => rmSync(folder, { recursive: true }));

it('a script is kept with its text, and known again by its stamp', async () => {
  writeFileSync(file, 'echo ü\n');
  const facts = await readScript(file);
  expect(facts).toMatchObject({ sizeBytes: 8, text: 'echo ü\n' });
  expect(await isScriptChanged(file, { sha256: facts?.sha256 ?? '', stamp: facts?.stamp ?? '' })).toBe(false);
  writeFileSync(file, 'echo u\n');
  expect(await isScriptChanged(file, { sha256: facts?.sha256 ?? '', stamp: facts?.stamp ?? '' })).toBe(true);
});

it('what is kept is what was read, though the file had another size when it was looked at', async () => {
  const text = 'x'.repeat(300_000);
  // Of a pipe the size is 0 at any time.
  execFileSync('mkfifo', [file]);
  const [facts] = await Promise.all([readScript(file), writeFile(file, text)]);
  const sha256 = createHash('sha256').update(text).digest('hex');
  expect(facts).toMatchObject({ sizeBytes: text.length, sha256, text: null });
});

describe('a script that runs again', () => {
  const textNow = async (): Promise<string | null | undefined> => (await readScript(file))?.text;

  it('is read once, until something is written', async () => {
    writeFileSync(file, 'echo 1\n');
    const { mtime } = statSync(file);
    await delay(1_100);
    const facts = await readScript(file);
    expect(await readScript(file)).toBe(facts);
    // As `cp -p` and `rsync -t` leave it: as long, and as old.
    writeFileSync(file, 'echo 2\n');
    utimesSync(file, mtime, mtime);
    expect(await textNow()).toBe('echo 2\n');
    rmSync(file);
    expect(await readScript(file)).toBeNull();
  });

  it('is read each time while it was written just now', async () => {
    for (const digit of '123456789') {
      writeFileSync(file, `echo ${digit}\n`);
      expect(await textNow()).toBe(`echo ${digit}\n`);
    }
  });
});
