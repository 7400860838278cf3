/** The inside of a thread that checks what a body must match. */
import { isDeepStrictEqual } from 'node:util';
import { parentPort } from 'node:worker_threads';
import { jsonpath } from 'json-p3';
import type { UrlExpectation } from './contract/url-test.ts';

export interface ConditionQuestion {
  text: string;
  isCut: boolean;
  patterns: readonly string[];
  json: UrlExpectation['json'];
}

export interface ConditionAnswer {
  problems: string[];
  /** What the rest of a body that was cut decides: patterns, between slashes, and paths. */
  undecided: string[];
  /** Of the processor, by this thread in all. */
  usedMs: number;
}

parentPort?.on('message', (question: ConditionQuestion) => {
  const ofPatterns = matchAll(question);
  const ofJson = readJson(question);
  const { user, system } = process.threadCpuUsage();
  const answer: ConditionAnswer = {
    problems: [...ofPatterns.problems, ...ofJson.problems],
    undecided: [...ofPatterns.undecided, ...ofJson.undecided],
    usedMs: (user + system) / 1000,
  };
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(answer);
});

type Found = Pick<ConditionAnswer, 'problems' | 'undecided'>;

const nothing: Found = { problems: [], undecided: [] };

function matchAll({ text, isCut, patterns }: ConditionQuestion): Found {
  const unmatched = patterns.filter((pattern) => !isMatched(pattern, text, isCut));
  return isCut
    ? { problems: [], undecided: unmatched.map((pattern) => `/${pattern}/`) }
    : { problems: unmatched.map((pattern) => `The body does not match /${pattern}/.`), undecided: [] };
}

/** One of each sort that `$`, `\b` and `\B` tell apart. */
const mayFollow = ['a', ' ', '\n'];

/** In a text that was cut: whatever follows. An absence, as `(?!…)` asks for it, is taken for what is seen of it. */
function isMatched(pattern: string, text: string, isCut: boolean): boolean {
  const expression = new RegExp(pattern, 'u');
  if (!expression.test(text)) return false;
  if (!isCut || !/\$|\\b/i.test(pattern)) return true;
  return mayFollow.every((next) => expression.test(text + next));
}

function readJson({ text, isCut, json }: ConditionQuestion): Found {
  if (json.length === 0) return nothing;
  if (isCut && mayBeginJson.test(text)) return { problems: [], undecided: json.map(({ path }) => path) };
  return { problems: findJsonProblems(text, json), undecided: [] };
}

/** RFC 8259, 2 and 3. */
const mayBeginJson = /^[ \t\r\n]*(?:[[{"\-0-9tfn]|$)/;

function findJsonProblems(text: string, json: ConditionQuestion['json']): string[] {
  let value: Parameters<typeof jsonpath.query>[1];
  try {
    value = JSON.parse(text, keepDigits) as typeof value;
  } catch (error) {
    return [`The body is no JSON: ${(error as Error).message}.`];
  }
  return json.flatMap(({ path, equals }) => {
    try {
      const found = jsonpath.query(path, value).values();
      if (found.some((one) => isDeepStrictEqual(one, equals))) return [];
      const got =
        found.length === 0 ? 'nothing' : JSON.stringify(found.length === 1 ? found[0] : found).slice(0, 200);
      return [`${path} in the body is ${got}; expected ${JSON.stringify(equals)}.`];
    } catch (error) {
      return [`${path} cannot be looked up: ${(error as Error).message}.`];
    }
  });
}

/** A whole number that a double cannot hold stays as it was written. */
function keepDigits(_name: string, value: unknown, { source }: { source?: string } = {}): unknown {
  const isLost = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);
  return isLost ? source : value;
}
