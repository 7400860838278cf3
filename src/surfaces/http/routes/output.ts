import { Readable } from 'node:stream';
import { z } from 'zod';
import { invalidField } from '../../../contract/errors.ts';
import type { JobReader } from '../../../domain/jobs/reader-ports.ts';
import type { AttemptRef, OutputFinder, OutputReader } from '../../../domain/output/ports.ts';
import { findCase, findText, outputLine, parsePlace, type OutputPlace } from '../../../contract/output.ts';
import { principalOf, type App } from '../access.ts';
import { attemptQuery, findAttempt, findJob, jobParams } from '../job-params.ts';
import { streamChoices, streams, type Stream, type StreamChoice } from '../../../contract/stream.ts';

interface OutputDependencies {
  reader: JobReader;
  output: OutputReader;
  finder: OutputFinder;
}

const tags = ['output'];

export function registerOutputRoutes(app: App, { reader, output, finder }: OutputDependencies): void {
  app.get('/api/v1/jobs/:id/output', {
    config: { access: 'jobs.read' },
    schema: {
      operationId: 'readOutput',
      tags,
      summary: 'Lines that an attempt printed',
      description:
        'An answer holds at most about 1 MiB of text. A line longer than that comes in pieces with the same number: `next` then names a place inside it.',
      params: jobParams,
      querystring: z.strictObject({
        attempt: attemptQuery,
        stream: z.enum(streamChoices).default('merged'),
        from: z
          .string()
          .max(40)
          .optional()
          .describe(
            'First line: its number for one stream; for merged a line such as `stdout:120`; for either `next` of the page before, or `end` for the last lines.',
          ),
        find: findText.optional().describe('Only lines that hold this text. Works while the output grows.'),
        case: findCase,
        direction: z
          .enum(['forward', 'backward'])
          .default('forward')
          .describe(
            'For `find`: backward begins before `from`, or at the end, and names the last line first.',
          ),
        lines: z.coerce.number().int().min(1).max(10_000).default(1_000),
        protocol: z.stringbool().default(false).describe('Also lines that were reports to Daybook.'),
      }),
      response: {
        200: z.object({
          attempt: z.int(),
          isEnded: z.boolean(),
          lines: z.array(outputLine),
          next: z.string().nullable().describe('Where to go on; null at the end of what is stored now.'),
          searchedTo: z
            .string()
            .nullable()
            .optional()
            .describe('With `find`: how far was looked, to go on from there when more was printed.'),
        }),
      },
    },
    handler: async (request) => {
      const { id } = await findJob(reader, request);
      const { attempt: number, stream, from, lines: limit, protocol, find } = request.query;
      const attempt = await findAttempt(reader, { id, number }, principalOf(request).actor);
      if (!attempt) return { attempt: 0, isEnded: false, lines: [], next: null };
      const page =
        find === undefined
          ? await readPage(output, attempt, { stream, from, limit })
          : await findPage(finder, attempt, { ...request.query, find, signal: request.signal });
      const lines = page.lines.filter((line) => protocol || line.kind !== 'protocol');
      return {
        ...page,
        attempt: attempt.number,
        isEnded: attempt.isEnded,
        lines: lines.map((line) => ({ ...line, at: line.at.toISOString() })),
      };
    },
  });

  app.get('/api/v1/jobs/:id/output/:stream', {
    config: { access: 'jobs.read' },
    schema: {
      operationId: 'downloadOutput',
      tags,
      summary: 'A stream as a file, byte for byte',
      params: jobParams.extend({ stream: z.enum(streams) }),
      querystring: z.strictObject({ attempt: attemptQuery }),
      response: {
        200: {
          description: 'The bytes as printed.',
          content: { 'text/plain': { schema: z.custom<Readable>() } },
        },
      },
    },
    handler: async (request, reply) => {
      const { id, uid } = await findJob(reader, request);
      const { stream } = request.params;
      const attempt = await findAttempt(
        reader,
        { id, number: request.query.attempt },
        principalOf(request).actor,
      );
      reply
        .type('text/plain; charset=utf-8')
        .header('content-disposition', `attachment; filename="${uid}_${stream}.log"`);
      return reply.send(Readable.from(attempt ? output.bytes(attempt, stream) : [], { objectMode: false }));
    },
  });
}

async function readPage(
  output: OutputReader,
  attempt: AttemptRef,
  { stream, from, limit }: { stream: StreamChoice; from: string | undefined; limit: number },
): ReturnType<OutputReader['mergedLines']> {
  if (from === 'end') return output.tail(attempt, limit, stream === 'merged' ? null : stream);
  if (stream === 'merged') {
    return output.mergedLines(attempt, { from: from ?? null, limit }).catch((error: unknown) => {
      throw error instanceof RangeError
        ? invalidField('from', 'expected a line such as `stdout:120`, `next` of an earlier page, or `end`')
        : error;
    });
  }
  return output.streamLines(attempt, { stream, from: toStreamPlace(from), limit });
}

function toStreamPlace(from = '0'): number | { chunk: number; index: number } {
  if (/^\d{1,15}$/.test(from)) return Number(from);
  const place = parsePlace(from);
  if (place?.by === 'place') return place;
  throw invalidField('from', 'expected a line number, `next` of an earlier page, or `end`');
}

/** A search answers after this long with what it has; it can be gone on with. */
const findBudgetMs = 2_000;

async function findPage(
  finder: OutputFinder,
  attempt: AttemptRef,
  query: {
    find: string;
    case: 'exact' | 'ignore';
    direction: 'forward' | 'backward';
    stream: StreamChoice;
    from?: string | undefined;
    lines: number;
    signal: AbortSignal;
  },
): Promise<Awaited<ReturnType<OutputReader['mergedLines']>> & { searchedTo: string | null }> {
  const { direction } = query;
  const stream = query.stream === 'merged' ? null : query.stream;
  const found = await finder.find(attempt, {
    text: query.find,
    ignoresCase: query.case === 'ignore',
    stream,
    from: toFindPlace(query.from, stream),
    direction,
    limit: query.lines,
    budgetMs: findBudgetMs,
    signal: query.signal,
  });
  const searchedTo = found.searchedTo && toPlaceText(found.searchedTo, stream);
  return { lines: found.lines, next: found.isComplete ? null : searchedTo, searchedTo };
}

function toFindPlace(from: string | undefined, stream: Stream | null): OutputPlace | null {
  if (from === undefined || from === 'end') return null;
  if (stream !== null && /^\d{1,15}$/.test(from)) return { by: 'line', stream, line: Number(from) };
  const place = stream === null ? parsePlace(from) : null;
  if (place) return place;
  throw invalidField(
    'from',
    stream === null
      ? 'expected a line such as `stdout:120`, `next` of an earlier page, or `end`'
      : 'expected a line number or `end`',
  );
}

function toPlaceText(place: OutputPlace, stream: Stream | null): string {
  if (place.by === 'place') return `${place.chunk}.${place.index}`;
  return stream === null ? `${place.stream}:${place.line}` : String(place.line);
}
