import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { kinds } from '../kinds/list.ts';
import { configurationPage } from './configuration-page.ts';
import { settings } from './registry.ts';
import { listSettings } from './setting.ts';

it('docs/configuration.md is what the registry says; else run `node scripts/write-docs.ts`', () => {
  const committed = readFileSync(join(import.meta.dirname, '../../docs/configuration.md'), 'utf8');
  expect(committed).toBe(configurationPage(kinds.list));
});

it('every setting stands in the page and has names of its own', () => {
  const page = configurationPage(kinds.list);
  const all = [...listSettings(settings), ...kinds.list.flatMap((kind) => listSettings(kind.settings ?? {}))];
  const names = all.flatMap((setting) => [...setting.names]);
  for (const { names } of all) expect(page).toContain(`| ${names.map((name) => `\`${name}\``).join(', ')} |`);
  expect(new Set(names).size).toBe(names.length);
  const keys = all.map((setting) => setting.toml);
  expect(new Set(keys).size).toBe(keys.length);
});
