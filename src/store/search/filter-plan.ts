import type { Filter, KeyTerm, Term, WordTerm } from '../../contract/filter/filter.ts';
import type { KeyName } from '../../contract/filter/keys.ts';
import { asksForObsolete, meaningOf, type WordMeaning } from '../../contract/filter/meaning.ts';
import { resolveMoments } from '../../contract/filter/moments.ts';
import { argumentFacetOf, facetOf, type FacetKey } from '../../contract/words.ts';
import { anyOf, keyCondition, type Condition, type ConditionContext } from './key-conditions.ts';
import { facetQuery, wordQuery } from './tsquery.ts';

/** How the jobs of a filter are found, see `find-positions.ts`. */
export interface FilterPlan {
  /** All must hold; together they are the filter. */
  conditions: readonly Condition[];
  /** Conditions on single columns, of which at least one has an index in the order of the diary, are all there is. */
  isDirect: boolean;
  /** What the index of words can narrow the search to; null where it cannot. */
  driver: Driver | null;
}

export interface Driver {
  /** Text of a tsquery. */
  query: string;
  /** Jobs that are found by a column instead of a keyword. */
  columns: readonly Condition[];
}

/** The plan of a filter: its meaning as SQL, and what there is to find it by. */
export function planFilter(filter: Filter, context: ConditionContext): FilterPlan {
  const { terms } = filter;
  const conditions = terms.map((term, index) => termCondition(term, terms[index - 1], context));
  if (!asksForObsolete(filter)) {
    conditions.push({ sql: `j.assessment is distinct from 'obsolete'`, values: [] });
  }
  const isDirect =
    terms.some(isIndexed) && terms.every((term) => term.type === 'key' && directKeys.has(term.key));
  return { conditions, isDirect, driver: isDirect ? null : driverOf(terms, context) };
}

function termCondition(term: Term, before: Term | undefined, context: ConditionContext): Condition {
  const condition = term.type === 'word' ? wordCondition(term, before, context) : keyCondition(term, context);
  // What is not known is not so: a job without an exit code has no exit code above 0.
  return term.isNot ? { ...condition, sql: `(${condition.sql}) is not true` } : condition;
}

function wordCondition(term: WordTerm, before: Term | undefined, context: ConditionContext): Condition {
  const words: Condition = { sql: 'w.words @@ ?::tsquery', values: [wordQuery(term)], readsWords: true };
  const meaning = meaningOf(term, before);
  return meaning ? anyOf([words, ...meaningConditions(meaning, context)]) : words;
}

function meaningConditions(
  { states, analyses, assessments, days }: WordMeaning,
  context: ConditionContext,
): Condition[] {
  const listed = (column: string, names: readonly string[]): Condition[] =>
    names.length === 0
      ? []
      : [{ sql: `${column} in (${names.map((name) => `'${name}'`).join(', ')})`, values: [] }];
  const found = [
    ...listed('j.state', states),
    ...listed('j.analysis', analyses),
    ...listed('j.assessment', assessments),
  ];
  if (!days) return found;
  const range = { from: { at: days.first, isIncluded: true }, to: { at: days.last, isIncluded: true } };
  const { fromMs, untilMs } = resolveMoments(range, context);
  const at = (operator: string): string =>
    `j.submitted_at ${operator} timestamptz 'epoch' + ?::bigint * interval '1 millisecond'`;
  return [...found, { sql: `(${at('>=')} and ${at('<')})`, values: [fromMs, untilMs] }];
}

/** Keys that are compared with a column of the job alone. */
const directKeys: ReadonlySet<KeyName> = new Set<KeyName>([
  'id',
  'uid',
  'owner',
  'family',
  'state',
  'analysis',
  'assessment',
  'parent',
  'submitted',
  'show',
]);

/** Values by which an index finds jobs in the order of the diary, or only few. */
function isIndexed(term: Term): boolean {
  if (term.type !== 'key' || term.isNot) return false;
  switch (term.key) {
    case 'id':
    case 'parent':
    case 'analysis':
    case 'assessment':
    case 'state':
      return term.values.every(({ type }) => type !== 'any');
    case 'owner':
    case 'family':
    case 'uid':
      return term.values.every((value) => value.type === 'text' && value.isExact);
    default:
      return false;
  }
}

/** Keys whose values stand in the words. */
const facets: Partial<Record<KeyName, FacetKey>> = {
  kind: 'kind',
  name: 'name',
  owner: 'owner',
  project: 'project',
  queue: 'queue',
  tag: 'tag',
  label: 'label',
  source: 'source',
};

function driverOf(terms: readonly Term[], context: ConditionContext): Driver | null {
  const queries: string[] = [];
  let ambiguous: Driver | null = null;
  for (const [index, term] of terms.entries()) {
    if (term.isNot) continue;
    if (term.type === 'key') {
      const query = keyQuery(term);
      if (query !== null) queries.push(query);
      continue;
    }
    const meaning = meaningOf(term, terms[index - 1]);
    if (meaning) ambiguous ??= { query: wordQuery(term), columns: meaningConditions(meaning, context) };
    else queries.push(wordQuery(term));
  }
  return queries.length > 0 ? { query: queries.join(' & '), columns: [] } : ambiguous;
}

function keyQuery({ key, path, values }: KeyTerm): string | null {
  if (key === 'args') return facetQuery(values, (value) => argumentFacetOf(path ?? '', value));
  const facet = facets[key];
  if (!facet || values.some(({ type }) => type !== 'text')) return null;
  return facetQuery(values, (value) => facetOf(facet, value));
}
