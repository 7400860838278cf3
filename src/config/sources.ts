import { parse, TomlError } from 'smol-toml';
import type { ErrorDetail } from '../contract/errors.ts';

/** The settings a file carries, flattened to `section.key`, each as the text one would set in the environment. */
export interface TomlSettings {
  texts: ReadonlyMap<string, string>;
  problems: readonly ErrorDetail[];
}

export function readToml(source: string): TomlSettings {
  const texts = new Map<string, string>();
  const problems: ErrorDetail[] = [];
  try {
    flatten(parse(source), '', texts, problems);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [what = 'not valid TOML'] = error.message.split('\n');
    problems.push({
      field: 'daybook.toml',
      message: `daybook.toml, line ${error.line}, column ${error.column}: ${what}`,
    });
  }
  return { texts, problems };
}

function flatten(table: object, prefix: string, texts: Map<string, string>, problems: ErrorDetail[]): void {
  for (const [key, value] of Object.entries(table) as [string, unknown][]) {
    const name = prefix + key;
    const text = toText(value);
    if (text !== undefined) texts.set(name, text);
    else if (isTable(value) && prefix === '') flatten(value, `${name}.`, texts, problems);
    else problems.push({ field: name, message: `${name} is no text, number, truth value or list of these` });
  }
}

function toText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (!Array.isArray(value)) return undefined;
  const items = value.map(toText);
  // A comma inside an item would silently make two of it.
  return items.every((item) => item !== undefined && !item.includes(',')) ? items.join(',') : undefined;
}

function isTable(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
