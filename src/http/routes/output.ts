import { Readable } from 'node:stream';
import { z } from 'zod';
import { AppError } from '../../contract/errors.ts';
import type { Actor } from '../../contract/actor.ts';
import type { JobReader } from '../../jobs/ports.ts';
import type { AttemptRef, OutputPiece, OutputPosition, OutputReader } from '../../output/ports.ts';
import { delay } from '../../lib/delay.ts';
import { principalOf, type App } from '../access.ts';
import { findJob, jobParams } from '../job-params.ts';
import { openEventStream, type EventStream } from '../sse.ts';

export interface OutputDependencies {
  reader: JobReader;
  output: OutputReader;
}

/** PostgreSQL counts attempts by `integer`. */
const maxAttempt = 2 ** 31 - 1;

/** How often a live view looks for more; output itself is stored five times a second. */
const followEveryMs = 250;

const tags = ['output'];

const attemptQuery = z.coerce
  .number()
  .int()
  .positive()
  .max(maxAttempt)
  .optional()
  .describe('Number of the attempt; by default the newest.');

const outputLine = z.object({
  stream: z.enum(['stdout', 'stderr']),
  line: z.int().nullable().describe('Counted from 0 within the stream of the attempt; null for a gap.'),
  at: z.iso.datetime({ offset: true }),
  text: z.string(),
  kind: z.enum(['text', 'protocol', 'gap']),
  isPartial: z.boolean().describe('The end of the line has not come yet.'),
});

export function registerOutputRoutes(app: App, { reader, output }: OutputDependencies): void {
  app.get('/api/v1/jobs/:id/output', {
    config: { access: 'jobs.read' },
    schema: {
      operationId: 'readOutput',
      tags,
      summary: 'Lines that an attempt printed',
      params: jobParams,
      querystring: z.strictObject({
        attempt: attemptQuery,
        stream: z.enum(['stdout', 'stderr', 'merged']).default('merged'),
        from: z
          .string()
          .max(40)
          .optional()
          .describe(
            'First line: its number for one stream, `next` of the page before for merged, `end` for the last lines.',
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
        }),
      },
    },
    handler: async (request) => {
      const { id } = await findJob(reader, request);
      const { attempt: number, stream, from, lines: limit, protocol } = request.query;
      const attempt = await findAttempt(reader, { id, number }, principalOf(request).actor);
      if (!attempt) return { attempt: 0, isEnded: false, lines: [], next: null };
      const page = await readPage(output, attempt, { stream, from, limit });
      const lines = page.lines.filter((line) => protocol || line.kind !== 'protocol');
      return {
        attempt: attempt.number,
        isEnded: attempt.isEnded,
        lines: lines.map((line) => ({ ...line, at: line.at.toISOString() })),
        next: page.next,
      };
    },
  });

  app.get('/api/v1/jobs/:id/output/live', {
    config: { access: 'jobs.read' },
    schema: {
      operationId: 'followOutput',
      tags,
      summary: 'Output as it is printed, as server-sent events',
      description:
        'Events `output` with a piece of text and the byte it begins at, `end` when the attempt has ended and everything was sent. Reconnecting with Last-Event-ID goes on where it stopped.',
      params: jobParams,
      querystring: z.strictObject({ attempt: attemptQuery }),
    },
    handler: async (request, reply) => {
      const { id } = await findJob(reader, request);
      const { actor } = principalOf(request);
      const lastId = request.headers['last-event-id'];
      const { number, position } = parseEventId(
        typeof lastId === 'string' ? lastId : '',
        request.query.attempt,
      );
      const stream = openEventStream(app, request, reply);
      await follow({ reader, output, stream, actor, id, number, position }).catch((error: unknown) => {
        request.log.warn({ err: error }, 'A live view of output broke off; its reader will come back.');
      });
      stream.end();
    },
  });

  app.get('/api/v1/jobs/:id/output/:stream', {
    config: { access: 'jobs.read' },
    schema: {
      operationId: 'downloadOutput',
      tags,
      summary: 'A stream as a file, byte for byte',
      params: jobParams.extend({ stream: z.enum(['stdout', 'stderr']) }),
      querystring: z.strictObject({ attempt: attemptQuery }),
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

async function findAttempt(
  reader: JobReader,
  { id, number }: { id: number; number: number | undefined },
  actor: Actor,
): ReturnType<JobReader['attemptRef']> {
  const attempt = await reader.attemptRef(id, number ?? null, actor);
  if (!attempt && number !== undefined)
    throw new AppError('not_found', `Job ${id} has no attempt ${number}.`);
  return attempt;
}

async function readPage(
  output: OutputReader,
  attempt: AttemptRef,
  {
    stream,
    from,
    limit,
  }: { stream: 'stdout' | 'stderr' | 'merged'; from: string | undefined; limit: number },
): ReturnType<OutputReader['mergedLines']> {
  if (from === 'end') return output.tail(attempt, limit, stream === 'merged' ? null : stream);
  if (stream === 'merged') {
    return output.mergedLines(attempt, { from: from ?? null, limit }).catch((error: unknown) => {
      throw error instanceof RangeError ? invalidFrom('`next` of an earlier page or `end`') : error;
    });
  }
  if (from !== undefined && !/^\d{1,15}$/.test(from)) throw invalidFrom('a line number or `end`');
  return output.streamLines(attempt, { stream, from: Number(from ?? 0), limit });
}

function invalidFrom(expected: string): AppError {
  const message = `expected ${expected}`;
  return new AppError('invalid_input', `from: ${message}.`, { details: [{ field: 'from', message }] });
}

interface FollowOptions extends OutputDependencies {
  stream: EventStream;
  actor: Actor;
  id: number;
  number: number | undefined;
  position: OutputPosition;
}

async function follow(options: FollowOptions): Promise<void> {
  const { reader, stream, actor, id, number } = options;
  const pieces = new PieceSender(options);
  let attempt: Awaited<ReturnType<JobReader['attemptRef']>> = null;
  while (!stream.signal.aborted) {
    // Asked before reading: what was printed before the end is stored before the end.
    attempt = await reader.attemptRef(id, attempt?.number ?? number ?? null, actor);
    if (attempt) await pieces.send(attempt);
    const job = await reader.byId(id, actor);
    if (!job) return stream.send({ event: 'end', data: { state: null } });
    if (attempt?.isEnded || (!attempt && job.endedAt !== null)) {
      return stream.send({ event: 'end', data: { state: job.state, attempt: attempt?.number ?? 0 } });
    }
    await delay(followEveryMs, stream.signal);
  }
}

/** Sends pieces of text. A character that is cut by the end of a piece is sent with the next one. */
class PieceSender {
  readonly #output: OutputReader;
  readonly #stream: EventStream;
  readonly #position: OutputPosition;
  readonly #cut = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  #attempt = 0;

  constructor({ output, stream, position }: Pick<FollowOptions, 'output' | 'stream' | 'position'>) {
    this.#output = output;
    this.#stream = stream;
    this.#position = position;
  }

  async send(attempt: AttemptRef & { isEnded: boolean }): Promise<void> {
    this.#attempt = attempt.number;
    for await (const piece of this.#output.pieces(attempt, this.#position)) {
      if (this.#stream.signal.aborted) return;
      await this.#sendPiece(piece);
    }
    if (attempt.isEnded) await this.#sendRest();
  }

  async #sendPiece(piece: OutputPiece): Promise<void> {
    const position = this.#position;
    position.chunk = piece.chunk;
    position.gaps = piece.gaps;
    const { stream, kind, at } = piece;
    if (kind === 'gap')
      return this.#emit({ stream, kind, at, byte: piece.byte, text: piece.bytes.toString() });
    const bytes = Buffer.concat([this.#cut[stream], piece.bytes]);
    const whole = bytes.length - cutCharacterBytes(bytes);
    const byte = piece.byte - this.#cut[stream].length;
    position[stream] = piece.byte + piece.bytes.length;
    this.#cut[stream] = Buffer.from(bytes.subarray(whole));
    if (whole > 0) await this.#emit({ stream, kind, at, byte, text: bytes.toString('utf8', 0, whole) });
  }

  /** A program may well end in the middle of a character. */
  async #sendRest(): Promise<void> {
    for (const stream of ['stdout', 'stderr'] as const) {
      const rest = this.#cut[stream];
      if (rest.length === 0) continue;
      this.#cut[stream] = Buffer.alloc(0);
      const byte = this.#position[stream] - rest.length;
      await this.#emit({ stream, kind: 'text', at: new Date(), byte, text: rest.toString() });
    }
  }

  async #emit({
    at,
    ...data
  }: Omit<OutputPiece, 'bytes' | 'chunk' | 'gaps'> & { text: string }): Promise<void> {
    const { stdout, stderr, chunk, gaps } = this.#position;
    // Whoever comes back begins before a cut character, in the same attempt.
    const whole = { stdout: stdout - this.#cut.stdout.length, stderr: stderr - this.#cut.stderr.length };
    const id = [this.#attempt, whole.stdout, whole.stderr, chunk, gaps].join('-');
    await this.#stream.send({ event: 'output', id, data: { ...data, at: at.toISOString() } });
  }
}

/** Bytes at the end that begin a character of UTF-8 whose rest is still to come (RFC 3629, section 3). */
function cutCharacterBytes(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0b1100_0000) === 0b1000_0000) continue;
    const length = byte >= 0b1111_0000 ? 4 : byte >= 0b1110_0000 ? 3 : byte >= 0b1100_0000 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

/** The attempt to follow and where to begin in it. An id that is none of ours, or of another attempt than the one asked for, says nothing. */
function parseEventId(
  lastEventId: string,
  asked: number | undefined,
): { number: number | undefined; position: OutputPosition } {
  const match = /^(\d{1,9})-(\d{1,15})-(\d{1,15})-(\d{1,9})-(\d{1,9})$/.exec(lastEventId);
  const [number, stdout = 0, stderr = 0, chunk = 0, gaps = 0] = (match?.slice(1) ?? []).map(Number);
  if (number === undefined || (asked !== undefined && asked !== number))
    return { number: asked, position: { stdout: 0, stderr: 0, chunk: 0, gaps: 0 } };
  return { number, position: { stdout, stderr, chunk, gaps } };
}
