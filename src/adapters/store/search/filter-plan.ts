import type { Filter, KeyTerm, Term, WordTerm } from '../../../contract/filter/filter.ts';
import type { KeyName } from '../../../contract/filter/keys.ts';
import { asksForObsolete, meaningOf, statesOf, type WordMeaning } from '../../../contract/filter/meaning.ts';
import { resolveMoments } from '../../../contract/filter/moments.ts';
import type { JobQuery } from '../../../domain/jobs/reader-ports.ts';
import { jobStates, type JobState } from '../../../contract/states.ts';
import { argumentFacetOf, facetOf, type FacetKey } from '../../../contract/words.ts';
import { isInState } from '../jobs/in-states.ts';
import { anyOf, keyCondition, type Condition, type ConditionContext } from './key-conditions.ts';
import { facetQuery, wordQuery } from './tsquery.ts';

/** How the jobs of a filter are found, see `find-positions.ts`. */
export interface FilterPlan {
  /** In which a job can be that fits; null: in any. */
  states: readonly JobState[] | null;
  /** All must hold, too; together they are the filter. */
  conditions: readonly Condition[];
  /** Those by which an index finds jobs, perhaps few. */
  narrow: readonly Condition[];
  /** One of these, or what is asked for besides, says whose jobs, or of which queue. */
  areInOrder: boolean;
  /** Conditions on single columns, of which at least one has an index in the order of the diary, are all there is. */
  isDirect: boolean;
  /** What the index of words can narrow the search to; null where it cannot. */
  driver: Driver | null;
}

export interface Driver {
  /** Texts of tsqueries, all of which must fit. */
  queries: readonly string[];
  /** Jobs that are found by a column instead of a keyword. */
  columns: readonly Column[];
  /** What it leaves to be checked. */
  residual: readonly Condition[];
}

export interface Column extends Condition {
  /** It says that the job is in one of these, and nothing else. */
  states?: readonly JobState[];
}

/**
 * The plan of a filter: its meaning as SQL, and what there is to find it by.
 * @param plain what is asked for besides; owner and queue are left to the caller
 */
export function planFilter(
  filter: Filter,
  context: ConditionContext,
  plain: Pick<JobQuery, 'states' | 'owner' | 'queue'> = {},
): FilterPlan {
  const terms = filter.terms.flatMap((term, index) =>
    statesAsked(term) ? [] : planTerm(term, filter.terms[index - 1], context),
  );
  const others: Condition[] = asksForObsolete(filter)
    ? []
    : [{ sql: `job.assessment is distinct from 'obsolete'`, values: [] }];
  const states = filter.terms.reduce(statesLeft, plain.states ?? null);
  const narrow = terms.filter(({ term }) => isIndexed(term)).map(({ condition }) => condition);
  const isDirect =
    (narrow.length > 0 || states !== null) &&
    terms.every(({ term }) => term.type === 'key' && (directKeys.has(term.key) || isMine(term)));
  return {
    states,
    conditions: [...terms.map(({ condition }) => condition), ...others],
    narrow,
    areInOrder:
      plain.owner !== undefined ||
      plain.queue !== undefined ||
      terms.some(({ term }) => isIndexed(term) && (term.key === 'owner' || isMine(term))),
    isDirect,
    driver: isDirect ? null : driverOf(terms, others),
  };
}

/** In which of some states (null: of all) a job can be that fits a term. */
function statesLeft(some: readonly JobState[] | null, term: Term): readonly JobState[] | null {
  const named = statesAsked(term) ?? statesImplied(term);
  if (named === null) return some;
  return (some ?? jobStates).filter((state) => named.includes(state) !== term.isNot);
}

/** Null when a term asks for something else, too. */
function statesAsked(term: Term): readonly JobState[] | null {
  if (term.type !== 'key' || (term.key !== 'state' && term.key !== 'is')) return null;
  const named = term.values.map((value) => (value.type === 'choice' ? statesOf(value.choice) : []));
  return named.some(({ length }) => length === 0) ? null : named.flat();
}

/** Nothing but a failed job has such a thing. */
function statesImplied(term: Term): readonly JobState[] | null {
  const isOfFailed = term.type === 'key' && (term.key === 'family' || term.key === 'reason');
  return isOfFailed && !term.isNot ? ['failed'] : null;
}

interface TermPlan {
  term: Term;
  condition: Condition;
  /** What the index of words knows of it, as a tsquery; null when nothing. */
  query: string | null;
  /** Other ways in which a job may fit. */
  columns: readonly Column[];
  /** The index gives exactly the jobs that fit. */
  isAnswered: boolean;
}

function planTerm(term: Term, before: Term | undefined, context: ConditionContext): TermPlan {
  const meaning = term.type === 'word' ? meaningOf(term, before) : null;
  const columns = meaning ? meaningConditions(meaning, context) : [];
  const positive =
    term.type === 'word' ? anyOf([wordCondition(term), ...columns]) : keyCondition(term, context);
  // What is not known is not so: a job without an exit code has no exit code above 0.
  const condition = term.isNot ? { ...positive, sql: `(${positive.sql}) is not true` } : positive;
  const query = term.isNot ? null : term.type === 'word' ? wordQuery(term) : keyQuery(term);
  const isAnswered = columns.length === 0 && (term.type === 'word' || term.key === 'args');
  return { term, condition, query, columns, isAnswered };
}

function wordCondition(term: WordTerm): Condition {
  return { sql: 'w.words @@ ?::tsquery', values: [wordQuery(term)], readsWords: true };
}

function meaningConditions(
  { states, analyses, assessments, days }: WordMeaning,
  context: ConditionContext,
): Column[] {
  const listed = (column: string, names: readonly string[]): Condition[] =>
    names.length === 0
      ? []
      : [{ sql: `${column} in (${names.map((name) => `'${name}'`).join(', ')})`, values: [] }];
  const found: Column[] = [
    ...(states.length === 0 ? [] : [{ sql: isInState(states), values: [], states }]),
    ...listed('job.analysis', analyses),
    ...listed('job.assessment', assessments),
  ];
  if (!days) return found;
  const range = { from: { at: days.first, isIncluded: true }, to: { at: days.last, isIncluded: true } };
  const { fromMs, untilMs } = resolveMoments(range, context);
  const at = (operator: string): string =>
    `job.submitted_at ${operator} timestamptz 'epoch' + ?::bigint * interval '1 millisecond'`;
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
  'keep',
  'show',
]);

/** It says whose jobs: by name in the index of owners. */
function isMine({ key, values }: KeyTerm): boolean {
  return key === 'is' && values.every((value) => value.type === 'choice' && value.choice === 'mine');
}

/** Values by which an index finds jobs in the order of the diary, or only few. */
function isIndexed(term: Term): term is KeyTerm {
  if (term.type !== 'key' || term.isNot) return false;
  switch (term.key) {
    case 'id':
    case 'parent':
    case 'analysis':
    case 'assessment':
      return term.values.every(({ type }) => type !== 'any');
    case 'keep':
      return term.values.every((value) => value.type === 'choice' && value.choice === 'yes');
    case 'is':
      return isMine(term);
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

/** All words and facets that mean nothing else at once, or else the first word that does. */
function driverOf(terms: readonly TermPlan[], others: readonly Condition[]): Driver | null {
  const known = terms.flatMap(({ query, ...term }) => (query === null ? [] : [{ ...term, query }]));
  const plain = known.filter(({ columns }) => columns.length === 0);
  const used = plain.length > 0 ? plain : known.slice(0, 1);
  if (used.length === 0) return null;
  const answered = new Set(used.filter(({ isAnswered }) => isAnswered).map(({ condition }) => condition));
  return {
    queries: used.map(({ query }) => query),
    columns: used.flatMap(({ columns }) => columns),
    residual: [...terms.map(({ condition }) => condition).filter((one) => !answered.has(one)), ...others],
  };
}

function keyQuery({ key, path, values }: KeyTerm): string | null {
  if (key === 'args') return facetQuery(values, (value) => argumentFacetOf(path ?? '', value));
  const facet = facets[key];
  if (!facet || values.some(({ type }) => type !== 'text')) return null;
  return facetQuery(values, (value) => facetOf(facet, value));
}
