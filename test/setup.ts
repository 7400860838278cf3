import { afterEach, beforeEach } from 'vitest';

// A warning of the process (a leaked listener, a deprecated call) is a finding, not noise.
const warnings: string[] = [];
process.on('warning', (warning) => {
  if (warning.name !== 'ExperimentalWarning') warnings.push(`${warning.name}: ${warning.message}`);
});

beforeEach(() => {
  warnings.length = 0;
});

afterEach(() => {
  if (warnings.length > 0) throw new Error(`The process warned during this test: ${warnings.join('; ')}`);
});
