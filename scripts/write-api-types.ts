/**
 * Writes web/src/api/generated.ts: what the pages know of the API, from the very description that /api/v1/openapi.json
 * gives out. A test compares.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { apiTypes } from './api-types.ts';

const file = join(import.meta.dirname, '../web/src/api/generated.ts');
writeFileSync(file, await apiTypes());
console.log('web/src/api/generated.ts is written.');
