import { invalidField } from '../../contract/errors.ts';
import type { Filter, KeyTerm, Term } from '../../contract/filter/filter.ts';
import { parseFilter } from '../../contract/filter/parse.ts';
import type { RetentionTerms } from '../../contract/retention.ts';

const dayMs = 86_400_000;

/** The filter of a rule. @throws AppError `invalid_input` for one that depends on who asks; FilterError */
export function parseRuleFilter(text: string): Filter {
  const filter = parseFilter(text);
  if (filter.terms.some(isAboutWhoAsks)) {
    throw invalidField(
      'filter',
      'is:mine depends on who asks, and a rule is nobody; name the owner instead: owner:ana',
    );
  }
  return filter;
}

/** Jobs that ended before this moment are old enough. */
export function cutoffOf({ olderThanDays }: Pick<RetentionTerms, 'olderThanDays'>, now: Date): Date {
  return new Date(now.getTime() - olderThanDays * dayMs);
}

/** The same filter for jobs alone that the rule would find something to remove of. */
export function narrowedFilter(
  terms: RetentionTerms,
  { now, isKept }: { now: Date; isKept: boolean },
): Filter {
  const ended = { from: null, to: { at: cutoffOf(terms, now).toISOString(), isIncluded: false } };
  return {
    terms: [
      ...parseRuleFilter(terms.filter).terms,
      term('ended', { type: 'moment', range: ended }),
      term('keep', { type: 'choice', choice: isKept ? 'yes' : 'no' }),
      ...partTerms(terms),
    ],
  };
}

/** Of a rule that takes a part of a job: jobs that have it. */
export function partTerms({ removes }: Pick<RetentionTerms, 'removes'>): KeyTerm[] {
  return removes === 'job' ? [] : [term('has', { type: 'choice', choice: removes })];
}

function term(key: KeyTerm['key'], value: KeyTerm['values'][number]): KeyTerm {
  return { type: 'key', isNot: false, key, values: [value] };
}

function isAboutWhoAsks(one: Term): boolean {
  return (
    one.type === 'key' &&
    one.key === 'is' &&
    one.values.some((value) => value.type === 'choice' && value.choice === 'mine')
  );
}
