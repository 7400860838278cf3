import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configurationPage } from '../src/config/configuration-page.ts';
import { errorsPage } from '../src/contract/errors-page.ts';
import { filterLanguagePage } from '../src/contract/filter/language-page.ts';
import { statesPage } from '../src/contract/states-page.ts';
import { kinds } from '../src/kinds/list.ts';

// Writes the pages that are generated from the code. A unit test beside each generator compares.
const docs = join(import.meta.dirname, '../docs');
const pages = {
  'configuration.md': configurationPage(kinds.list),
  'errors.md': errorsPage(),
  'filter-language.md': filterLanguagePage(),
  'job-states.md': statesPage(),
};
for (const [file, text] of Object.entries(pages)) {
  writeFileSync(join(docs, file), text);
  console.log(`docs/${file} is written.`);
}
