import type { FastifyReply, FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { ownerOf } from '../../../contract/actor.ts';
import { AppError, isAppError } from '../../../contract/errors.ts';
import {
  artifact,
  fileName,
  leftOutFiles,
  removedFiles,
  storedFile,
  type Artifact,
} from '../../../contract/file.ts';
import { shownTypeOf } from '../../../contract/file-name.ts';
import type { Files, FileStore } from '../../../domain/files/ports.ts';
import type { JobReader } from '../../../domain/jobs/reader-ports.ts';
import { principalOf, type App } from '../access.ts';
import { parseRange } from '../byte-range.ts';
import { contentDisposition } from '../content-disposition.ts';
import { findJob, jobParams } from '../job-params.ts';

interface FileDependencies {
  reader: JobReader;
  files: Files;
  fileStore: Pick<FileStore, 'list' | 'listLeftOut' | 'listRemoved'>;
}

const tags = ['files'];
const octets = 'application/octet-stream';

/** As for a page of a stranger: no scripts, no forms, nothing loaded, an origin of its own. */
const sandbox = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

export function registerFileRoutes(app: App, dependencies: FileDependencies): void {
  registerUpload(app, dependencies);
  registerArtifacts(app, dependencies);
}

function registerUpload(app: App, { files }: FileDependencies): void {
  void app.register(async (scope: App) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(octets, async (_request: unknown, payload: unknown) => payload);
    scope.addContentTypeParser('*', async () => {
      throw wrongType();
    });
    scope.post('/api/v1/files', {
      config: { access: 'jobs.submit' },
      bodyLimit: Number.MAX_SAFE_INTEGER,
      schema: {
        operationId: 'uploadFile',
        tags,
        summary: 'Upload a file for a job to come',
        description: `The body is the file, \`${octets}\`. The answer comes when all of it is stored; a submit then names the id in \`files\`. What no job names is removed after a day.`,
        querystring: z.strictObject({
          name: fileName.describe('What it is called; a submit may say otherwise.'),
        }),
        response: { 201: storedFile },
      },
      handler: async (request, reply) => {
        if (!(request.body instanceof Readable)) throw wrongType();
        const length = request.headers['content-length'];
        const stored = await files
          .store(request.body, {
            owner: ownerOf(principalOf(request).actor),
            expectedBytes: length === undefined ? undefined : Number(length),
          })
          .catch((error: unknown) => {
            if (isAppError(error) || !request.raw.destroyed) throw error;
            throw new AppError('invalid_input', 'The upload broke off; nothing was kept.', { cause: error });
          });
        reply.code(201);
        return { ...stored, name: request.query.name };
      },
    });
  });
}

function wrongType(): AppError {
  return new AppError('unsupported_media_type', `Send the bytes of the file with Content-Type: ${octets}.`);
}

function registerArtifacts(app: App, { reader, files, fileStore }: FileDependencies): void {
  app.get('/api/v1/jobs/:id/artifacts', {
    config: { access: 'jobs.read' },
    schema: {
      operationId: 'listArtifacts',
      tags,
      summary: 'Files that the job took and made',
      params: jobParams,
      response: {
        200: z.object({
          items: z.array(artifact),
          leftOut: z.array(leftOutFiles),
          removed: z.array(removedFiles),
        }),
      },
    },
    handler: async (request) => {
      const { id } = await findJob(reader, request);
      const { actor } = principalOf(request);
      return {
        items: await fileStore.list(id, actor),
        leftOut: await fileStore.listLeftOut(id, actor),
        removed: await fileStore.listRemoved(id, actor),
      };
    },
  });

  app.get('/api/v1/jobs/:id/artifacts/:artifact', {
    config: { access: 'jobs.read' },
    schema: {
      operationId: 'downloadArtifact',
      tags,
      summary: 'The bytes of a file, or a range of them',
      params: jobParams.extend({ artifact: z.coerce.number().int().positive() }),
      querystring: z.strictObject({
        inline: z
          .stringbool()
          .default(false)
          .describe('To be shown in place, where that is safe: pictures and plain text. Else to be saved.'),
      }),
      response: {
        200: { description: 'The bytes.', content: { [octets]: { schema: z.custom<Readable>() } } },
        206: { description: 'A range of them.', content: { [octets]: { schema: z.custom<Readable>() } } },
      },
    },
    handler: async (request, reply) => {
      const { id } = await findJob(reader, request);
      const items = await fileStore.list(id, principalOf(request).actor);
      const found = items.find((one) => one.id === request.params.artifact);
      if (!found) throw new AppError('not_found', `Job ${id} has no file ${request.params.artifact}.`);
      return sendFile(found, { files, request, reply, isInline: request.query.inline });
    },
  });
}

function sendFile(
  file: Artifact,
  {
    files,
    request,
    reply,
    isInline,
  }: { files: Files; request: FastifyRequest; reply: FastifyReply; isInline: boolean },
): FastifyReply {
  const { name, sizeBytes, sha256 } = file;
  const tag = `"${sha256}"`;
  const { 'if-none-match': known, 'if-range': only, range: asked } = request.headers;
  const range = only === undefined || only === tag ? parseRange(asked, sizeBytes) : null;
  if (range === 'unsatisfiable') {
    reply.header('content-range', `bytes */${sizeBytes}`);
    throw new AppError('invalid_range', `${name} has ${sizeBytes} bytes; the range lies behind them.`);
  }
  const shown = isInline ? shownTypeOf(name) : null;
  reply
    .header('etag', tag)
    .header('accept-ranges', 'bytes')
    .header('cache-control', 'private, no-cache')
    .header('content-security-policy', sandbox)
    .header('content-disposition', contentDisposition(shown === null ? 'attachment' : 'inline', name))
    .type(shown ?? octets);
  if (known !== undefined && knows(known, tag)) return reply.code(304).send();
  const { first, last } = range ?? { first: 0, last: sizeBytes - 1 };
  if (range) reply.code(206).header('content-range', `bytes ${first}-${last}/${sizeBytes}`);
  reply.header('content-length', String(last + 1 - first));
  const stored = { id: file.file, sizeBytes, sha256 };
  const bytes = request.method === 'HEAD' ? [] : files.read(stored, { first, last });
  return reply.send(Readable.from(bytes, { objectMode: false }));
}

function knows(ifNoneMatch: string, tag: string): boolean {
  const tags = ifNoneMatch.split(',').map((one) => one.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(tag);
}
