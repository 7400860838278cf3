import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { isEventName, jobEvents } from '../../contract/events.ts';

/** One row that a statement of the store writes into `events`: its name and its data, as SQL. */
interface Written {
  at: string;
  name: string;
  data: string;
}

// The state that a job or an attempt came to is the name of what happened to it.
const stateNames = ['queued', 'scheduled', 'succeeded', 'failed', 'cancelled', 'finished', 'released'];

const written = globSync('**/*.ts', { cwd: import.meta.dirname })
  .filter((file) => !file.endsWith('.test.ts'))
  .flatMap(readWritten);

it('every statement of the store that writes a history was found', () => {
  expect(written.length).toBeGreaterThanOrEqual(18);
  expect(new Set(written.flatMap(namesOf))).toEqual(new Set(Object.keys(jobEvents)));
});

it.each(written)('$at writes what the registry says of: $name', (row) => {
  const names = namesOf(row);
  expect(names.filter((name) => !isEventName(name))).toEqual([]);
  const known = names.filter(isEventName).flatMap((name) => membersOf(jobEvents[name].data));
  expect(membersIn(row.data).filter((member) => !known.includes(member))).toEqual([]);
});

function namesOf({ name }: Written): string[] {
  const literal = /^'([^']+)'$/.exec(name)?.[1];
  return literal === undefined ? stateNames : [literal];
}

function membersOf(data: z.ZodType): string[] {
  return data instanceof z.ZodObject ? Object.keys(data.shape) : [];
}

/** Every second argument of `json_build_object` is a name. */
function membersIn(data: string): string[] {
  const [, items] = data.split('json_build_object(');
  return topLevelItems(items ?? '')
    .filter((_, at) => at % 2 === 0)
    .map((name) => name.replaceAll("'", ''))
    .filter((name) => name !== '');
}

function readWritten(file: string): Written[] {
  const source = readFileSync(join(import.meta.dirname, file), 'utf8');
  return [...source.matchAll(/insert into events \(([^)]+)\)\s+(values|select)/g)].flatMap((match) => {
    const columns = (match[1] ?? '').split(', ');
    const rest = source.slice(match.index + match[0].length);
    const rows = match[2] === 'values' ? [rest.slice(rest.indexOf('(') + 1)] : splitUnion(rest);
    return rows.map((row) => {
      const items = topLevelItems(row);
      const item = (column: string): string => items[columns.indexOf(column)] ?? '';
      return { at: file, name: item('name'), data: item('data') };
    });
  });
}

/** The select lists of a statement and of those that `union all` adds to it. */
function splitUnion(text: string): string[] {
  const [own = '', ...others] = (text.split(/\n\)|`/)[0] ?? '').split(/union all\s+select/);
  return [own, ...others];
}

/** What stands between commas outside of brackets and texts, up to the `from` or the end of the brackets. */
function topLevelItems(text: string): string[] {
  const items = [''];
  let depth = 0;
  let isText = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] ?? '';
    if (character === "'") isText = !isText;
    else if (!isText && character === '(') depth += 1;
    else if (!isText && character === ')') depth -= 1;
    if (depth < 0 || (depth === 0 && !isText && /^\s+from\s/.test(text.slice(at)))) break;
    if (depth === 0 && !isText && character === ',') items.push('');
    else items[items.length - 1] += character;
  }
  return items.map((item) => item.trim().replaceAll(/\s+/g, ' '));
}
