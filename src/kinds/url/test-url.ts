/** One URL, tested: tries until it is as expected, and what is told of the last one. */
import type { UrlHop, UrlInput, UrlTest } from './contract/url-test.ts';
import type { Role } from '../../contract/actor.ts';
import { delay } from '../../lib/delay.ts';
import type { Mask } from '../../lib/mask-values.ts';
import type { ConditionThread } from './condition-thread.ts';
import type { Answer } from './exchange.ts';
import { toUrlFailure, type UrlFailure } from './failure.ts';
import { follow } from './follow.ts';
import type { Guard } from './guard.ts';
import { judge, textOf, type Judgement } from './judge.ts';
import { firstRequest, type Sent } from './request.ts';
import type { Family, Resolver } from './resolve.ts';
import { TryClock } from './try-clock.ts';
import { verdictOf } from './verdict.ts';

export interface Target {
  url: string;
  /** Null: whichever the resolver gives first. */
  family: Family | null;
}

export interface TestOptions {
  input: UrlInput;
  sent: Sent;
  /** Hides the job's secrets in what came, before it is cut anywhere. */
  mask: Mask;
  resolve: Resolver;
  guard: Guard;
  role: Role | null;
  authorities?: readonly string[];
  conditions: ConditionThread;
  /** Of the job. */
  signal: AbortSignal;
}

/** What a test tells before it is compared with another one. */
export type Tested = Omit<UrlTest, 'comparedWith' | 'differences'>;

/** Longest pause a server may ask for by `Retry-After`. */
const mostPauseMs = 30_000;

const bodyStartLength = 16_000;

interface Try {
  hops: UrlHop[];
  answer: Answer | null;
  failure: UrlFailure | null;
  judgement: Judgement;
  totalMs: number;
}

/** Resolves with what came, good or bad. @throws the reason of the signal when the job is stopped */
export async function testUrl(target: Target, options: TestOptions): Promise<Tested> {
  const { input, signal } = options;
  const startedAt = new Date().toISOString();
  const tries: UrlTest['tries'] = [];
  for (let pausedMs = 0; ;) {
    const one = await tryOnce(target, options);
    tries.push({ said: verdictOf(one), ms: one.totalMs, pausedMs });
    const isEnough = one.judgement.failures.length === 0 && one.failure === null;
    if (isEnough || one.failure?.isFinal || tries.length >= input.tries)
      return options.mask({ ...(await describe(target, one, options.mask)), startedAt, tries });
    pausedMs = pauseAfter(one, tries.length, input.pauseMs);
    await delay(pausedMs, signal);
    signal.throwIfAborted();
  }
}

async function tryOnce(target: Target, options: TestOptions): Promise<Try> {
  const { input, signal, conditions, sent, mask } = options;
  const hops: UrlHop[] = [];
  const clock = new TryClock(input.timeouts.totalMs, signal);
  try {
    const { family } = target;
    const first = firstRequest(new URL(target.url), input.method, sent);
    const raw = await follow(first, hops, { ...options, ...input, family, clock });
    const totalMs = clock.passedMs;
    const answer = { ...raw, headers: mask(raw.headers) };
    const told = mask(hops);
    const judgement = await judge(answer, told, { input, totalMs, conditions, mask });
    return { hops: told, answer, failure: null, judgement, totalMs };
  } catch (error) {
    signal.throwIfAborted();
    const failure = toUrlFailure(error, 'connect');
    const judgement = { failures: [failure.message], isOnlyStatus: false, weaknesses: [] };
    return { hops: mask(hops), answer: null, failure, judgement, totalMs: clock.passedMs };
  } finally {
    clock.close();
  }
}

/** `Retry-After` in seconds or as a date; else the pause grows. */
function pauseAfter({ answer }: Try, tries: number, pauseMs: number): number {
  const said = answer?.headers.find(([name]) => name === 'retry-after')?.[1] ?? '';
  const askedMs = /^\d{1,9}$/.test(said) ? Number(said) * 1000 : Date.parse(said) - Date.now();
  const growingMs = Math.min(mostPauseMs, pauseMs * 2 ** (tries - 1));
  return Number.isFinite(askedMs) ? Math.min(mostPauseMs, Math.max(growingMs, askedMs)) : growingMs;
}

async function describe(
  { url, family }: Target,
  one: Try,
  mask: Mask,
): Promise<Omit<Tested, 'startedAt' | 'tries'>> {
  const { hops, answer, failure, judgement, totalMs } = one;
  const { failures, weaknesses } = judgement;
  const outcome = failures.length > 0 ? 'bad' : weaknesses.length > 0 ? 'warn' : 'good';
  return {
    url,
    family,
    outcome,
    verdict: verdictOf(one),
    problems: [...failures, ...weaknesses],
    status: answer?.status ?? null,
    error: failure && { code: failure.code, phase: failure.phase, message: failure.message },
    totalMs,
    hops,
    markers: markersOf(answer),
    failure: outcome === 'bad' && answer ? await keepAnswer(answer, mask) : null,
  };
}

const compared = [
  'server',
  'content-type',
  'content-encoding',
  'cache-control',
  'etag',
  'last-modified',
  'location',
  'via',
  'x-powered-by',
];

function markersOf(answer: Answer | null): Record<string, string> {
  const found = answer?.headers.filter(([name]) => compared.includes(name)) ?? [];
  return Object.fromEntries(found.map(([name, value]) => [name, value.slice(0, 500).toWellFormed()]));
}

async function keepAnswer(answer: Answer, mask: Mask): Promise<UrlTest['failure']> {
  const headers = answer.headers
    .slice(0, 200)
    .map(([name, value]): [string, string] => [name, value.slice(0, 4_000)]);
  try {
    const { text, isCut } = await textOf(answer, mask);
    const body = text.slice(0, bodyStartLength).toWellFormed();
    return { headers, body, isBodyCut: isCut || text.length > bodyStartLength };
  } catch (error) {
    return { headers, body: `(${(error as Error).message})`, isBodyCut: true };
  }
}
