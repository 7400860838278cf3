import { chmodSync, cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { binariesIn, findBinaries } from '../../src/adapters/store/embedded-postgres/binaries.ts';
import { ask, isRoot, openWorkshop, type Workshop } from '../support/embedded.ts';

let workshop: Workshop;

beforeEach(() => {
  workshop = openWorkshop();
});

afterEach(async () => {
  await workshop.close();
});

function packageWithoutLinks(folder: string): ReturnType<typeof binariesIn> {
  const original = findBinaries();
  cpSync(original.directory, folder, {
    recursive: true,
    // As npm unpacks it when install scripts do not run: the links of the libraries are missing.
    filter: (source) => !source.endsWith('.a') && !/lib(icu|pq|ecpg|pgtypes)[^/]*\.so(\.\d+)?$/.test(source),
  });
  return binariesIn(folder, original);
}

it('library links that no install script made are made at the start', async () => {
  const database = workshop.create({ binaries: packageWithoutLinks(join(workshop.folder, 'native')) });
  await database.start();
  expect(await ask(database.connection, 'select 1 as one')).toEqual([{ one: 1 }]);
});

it('binaries that cannot be used where they are run from a copy', async () => {
  const closed = join(workshop.folder, 'closed');
  mkdirSync(closed);
  const binaries = packageWithoutLinks(join(closed, 'native'));
  // As root: a clone below /root. As a person: read-only modules in which links are missing.
  chmodSync(isRoot ? closed : join(closed, 'native/lib'), isRoot ? 0o700 : 0o500);
  const database = workshop.create({ binaries });
  await database.start();
  expect(await ask(database.connection, 'select 1 as one')).toEqual([{ one: 1 }]);
  if (!isRoot) chmodSync(join(closed, 'native/lib'), 0o700);
  await database.stop();
  const again = workshop.create({ binaries });
  await again.start();
});
