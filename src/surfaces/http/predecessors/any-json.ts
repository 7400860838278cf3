import type { FastifyRequest } from 'fastify';
import { AppError } from '../../../contract/errors.ts';
import type { App } from '../access.ts';
import { parseJsonBody } from '../json-body.ts';

/**
 * Reads JSON whatever the content type says: old clients send the one of a form (`curl -d`), or none. A form of a
 * foreign page could do so, too, so a request that a browser may have sent still needs the right type: such a page can
 * add no Authorization header, and browsers name the origin of a POST.
 */
export function takeJsonOfAnyType(app: App): void {
  app.addHook('onRequest', async ({ headers, mediaType, raw }) => {
    // What is no type at all (`json`) would be refused before any parser is asked.
    if (headers['content-type'] !== undefined && mediaType === undefined) delete raw.headers['content-type'];
  });
  app.addContentTypeParser('*', { parseAs: 'string' }, async (request: FastifyRequest, body: string) => {
    const { authorization, origin, 'sec-fetch-site': site } = request.headers;
    if (authorization === undefined && (origin !== undefined || site !== undefined))
      throw new AppError('unsupported_media_type', 'Send the body as application/json.');
    return body === '' ? undefined : parseJsonBody(body);
  });
}
