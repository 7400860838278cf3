import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createScripts } from './scripts.ts';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'daybook-scripts-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('a script that vanishes while it is read is not there, and nothing worse', async () => {
  const scripts = createScripts(folder, { add: () => Promise.resolve(), list: () => Promise.resolve([]) });
  const path = join(folder, 'a.sh');
  const outcomes = new Set<string>();
  for (let round = 0; round < 300; round += 1) {
    writeFileSync(path, 'echo here\n');
    const reading = scripts.read('a.sh').then(
      ({ text }) => text,
      (error: NodeJS.ErrnoException) => error.code ?? error.message,
    );
    // Some looks at the file come before, some after.
    for (let turns = 0; turns < round % 6; turns += 1) await new Promise(setImmediate);
    await rm(path);
    outcomes.add(await reading);
  }
  expect([...outcomes].filter((outcome) => outcome !== 'echo here\n' && outcome !== 'not_found')).toEqual([]);
});
