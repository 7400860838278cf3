import { afterEach, expect, it } from 'vitest';
import { ConditionThread } from './condition-thread.ts';

const threads: ConditionThread[] = [];

function create(): ConditionThread {
  const thread = new ConditionThread();
  threads.push(thread);
  return thread;
}

afterEach(async () => {
  await Promise.all(threads.splice(0).map((thread) => thread.close()));
});

const fine = { problems: [], undecided: [] };
const question = (text: string) => ({ text, isCut: false, patterns: ['^ok'], json: [] });

it('answers one question after the other, each with its own problems', async () => {
  const thread = create();
  const unmatched = { problems: ['The body does not match /^ok/.'], undecided: [] };
  expect(await thread.check(question('ok'))).toEqual(fine);
  expect(await thread.check(question('down'))).toEqual(unmatched);
  const together = ['ok', 'down', 'ok 2'].map((text) => thread.check(question(text)));
  expect(await Promise.all(together)).toEqual([fine, unmatched, fine]);
});

it('ends a check that takes too long, and answers what comes after it', { timeout: 60_000 }, async () => {
  const thread = create();
  const endless = thread.check({ ...question(`${'a'.repeat(40)}!`), patterns: ['^(a+)+$'] });
  const next = thread.check(question('ok'));
  expect(await endless).toEqual({ notChecked: 'its conditions take too long' });
  expect(await next).toEqual(fine);
  expect(await thread.check(question('ok'))).toEqual(fine);
});
