import { expect, it } from 'vitest';
import { phaseTime, toWaterfall } from './waterfall.ts';

it('puts hops one after the other, and leaves out what was not reached', () => {
  const { ms, rows } = toWaterfall([
    { phases: { dns: 2, connect: 3, tls: null, firstByte: 10, body: 1 } },
    { phases: { dns: null, connect: 4, tls: 6, firstByte: null, body: null } },
  ]);
  expect(ms).toBe(26);
  expect(rows.map(({ fromMs, ms: own }) => [fromMs, own])).toEqual([
    [0, 16],
    [16, 10],
  ]);
  expect(rows[1]?.bars.map(({ label, fromMs, ms: own }) => [label, fromMs, own])).toEqual([
    ['Connect', 16, 4],
    ['TLS', 20, 6],
  ]);
});

it('writes times as exactly as it matters', () => {
  expect([0.04, 9.94, 9.97, 38.4, 1_254].map(phaseTime)).toEqual([
    '0.0 ms',
    '9.9 ms',
    '10 ms',
    '38 ms',
    '1.25 s',
  ]);
});
