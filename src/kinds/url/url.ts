/**
 * Tests URLs. One job tests one URL or a list; each is a part of the job with a verdict of its own, stored while the
 * rest goes on, so that a job whose worker was restarted tests only what is left.
 *
 * Nothing but the parts grows with the length of the list: they go to the database as they are made, and the result
 * keeps counts, the slowest and the first failures.
 */
import { urlInput, type UrlInput, type UrlTest, urlResult } from './contract/url-test.ts';
import { testKey } from './contract/url-text.ts';
import type { Role } from '../../contract/actor.ts';
import { defineKind } from '../define-kind.ts';
import type { DonePart } from '../../domain/reports/part-ports.ts';
import type { KindContext, KindOutcome, RunnableKind } from '../../domain/jobs/kind-ports.ts';
import { compareTests } from './differences.ts';
import { findPathProblem } from './json-path.ts';
import { describeTest, toSeries } from './report.ts';
import { secretsOf, toSent, type Sent } from './request.ts';
import { urlSettings } from './settings.ts';
import { Summary } from './summary.ts';
import type { TestMade, TestOrder } from './run-order.ts';
import { ThreadTester, type UrlTester } from './tester.ts';

export const urlKind = defineKind({
  name: 'url',
  title: 'URL test',
  description:
    'Asks URLs and compares the answers with what is expected: status, time, headers, body, certificate.',
  input: urlInput.superRefine(({ expect }, context) => {
    for (const [index, { path }] of expect.json.entries()) {
      const problem = findPathProblem(path);
      if (problem)
        context.addIssue({ code: 'custom', path: ['expect', 'json', index, 'path'], message: problem });
    }
  }),
  result: urlResult,
  settings: urlSettings,
  nameOf,
  secretsOf,
  // Methods that only read (RFC 9110, 9.2.1).
  isRepeatable: ({ method }) => ['GET', 'HEAD', 'OPTIONS'].includes(method),
  runsProgram: false,
  createRun: ({ settings: { allowed }, findActor }) =>
    createUrlRun(new ThreadTester({ allowed }), async (id) => (await findActor(id))?.role ?? null),
});

/** @param findRole what somebody may do now; null when nobody knows them */
export function createUrlRun(
  tester: UrlTester,
  findRole: (accountId: number | null) => Promise<Role | null>,
): RunnableKind<UrlInput>['run'] {
  return async ({ ownerId, attempt, input }, context) => {
    let sent: Sent;
    try {
      sent = toSent(input, context.secrets);
    } catch (error) {
      const { message } = error as Error;
      context.log(message, 'stderr');
      return { state: 'failed', reason: 'error', message };
    }
    const done = attempt > 1 ? await context.partsDone() : [];
    const role = await findRole(ownerId);
    const { hidden } = context;
    const order = { input, sent, hidden, role, done };
    return run({ order, tester, done }, context);
  };
}

function nameOf({ urls, asGiven, sitemap, method }: UrlInput): string {
  const [first = asGiven?.trim() || (sitemap ?? 'no URL')] = urls;
  const more = urls.length > 1 ? ` and ${urls.length - 1} more` : '';
  return `${method === 'GET' ? '' : `${method} `}${first}${more}`;
}

interface Asked {
  order: TestOrder;
  tester: UrlTester;
  /** What was tested before an interruption. */
  done: readonly DonePart[];
}

async function run({ order, tester, done }: Asked, context: KindContext): Promise<KindOutcome> {
  let summary = new Summary(0, 0);
  let problem: string | null;
  try {
    problem = await tester.test(order, context.signal, {
      onFound: ({ total, repeated, leftOut, done: numbers }) => {
        if (leftOut > 0)
          context.log(
            `Of the sitemap ${leftOut} entries are left out: they are no http or https URL.`,
            'stderr',
          );
        summary = new Summary(total, repeated);
        const still = new Set(numbers);
        for (const { key, tookMs, ...part } of done)
          if (still.has(part.number)) summary.count({ ...part, url: key, ms: tookMs });
        if (still.size > 0)
          context.log(`${still.size} of ${total} were tested before an interruption; the rest follows.`);
      },
      onTested: async (made) => {
        await Promise.all(made.map((one) => record(one, context, summary)));
        if (summary.total > 1)
          context.progress(summary.counted / summary.total, `${summary.counted} of ${summary.total} tested`);
      },
    });
  } catch (error) {
    if (!context.signal.aborted) throw error;
    context.result({ ...summary.result });
    return stopped;
  }
  if (problem !== null) {
    const message = `The sitemap cannot be used: ${problem}`;
    context.log(message, 'stderr');
    return { state: 'failed', reason: 'error', message, verdict: { text: 'no sitemap', tone: 'bad' } };
  }
  context.result({ ...summary.result });
  return summary.outcome;
}

/** Whoever stopped it says what became of it. */
const stopped: KindOutcome = { state: 'failed', reason: 'error', message: 'Stopped before all was tested.' };

async function record(
  { number, target, tested }: TestMade,
  context: KindContext,
  summary: Summary,
): Promise<void> {
  const isSingle = summary.total === 1;
  const key = testKey(target.url, target.family);
  // A list compares what failed; a good one has nothing to explain.
  const before = isSingle || tested.outcome === 'bad' ? await context.lastGood(key) : null;
  const test: UrlTest = {
    ...tested,
    answer: isSingle || tested.outcome === 'bad' ? tested.answer : shorten(tested.answer),
    comparedWith: before?.jobId ?? null,
    ...(before ? compareTests(before.facts as UrlTest, tested) : { compared: [], differences: [] }),
  };
  if (isSingle && before) await context.compareWith(before.jobId);
  for (const line of describeTest(test, { number, total: summary.total })) context.log(line);
  for (const points of toSeries(test, isSingle ? null : number)) context.series(points);
  const verdict = { text: test.verdict, tone: test.outcome };
  const isConclusive = test.notTested === null;
  await context.part({
    number,
    key,
    endedAt: new Date().toISOString(),
    verdict,
    isConclusive,
    tookMs: test.totalMs,
    facts: test,
  });
  summary.count({
    number,
    url: key,
    verdict,
    isConclusive,
    ms: test.totalMs,
    test: isSingle ? test : null,
  });
}

/** Of a list of thousands, enough to see later what has changed. */
const listedBodyLength = 2_000;

function shorten(answer: UrlTest['answer']): UrlTest['answer'] {
  if (answer === null || answer.body.length <= listedBodyLength) return answer;
  const body = answer.body.slice(0, listedBodyLength).toWellFormed();
  return { ...answer, body, isBodyCut: true };
}
