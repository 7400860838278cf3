import { AppError } from '../../contract/errors.ts';
import { hasMoreValues, isNestedTooDeeply, mostLevels } from '../../lib/json-values.ts';
import type { App } from './access.ts';

/** The largest list there is, of URLs, has 10,000. Many times that takes checks of each value for seconds. */
const mostValues = 50_000;

/** Of one object. Names are checked one by one where any are taken, as those of variables are, which costs more than values. */
const mostMembers = 10_000;

/** JSON is the only body we take; an empty one counts as none, since many clients send the type with every request. */
export function addJsonBody(app: App): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    async (_request: unknown, body: string) => (body === '' ? undefined : parseJsonBody(body)),
  );
}

/**
 * Parses a JSON document of a stranger.
 * @throws AppError `invalid_input` when it is no JSON, nested too deeply, has too many values, or has a member `__proto__`
 */
export function parseJsonBody(text: string): unknown {
  if (hasMoreValues(text, mostValues))
    throw new AppError('invalid_input', `The JSON has too many values; at most ${mostValues} are read.`);
  if (isNestedTooDeeply(text))
    throw new AppError(
      'invalid_input',
      `The JSON is nested too deeply; at most ${mostLevels} levels are read.`,
    );
  const value = parse(text);
  refuse(value);
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError('invalid_input', `The body is not valid JSON: ${reason}.`, { cause: error });
  }
}

function refuse(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  if (Object.hasOwn(value, '__proto__')) {
    throw new AppError(
      'invalid_input',
      'The JSON has a member named __proto__, which is not accepted anywhere.',
    );
  }
  const members: unknown[] = Array.isArray(value) ? value : Object.values(value);
  if (!Array.isArray(value) && members.length > mostMembers)
    throw new AppError('invalid_input', `An object of the JSON has more than ${mostMembers} members.`);
  for (const member of members) refuse(member);
}
