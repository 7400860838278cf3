/** One URL, tested: tries until it is as expected, and what is told of the last one. */
import type { UrlHop, UrlInput, UrlTest } from './contract/url-test.ts';
import { normalizeUrl } from './contract/url-text.ts';
import type { Role } from '../../contract/actor.ts';
import type { Tone } from '../../contract/states.ts';
import { delay } from '../../lib/delay.ts';
import type { Mask } from '../../lib/mask-values.ts';
import type { ConditionThread } from './condition-thread.ts';
import type { Answer } from './exchange.ts';
import { toUrlFailure, UrlFailure } from './failure.ts';
import { follow } from './follow.ts';
import type { Guard } from './guard.ts';
import { bodyTooLong, judge, machineBusy, textOf, type Judgement } from './judge.ts';
import type { LoopLag } from './loop-lag.ts';
import { firstRequest, type Sent } from './request.ts';
import type { Family, Resolver } from './resolve.ts';
import { TryClock } from './try-clock.ts';
import { verdictOf } from './verdict.ts';
import { wireText } from './wire-text.ts';

export interface Target {
  url: string;
  /** Null: whichever the resolver gives first. */
  family: Family | null;
  /** As the client wrote it, which may be no URL; null: where that is not shown. */
  asGiven: string | null;
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
  lag: LoopLag;
  /** Of the job. */
  signal: AbortSignal;
}

/** What a test tells before it is compared with another one. */
export type Tested = Omit<UrlTest, 'comparedWith' | 'compared' | 'differences'>;

/** Longest pause a server may ask for by `Retry-After`. */
const mostPauseMs = 30_000;

/** Characters. */
const bodyStartLength = 16_000;
/** Enough for so many characters in any coding that is worth its name. */
const bodyStartBytes = 64 * 1024;

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
    const { failures, notTested } = one.judgement;
    // The next answer is as long.
    const isEnough = failures.length === 0 && (notTested === null || notTested === bodyTooLong);
    if (isEnough || one.failure?.isFinal || tries.length >= input.tries)
      return options.mask({ ...(await describe(target, one, options.mask)), startedAt, tries });
    pausedMs = pauseAfter(one, tries.length, input.pauseMs);
    await delay(pausedMs, signal);
    signal.throwIfAborted();
  }
}

async function tryOnce(target: Target, options: TestOptions): Promise<Try> {
  const { input, signal, conditions, lag, sent, mask } = options;
  const hops: UrlHop[] = [];
  const clock = new TryClock({ totalMs: input.timeouts.totalMs, signal, lag });
  try {
    const { family } = target;
    const first = firstRequest(toUrl(target), input.method, sent);
    const raw = await follow(first, hops, { ...options, ...input, family, clock });
    const { passedMs: totalMs, lateMs } = clock;
    const texts = raw.headers.map(([name, value]): [string, string] => [name, wireText(value)]);
    const answer = { ...raw, headers: mask(texts) };
    const told = mask(hops);
    const judgement = await judge(answer, told, { input, totalMs, lateMs, conditions, mask });
    return { hops: told, answer, failure: null, judgement, totalMs };
  } catch (error) {
    signal.throwIfAborted();
    const failure = toUrlFailure(error, 'connect');
    const judgement = judgeFailure(failure, clock);
    return { hops: mask(hops), answer: null, failure, judgement, totalMs: clock.passedMs };
  } finally {
    clock.close();
  }
}

/** @throws UrlFailure */
function toUrl({ url, asGiven }: Target): URL {
  const read = asGiven === null ? { url } : normalizeUrl(asGiven);
  if ('url' in read) return new URL(read.url);
  throw new UrlFailure('INVALID_URL', {
    phase: 'guard',
    message: read.problem,
    short: 'no URL',
    isFinal: true,
  });
}

function judgeFailure({ code, message }: UrlFailure, { wasKeptBusy }: TryClock): Judgement {
  const isByUs = code === 'TIMEOUT' && wasKeptBusy;
  return {
    failures: [message],
    isOnlyStatus: false,
    weaknesses: [],
    notTested: isByUs ? machineBusy : null,
  };
}

/** `Retry-After` in seconds or as a date; else the pause grows. */
function pauseAfter({ answer }: Try, tries: number, pauseMs: number): number {
  const said = answer?.headers.find(([name]) => name === 'retry-after')?.[1] ?? '';
  const askedMs = /^\d{1,9}$/.test(said) ? Number(said) * 1000 : Date.parse(said) - Date.now();
  const growingMs = Math.min(mostPauseMs, pauseMs * 2 ** (tries - 1));
  return Number.isFinite(askedMs) ? Math.min(mostPauseMs, Math.max(growingMs, askedMs)) : growingMs;
}

async function describe(
  { url, family, asGiven }: Target,
  one: Try,
  mask: Mask,
): Promise<Omit<Tested, 'startedAt' | 'tries'>> {
  const { hops, answer, failure, judgement, totalMs } = one;
  return {
    url,
    asGiven,
    family,
    outcome: outcomeOf(judgement),
    verdict: verdictOf(one),
    // The address was refused here, which is no word about the site.
    notTested: judgement.notTested ?? (failure?.code === 'REFUSED_ADDRESS' ? 'not allowed' : null),
    problems: [...judgement.failures, ...judgement.weaknesses],
    status: answer?.status ?? null,
    error: failure && { code: failure.code, phase: failure.phase, message: failure.message },
    totalMs,
    hops,
    answer: answer && (await keepAnswer(answer, mask)),
  };
}

function outcomeOf({ failures, weaknesses, notTested }: Judgement): Tone {
  if (notTested !== null) return 'warn';
  if (failures.length > 0) return 'bad';
  return weaknesses.length > 0 ? 'warn' : 'good';
}

async function keepAnswer({ body, ...answer }: Answer, mask: Mask): Promise<UrlTest['answer']> {
  const headers = answer.headers
    .slice(0, 200)
    .map(([name, value]): [string, string] => [name, value.slice(0, 4_000).toWellFormed()]);
  try {
    const { text, isCut } = await textOf({ ...answer, body: body.start(bodyStartBytes) }, mask);
    const start = text.slice(0, bodyStartLength).toWellFormed();
    return { headers, body: start, isBodyCut: isCut || text.length > bodyStartLength };
  } catch (error) {
    return { headers, body: `(${(error as Error).message})`, isBodyCut: true };
  }
}
