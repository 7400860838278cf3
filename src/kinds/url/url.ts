/**
 * Tests URLs. One job tests one URL or a list; each is a part of the job with a verdict of its own, stored while the
 * rest goes on, so that a job whose worker was restarted tests only what is left.
 *
 * Nothing but the parts grows with the length of the list: they go to the database as they are made, and the result
 * keeps counts, the slowest and the first failures.
 */
import { urlInput, type UrlInput, type UrlResult, type UrlTest, urlResult } from '../../contract/url-test.ts';
import { testKey } from '../../contract/url-text.ts';
import type { Role } from '../../contract/actor.ts';
import { defineKind } from '../define-kind.ts';
import type { Kind, KindContext, KindOutcome } from '../ports.ts';
import { ConditionThread } from './condition-thread.ts';
import { findDifferences } from './differences.ts';
import { createGuard, type AllowedRange } from './guard.ts';
import { findPathProblem } from './json-path.ts';
import { inPace } from './pace.ts';
import { describeTest, toSeries } from './report.ts';
import { systemResolver, type Resolver } from './resolve.ts';
import { Summary } from './summary.ts';
import { findTargets, type Targets } from './targets.ts';
import { testUrl, type Target, type TestOptions } from './test-url.ts';

export interface UrlSettings {
  allowed: readonly AllowedRange[];
  /** What somebody may do now; null when the account is gone, or there never was one. */
  findRole(name: string): Promise<Role | null>;
  /** By default the system's. */
  resolve?: Resolver;
  /** Certificates of authorities to trust besides those of Node, as PEM. */
  authorities?: readonly string[];
}

export function createUrlKind(settings: UrlSettings): Kind<UrlInput, UrlResult> {
  const guard = createGuard(settings.allowed);
  return defineKind({
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
    nameOf,
    runsProgram: false,
    run: async ({ owner, attempt, input }, context) => {
      const conditions = new ConditionThread();
      try {
        return await run(
          {
            input,
            guard,
            conditions,
            role: await settings.findRole(owner),
            resolve: settings.resolve ?? systemResolver,
            ...(settings.authorities ? { authorities: settings.authorities } : {}),
            signal: context.signal,
          },
          context,
          attempt,
        );
      } finally {
        await conditions.close();
      }
    },
  });
}

function nameOf({ urls, sitemap, method }: UrlInput): string {
  const [first = sitemap ?? ''] = urls;
  const more = urls.length > 1 ? ` and ${urls.length - 1} more` : '';
  return `${method === 'GET' ? '' : `${method} `}${first}${more}`;
}

async function run(options: TestOptions, context: KindContext, attempt: number): Promise<KindOutcome> {
  const { input, signal } = options;
  let found: Targets;
  try {
    found = await findTargets(options);
  } catch (error) {
    if (signal.aborted) return stopped;
    const message = `The sitemap cannot be used: ${(error as Error).message}`;
    context.log(message, 'stderr');
    return { state: 'failed', reason: 'error', message, verdict: { text: 'no sitemap', tone: 'bad' } };
  }
  const { targets, repeated, leftOut } = found;
  if (leftOut > 0)
    context.log(`Of the sitemap ${leftOut} entries are left out: they are no http or https URL.`, 'stderr');
  const summary = new Summary(targets.length, repeated);
  const done = new Set<number>();
  for (const part of attempt > 1 ? await context.partsDone() : []) {
    done.add(part.number);
    summary.count({ number: part.number, url: part.key, verdict: part.verdict, ms: part.tookMs });
  }
  if (done.size > 0)
    context.log(`${done.size} of ${targets.length} were tested before an interruption; the rest follows.`);
  const left = targets.flatMap((target, index) =>
    done.has(index + 1) ? [] : [{ target, number: index + 1 }],
  );
  try {
    await inPace(
      left,
      ({ target }) => new URL(target.url).host,
      { ...input, signal },
      ({ target, number }) => testOne(target, number, { options, context, summary }),
    );
  } catch (error) {
    if (!signal.aborted) throw error;
    context.result({ ...summary.result });
    return stopped;
  }
  context.result({ ...summary.result });
  return summary.outcome;
}

/** Whoever stopped it says what became of it. */
const stopped: KindOutcome = { state: 'failed', reason: 'error', message: 'Stopped before all was tested.' };

async function testOne(
  target: Target,
  number: number,
  { options, context, summary }: { options: TestOptions; context: KindContext; summary: Summary },
): Promise<void> {
  const isSingle = summary.total === 1;
  const key = testKey(target.url, target.family);
  const tested = await testUrl(target, options);
  // A list compares what failed; a good one has nothing to explain.
  const before = isSingle || tested.outcome === 'bad' ? await context.lastGood(key) : null;
  const test: UrlTest = {
    ...tested,
    comparedWith: before?.jobId ?? null,
    differences: before ? findDifferences(before.facts as UrlTest, tested) : [],
  };
  if (isSingle && before) await context.compareWith(before.jobId);
  for (const line of describeTest(test, { number, total: summary.total })) context.log(line);
  for (const points of toSeries(test, isSingle ? null : number)) context.series(points);
  const verdict = { text: test.verdict, tone: test.outcome };
  await context.part({
    number,
    key,
    endedAt: new Date().toISOString(),
    verdict,
    tookMs: test.totalMs,
    facts: test,
  });
  summary.count({ number, url: key, verdict, ms: test.totalMs, test: isSingle ? test : null });
  if (!isSingle)
    context.progress(summary.counted / summary.total, `${summary.counted} of ${summary.total} tested`);
}
