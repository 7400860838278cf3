import { expect, it } from 'vitest';
import type { ProgramLine } from '../../domain/jobs/kind-ports.ts';
import { LineFeed } from './line-feed.ts';

function create(onLine?: (line: ProgramLine) => unknown) {
  const shown: string[] = [];
  const lines: ProgramLine[] = [];
  const feed = new LineFeed(
    onLine ??
      ((line) => {
        lines.push(line);
        shown.push(`${line.stream} ${line.text}`);
      }),
  );
  let moment = 0;
  const push = (stream: ProgramLine['stream'], text: string | Buffer, isRepeated = false): void => {
    moment += 1;
    feed.push(stream, Buffer.from(text), { at: new Date(moment), isRepeated });
  };
  return { feed, push, shown, lines };
}

it('cuts each stream into its own lines, wherever its pieces end', () => {
  const { feed, push, shown, lines } = create();
  push('stdout', 'o');
  push('stderr', 'two\nthr');
  push('stdout', 'ne\n\nfour\nfi');
  push('stderr', 'ee\n');
  push('stdout', Buffer.from([0xc3]));
  push('stdout', Buffer.from([0xa4, 10]));
  feed.cut({ isRepeated: false });
  expect(shown).toEqual(['stderr two', 'stdout one', 'stdout ', 'stdout four', 'stderr three', 'stdout fiä']);
  // A line has the moment in which it began.
  expect(lines.map(({ at }) => at.getTime())).toEqual([2, 1, 3, 3, 2, 3]);
});

it('shows a last line without an end, and what stands before a gap', () => {
  const { feed, push, shown } = create();
  push('stdout', 'cut off');
  feed.cut({ isRepeated: false });
  push('stdout', 'rest\nlast');
  feed.cut({ isRepeated: false });
  feed.cut({ isRepeated: false });
  expect(shown).toEqual(['stdout cut off', 'stdout rest', 'stdout last']);
});

it('a line is repeated when its end is', () => {
  const { push, lines } = create();
  push('stdout', 'one\ntwo, ', true);
  push('stdout', 'three\n');
  expect(lines.map(({ text, isRepeated }) => [text, isRepeated])).toEqual([
    ['one', true],
    ['two, three', false],
  ]);
});

it.each([0, 1, 1_000])(
  'a line of %d bytes more than it keeps comes in pieces, none of them empty',
  (more) => {
    const { feed, push, lines } = create();
    const line = 'x'.repeat(64 * 1024 + more);
    for (let at = 0; at < line.length; at += 10_000) push('stdout', line.slice(at, at + 10_000));
    push('stdout', '\nnext\n');
    feed.cut({ isRepeated: false });
    const pieces = lines.slice(0, -1).map(({ text }) => text);
    expect(pieces.join('')).toBe(line);
    expect(pieces.every((piece) => piece.length > 0 && piece.length < 80_000)).toBe(true);
    expect(lines.at(-1)?.text).toBe('next');
  },
);

it.each([
  ['throws', () => Promise.resolve(void fail())],
  ['rejects', async () => fail()],
])('shows nothing more to a kind that %s, and says why', async (_how, onLine) => {
  const seen: string[] = [];
  const { feed, push } = create((line) => {
    seen.push(line.text);
    return onLine();
  });
  push('stdout', 'one\n');
  await Promise.resolve();
  push('stdout', 'two\n');
  expect(seen).toEqual(['one']);
  expect(feed.problem?.message).toBe('broken');
});

function fail(): never {
  throw new Error('broken');
}
