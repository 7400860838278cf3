import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeFileProblem } from './file-problem.ts';

function failureOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('it worked');
}

it('says what is wrong and what to do, with the place where the system names it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'daybook-problem-'));
  expect(describeFileProblem(failureOf(() => writeFileSync(folder, '')))).toBe(
    `${folder} cannot be used: a folder is in the place of a file. Move it away (EISDIR).`,
  );
  expect(describeFileProblem(failureOf(() => readFileSync(folder)))).toMatch(
    /^A file cannot be used: a folder/,
  );
  expect(describeFileProblem(failureOf(() => writeFileSync('/dev/full', 'x')))).toMatch(
    /the disk is full\. Make room/,
  );
  expect(describeFileProblem(failureOf(() => readFileSync(join(folder, 'nothing'))))).toBeNull();
  expect(describeFileProblem(new Error('else'))).toBeNull();
  rmSync(folder, { recursive: true });
});
