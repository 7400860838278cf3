import { computed, type ComputedRef, type Ref } from 'vue';
import { FilterError, type Term } from '../../../../src/contract/filter/filter.ts';
import { parseFilter } from '../../../../src/contract/filter/parse.ts';
import { printFilter, printTerm } from '../../../../src/contract/filter/print.ts';

export interface FilterTerm {
  text: string;
  isWord: boolean;
}

/** A filter as its terms, so that each can be shown, taken away and added; by the parser that the server uses. */
export function useFilterTerms(filter: Ref<string>): {
  terms: ComputedRef<FilterTerm[]>;
  has: (text: string) => boolean;
  toggle: (text: string) => void;
  remove: (text: string) => void;
} {
  const parsed = computed(() => tryParse(filter.value) ?? []);
  const terms = computed(() =>
    parsed.value.map((term) => ({ text: printTerm(term), isWord: term.type === 'word' })),
  );
  const has = (text: string): boolean => terms.value.some((term) => term.text === text);
  const remove = (text: string): void => {
    filter.value = printFilter({ terms: parsed.value.filter((term) => printTerm(term) !== text) });
  };
  return {
    terms,
    has,
    remove,
    toggle: (text) => {
      if (has(text)) remove(text);
      else filter.value = `${filter.value} ${text}`.trim();
    },
  };
}

/** What is wrong with a filter, in words; null when nothing is. */
export function filterProblem(text: string): string | null {
  try {
    parseFilter(text);
    return null;
  } catch (error) {
    if (error instanceof FilterError) return error.reason;
    throw error;
  }
}

/** Whether two filters say the same in the same order, however they are written. */
export function sameFilter(a: string, b: string): boolean {
  const [one, other] = [tryParse(a), tryParse(b)];
  if (!one || !other) return a === b;
  return printFilter({ terms: one }) === printFilter({ terms: other });
}

function tryParse(text: string): readonly Term[] | null {
  try {
    return parseFilter(text).terms;
  } catch (error) {
    if (error instanceof FilterError) return null;
    throw error;
  }
}
