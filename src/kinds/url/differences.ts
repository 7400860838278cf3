import type { UrlTest } from './contract/url-test.ts';
import type { Tested } from './test-url.ts';

/** Sizes of living pages move a little; this much is told. */
const sizeShare = 0.1;

/** What is not as it was at the last good test of the same URL. Times are told only where they grew to a multiple. */
export function findDifferences(
  before: Omit<UrlTest, 'comparedWith' | 'differences'>,
  now: Tested,
): UrlTest['differences'] {
  const facts: [what: string, before: string, now: string][] = [
    ['status', shown(before.status), shown(now.status)],
    ['error', before.error?.message ?? 'none', now.error?.message ?? 'none'],
    ['address', lastOf(before).address, lastOf(now).address],
    ['protocol', lastOf(before).protocol, lastOf(now).protocol],
    ['leads to', lastOf(before).url, lastOf(now).url],
    ['certificate', lastOf(before).certificate, lastOf(now).certificate],
    ...markerFacts(before.markers, now.markers),
  ];
  const differences = facts.flatMap(([what, then, today]) =>
    then === today ? [] : [{ what, before: then, now: today }],
  );
  const sizes = [lastOf(before).bytes, lastOf(now).bytes] as const;
  if (Math.abs(sizes[1] - sizes[0]) > sizes[0] * sizeShare)
    differences.push({ what: 'size', before: `${sizes[0]} bytes`, now: `${sizes[1]} bytes` });
  if (now.totalMs > 3 * before.totalMs && now.totalMs - before.totalMs > 100)
    differences.push({
      what: 'time',
      before: `${Math.round(before.totalMs)} ms`,
      now: `${Math.round(now.totalMs)} ms`,
    });
  return differences;
}

function lastOf({ hops }: Tested): {
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

function markerFacts(
  before: Record<string, string>,
  now: Record<string, string>,
): [what: string, before: string, now: string][] {
  const names = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...names].map((name) => [name, before[name] ?? 'none', now[name] ?? 'none']);
}

function shown(status: number | null): string {
  return status === null ? 'none' : String(status);
}
