import { expect, it } from 'vitest';
import { port } from './value-types.ts';
import { editDistance } from './known-names.ts';
import type { Setting } from './setting.ts';
import { resolveSetting } from './resolve.ts';

const setting: Setting<number | 'off'> = {
  names: ['DAYBOOK_A_PORT', 'A_PORT'],
  toml: 'a.port',
  type: port,
  fallback: '1',
  doc: 'A port.',
};
const defaults = {
  machine: { directory: '/', cores: 1, hostName: 'h', timezone: 'UTC' },
  dataDirectory: '/data',
};

it('either name of a setting works', () => {
  const resolved = resolveSetting(setting, { env: { A_PORT: '7' }, toml: new Map(), defaults });
  expect(resolved).toMatchObject({
    value: 7,
    row: { name: 'DAYBOOK_A_PORT', origin: 'environment' },
    problems: [],
  });
});

it('two names with equal values are fine, with different values a problem that names both', () => {
  const equal = { env: { A_PORT: '7', DAYBOOK_A_PORT: '7' }, toml: new Map<string, string>(), defaults };
  expect(resolveSetting(setting, equal).problems).toEqual([]);
  const different = { ...equal, env: { A_PORT: '7', DAYBOOK_A_PORT: '8' } };
  const [problem] = resolveSetting(setting, different).problems;
  expect(problem?.message).toContain('DAYBOOK_A_PORT and A_PORT');
});

it.each([
  ['', '', 0],
  ['PORT', 'PROT', 1],
  ['SLOTS', 'SLOT', 1],
  ['HOST', 'PORT', 2],
  ['abc', '', 3],
])('the distance of %j and %j is %i', (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance);
});
