import { expect, it } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import type { OutputPiece, OutputPosition } from '../../domain/output/ports.ts';
import { silentLogger } from '../../lib/logger.ts';
import { Interrupts } from '../attempt/interrupts.ts';
import { LineFeed } from './line-feed.ts';
import { repeatOutput } from './repeat-output.ts';

const piece = (byte: number, text: string, change: Partial<OutputPiece> = {}): OutputPiece => ({
  stream: 'stdout',
  kind: 'text',
  at: new Date(0),
  byte,
  bytes: Buffer.from(text),
  chunk: 0,
  gaps: 0,
  ...change,
});

/** What is stored, by a reader that breaks off once behind each of `breaks` pieces. */
function create(
  stored: readonly OutputPiece[],
  { breaks = [], error = away() }: { breaks?: number[]; error?: Error } = {},
) {
  const shown: string[] = [];
  const asked: OutputPosition[] = [];
  const feed = new LineFeed(({ text, isRepeated }) =>
    shown.push(`${text}${isRepeated ? ' (repeated)' : ''}`),
  );
  const left = [...breaks];
  async function* read(from: OutputPosition): AsyncGenerator<OutputPiece> {
    asked.push(from);
    for (const [index, one] of stored.entries()) {
      if (one.kind !== 'gap' && one.byte < from[one.stream]) continue;
      if (one.kind === 'gap' && one.chunk === from.chunk && one.gaps <= from.gaps) continue;
      yield one;
      if (left[0] !== index) continue;
      left.shift();
      throw error;
    }
  }
  return { shown, asked, feed, read, interrupts: new Interrupts(silentLogger) };
}

const away = (): AppError => new AppError('database_unavailable', 'away');

it('shows all that is stored as repeated, and goes on behind it where the store did not answer', async () => {
  const stored = [
    piece(0, 'one\ntw'),
    piece(6, 'o\n'),
    piece(8, 'the reason', { kind: 'gap', stream: 'stderr', gaps: 1 }),
    piece(8, 'three\n', { gaps: 1 }),
  ];
  const { shown, asked, feed, read, interrupts } = create(stored, { breaks: [0, 2] });
  await repeatOutput(feed, { read, outputBase: undefined, interrupts });
  expect(shown).toEqual(['one (repeated)', 'two (repeated)', 'three (repeated)']);
  expect(feed.problem).toBeNull();
  expect(asked).toEqual([
    { stdout: 0, stderr: 0, chunk: 0, gaps: 0 },
    { stdout: 6, stderr: 0, chunk: 0, gaps: 0 },
    { stdout: 8, stderr: 0, chunk: 0, gaps: 1 },
  ]);
});

it('leaves out what was printed before the program', async () => {
  const { shown, feed, read, interrupts } = create([piece(0, 'said before\n'), piece(12, 'one\n')]);
  await repeatOutput(feed, { read, outputBase: { stdout: 12, stderr: 0 }, interrupts });
  expect(shown).toEqual(['one (repeated)']);
});

it('what cannot be read at all is a problem of the feed alone', async () => {
  const error = new Error('a chunk is damaged');
  const { shown, feed, read, interrupts } = create([piece(0, 'one\n'), piece(4, 'two\n')], {
    breaks: [0],
    error,
  });
  await repeatOutput(feed, { read, outputBase: undefined, interrupts });
  expect(shown).toEqual(['one (repeated)']);
  expect(feed.problem).toBe(error);
});

it('does not join half a line that it ended at with what follows', async () => {
  const { shown, feed, read, interrupts } = create([piece(0, 'one\nhalf'), piece(8, ' a line\n')]);
  async function* stopped(from: OutputPosition): AsyncGenerator<OutputPiece> {
    for await (const one of read(from)) {
      if (one.byte > 0) interrupts.stop('cancelled');
      yield one;
    }
  }
  await repeatOutput(feed, { read: stopped, outputBase: undefined, interrupts });
  feed.push('stdout', Buffer.from('what came meanwhile\n'), { at: new Date(0), isRepeated: false });
  expect(shown).toEqual(['one (repeated)', 'half (repeated)', 'what came meanwhile']);
});

it('ends at once when the attempt is stopped', async () => {
  const { shown, feed, read, interrupts } = create([piece(0, 'one\n'), piece(4, 'two\n')]);
  interrupts.stop('cancelled');
  await repeatOutput(feed, { read, outputBase: undefined, interrupts });
  expect(shown).toEqual([]);
});
