import { z } from 'zod';

/*
 * The words of everything that zod finds wrong with what people sent, where the schema has none of its own. They stand
 * beside the name of a field, so they say what was expected and what came. Whoever checks what people send imports this.
 */
z.config({ customError: (issue) => wordsOf(issue) });

function wordsOf(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${typeNames[issue.expected] ?? issue.expected}, got ${nameOf(issue.input)}`;
    case 'invalid_value':
      return `expected ${issue.values.length === 1 ? '' : 'one of '}${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return `expected ${lower(issue)}`;
    case 'too_big':
      return `expected ${amountOf(issue.origin, `${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}`)}${lengthOf(issue.input)}`;
    case 'not_multiple_of':
      return `expected a multiple of ${issue.divisor}`;
    case 'invalid_format':
      return `expected ${formats[issue.format] ?? (issue.pattern ? `text that matches ${issue.pattern}` : issue.format)}`;
    case 'unrecognized_keys':
      return `knows no ${issue.keys.join(', ')}`;
    case 'invalid_union':
      return 'none of the forms fits';
    default:
      return undefined;
  }
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'an object',
  record: 'an object',
  undefined: 'nothing',
  never: 'nothing',
};

const formats: Readonly<Record<string, string>> = {
  email: 'an e-mail address',
  url: 'a URL',
  uuid: 'a UUID',
  datetime: 'a date and time with a zone, such as 2026-11-22T02:44:13Z',
  date: 'a date such as 2026-11-22',
};

function nameOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (Number.isNaN(value)) return 'none';
  if (typeof value === 'number') return String(value);
  return typeNames[typeof value] ?? typeof value;
}

function lower({
  origin,
  minimum,
  inclusive,
}: {
  origin: string;
  minimum: number | bigint;
  inclusive?: boolean;
}): string {
  const isFilled = minimum === 1 && inclusive !== false;
  if (isFilled && origin === 'array') return 'at least one';
  if (isFilled && origin === 'string') return 'text, got none';
  return amountOf(origin, `${inclusive === false ? 'more than' : 'at least'} ${minimum}`);
}

function amountOf(origin: string, amount: string): string {
  if (origin === 'string') return `${amount} characters`;
  return origin === 'number' || origin === 'int' ? `a number, ${amount}` : `${amount} items`;
}

function lengthOf(value: unknown): string {
  return typeof value === 'string' || Array.isArray(value) ? `, got ${value.length}` : '';
}
