/**
 * What a job is found by: keywords, which a search for words looks at, and facets, which a filter on a key looks at.
 * Both are lexemes of one tsvector. A facet begins with a control character, so that no word ever begins one.
 */

/** The part of a job's record that is searched by words. */
export interface SearchedRecord {
  kind: string;
  name: string;
  owner: string;
  queue?: string | null;
  project?: string | null;
  tags: readonly string[];
  /** Labels that a worker must offer. */
  needs: readonly string[];
  input?: unknown;
  source?: string | null;
  foreignId?: string | null;
  message?: string | null;
  errorLine?: string | null;
  verdict?: string | null;
  ownVerdict?: string | null;
  info?: string | null;
  summary?: string | null;
}

/** Longer words are kept, and looked for, by their beginning. Far below the 2 KiB that a lexeme may have. */
export const maxWordLength = 200;

const maxWords = 2_000;
const maxArguments = 1_000;
const maxArgumentText = 2_000;
const maxDepth = 20;

/** Members of an input that may hold secrets, or are no description of the job. */
const unsearchedMembers = new Set(['env', 'stdin']);

/** Two texts are the same word when this makes them equal. */
export function foldWord(text: string): string {
  const folded = text.toLowerCase().normalize('NFC');
  return folded.length <= maxWordLength ? folded : folded.slice(0, maxWordLength).toWellFormed();
}

/** Keys whose values stand in the words of a job. */
export type FacetKey = 'kind' | 'name' | 'owner' | 'project' | 'queue' | 'tag' | 'label' | 'source';

/** The lexeme of one value of a key. */
export function facetOf(key: FacetKey, value: string): string {
  return `\u0001${key}:${foldWord(value)}`;
}

/** The lexeme of a member of the input. @param path members joined by dots */
export function argumentFacetOf(path: string, value: string): string {
  return `\u0001args:${foldWord(path)}=${foldWord(value)}`;
}

/** All lexemes of a job but its number, each once. */
export function wordsOf(record: SearchedRecord): string[] {
  const args = argumentsOf(record.input);
  const lexemes = new Set<string>(facetsOf(record));
  for (const [path, value] of args) lexemes.add(argumentFacetOf(path, value));
  for (const keyword of keywordsOf(record, args)) {
    const folded = foldWord(keyword);
    if (folded !== '') lexemes.add(folded);
    if (lexemes.size >= maxWords + maxArguments) break;
  }
  return [...lexemes].map(withoutNul);
}

function facetsOf(record: SearchedRecord): string[] {
  const { kind, name, owner, project, queue, source, tags, needs } = record;
  return [
    facetOf('kind', kind),
    facetOf('name', name),
    facetOf('owner', owner),
    ...(project == null ? [] : [facetOf('project', project)]),
    ...(queue == null ? [] : [facetOf('queue', queue)]),
    ...(source == null ? [] : [facetOf('source', source)]),
    ...tags.map((tag) => facetOf('tag', tag)),
    ...needs.map((label) => facetOf('label', label)),
  ];
}

function* keywordsOf(
  record: SearchedRecord,
  args: readonly (readonly [string, string])[],
): Generator<string> {
  const { name, kind, owner, project, queue, source, foreignId, verdict, ownVerdict } = record;
  const names = [name, owner, kind, project, queue, source, foreignId, verdict, ownVerdict];
  for (const text of [...names, ...record.tags, ...record.needs]) {
    if (text == null) continue;
    yield text;
    yield* partsOf(text);
  }
  for (const text of [record.message, record.errorLine, record.info, record.summary]) {
    if (text != null) yield* plainWordsOf(text);
  }
  for (const [, value] of args) yield* partsOf(value);
}

/** Words of a text without the punctuation around them. */
function plainWordsOf(text: string): string[] {
  return text
    .split(/\s+/)
    .map((word) => word.replaceAll(/^[\p{P}\p{S}]+|[\p{P}\p{S}]+$/gu, ''))
    .filter((word) => word !== '');
}

/** Words of a name or path: as they stand, without punctuation, by folder, and split at `_` and the last `.`. */
function* partsOf(text: string): Generator<string> {
  for (const word of text.split(/\s+/)) {
    yield word;
    yield* plainWordsOf(word);
    for (const component of word.split('/')) {
      yield component;
      yield* component.replace(/\.(?=[^.]*$)/, '_').split('_');
    }
  }
}

/**
 * Members of an input with text, as `[path, value]`: nested members joined by dots, members of lists under the path of
 * the list. A list of pairs `[option, value]`, as scripts have, counts as members named after the options, without the
 * dashes. At most the first thousand, and none that may hold secrets.
 */
export function argumentsOf(input: unknown): [path: string, value: string][] {
  const found: [string, string][] = [];
  for (const argument of membersOf(input, '', maxDepth)) {
    if (found.length >= maxArguments) break;
    found.push(argument);
  }
  return found;
}

function* membersOf(value: unknown, path: string, depth: number): Generator<[string, string]> {
  if (depth === 0) return;
  if (typeof value === 'string') {
    if (value !== '' && value.length <= maxArgumentText) yield [path, value];
  } else if (typeof value === 'number' || typeof value === 'boolean') {
    yield [path, String(value)];
  } else if (Array.isArray(value)) {
    for (const member of value as unknown[]) {
      if (isPair(member)) yield* pairMembers(member);
      else yield* membersOf(member, path, depth - 1);
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      if (path === '' && unsearchedMembers.has(name)) continue;
      yield* membersOf(member, path === '' ? name : `${path}.${name}`, depth - 1);
    }
  }
}

function isPair(value: unknown): value is [string, string] {
  return (
    Array.isArray(value) &&
    value.length === 2 &&
    value.every((part) => typeof part === 'string') &&
    (value[0] === '' || String(value[0]).startsWith('-'))
  );
}

/** `["--case", "A3"]`, `["--case=A3", ""]`, `["--quick", ""]` (its value is the empty text), `["", "file.txt"]`. */
function* pairMembers([option, value]: [string, string]): Generator<[string, string]> {
  const [name = '', ...rest] = option.replace(/^-+/, '').split('=');
  if (rest.length > 0) yield [name, rest.join('=')];
  if (value !== '' || rest.length === 0) yield [name, value.slice(0, maxArgumentText)];
}

/** PostgreSQL keeps no NUL in a text. */
function withoutNul(text: string): string {
  return text.replaceAll('\0', '\ufffd');
}
