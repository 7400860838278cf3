import { expect, it } from 'vitest';
import { describeCommand } from './attempt-view.ts';
import { describeLimits } from './limits-view.ts';

it('a command is written as a shell would read it', () => {
  expect(describeCommand(['/opt/solve.sh', '--case', 'A 3', "it's", '', '$HOME'])).toBe(
    `/opt/solve.sh --case 'A 3' 'it'\\''s' '' '$HOME'`,
  );
});

it('limits are told with their units, and none not at all', () => {
  expect(
    describeLimits({ memoryBytes: 80 * 1024 ** 2, cpuSeconds: 90, openFiles: 64, timeoutSeconds: 5 }),
  ).toBe('5.0 s, 1 min 30 s of CPU, 80.0 MiB of memory, 64 open files');
  expect(describeLimits({})).toBeUndefined();
  expect(describeLimits(null)).toBeUndefined();
});
