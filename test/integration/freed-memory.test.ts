import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';

const program = new URL('../support/programs/freeing.ts', import.meta.url).pathname;
const isGlibc =
  process.platform === 'linux' &&
  'glibcVersionRuntime' in (process.report.getReport() as { header: object }).header;

it.runIf(isGlibc)('what a server frees goes back to the machine', () => {
  const grown = (...args: string[]): number =>
    Number(execFileSync(process.execPath, ['--expose-gc', program, ...args], { encoding: 'utf8' }));
  expect(grown('bound')).toBeLessThan(60);
  // Otherwise there would be nothing to bound, and this would test nothing.
  expect(grown()).toBeGreaterThan(150);
});
