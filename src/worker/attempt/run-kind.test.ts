import { expect, it } from 'vitest';
import type { KindContext, KindJob, RunnableKind } from '../../domain/jobs/kind-ports.ts';
import { runKind } from './run-kind.ts';

const secret = 'abcd-efgh';
const told: unknown[] = [];
const tell =
  (name: string) =>
  (...values: unknown[]): never =>
    void told.push([name, ...values]) as never;
const context: KindContext = {
  secrets: new Map(),
  hidden: [],
  signal: new AbortController().signal,
  log: tell('log'),
  progress: tell('progress'),
  series: tell('series'),
  result: tell('result'),
  part: tell('part'),
  partsDone: () => Promise.resolve([]),
  lastGood: () => Promise.resolve(null),
  compareWith: () => Promise.resolve(),
  program: () => Promise.reject(new Error('starts none')),
};
const job = { input: {} } as KindJob<unknown>;
const opened = { values: new Map([['key', secret]]), hidden: [secret] };
const kindThat = (run: (context: KindContext) => ReturnType<RunnableKind['run']>): RunnableKind =>
  ({
    secretsOf: () => [{ field: 'key', name: 'key' }],
    run: (_job: unknown, given: KindContext) => run(given),
  }) as never;

it('hides the values of its secrets in whatever a kind tells', async () => {
  const kind = kindThat(async ({ secrets, ...given }) => {
    const text = `got ${secrets.get('key')}`;
    given.log(text, 'stderr');
    given.progress(0.5, text);
    given.result({ text });
    given.series({ name: text, x: [1], y: [2] });
    await given.part({
      number: 1,
      key: text,
      endedAt: '',
      verdict: { text, tone: 'bad' },
      tookMs: 1,
      facts: [text],
    });
    return { state: 'failed', reason: 'error', message: text };
  });
  told.length = 0;
  const outcome = await runKind(kind, job, context, () => Promise.resolve(opened));
  expect(told.map((one) => (one as unknown[])[0])).toEqual(['log', 'progress', 'result', 'series', 'part']);
  expect(JSON.stringify([told, outcome])).not.toContain(secret);
  expect(outcome).toMatchObject({ message: 'got *********' });
});

it('hides them in an error that it throws', async () => {
  const kind = kindThat(({ secrets }) => Promise.reject(new Error(`no ${secrets.get('key')}`)));
  const run = runKind(kind, job, context, () => Promise.resolve(opened));
  await expect(run).rejects.toThrow('no *********');
});

it('runs nothing when a secret cannot be had, and says which', async () => {
  const kind = kindThat(() => Promise.reject(new Error('ran')));
  told.length = 0;
  const problem = 'key: there is no secret "key".';
  expect(await runKind(kind, job, context, () => Promise.resolve({ problem }))).toEqual({
    state: 'failed',
    reason: 'error',
    message: problem,
  });
  expect(told).toEqual([['log', problem, 'stderr']]);
});
