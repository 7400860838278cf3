import { STATUS_CODES } from 'node:http';
import type { UrlHop } from './contract/url-test.ts';
import type { UrlFailure } from './failure.ts';
import type { Judgement } from './judge.ts';

/** What is said of a test in two or three words. */
export function verdictOf({
  failure,
  judgement,
  hops,
}: {
  failure: UrlFailure | null;
  judgement: Judgement;
  hops: readonly UrlHop[];
}): string {
  if (judgement.notTested !== null) return `not tested: ${judgement.notTested}`;
  if (failure) return failure.short;
  if (judgement.failures.length === 0 && judgement.weaknesses.length > 0) return 'degraded';
  const { status, statusText } = hops.at(-1) ?? { status: null, statusText: '' };
  if (status === null) return 'no answer';
  // HTTP/2 has no words; those of HTTP/1 may be anything.
  const words = STATUS_CODES[status] ?? statusText.slice(0, 40);
  return `${status} ${words}`.trim() + (judgement.isOnlyStatus ? '' : ', not as expected');
}
