import { expect, it } from 'vitest';
import { LookPace } from './look-pace.ts';

it('rests fifty times as long as looks take', () => {
  const pace = new LookPace();
  pace.after(2);
  expect(pace.after(2)).toBe(100);
  expect(pace.after(3)).toBe(100);
  expect(pace.after(3)).toBe(150);
});

it('is not thrown off by one slow look, the first one least of all', () => {
  const pace = new LookPace();
  expect(pace.after(80)).toBe(0);
  expect(pace.after(2)).toBe(100);
  expect(pace.after(80)).toBe(100);
  expect(pace.after(2)).toBe(100);
});
