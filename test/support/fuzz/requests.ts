/** Requests made from our own OpenAPI document. */
import fc from 'fast-check';
import { arbitraryOf, hostileText, type JsonSchema } from './json-schema.ts';

export interface ApiDocument {
  paths: Record<string, Record<string, ApiOperation>>;
  components?: { schemas?: Record<string, JsonSchema> };
}

interface ApiOperation {
  operationId?: string;
  parameters?: { in: string; name: string; required?: boolean; schema: JsonSchema }[];
  requestBody?: { content: Record<string, { schema: JsonSchema }> };
  responses: Record<string, unknown>;
}

export interface FuzzRequest {
  operation: string;
  method: string;
  path: string;
  body: string | undefined;
  contentType: string | undefined;
  /** Status codes that the document names; `default` stands for every error. */
  documented: readonly string[];
}

/** What makes paths hit: things that exist. */
export interface Known {
  [parameter: string]: readonly string[];
}

/** One arbitrary of requests for every operation of the document, of which each is as likely. */
export function arbitraryRequest(
  document: ApiDocument,
  known: Known,
  skip: ReadonlySet<string>,
): fc.Arbitrary<FuzzRequest> {
  const requests = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      .filter(([, operation]) => !skip.has(operation.operationId ?? ''))
      .map(([method, operation]) => requestOf(document, known, { path, method, operation })),
  );
  return fc.oneof(...requests);
}

function requestOf(
  document: ApiDocument,
  known: Known,
  { path, method, operation }: { path: string; method: string; operation: ApiOperation },
): fc.Arbitrary<FuzzRequest> {
  const resolve = (ref: string): JsonSchema =>
    document.components?.schemas?.[ref.replace('#/components/schemas/', '')] ?? {};
  const parameters = operation.parameters ?? [];
  const inPath = parameters.filter((parameter) => parameter.in === 'path');
  const inQuery = parameters.filter((parameter) => parameter.in === 'query');
  const pathValues = fc.tuple(
    ...inPath.map(({ name, schema }) =>
      fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom(...(known[name] ?? ['1'])) },
        { weight: 1, arbitrary: arbitraryOf(schema, resolve).map(toText) },
        { weight: 1, arbitrary: hostileText },
      ),
    ),
  );
  const query = fc.record(
    Object.fromEntries(inQuery.map(({ name, schema }) => [name, queryValue(name, schema, known, resolve)])),
    { requiredKeys: inQuery.filter(({ required }) => required).map(({ name }) => name) },
  );
  const content = Object.entries(operation.requestBody?.content ?? {})[0];
  const body = content
    ? fc.oneof(
        {
          weight: 20,
          arbitrary: arbitraryOf(content[1].schema, resolve).map((value) => JSON.stringify(value) ?? ''),
        },
        {
          weight: 1,
          arbitrary: fc.constantFrom(
            '',
            '{',
            '[1,',
            '"\\ud800"',
            'x',
            '{"a":1}{"b":2}',
            '{"__proto__":{"a":1}}',
          ),
        },
      )
    : fc.constant(undefined);
  return fc.tuple(pathValues, query, body).map(([values, parts, text]) => ({
    operation: operation.operationId ?? `${method} ${path}`,
    method: method.toUpperCase(),
    path: `${fill(path, inPath, values)}${toQuery(parts)}`,
    body: text,
    contentType: text === undefined ? undefined : content?.[0],
    documented: Object.keys(operation.responses),
  }));
}

function queryValue(
  name: string,
  schema: JsonSchema,
  known: Known,
  resolve: (ref: string) => JsonSchema,
): fc.Arbitrary<string> {
  const fitting = arbitraryOf(schema, resolve).map((value) =>
    typeof value === 'string' ? value : JSON.stringify(value),
  );
  const examples = known[`?${name}`];
  return examples ? fc.oneof(fc.constantFrom(...examples), fitting) : fitting;
}

function fill(path: string, parameters: readonly { name: string }[], values: readonly string[]): string {
  return parameters.reduce(
    (filled, { name }, index) =>
      filled.replace(`{${name}}`, () => encodeURIComponent((values[index] ?? '').toWellFormed())),
    path,
  );
}

function toQuery(parts: Record<string, string | undefined>): string {
  const pairs = Object.entries(parts).filter((pair): pair is [string, string] => pair[1] !== undefined);
  const text = pairs.map(([name, value]) => `${name}=${encodeURIComponent(value.toWellFormed())}`).join('&');
  return text === '' ? '' : `?${text.slice(0, 8_000)}`;
}

/** Any value as it would stand in an address; `String` fails on objects whose `toString` is none. */
function toText(value: unknown): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}
