import { describe, expect, it } from 'vitest';
import { toBytes } from './bytes.ts';
import { isPattern, matches } from './patterns.ts';
import { quotePath, resolvePath } from './paths.ts';
import { formatReply, reply } from './replies.ts';
import { formatTime, parseTime } from './times.ts';

describe('paths', () => {
  it.each([
    ['/', 'a', '/a'],
    ['/a', 'b/c', '/a/b/c'],
    ['/a', '/b', '/b'],
    ['/a/b', '..', '/a'],
    ['/a', '../../..', '/'],
    ['/', '/../../etc/passwd', '/etc/passwd'],
    ['/a', './/b/', '/a/b'],
    ['/a', '', '/a'],
    ['/a', ' b ', '/a/ b '],
  ])('from %s, %j leads to %s', (folder, argument, path) => {
    expect(resolvePath(folder, argument)).toBe(path);
  });

  it('behind a name, which may be a link, the way up is left to the core', () => {
    expect(resolvePath('/a', 'link/../b')).toBe('/a/link/../b');
    expect(resolvePath('/a', '../link/..')).toBe('/link/..');
  });

  it('are quoted with quotes doubled', () => {
    expect(quotePath('/q"q')).toBe('"/q""q"');
  });
});

describe('patterns', () => {
  it.each([
    ['*.csv', 'a.csv', true],
    ['*.csv', '.csv', false],
    ['.*', '.csv', true],
    ['*.csv', 'a.csv.gz', false],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['[a-c]1', 'b1', true],
    ['[!a-c]1', 'b1', false],
    ['[]]x', ']x', true],
    ['[x', '[x', true],
    ['*a*b*', 'xxaxxbxx', true],
    ['{a,b}', 'a', false],
    ['*', '', true],
  ])('%s and %s: %s', (pattern, name, isMatch) => {
    expect(matches(pattern, name)).toBe(isMatch);
  });

  it('take no longer than pattern times name, which a regular expression would', () => {
    const startedAt = performance.now();
    expect(matches(`${'*a'.repeat(200)}b`, 'a'.repeat(255))).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  it('are only in the last part', () => {
    expect(['*.csv', 'd/*.csv', '[2026] run'].map(isPattern)).toEqual([true, true, true]);
    expect(['*/x', '*/*', '{a,b}', 'plain'].map(isPattern)).toEqual([false, false, false, false]);
  });
});

describe('times', () => {
  it('are those of UTC, to the second', () => {
    expect(formatTime(Date.UTC(2018, 0, 2, 3, 4, 5))).toBe('20180102030405');
    expect(parseTime('20180102030405')).toBe(Date.UTC(2018, 0, 2, 3, 4, 5));
    expect(parseTime('20180102030405.5')).toBe(Date.UTC(2018, 0, 2, 3, 4, 5, 500));
    expect(parseTime('00990102030405')).toBe(Date.parse('0099-01-02T03:04:05Z'));
  });

  it.each(['2018', '20181332000000', '20180230000000', '20180101240000', '2018010203040x', ''])(
    '%j is none',
    (text) => {
      expect(parseTime(text)).toBeNull();
    },
  );

  it('that nobody can write are 1970', () => {
    expect(formatTime(Number.NaN)).toBe('19700101000000');
    expect(formatTime(-9e15)).toBe('19700101000000');
  });
});

describe('replies', () => {
  it('of one line and of several', () => {
    expect(formatReply(reply(200, 'Fine.')).toString()).toBe('200 Fine.\r\n');
    expect(formatReply({ code: 211, lines: ['a', ' b', 'c'] }).toString()).toBe('211-a\r\n b\r\n211 c\r\n');
  });

  it('a name in them breaks no line and forges no reply', () => {
    const forged = formatReply({ code: 250, lines: ['a', '226 forged', 'x\r\n226 forged'] }).toString(
      'latin1',
    );
    expect(forged).toBe('250-a\r\n 226 forged\r\n250 x??226 forged\r\n');
  });

  it('double what Telnet takes for a command', () => {
    expect(formatReply({ code: 257, lines: ['"/\xff"'] })).toEqual(
      Buffer.from('257 "/\xff\xff"\r\n', 'latin1'),
    );
  });

  it('are UTF-8 where they are text', () => {
    expect(toBytes('Übung')).toBe('\xc3\x9cbung');
    expect(formatReply(reply(550, 'Übung')).toString()).toBe('550 Übung\r\n');
  });
});
