import type { FastifySchemaCompiler } from 'fastify';
import type { z } from 'zod';
import '../../contract/issue-words.ts';
import { AppError, type ErrorDetail } from '../../contract/errors.ts';

/** More mistakes than these help nobody. */
const mostDetails = 100;

const partNames: Record<string, string> = { querystring: 'query' };

/** Checks with zod; what is wrong becomes AppError `invalid_input` with one detail for each field. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart = 'body' }) => {
  const part = partNames[httpPart] ?? httpPart;
  return (data: unknown) => {
    const result = schema.safeParse(data);
    return result.success ? { value: result.data } : { error: toInvalidInput(result.error, data, part) };
  };
};

/**
 * @param part what the data is (`body`), named where the whole of it is wrong
 * @returns AppError `invalid_input`; the message names the fields, the details say what each should be
 */
export function toInvalidInput(error: z.ZodError, data: unknown, part = 'body'): AppError {
  const issues = error.issues.slice(0, mostDetails);
  const details = issues.flatMap((issue) => toDetails(issue, data, part)).slice(0, mostDetails);
  const fields = [...new Set(details.map((detail) => detail.field))].slice(0, 10).join(', ');
  return new AppError('invalid_input', `Wrong or missing: ${fields}.`, { details });
}

function toDetails(issue: z.core.$ZodIssue, data: unknown, part: string): ErrorDetail[] {
  const field = dotted(issue.path) || part;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.slice(0, mostDetails).map((key) => ({
      field: dotted([...issue.path, key]),
      message: 'There is no such field.',
    }));
  }
  if (issue.path.length > 0 && valueAt(data, issue.path) === undefined) {
    return [{ field, message: 'This field is required.' }];
  }
  if (issue.code === 'invalid_union') {
    // Of several forms the one that was meant is the one of which the whole is right, and a part is not.
    const [meant, ...others] = issue.errors.filter((form) => form.every(({ path }) => path.length > 0));
    if (meant && others.length === 0)
      return meant.flatMap((inner) =>
        toDetails({ ...inner, path: [...issue.path, ...inner.path] }, data, part),
      );
    const forms = issue.errors.map((branch) => branch.map((inner) => inner.message).join(' and '));
    const message =
      forms.length > 0 ? `None of the forms fits: ${[...new Set(forms)].join('; or ')}.` : issue.message;
    return [{ field, message }];
  }
  return [{ field, message: issue.message }];
}

function dotted(path: readonly PropertyKey[]): string {
  return path.map(String).join('.');
}

function valueAt(data: unknown, path: readonly PropertyKey[]): unknown {
  let value = data;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}
