import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, expect, it } from 'vitest';
import { readCompressed, writeCompressed } from './files.ts';

const folder = mkdtempSync(join(tmpdir(), 'daybook-backup-files-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('gives back what was written', async () => {
  const path = join(folder, 'rows.zst');
  await writeCompressed(path, Readable.from(['1\tone\n', '2\ttwo\n']));
  expect(await text(readCompressed(path))).toBe('1\tone\n2\ttwo\n');
});

it('tells the reader of a file that is gone', async () => {
  await expect(text(readCompressed(join(folder, 'gone.zst')))).rejects.toThrow('ENOENT');
});
