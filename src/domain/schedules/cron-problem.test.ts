import { describe, expect, it } from 'vitest';
import { findCronProblem } from './cron-problem.ts';

describe('a rule', () => {
  it.each([
    ['5 4 * * *', null],
    ['*/10 30 4 * * mon-fri', null],
    ['@daily', null],
    ['0 0 L * *', null],
    ['0 0 15W jan-mar fri#2,monL', null],
    ['0 0 29 2 *', null],
    ['0 0 30 2 *', 'is never due: there is no such day'],
    ['0 0 */100,1-7 * MON', null],
    ['* * *', 'expected five or six fields, or `@daily` and its like'],
    ['0 0 1 1 * * 2030', 'expected five or six fields, or `@daily` and its like'],
    ['2026-12-01T00:00:00', 'expected five or six fields, or `@daily` and its like'],
    ['@reboot', '`@reboot` is no time: a job of it would never be due'],
    ['@fortnightly', expect.stringMatching(/^expected .*@yearly.*@hourly.*, got "@fortnightly"$/)],
    ['', 'expected five or six fields, or `@daily` and its like'],
    [
      '-0 3 * * *',
      'minute: expected numbers from 0 to 59, as `5`, `5,8`, `5-8`, `*/5`, `5-8/2` or `*`, got "-0"',
    ],
    ['0 22-2 * * *', expect.stringMatching(/^hour: .* got "22-2"; a range goes up: `22-23,0-2`$/)],
    ['0 0 * 11-2 *', expect.stringMatching(/^month: .* got "11-2"; a range goes up: `11-12,1-2`$/)],
    ['0 0 * * 5-1', expect.stringMatching(/^weekday: .* got "5-1"; a range goes up: `5-7,0-1`$/)],
    ['0 40-30 * * *', expect.stringMatching(/^hour: .* got "40-30"$/)],
    ['0 0 * * 6,funday', expect.stringMatching(/^weekday: .*`mon`.* got "funday"$/)],
    [`${'9'.repeat(300)} * * * *`, expect.stringMatching(/^minute: .* got "9{40}…"$/)],
  ])('%s: %s', (cron, problem) => {
    expect(findCronProblem(cron)).toEqual(problem);
  });

  // One of each error of the parser, whose words mean nothing to who wrote the rule.
  it.each<[field: string, cron: string, range: string]>([
    ['second', '60 * * * * *', '0 to 59'],
    ['second', 'x * * * * *', '0 to 59'],
    ['minute', '61 * * * *', '0 to 59'],
    ['minute', '5- * * * *', '0 to 59'],
    ['minute', '1-2-3 * * * *', '0 to 59'],
    ['minute', '1,,2 * * * *', '0 to 59'],
    ['minute', '*/0 * * * *', '0 to 59'],
    ['minute', '*/x * * * *', '0 to 59'],
    ['minute', '/5 * * * *', '0 to 59'],
    ['minute', '5/5 * * * *', '0 to 59'],
    ['minute', '*/5/5 * * * *', '0 to 59'],
    ['minute', '5-x/2 * * * *', '0 to 59'],
    ['minute', '1-5/99 * * * *', '0 to 59'],
    ['minute', '** * * * *', '0 to 59'],
    ['hour', '0 24 * * *', '0 to 23'],
    ['hour', '0 5L * * *', '0 to 23'],
    ['hour', '0 5W * * *', '0 to 23'],
    ['hour', '0 5#1 * * *', '0 to 23'],
    ['hour', '0 １ * * *', '0 to 23'],
    ['day of the month', '0 0 0 * *', '1 to 31'],
    ['day of the month', '0 0 32 * *', '1 to 31'],
    ['day of the month', '0 0 L5 * *', '1 to 31'],
    ['day of the month', '0 0 1,LW * *', '1 to 31'],
    ['day of the month', '0 0 1-5W * *', '1 to 31'],
    ['day of the month', '0 0 */5W * *', '1 to 31'],
    ['day of the month', '0 0 1-9W/2 * *', '1 to 31'],
    ['day of the month', '0 0 W * *', '1 to 31'],
    ['month', '0 0 1 13 *', '1 to 12'],
    ['month', '0 0 1 janfeb *', '1 to 12'],
    ['weekday', '0 0 * * 8', '0 to 7'],
    ['weekday', '0 0 * * 1#6', '0 to 7'],
    ['weekday', '0 0 * * 1#', '0 to 7'],
    ['weekday', '0 0 * * +', '0 to 7'],
    ['weekday', '0 0 * * montue', '0 to 7'],
  ])('with a wrong %s, %s, is told which field, and what it may hold', (field, cron, range) => {
    const problem = findCronProblem(cron) ?? '';
    expect(problem.startsWith(`${field}: expected numbers from ${range}`)).toBe(true);
    expect(problem).not.toMatch(/syntax|illegal|NaN|pattern|configuration|dayOfWeek|invalid/i);
  });
});
