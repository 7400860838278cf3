import fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { unifiedDiff } from './unified-diff.ts';

const names = { before: 'a', after: 'b' };

it('equal texts differ in nothing', () => {
  expect(unifiedDiff('x\n', 'x\n', names)).toBe('');
});

it('a change stands between the lines around it', () => {
  const before = '1\n2\n3\n4\n5\n6\n7\n8\n9\n';
  expect(unifiedDiff(before, before.replace('5\n', 'five\n'), names)).toBe(
    '--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n',
  );
});

it('changes far from each other stand in pieces of their own', () => {
  const lines = Array.from({ length: 40 }, (_, index) => `${index}\n`);
  const after = lines.with(3, 'three\n').with(30, 'thirty\n').join('');
  expect(unifiedDiff(lines.join(''), after, names)?.match(/^@@/gm)).toHaveLength(2);
});

it('a missing end of the last line is a difference', () => {
  expect(unifiedDiff('a', 'a\n', names)).toBe(
    '--- a\n+++ b\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n',
  );
});

it('texts that differ in too many lines are not compared', () => {
  const many = (word: string): string =>
    Array.from({ length: 3_000 }, (_, index) => `${word}${index}\n`).join('');
  expect(unifiedDiff(many('a'), many('b'), names)).toBeNull();
});

it('patch(1) makes the one text of the other by it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'daybook-diff-'));
  const file = join(folder, 'file');
  const text = fc
    .array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 12 })
    .map((lines) => lines.join('\n'));
  try {
    fc.assert(
      fc.property(text, text, (before, after) => {
        const diff = unifiedDiff(before, after, names);
        if (!diff) return;
        writeFileSync(file, before);
        execFileSync('git', ['apply', '--unidiff-zero', '-'], {
          cwd: folder,
          input: toGit(diff),
          stdio: ['pipe', 'ignore', 'pipe'],
        });
        expect(readFileSync(file, 'utf8')).toBe(after);
      }),
      { numRuns: 40 },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

function toGit(diff: string): string {
  return diff.replace('--- a\n+++ b\n', '--- a/file\n+++ b/file\n');
}
