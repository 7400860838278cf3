import { describe, expect, it } from 'vitest';
import type { HomeEntry } from '../../domain/home/ports.ts';
import { createFromNetwork, createToNetwork, type Conversion } from './ascii.ts';
import { factNames, formatFacts, parseFacts, type FactName } from './facts.ts';
import { formatListLine } from './list-lines.ts';

const now = Date.UTC(2026, 5, 1);

function entry(change: Partial<HomeEntry> = {}): HomeEntry {
  return {
    name: Buffer.from('x'),
    kind: 'file',
    sizeBytes: 5,
    modifiedMs: Date.UTC(2026, 4, 2, 3, 4, 5),
    mode: 0o644,
    uid: 1,
    gid: 2,
    linkCount: 1,
    linkTarget: null,
    unique: 'ag1f',
    isPart: false,
    ...change,
  };
}

describe('facts', () => {
  const told = (change: Partial<HomeEntry>, isReadOnly = false): string =>
    formatFacts(entry(change), 'x', { facts: new Set(factNames), isReadOnly });

  it('stand in a fixed order before one blank and the name', () => {
    expect(told({})).toBe(
      'type=file;perm=adfrw;size=5;modify=20260502030405;unique=ag1f;unix.mode=0644;unix.uid=1;unix.gid=2; x',
    );
  });

  it('tell what kind it is and what may be tried', () => {
    expect(told({ kind: 'folder' })).toContain('type=dir;perm=cdeflmp;');
    expect(told({ kind: 'folder' }, true)).toContain('type=dir;perm=el;');
    expect(told({}, true)).toContain('perm=r;');
    expect(told({ kind: 'other' })).toContain('type=OS.unix=special;perm=df;');
    expect(told({ isPart: true })).toContain('perm=adw;');
  });

  it('of a link tell its target, unless that would end them', () => {
    expect(told({ kind: 'link', linkTarget: Buffer.from('a b') })).toContain('type=OS.unix=slink:a b;');
    expect(told({ kind: 'link', linkTarget: Buffer.from('a;size=7') })).toContain('type=OS.unix=symlink;');
  });

  it('that are not asked for are left out, even all of them', () => {
    const facts = (names: FactName[]): string =>
      formatFacts(entry(), 'x', { facts: new Set(names), isReadOnly: false });
    expect(facts(['size'])).toBe('size=5; x');
    expect(facts([])).toBe(' x');
  });

  it('are chosen by name; unknown ones are none', () => {
    expect(parseFacts('')).toEqual([]);
    expect(parseFacts('fish;SIZE;type;')).toEqual(['type', 'size']);
    expect(parseFacts('type')).toBeNull();
    expect(parseFacts('type ;')).toBeNull();
  });
});

describe('lines of LIST', () => {
  it.each([
    [entry(), '-rw-r--r--    1 1        2                   5 May  2 03:04 x'],
    [
      entry({ modifiedMs: Date.UTC(2018, 0, 2) }),
      '-rw-r--r--    1 1        2                   5 Jan  2  2018 x',
    ],
    [
      entry({ kind: 'folder', mode: 0o2775 }),
      'drwxrwsr-x    1 1        2                   5 May  2 03:04 x',
    ],
    [
      entry({ kind: 'folder', mode: 0o1777 }),
      'drwxrwxrwt    1 1        2                   5 May  2 03:04 x',
    ],
    [entry({ mode: 0o4600 }), '-rwS------    1 1        2                   5 May  2 03:04 x'],
    [
      entry({ kind: 'link', linkTarget: Buffer.from('/etc\r\nx') }),
      'lrw-r--r--    1 1        2                   5 May  2 03:04 x -> /etc??x',
    ],
  ])('as ls prints them: %#', (listed, line) => {
    expect(formatListLine(listed, 'x', now)).toBe(line);
  });
});

describe('TYPE A', () => {
  const through = (conversion: Conversion, chunks: string[]): string =>
    Buffer.concat([
      ...chunks.map((chunk) => conversion.convert(Buffer.from(chunk))),
      conversion.end(),
    ]).toString();

  it('sends LF as CR LF, and CR LF as it is, also where a chunk ends between them', () => {
    expect(through(createToNetwork(), ['a\nb\r\nc\r'])).toBe('a\r\nb\r\nc\r');
    expect(through(createToNetwork(), ['b\r', '\nc\n', '\n'])).toBe('b\r\nc\r\n\r\n');
  });

  it('stores CR LF as LF, and any other CR as it is', () => {
    expect(through(createFromNetwork(), ['\r\n foo \r\n bar'])).toBe('\n foo \n bar');
    expect(through(createFromNetwork(), ['a\r', '\nb\r', 'c\r\r\n', 'd\r'])).toBe('a\nb\rc\r\nd\r');
  });
});
