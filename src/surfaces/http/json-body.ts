import { AppError } from '../../contract/errors.ts';
import type { App } from './access.ts';

/** Deeper documents are nothing a person wrote; recursive code after us (zod, JSON.stringify, jsonb) would give up. */
const maxDepth = 64;

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
 * @throws AppError `invalid_input` when it is no JSON, nested too deeply, or has a member `__proto__`
 */
export function parseJsonBody(text: string): unknown {
  const value = parse(text);
  refuse(value, 0);
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

function refuse(value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > maxDepth) {
    throw new AppError(
      'invalid_input',
      `The JSON is nested too deeply; at most ${maxDepth} levels are read.`,
    );
  }
  if (Object.hasOwn(value, '__proto__')) {
    throw new AppError(
      'invalid_input',
      'The JSON has a member named __proto__, which is not accepted anywhere.',
    );
  }
  for (const member of Array.isArray(value) ? value : Object.values(value)) refuse(member, depth + 1);
}
