import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { apiTypes } from '../../scripts/api-types.ts';

it('the pages know the API as it is described today', { timeout: 60_000 }, async () => {
  const file = join(import.meta.dirname, '../../web/src/api/generated.ts');
  expect(readFileSync(file, 'utf8'), 'run: node scripts/write-api-types.ts').toBe(await apiTypes());
});
