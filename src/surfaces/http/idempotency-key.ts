import type { FastifyRequest } from 'fastify';
import { invalidField } from '../../contract/errors.ts';
import { submitOptions } from '../../contract/job.ts';

/** Many clients send the key of every request as a header. @throws AppError `invalid_input` */
export function withKeyOfHeader<Body extends { idempotencyKey?: string | undefined }>(
  body: Body,
  { headers }: Pick<FastifyRequest, 'headers'>,
): Body {
  const header = headers['idempotency-key'];
  if (header === undefined) return body;
  const key = submitOptions.shape.idempotencyKey.safeParse(String(header));
  if (!key.success) throw invalidField('Idempotency-Key', key.error.issues[0]?.message ?? 'is no key');
  if (body.idempotencyKey !== undefined && body.idempotencyKey !== key.data)
    throw invalidField('idempotencyKey', 'is another one than the header Idempotency-Key says');
  return { ...body, idempotencyKey: key.data };
}
