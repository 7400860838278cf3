/** What is wrong with a rule, in our words: those of the parser speak of its inside. */
import { toCron } from './occurrences.ts';

interface Field {
  name: string;
  first: number;
  last: number;
  /** What it takes besides numbers. */
  more: string;
}

const seconds: Field = { name: 'second', first: 0, last: 59, more: '' };
const fields: readonly Field[] = [
  { name: 'minute', first: 0, last: 59, more: '' },
  { name: 'hour', first: 0, last: 23, more: '' },
  {
    name: 'day of the month',
    first: 1,
    last: 31,
    more: ', or `L` (the last), `15W` (the working day next to it)',
  },
  { name: 'month', first: 1, last: 12, more: ', or `jan` to `dec`' },
  {
    name: 'weekday',
    first: 0,
    last: 7,
    more: ', or `mon` to `sun`, `fri#2` (the second of the month), `friL` (the last)',
  },
];

const nicknames = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'];

const mostShown = 40;

/** Null: nothing. */
export function findCronProblem(cron: string): string | null {
  const texts = cron.trim().split(/\s+/);
  const isNickname = /^@[a-z]+$/i.test(cron.trim());
  if (!isNickname && texts.length !== 5 && texts.length !== 6)
    return 'expected five or six fields, or `@daily` and its like';
  try {
    return toCron(cron, 'UTC').nextRun(new Date(0)) === null ? 'is never due: there is no such day' : null;
  } catch {
    return isNickname ? describeNickname(cron.trim()) : describeFields(texts);
  }
}

function describeNickname(text: string): string {
  if (text.toLowerCase() === '@reboot') return '`@reboot` is no time: a job of it would never be due';
  return `expected five or six fields, or one of ${nicknames.join(', ')}, got ${quote(text)}`;
}

function describeFields(texts: readonly string[]): string {
  const known = texts.length === 6 ? [seconds, ...fields] : fields;
  const isTaken = (text: string, index: number): boolean =>
    text !== '' && isRule(known.map((_field, at) => (at === index ? text : '*')).join(' '));
  const index = texts.findIndex((text, at) => !isTaken(text, at));
  const field = known[index];
  const text = texts[index];
  if (!field || text === undefined)
    return `expected five or six fields that go together, got ${quote(texts.join(' '))}`;
  const item = text.split(',').find((one) => one !== '' && !isTaken(one, index)) ?? text;
  const { name, first, last, more } = field;
  const expected = `numbers from ${first} to ${last}, as \`5\`, \`5,8\`, \`5-8\`, \`*/5\`, \`5-8/2\` or \`*\`${more}`;
  return `${name}: expected ${expected}, got ${quote(item)}${turnedRound(item, field)}`;
}

function isRule(cron: string): boolean {
  try {
    return Boolean(toCron(cron, 'UTC'));
  } catch {
    return false;
  }
}

/** How to write a range that goes over the end, as `22-2` of hours. */
function turnedRound(item: string, { first, last }: Field): string {
  const [, from, to] = /^(\d{1,2})-(\d{1,2})$/.exec(item)?.map(Number) ?? [];
  if (from === undefined || to === undefined || from <= to || from > last || to < first) return '';
  return `; a range goes up: \`${from}-${last},${first}-${to}\``;
}

function quote(text: string): string {
  return `"${text.length > mostShown ? `${text.slice(0, mostShown).toWellFormed()}…` : text}"`;
}
