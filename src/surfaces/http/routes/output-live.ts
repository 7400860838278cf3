import { z } from 'zod';
import type { Actor } from '../../../contract/actor.ts';
import type { JobReader } from '../../../domain/jobs/reader-ports.ts';
import type { AttemptRef, OutputPiece, OutputPosition, OutputReader } from '../../../domain/output/ports.ts';
import { delay } from '../../../lib/delay.ts';
import { principalOf, type App } from '../access.ts';
import { attemptQuery, findJob, jobParams } from '../job-params.ts';
import { eventStreamSchema, openEventStream, type EventStream } from '../sse.ts';
import { streams } from '../../../contract/stream.ts';

interface LiveOutputDependencies {
  reader: JobReader;
  output: OutputReader;
}

/** How often a live view looks for more; output itself is stored five times a second. */
const followEveryMs = 250;

export function registerLiveOutputRoutes(app: App, { reader, output }: LiveOutputDependencies): void {
  app.get('/api/v1/jobs/:id/output/live', {
    config: { access: 'jobs.read' },
    schema: {
      operationId: 'followOutput',
      tags: ['output'],
      summary: 'Output as it is printed, as server-sent events',
      description:
        'Events `output` with a piece of text and the byte it begins at, `end` when the attempt has ended and everything was sent. Reconnecting with Last-Event-ID goes on where it stopped.',
      params: jobParams,
      querystring: z.strictObject({ attempt: attemptQuery }),
      response: { 200: eventStreamSchema },
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
}

interface FollowOptions extends LiveOutputDependencies {
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
    for (const stream of streams) {
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
