import { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { z } from 'zod';
import { AppError } from '../../contract/errors.ts';
import type { Actor } from '../../contract/actor.ts';
import type { AttemptRef, JobReader, OutputReader, StreamPositions } from '../../jobs/ports.ts';
import { delay } from '../../lib/delay.ts';
import { principalOf, type App } from '../access.ts';
import { findJob, jobParams } from '../job-params.ts';
import { openEventStream, type EventStream } from '../sse.ts';

export interface OutputDependencies {
  reader: JobReader;
  output: OutputReader;
}

/** How often a live view looks for more; output itself is stored five times a second. */
const followEveryMs = 250;

const tags = ['output'];

const attemptQuery = z.coerce
  .number()
  .int()
  .positive()
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
      const position = parsePosition(typeof lastId === 'string' ? lastId : '');
      const stream = openEventStream(app, request, reply);
      await follow({ reader, output, stream, actor, id, number: request.query.attempt, position }).catch(
        (error: unknown) => {
          request.log.warn({ err: error }, 'A live view of output broke off; its reader will come back.');
        },
      );
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

function readPage(
  output: OutputReader,
  attempt: AttemptRef,
  {
    stream,
    from,
    limit,
  }: { stream: 'stdout' | 'stderr' | 'merged'; from: string | undefined; limit: number },
): ReturnType<OutputReader['mergedLines']> {
  if (from === 'end') return output.tail(attempt, limit, stream === 'merged' ? null : stream);
  if (stream === 'merged') return output.mergedLines(attempt, { from: from ?? null, limit });
  const line = from === undefined ? 0 : Number(from);
  if (Number.isSafeInteger(line) && line >= 0)
    return output.streamLines(attempt, { stream, from: line, limit });
  throw new AppError('invalid_input', 'from: expected a line number or `end`.', {
    details: [{ field: 'from', message: 'expected a line number or `end`' }],
  });
}

interface FollowOptions extends OutputDependencies {
  stream: EventStream;
  actor: Actor;
  id: number;
  number: number | undefined;
  position: StreamPositions & { chunk: number };
}

async function follow({ reader, output, stream, actor, id, number, position }: FollowOptions): Promise<void> {
  // A piece may end in the middle of a character.
  const decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') };
  let attempt: Awaited<ReturnType<JobReader['attemptRef']>> = null;
  while (!stream.signal.aborted) {
    // Asked before reading: what was printed before the end is stored before the end.
    attempt = await reader.attemptRef(id, attempt?.number ?? number ?? null, actor);
    if (attempt) await sendPieces({ output, stream, attempt, position, decoders });
    const job = await reader.byId(id, actor);
    if (!job) return stream.send({ event: 'end', data: { state: null } });
    if (attempt?.isEnded || (!attempt && job.endedAt !== null)) {
      return stream.send({ event: 'end', data: { state: job.state, attempt: attempt?.number ?? 0 } });
    }
    await delay(followEveryMs, stream.signal);
  }
}

async function sendPieces({
  output,
  stream,
  attempt,
  position,
  decoders,
}: Pick<FollowOptions, 'output' | 'stream' | 'position'> & {
  attempt: AttemptRef;
  decoders: Record<'stdout' | 'stderr', StringDecoder>;
}): Promise<void> {
  for await (const piece of output.pieces(attempt, position)) {
    if (stream.signal.aborted) return;
    position.chunk = piece.chunk;
    if (piece.kind !== 'gap') position[piece.stream] = piece.byte + piece.bytes.length;
    const text = piece.kind === 'gap' ? piece.bytes.toString() : decoders[piece.stream].write(piece.bytes);
    await stream.send({
      event: 'output',
      id: `${position.stdout}-${position.stderr}-${position.chunk}`,
      data: { stream: piece.stream, kind: piece.kind, at: piece.at.toISOString(), byte: piece.byte, text },
    });
  }
}

function parsePosition(lastEventId: string): StreamPositions & { chunk: number } {
  const match = /^(\d{1,15})-(\d{1,15})-(\d{1,9})$/.exec(lastEventId);
  return { stdout: Number(match?.[1] ?? 0), stderr: Number(match?.[2] ?? 0), chunk: Number(match?.[3] ?? 0) };
}
