import { expect, it } from 'vitest';
import { LateSignal } from './late-signal.ts';

it('aborts a signal that was asked for before', () => {
  const late = new LateSignal<string>();
  const reasons: unknown[] = [];
  late.signal.addEventListener('abort', () => reasons.push(late.signal.reason));
  expect([late.aborted, late.reason]).toEqual([false, null]);
  late.abort('first');
  late.abort('second');
  expect([late.aborted, late.reason, reasons]).toEqual([true, 'first', ['first']]);
});

it('gives an aborted signal to who asks later, and always the same', () => {
  const late = new LateSignal<string>();
  late.abort('first');
  expect(late.signal).toBe(late.signal);
  expect([late.signal.aborted, late.signal.reason]).toEqual([true, 'first']);
});
