import type { Role } from '../../contract/actor.ts';
import type { DonePart } from '../../domain/reports/part-ports.ts';
import type { UrlInput } from './contract/url-test.ts';
import { testKey } from './contract/url-text.ts';
import { createMask } from '../../lib/mask-values.ts';
import { ConditionThread } from './condition-thread.ts';
import { LoopLag } from './loop-lag.ts';
import { inPace } from './pace.ts';
import { findTargets, type Targets } from './targets.ts';
import type { Sent } from './request.ts';
import { testUrl, type Target, type Tested, type TestOptions } from './test-url.ts';

/** What a job asks for. */
export interface TestOrder {
  input: UrlInput;
  sent: Sent;
  /** Texts to hide in what came. */
  hidden: readonly string[];
  /** Of who submitted; null when nobody is known. */
  role: Role | null;
  /** What needs no test any more, unless a list that was fetched anew has something else at its place. */
  done: readonly Pick<DonePart, 'number' | 'key'>[];
}

export interface Found {
  total: number;
  /** Listed more than once. */
  repeated: number;
  /** Entries of a sitemap that are no http or https URL. */
  leftOut: number;
  /** Numbers of those that need no test any more. */
  done: readonly number[];
}

export interface TestMade {
  /** From 1, in the order of the list. */
  number: number;
  target: Target;
  tested: Tested;
}

export interface OrderListener {
  onFound(found: Found): void;
  /** Resolves when there is room for more. */
  onTested(made: readonly TestMade[]): Promise<void>;
}

/**
 * Finds the targets and tests those that are not done. Resolves when nothing runs any more, all tested or stopped.
 * @returns why the targets cannot be found, in a sentence; else null
 * @throws what the listener throws
 */
export async function runOrder(
  { input, sent, hidden, role, done }: TestOrder,
  place: Pick<TestOptions, 'guard' | 'resolve' | 'authorities' | 'signal'>,
  listener: OrderListener,
): Promise<string | null> {
  const conditions = new ConditionThread();
  const lag = new LoopLag();
  try {
    return await testAll(
      { ...place, input, sent, mask: createMask(hidden), role, conditions, lag },
      new Map(done.map(({ number, key }) => [number, key])),
      listener,
    );
  } finally {
    lag.close();
    await conditions.close();
  }
}

async function testAll(
  options: TestOptions,
  keysDone: ReadonlyMap<number, string>,
  listener: OrderListener,
): Promise<string | null> {
  let found: Targets;
  try {
    found = await findTargets(options);
  } catch (error) {
    return (error as Error).message;
  }
  const { targets, repeated, leftOut } = found;
  const numbered = targets.map((target, index) => ({ target, number: index + 1 }));
  const { done = [], left = [] } = Object.groupBy(numbered, ({ target, number }) =>
    keysDone.get(number) === testKey(target.url, target.family) ? 'done' : 'left',
  );
  listener.onFound({ total: targets.length, repeated, leftOut, done: done.map(({ number }) => number) });
  try {
    await inPace(
      left,
      ({ target }) => URL.parse(target.url)?.host ?? '',
      { ...options.input, signal: options.signal },
      async ({ target, number }) =>
        listener.onTested([{ number, target, tested: await testUrl(target, options) }]),
    );
  } catch (error) {
    if (!options.signal.aborted) throw error;
  }
  return null;
}
