import { AppError } from '../errors.ts';
import type { KeyName } from './keys.ts';

/**
 * A filter as the language says it: every term must hold. Made by `parseFilter`, written by `printFilter`; relative
 * moments stay relative, so that a saved filter goes on meaning "the last week".
 */
export interface Filter {
  terms: readonly Term[];
}

export type Term = WordTerm | KeyTerm;

/** A word that some keyword of the job begins with, or, when exact, is. */
export interface WordTerm {
  type: 'word';
  isNot: boolean;
  text: string;
  isExact: boolean;
}

/** A key that has one of the values. */
export interface KeyTerm {
  type: 'key';
  isNot: boolean;
  key: KeyName;
  /** Behind the key: `case` of `args.case`. */
  path?: string;
  values: readonly Value[];
}

export type Value =
  /** There is a value at all. */
  | { type: 'any' }
  | { type: 'text'; text: string; isExact: boolean }
  | { type: 'choice'; choice: string }
  | { type: 'number'; range: Range<number> }
  /** Milliseconds. */
  | { type: 'duration'; range: Range<number> }
  /** As written: `2026-11-01`, `-7d`, `today`; see `resolveMoments`. */
  | { type: 'moment'; range: Range<string> };

/** Between two bounds, of which one may be missing. */
export interface Range<T> {
  from: Bound<T> | null;
  to: Bound<T> | null;
}

export interface Bound<T> {
  at: T;
  isIncluded: boolean;
}

/** A filter that cannot be read: `reason` says why, `position` counts UTF-16 units from the beginning of the text. */
export class FilterError extends AppError {
  readonly reason: string;
  readonly position: number;

  constructor(reason: string, position: number) {
    const message = `at position ${position + 1}: ${reason}`;
    super('invalid_input', 'The filter cannot be read.', { details: [{ field: 'q', message }] });
    this.name = 'FilterError';
    this.reason = reason;
    this.position = position;
  }
}
