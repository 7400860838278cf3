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
  /** Of the processor, by this thread in all. */
  usedMs: number;
}

parentPort?.on('message', (question: ConditionQuestion) => {
  const problems = findProblems(question);
  const { user, system } = process.threadCpuUsage();
  const answer: ConditionAnswer = { problems, usedMs: (user + system) / 1000 };
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(answer);
});

function findProblems({ text, isCut, patterns, json }: ConditionQuestion): string[] {
  const unmatched = patterns
    .filter((pattern) => !new RegExp(pattern, 'u').test(text))
    .map((pattern) => `The body does not match /${pattern}/.`);
  return json.length === 0 ? unmatched : [...unmatched, ...findJsonProblems(text, isCut, json)];
}

function findJsonProblems(text: string, isCut: boolean, json: ConditionQuestion['json']): string[] {
  if (isCut) return ['The body is too long to be read as JSON; at most 1 MiB is.'];
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
