import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findBinaries } from './binaries.ts';

it('the package of this platform is found, with its major version', () => {
  const binaries = findBinaries();
  expect(existsSync(join(binaries.directory, 'bin/postgres'))).toBe(true);
  expect(binaries.major).toBe('18');
});

it('a platform without a package gets a sentence that names the way out', () => {
  expect(() => findBinaries('plan9', 'mips')).toThrow(/no built-in PostgreSQL for plan9-mips.*DATABASE_URL/);
});
