import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { canReach } from '../../../lib/file-access.ts';
import { chooseAccount } from './account.ts';

const passwd = `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1::/:/bin/false
nobody:x:65534:65534::/:/bin/false
`;
const withPostgres = `${passwd}postgres:x:101:104::/:/bin/sh\n`;

it('the account called postgres is preferred', () => {
  expect(chooseAccount(undefined, 'nobody', withPostgres)).toEqual({ uid: 101, gid: 104 });
});

it('without it nobody serves, unless programs run as nobody, by name or by number', () => {
  expect(chooseAccount(undefined, undefined, passwd)).toEqual({ uid: 65_534, gid: 65_534 });
  expect(chooseAccount(undefined, 'nobody', passwd)).toEqual({ uid: 1, gid: 1 });
  expect(chooseAccount(undefined, '65534', passwd)).toEqual({ uid: 1, gid: 1 });
});

it('the owner of an existing database stays in charge, but not root and not the account of programs', () => {
  const owner = { uid: 1000, gid: 1000 };
  expect(chooseAccount(owner, 'nobody', withPostgres)).toEqual(owner);
  expect(chooseAccount({ uid: 0, gid: 0 }, 'nobody', withPostgres)).toEqual({ uid: 101, gid: 104 });
  expect(chooseAccount({ uid: 65_534, gid: 65_534 }, 'nobody', withPostgres)).toEqual({ uid: 101, gid: 104 });
});

it('where no account is free there is none', () => {
  expect(chooseAccount(undefined, undefined, 'root:x:0:0::/:/bin/sh\n')).toBeUndefined();
});

it('a path is out of reach when any folder on the way is closed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'daybook-reach-'));
  const stranger = { uid: statSync(folder).uid + 4321, gid: statSync(folder).gid + 4321 };
  const file = join(folder, 'inner/file');
  mkdirSync(join(folder, 'inner'));
  writeFileSync(file, '');
  chmodSync(folder, 0o755);
  chmodSync(join(folder, 'inner'), 0o755);
  chmodSync(file, 0o644);
  expect(canReach(file, stranger)).toBe(true);
  chmodSync(file, 0o600);
  expect(canReach(file, stranger)).toBe(false);
  chmodSync(file, 0o644);
  chmodSync(folder, 0o700);
  expect(canReach(file, stranger)).toBe(false);
  expect(canReach(file, undefined)).toBe(true);
  rmSync(folder, { recursive: true });
});
