import { afterAll, afterEach, beforeEach } from 'vitest';

// A warning of the process (a leaked listener, a deprecated call) is a finding, not noise.
const warnings: string[] = [];
const collect = (warning: Error): void => {
  if (warning.name !== 'ExperimentalWarning') warnings.push(`${warning.name}: ${warning.message}`);
};
process.on('warning', collect);
// This file is run anew for each of the test files that share a process.
afterAll(() => {
  process.off('warning', collect);
});

beforeEach(() => {
  warnings.length = 0;
});

afterEach(() => {
  if (warnings.length > 0) throw new Error(`The process warned during this test: ${warnings.join('; ')}`);
});
