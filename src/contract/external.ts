import { z } from 'zod';
import { plainText } from './job.ts';
import { streams } from './stream.ts';

const timestamp = z.iso.datetime({ offset: true });

/** What the report of an external attempt begins with. */
export const beginExternal = z.strictObject({
  key: z
    .uuid()
    .describe('Chosen by the reporter, once for each attempt: a repetition answers with the same attempt.'),
  kind: z.string(),
  input: z.unknown(),
  holder: plainText.min(1).max(200).describe('Who runs it, in words: `ana@host (process 17)`.'),
  startedAt: timestamp.describe('When it began; the job stands there in the diary. Never later than now.'),
  name: plainText.trim().min(1).max(300).optional(),
  project: plainText.min(1).max(200).optional(),
  tags: z.array(plainText.min(1).max(100)).max(50).default([]),
});
export type BeginExternal = z.infer<typeof beginExternal>;

export const begunExternal = z.object({
  jobId: z.int(),
  attempt: z.int(),
  token: z.uuid().describe('Fences every further report: the header `attempt-token`.'),
  beatSeconds: z
    .number()
    .describe('A beat at least this often; without one for a lease the attempt is lost.'),
});
export type BegunExternal = z.infer<typeof begunExternal>;

export const outputPiece = z.strictObject({
  stream: z.enum(streams),
  offset: z.int().min(0).describe('Of its first byte in its stream. What is known already is passed over.'),
  at: timestamp.describe('When it was printed.'),
  data: z.base64().describe('The bytes, as base64.'),
});
export type OutputPieceReport = z.infer<typeof outputPiece>;

export const receivedOutput = z.object({
  stdout: z.int().describe('Bytes stored so far.'),
  stderr: z.int(),
});
export type ReceivedOutput = z.infer<typeof receivedOutput>;

export const externalBeat = z.object({
  isRunning: z.boolean().describe('False: the attempt was given up, or has ended.'),
  cancelRequested: z.boolean().describe('Somebody wants it to end.'),
});
export type ExternalBeat = z.infer<typeof externalBeat>;

export const externalEnd = z.strictObject({
  exitCode: z.int().min(0).max(255).nullable(),
  signal: z
    .string()
    .regex(/^SIG[A-Z0-9]{2,10}$/)
    .nullable(),
  message: plainText.max(2_000).nullable().default(null).describe('In words, when neither says it.'),
  endedAt: timestamp,
  wasCancelled: z.boolean().default(false).describe('It was ended because a beat had said so.'),
});
export type ExternalEnd = z.infer<typeof externalEnd>;

export const finishedExternal = z.object({
  state: z.string().describe('Of the attempt, as it stands now.'),
  reason: z
    .string()
    .nullable()
    .describe('`lost`: it had been given up before; what was reported is kept as a late result.'),
});
export type FinishedExternal = z.infer<typeof finishedExternal>;
