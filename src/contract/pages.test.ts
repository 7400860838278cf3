import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { errorsPage } from './errors-page.ts';
import { filterLanguagePage } from './filter/language-page.ts';
import { statesPage } from './states-page.ts';

const docs = join(import.meta.dirname, '../../docs');

it.each([
  ['errors.md', errorsPage()],
  ['filter-language.md', filterLanguagePage()],
  ['job-states.md', statesPage()],
])('docs/%s is what the code says; else run `node scripts/write-docs.ts`', (file, page) => {
  expect(readFileSync(join(docs, file), 'utf8')).toBe(page);
});
