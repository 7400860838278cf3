import { jsonpath } from 'json-p3';

/** What is wrong with a JSONPath; null: nothing. */
export function findPathProblem(path: string): string | null {
  try {
    jsonpath.compile(path);
    return null;
  } catch (error) {
    return `expected a JSONPath such as $.status: ${(error as Error).message}`;
  }
}
