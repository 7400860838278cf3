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
  /** Why nothing can be said of the site, in a few words; null: it can. */
  notTested: string | null;
}

export interface JudgeOptions {
  input: UrlInput;
  totalMs: number;
  /** How much of that this machine stood still. */
  lateMs: number;
  conditions: ConditionThread;
  mask: Mask;
}

export async function judge(
  answer: Answer,
  hops: readonly UrlHop[],
  { input, totalMs, lateMs, conditions, mask }: JudgeOptions,
): Promise<Judgement> {
  const { expect, httpVersion } = input;
  const ofStatus = judgeStatus(answer, expect);
  const ofBody = await judgeBody(answer, expect, { conditions, mask });
  const { maxMs, slowMs } = expect;
  const took = `It took ${Math.round(totalMs)} ms`;
  const isLate = maxMs !== undefined && totalMs > maxMs;
  const isLateByUs = isLate && totalMs - lateMs <= maxMs;
  const others = [
    ...(httpVersion === '2' ? judgeVersion(hops) : []),
    ...judgeHeaders(answer, expect),
    ...judgeCertificates(hops, expect),
    ...judgeRedirect(hops, expect),
    ...ofBody.failures,
    ...(isLate && !isLateByUs ? [`${took}; at most ${maxMs} ms were expected.`] : []),
  ];
  const failures = [...ofStatus, ...others];
  const weaknesses = [...ofBody.weaknesses, ...answer.flaws];
  if (slowMs !== undefined && totalMs > slowMs) weaknesses.push(`${took}, longer than ${slowMs} ms.`);
  if (answer.body.isCut)
    weaknesses.push(`The body is longer than ${answer.body.bytes} bytes; the rest was not read.`);
  const judgement = { failures, isOnlyStatus: others.length === 0, weaknesses, notTested: null };
  if (answer.status === tooManyRequests && ofStatus.length > 0)
    return { ...judgement, notTested: 'asked too often' };
  const notTested = ofBody.notChecked ?? (isLateByUs ? machineBusy : null);
  if (failures.length > 0) return judgement;
  if (notTested === null) return ofBody.isUndecided ? { ...judgement, notTested: bodyTooLong } : judgement;
  return { ...judgement, weaknesses: [`Nothing is known of the site: ${notTested}.`], notTested };
}

const tooManyRequests = 429;

export const machineBusy = 'this machine was busy';

/** What was looked at does not decide, and the rest is not read. */
export const bodyTooLong = 'the body is too long';

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
    .filter(({ daysLeft, isVerified }) => isVerified !== false && daysLeft < certificateDays)
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

interface BodyJudgement extends Pick<Judgement, 'failures' | 'weaknesses'> {
  /** Conditions wait for what was not read. */
  isUndecided: boolean;
  /** Why conditions were not checked, in a few words. */
  notChecked: string | null;
}

async function judgeBody(
  answer: Answer,
  expect: UrlExpectation,
  { conditions, mask }: Pick<JudgeOptions, 'conditions' | 'mask'>,
): Promise<BodyJudgement> {
  const { bodyContains, bodyLacks, bodyMatches, json } = expect;
  const nothing = { failures: [], weaknesses: [], isUndecided: false, notChecked: null };
  if (bodyContains.length + bodyLacks.length + bodyMatches.length + json.length === 0) return nothing;
  let body: BodyText;
  try {
    body = await textOf(answer, mask);
  } catch (error) {
    return { ...nothing, failures: [`The body cannot be read: ${(error as Error).message}.`] };
  }
  const { text, isCut } = body;
  const missing = bodyContains.filter((wanted) => !text.includes(wanted));
  const checked =
    bodyMatches.length + json.length === 0
      ? { problems: [], undecided: [] }
      : await conditions.check({ text, isCut, patterns: bodyMatches, json });
  const found = 'problems' in checked ? checked : { problems: [], undecided: [] };
  const undecided = [...(isCut ? missing.map(quote) : []), ...found.undecided];
  const notSeen = [...undecided, ...(isCut ? absencesOf(expect) : [])];
  return {
    failures: [
      ...(isCut ? [] : missing).map((wanted) => `The body does not contain ${quote(wanted)}.`),
      ...bodyLacks
        .filter((unwanted) => text.includes(unwanted))
        .map((one) => `The body contains ${quote(one)}.`),
      ...found.problems,
    ],
    weaknesses: [
      ...[...new Set(notSeen)].map((what) => notSeenWhole(what, body)),
      ...body.unknownCodings.map(
        (name) => `The coding ${name} of the body is not known; it was read as it is.`,
      ),
    ],
    isUndecided: undecided.length > 0,
    notChecked: 'notChecked' in checked ? checked.notChecked : null,
  };
}

/** What holds only of a body that was read to its end. */
function absencesOf({ bodyLacks, bodyMatches }: UrlExpectation): string[] {
  const withLookahead = bodyMatches.filter((pattern) => pattern.includes('(?!'));
  return [...bodyLacks.map(quote), ...withLookahead.map((pattern) => `/${pattern}/`)];
}

function quote(text: string): string {
  return `"${text}"`;
}

function notSeenWhole(what: string, { bytes }: BodyText): string {
  const part = bytes === mib ? 'MiB of the body was' : `${bytes} bytes of the body were`;
  return `Only the first ${part} looked at for ${what}; what follows may hold more.`;
}

const mib = 1024 * 1024;

export interface AnswerText extends Pick<Answer, 'headers'> {
  body: Pick<Answer['body'], 'kept' | 'isPartial'>;
}

/** @throws Error when one of its codings is broken */
export async function textOf({ body, headers }: AnswerText, mask: Mask): Promise<BodyText> {
  const find = (wanted: string): string[] =>
    headers.flatMap(([name, value]) => (name === wanted ? [value] : []));
  return mask(
    await readText(body.kept, {
      // Those of the transfer were applied last.
      codings: [...find('content-encoding'), ...find('transfer-encoding')].join(','),
      contentType: find('content-type')[0] ?? '',
      isPartial: body.isPartial,
    }),
  );
}
