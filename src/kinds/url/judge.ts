/** Whether an answer is what was expected, in sentences. */
import type { UrlExpectation, UrlHop, UrlInput } from './contract/url-test.ts';
import { isStatusIn } from './contract/url-text.ts';
import type { Mask } from '../../lib/mask-values.ts';
import { readText, type BodyText } from './body.ts';
import type { ConditionThread } from './condition-thread.ts';
import type { Answer } from './exchange.ts';

export interface Judgement {
  /** Not as expected. */
  failures: string[];
  /** Nothing but the status is not as expected. */
  isOnlyStatus: boolean;
  /** Right, but not well. */
  weaknesses: string[];
}

export interface JudgeOptions {
  input: UrlInput;
  totalMs: number;
  conditions: ConditionThread;
  mask: Mask;
}

export async function judge(
  answer: Answer,
  hops: readonly UrlHop[],
  { input, totalMs, conditions, mask }: JudgeOptions,
): Promise<Judgement> {
  const { expect, httpVersion } = input;
  const ofStatus = judgeStatus(answer, expect);
  const others = [
    ...(httpVersion === '2' ? judgeVersion(hops) : []),
    ...judgeHeaders(answer, expect),
    ...judgeCertificates(hops, expect),
    ...judgeRedirect(hops, expect),
    ...(await judgeBody(answer, expect, { conditions, mask })),
  ];
  const { maxMs, slowMs } = expect;
  const took = `It took ${Math.round(totalMs)} ms`;
  if (maxMs !== undefined && totalMs > maxMs) others.push(`${took}; at most ${maxMs} ms were expected.`);
  const weaknesses: string[] = [];
  if (slowMs !== undefined && totalMs > slowMs) weaknesses.push(`${took}, longer than ${slowMs} ms.`);
  if (answer.body.isCut)
    weaknesses.push(`The body is longer than ${answer.body.bytes} bytes; the rest was not read.`);
  return { failures: [...ofStatus, ...others], isOnlyStatus: others.length === 0, weaknesses };
}

function judgeStatus({ status }: Answer, expect: UrlExpectation): string[] {
  return isStatusIn(status, expect.status) ? [] : [`The status is ${status}; expected ${expect.status}.`];
}

/** Over TLS it was settled before anything was asked; what leads to https may be plain. */
function judgeVersion(hops: readonly UrlHop[]): string[] {
  const protocol = hops.at(-1)?.protocol;
  return protocol === 'HTTP/2'
    ? []
    : [`The answer came by ${protocol}; HTTP/2 was asked for, which is spoken over https alone.`];
}

function judgeHeaders(answer: Answer, expect: UrlExpectation): string[] {
  return expect.headers.flatMap(({ name, contains }) => {
    const values = answer.headers.flatMap(([one, value]) => (one === name.toLowerCase() ? [value] : []));
    if (values.length === 0) return [`The header ${name} is missing.`];
    return values.some((value) => value.includes(contains))
      ? []
      : [`The header ${name} is "${values.join(', ').slice(0, 200)}"; expected to contain "${contains}".`];
  });
}

function judgeCertificates(hops: readonly UrlHop[], { certificateDays }: UrlExpectation): string[] {
  if (certificateDays === undefined) return [];
  const found = hops.flatMap(({ certificates }) => certificates);
  if (found.length === 0) return ['There is no certificate; the URL is not https.'];
  return found
    .filter(({ daysLeft }) => daysLeft < certificateDays)
    .map(
      ({ subject, daysLeft }) =>
        `The certificate of ${subject} is valid for ${daysLeft} more days; expected at least ${certificateDays}.`,
    );
}

function judgeRedirect(hops: readonly UrlHop[], { redirectTo }: UrlExpectation): string[] {
  if (redirectTo === undefined) return [];
  const last = hops.at(-1);
  const reached = last?.location ?? last?.url ?? '';
  return reached === redirectTo ? [] : [`It leads to ${reached}; expected ${redirectTo}.`];
}

async function judgeBody(
  answer: Answer,
  expect: UrlExpectation,
  { conditions, mask }: Pick<JudgeOptions, 'conditions' | 'mask'>,
): Promise<string[]> {
  const { bodyContains, bodyLacks, bodyMatches, json } = expect;
  if (bodyContains.length + bodyLacks.length + bodyMatches.length + json.length === 0) return [];
  let body: BodyText;
  try {
    body = await textOf(answer, mask);
  } catch (error) {
    return [`The body cannot be read: ${(error as Error).message}.`];
  }
  const limit = body.isCut ? ' (only its first MiB was looked at)' : '';
  return [
    ...bodyContains
      .filter((text) => !body.text.includes(text))
      .map((text) => `The body does not contain "${text}"${limit}.`),
    ...bodyLacks.filter((text) => body.text.includes(text)).map((text) => `The body contains "${text}".`),
    ...(bodyMatches.length + json.length > 0
      ? await conditions.check({ text: body.text, isCut: body.isCut, patterns: bodyMatches, json })
      : []),
  ];
}

/** @throws Error when its encoding is unknown or broken */
export async function textOf({ body, headers }: Answer, mask: Mask): Promise<BodyText> {
  const find = (wanted: string): string => headers.find(([name]) => name === wanted)?.[1] ?? '';
  return mask(
    await readText(body.kept, {
      encoding: find('content-encoding'),
      contentType: find('content-type'),
      isPartial: body.isPartial,
    }),
  );
}
