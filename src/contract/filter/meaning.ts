import { analyses, assessments, endedStates, isEnded, jobStates, type JobState } from '../states.ts';
import { foldWord } from '../words.ts';
import type { Filter, KeyTerm, Term, WordTerm } from './filter.ts';

/**
 * What a word means besides the keywords of a job. State, analysis, assessment and the day of the submit change, or
 * depend on who looks, so they stand in no index of words; a word that begins (exact: is) one of them finds the job
 * just as a keyword would. `fin` finds what is finished as well as `final_report`.
 */
export interface WordMeaning {
  states: readonly JobState[];
  analyses: readonly string[];
  assessments: readonly string[];
  /** Days from the first to the last, both included, as ISO dates. */
  days: { first: string; last: string } | null;
}

const assessmentWords = [...assessments.map((name) => [name, name] as const), ['nok', 'not ok'] as const];

/** Null when the word means nothing but keywords. @param before the term in front of it */
export function meaningOf(term: WordTerm, before: Term | undefined): WordMeaning | null {
  const word = foldWord(term.text);
  const fits = (name: string): boolean => (term.isExact ? name === word : name.startsWith(word));
  const meant = assessmentWords.filter(([name]) => fits(name)).map(([, assessment]) => assessment);
  // Two words for people, one keyword for contract D.
  if (word === 'ok' && isPlainWord(before, 'not') && !term.isNot) meant.push('not ok');
  const meaning = {
    states: jobStates.filter(fits),
    analyses: analyses.filter(fits),
    assessments: [...new Set(meant)],
    days: daysOf(word, term.isExact),
  };
  const { states, days } = meaning;
  return states.length + meaning.analyses.length + meant.length > 0 || days ? meaning : null;
}

function isPlainWord(term: Term | undefined, text: string): boolean {
  return term?.type === 'word' && !term.isNot && !term.isExact && foldWord(term.text) === text;
}

/** Days whose ISO date begins with the text: `2018` is a year, `201` ten of them, `2018-1` its last three months. */
function daysOf(text: string, isExact: boolean): WordMeaning['days'] {
  if (!(isExact ? /^\d{4}-\d\d-\d\d$/ : /^(\d{1,4}|\d{4}-(\d(\d(-(\d(\d)?)?)?)?)?)$/).test(text)) return null;
  const first = clampDate(text + '0000-00-00'.slice(text.length), 1);
  const last = clampDate(text + '9999-99-99'.slice(text.length), -1);
  return first && last && first <= last ? { first, last } : null;
}

/** The nearest real day on the side that `step` says; null when the part that was given is none. */
function clampDate(text: string, step: 1 | -1): string | null {
  const [year = 0, month = 0, day = 0] = text.split('-').map(Number);
  const [y, m] = [Math.max(1, year), Math.min(12, Math.max(1, month))];
  const date = new Date(0);
  // A month without such a day, or without any given, ends where the next begins.
  date.setUTCFullYear(y, m, 0);
  const d = Math.min(date.getUTCDate(), Math.max(1, day));
  const clamped = `${String(y).padStart(4, '0')}-${twoDigits(m)}-${twoDigits(d)}`;
  const isInside = step === 1 ? clamped >= text : clamped <= text;
  return isInside ? clamped : null;
}

function twoDigits(count: number): string {
  return String(count).padStart(2, '0');
}

/** States that a term on `state` or `is` stands for. */
export function statesOf(choice: string): JobState[] {
  if (choice === 'ended') return [...endedStates];
  if (choice === 'live') return jobStates.filter((state) => !isEnded(state));
  return jobStates.filter((state) => state === choice);
}

/**
 * Jobs assessed as obsolete are left out, unless the filter asks for them: by a term on the assessment, by
 * `show:obsolete`, by naming jobs (`id`, `uid`), or by a word of at least three letters that begins "obsolete".
 */
export function asksForObsolete({ terms }: Filter): boolean {
  return terms.some((term) => {
    if (term.isNot) return false;
    if (term.type === 'key') return namesObsolete(term);
    const word = foldWord(term.text);
    return word.length >= 3 && 'obsolete'.startsWith(word);
  });
}

function namesObsolete({ key, values }: KeyTerm): boolean {
  if (key === 'id' || key === 'uid' || key === 'show') return true;
  if (key !== 'assessment') return false;
  return values.some(
    (value) => value.type === 'any' || (value.type === 'choice' && value.choice === 'obsolete'),
  );
}
