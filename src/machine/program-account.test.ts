import { expect, it } from 'vitest';
import { readIdFacts } from './owner-ids.ts';
import { resolveProgramAccount } from './program-account.ts';

const isRoot = process.getuid?.() === 0;
const ownerIds = { first: 1_900_000_000, last: 1_999_999_999 };
const nobody = { user: 'nobody', group: undefined, ownerIds } as const;
const able = {
  uidMap: '         0          0 4294967295\n',
  status: 'CapEff:\t000001ffffffffff\n',
  passwd: '',
};

it.runIf(isRoot)('numbers of owners are used where the kernel has them and lets us', () => {
  expect(resolveProgramAccount(nobody, able)).toMatchObject({
    ids: { uid: 65_534, gid: 65_534 },
    ownerIds,
    promise: expect.stringContaining('cannot read or signal each other') as string,
  });
});

it.runIf(isRoot).each([
  ['DAYBOOK_OWNER_IDS=off', { ...nobody, ownerIds: 'off' }, able],
  ['its user namespace lacks', nobody, { ...able, uidMap: '0 100000 65536\n' }],
  ['its user namespace lacks', nobody, { ...able, uidMap: '0 0 1950000000\n' }],
  ['may not change users (CAP_SETUID)', nobody, { ...able, status: 'CapEff:\t0000000000000001\n' }],
  ['may not change users', nobody, { uidMap: '', status: '', passwd: '' }],
] as const)('without them all programs share one account, and it says why: %s', (why, settings, facts) => {
  const account = resolveProgramAccount(settings, facts);
  expect(account).toMatchObject({ isolation: { user: 'nobody' }, ownerIds: null });
  expect(account.promise).toContain(why);
  expect(account.promise).toContain('each can read the environment of the others');
});

it.runIf(isRoot).each([
  [
    'of an entry',
    { passwd: 'root:x:0:0::/:/bin/sh\nana:x:1950000000:100::/:/bin/sh\n' },
    nobody,
    'ana (1950000000)',
  ],
  ['of WORKER_USER', {}, { ...nobody, user: '1900000007' }, 'WORKER_USER (1900000007)'],
] as const)('a range with the number %s is refused', (_whose, facts, settings, named) => {
  expect(() => resolveProgramAccount(settings, { ...able, ...facts })).toThrow(named);
});

it('the accounts of this machine are read', () => {
  expect(readIdFacts().passwd).toContain('root:');
});
