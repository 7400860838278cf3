import { unifiedDiff } from '../../lib/unified-diff.ts';
import type { UrlTest } from './contract/url-test.ts';
import type { Tested } from './test-url.ts';

/** Headers that differ from answer to answer, whatever the site is like. */
const restless: ReadonlySet<string> = new Set([
  'age',
  'cf-ray',
  'connection',
  'content-length',
  'date',
  'expires',
  'keep-alive',
  'nel',
  'report-to',
  'server-timing',
  'set-cookie',
  'traceparent',
  'x-amz-cf-id',
  'x-amz-id-2',
  'x-amz-request-id',
  'x-correlation-id',
  'x-request-id',
  'x-runtime',
  'x-trace-id',
]);

const mostDiff = 8_000;
const excerptBefore = 20;
const excerptLength = 120;

type Difference = UrlTest['differences'][number];
type Answer = NonNullable<UrlTest['answer']>;

export interface Comparison {
  /** In words. */
  compared: string[];
  differences: Difference[];
}

/**
 * What is not as it was at the last good test of the same URL. Times are told only where they grew to a multiple.
 * @param before as it was stored, perhaps by an earlier version, which kept less
 */
export function compareTests(before: Pick<Tested, keyof Tested> & Partial<UrlTest>, now: Tested): Comparison {
  const [then, today] = [lastOf(before), lastOf(now)];
  const facts: [what: string, before: string, now: string][] = [
    ['status', shown(before.status), shown(now.status)],
    ['error', before.error?.message ?? 'none', now.error?.message ?? 'none'],
    ['address', then.address, today.address],
    ['protocol', then.protocol, today.protocol],
    ['leads to', then.url, today.url],
    ['certificate', then.certificate, today.certificate],
    ['size', `${then.bytes} bytes`, `${today.bytes} bytes`],
  ];
  const ofAnswers = before.answer && now.answer ? compareAnswers(before.answer, now.answer) : nothing;
  return {
    compared: [...facts.map(([what]) => what), 'time', ...ofAnswers.compared],
    differences: [
      ...facts.flatMap(([what, was, is]) => (was === is ? [] : [{ what, before: was, now: is }])),
      ...ofAnswers.differences,
      ...compareTimes(before.totalMs, now.totalMs),
    ],
  };
}

const nothing: Comparison = { compared: [], differences: [] };

function compareTimes(before: number, now: number): Difference[] {
  if (now <= 3 * before || now - before <= 100) return [];
  return [{ what: 'time', before: `${Math.round(before)} ms`, now: `${Math.round(now)} ms` }];
}

function compareAnswers(before: Answer, now: Answer): Comparison {
  const isWhole = !before.isBodyCut && !now.isBodyCut;
  // One of them may be kept shorter than the other.
  const length = isWhole ? Infinity : Math.min(before.body.length, now.body.length);
  return {
    compared: [
      'headers (without those of the moment, such as date)',
      isWhole ? 'body' : `the first ${length} characters of the body`,
    ],
    differences: [
      ...compareHeaders(joined(before.headers), joined(now.headers)),
      ...compareBodies(before.body.slice(0, length), now.body.slice(0, length)),
    ],
  };
}

function joined(headers: Answer['headers']): Map<string, string> {
  const values = new Map<string, string>();
  for (const [name, value] of headers) {
    const known = values.get(name);
    values.set(name, known === undefined ? value : `${known}, ${value}`);
  }
  return values;
}

function compareHeaders(before: Map<string, string>, now: Map<string, string>): Difference[] {
  return [...new Set([...before.keys(), ...now.keys()])].flatMap((name) => {
    const [was, is] = [before.get(name) ?? 'none', now.get(name) ?? 'none'];
    return restless.has(name) || was === is
      ? []
      : [{ what: name, before: was.slice(0, 500), now: is.slice(0, 500) }];
  });
}

function compareBodies(before: string, now: string): Difference[] {
  if (before === now) return [];
  let at = 0;
  while (before[at] === now[at]) at += 1;
  const from = Math.max(0, at - excerptBefore);
  const excerpt = (text: string): string =>
    `${from > 0 ? '…' : ''}${text.slice(from, from + excerptLength).toWellFormed()}`;
  const diff = unifiedDiff(before, now, { before: 'then', after: 'now' });
  return [
    {
      what: 'body',
      before: excerpt(before),
      now: excerpt(now),
      diff: diff?.slice(0, mostDiff) ?? 'It differs in too many lines to show them.',
    },
  ];
}

function lastOf({ hops }: Pick<Tested, 'hops'>): {
  address: string;
  protocol: string;
  url: string;
  certificate: string;
  bytes: number;
} {
  const last = hops.at(-1);
  const [own] = last?.certificates ?? [];
  return {
    address: last?.address ?? 'none',
    protocol: last?.protocol ?? 'none',
    url: last?.url ?? 'nowhere',
    certificate: own ? `${own.subject}, by ${own.issuer}, until ${own.validTo.slice(0, 10)}` : 'none',
    bytes: last?.bytes ?? 0,
  };
}

function shown(status: number | null): string {
  return status === null ? 'none' : String(status);
}
