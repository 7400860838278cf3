import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configurationPage } from '../src/config/configuration-page.ts';

// Writes the pages that are generated from the code. A unit test beside each generator compares.
const docs = join(import.meta.dirname, '../docs');
writeFileSync(join(docs, 'configuration.md'), configurationPage());
console.log('docs/configuration.md is written.');
