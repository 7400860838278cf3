import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
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
