/** What tests ask with, beside the URL: the same for all of a job, its secrets put in. */
import type { UrlInput } from './contract/url-test.ts';
import type { SecretUse } from '../../domain/jobs/kind-ports.ts';
import type { UrlRequest } from './exchange.ts';
import { normalizeUrl } from './contract/url-text.ts';
import { UrlFailure } from './failure.ts';

export interface Sent {
  headers: readonly (readonly [name: string, value: string])[];
  body: string | undefined;
  /** Names, in small letters, of the headers that go to any origin: they say nothing about who asks. */
  portable: ReadonlySet<string>;
  /** The origins that the submit itself names. What is not portable goes to no other. */
  origins: ReadonlySet<string>;
}

const harmless = ['accept', 'accept-encoding', 'accept-language', 'user-agent'];

const ours = [
  ['accept', '*/*'],
  ['accept-encoding', 'gzip, deflate, br'],
  ['user-agent', 'Daybook URL test'],
] as const;

export function secretsOf({ headers, body }: UrlInput): SecretUse[] {
  const ofHeaders = headers.flatMap(([, value], index) =>
    typeof value === 'string' ? [] : [{ field: `headers.${index}.1`, name: value.secret }],
  );
  return typeof body === 'object' ? [...ofHeaders, { field: 'body', name: body.secret }] : ofHeaders;
}

/** @throws Error in a sentence, when a secret cannot be a header */
export function toSent(input: UrlInput, secrets: ReadonlyMap<string, string>): Sent {
  const { urls, asGiven = '', sitemap, body } = input;
  const given = normalizeUrl(asGiven);
  const submitted = [...urls, 'url' in given ? given.url : [], sitemap ?? []].flat();
  const valueOf = (name: string): string => secrets.get(name) ?? '';
  const headers = input.headers.map(([name, value], index): [string, string] => {
    if (typeof value === 'string') return [name, value];
    const text = `${value.prefix ?? ''}${valueOf(value.secret)}`;
    if (/^[\t\x20-\x7e\x80-\xff]*$/.test(text)) return [name, text];
    throw new Error(
      `input.headers.${index}.1: the secret "${value.secret}" contains what no header may contain.`,
    );
  });
  const named = new Set(headers.map(([name]) => name.toLowerCase()));
  const secret = new Set(
    input.headers.flatMap(([name, value]) => (typeof value === 'string' ? [] : [name.toLowerCase()])),
  );
  return {
    headers: [...ours.filter(([name]) => !named.has(name)), ...headers],
    body: typeof body === 'object' ? valueOf(body.secret) : body,
    portable: new Set(harmless.filter((name) => !secret.has(name))),
    origins: new Set(submitted.map((url) => new URL(url).origin)),
  };
}

/**
 * The first request of a test. A page that only a sitemap names may stand anywhere, so it is asked without what may be
 * secret. @throws UrlFailure when that is the body
 */
export function firstRequest(url: URL, method: string, sent: Sent): UrlRequest {
  const { headers, body, origins, portable } = sent;
  if (origins.has(url.origin)) return { url, method, headers, body };
  if (body !== undefined)
    throw new UrlFailure('BODY_TO_OTHER_ORIGIN', {
      phase: 'guard',
      message: `Only the sitemap leads to ${url.origin}; the body is not sent there.`,
      isFinal: true,
    });
  return { url, method, headers: headers.filter(([name]) => portable.has(name.toLowerCase())), body };
}
