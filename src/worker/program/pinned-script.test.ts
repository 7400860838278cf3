import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ClaimedJob } from '../../domain/jobs/ports.ts';
import { writePinnedScript } from './pinned-script.ts';

const text = '#!/bin/sh\necho again\n'.padEnd(200_000, '# a long script\n');
const sha256 = createHash('sha256').update(text).digest('hex');
const job = { scriptSha256: sha256, input: { script: 'again.sh' } } as unknown as ClaimedJob;

let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'daybook-pinned-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

it('attempts that start side by side all get the whole script, and nothing else is left', async () => {
  const options = { capsules: { readText: async () => text }, directory, scriptMember: 'script' as const };
  const paths = await Promise.all(Array.from({ length: 16 }, () => writePinnedScript(job, options)));
  const path = join(directory, sha256, 'again.sh');
  expect(new Set(paths)).toEqual(new Set([path]));
  expect(readFileSync(path, 'utf8')).toBe(text);
  expect(readdirSync(dirname(path))).toEqual(['again.sh']);
});
