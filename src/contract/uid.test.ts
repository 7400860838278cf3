import { expect, it } from 'vitest';
import { shownUid, toUid } from './uid.ts';

const shown = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11';

it.each([
  shown,
  'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11',
  'a0eebc999c0b4ef8bb6d6bb9bd380a11',
  '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}',
  'a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11',
  '{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}',
])('%s is one, shown in one form', (text) => {
  expect(toUid(text)).toBe(shown);
});

it.each([
  '',
  `{${shown}`,
  `${shown}}`,
  'a0eebc9-99c0b-4ef8-bb6d-6bb9bd380a11',
  `${shown}-`,
  `${shown}0`,
  'x',
])('"%s" is none', (text) => {
  expect(toUid(text)).toBeNull();
});

it('is of any version', () => {
  for (const uid of ['ffffffff-ffff-ffff-ffff-ffffffffffff', 'aaaaaaaa-bbbb-0ccc-0ddd-eeeeeeeeeeee']) {
    expect(toUid(uid)).toBe(uid);
    expect(shownUid.safeParse(uid).success).toBe(true);
  }
});
