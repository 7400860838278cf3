import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { AppError, errorCodes, isAppError, type ErrorCode } from '../../contract/errors.ts';

/** Seconds a client is told to wait when whoever refused did not say. */
const defaultRetryAfterSeconds = 2;

/**
 * Puts any error on the wire as `{code, message, details}`. What is not meant for users is logged, not sent.
 * @param body what is sent instead
 */
export function handleError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  body?: { type: string; text: string },
): void {
  const appError = toAppError(error, request);
  log(appError, error, request);
  if (errorCodes[appError.code].retryable && !reply.hasHeader('retry-after')) {
    reply.header('retry-after', String(defaultRetryAfterSeconds));
  }
  if (appError.code === 'not_authenticated') reply.header('www-authenticate', 'Bearer realm="Daybook"');
  reply
    .code(appError.status)
    .type(body?.type ?? 'application/json; charset=utf-8')
    .send(body?.text ?? JSON.stringify(toBody(appError)));
}

/** The body of every error of ours. */
export function toBody(error: AppError): { code: ErrorCode; message: string; details: AppError['details'] } {
  return { code: error.code, message: error.message, details: error.details };
}

/**
 * Says whether a request that came too often or too early may come again, and refuses it.
 * @throws AppError `too_many_requests`, always
 */
export function refuseTooMany(reply: FastifyReply, retryAfterSeconds: number, message: string): never {
  const seconds = Math.max(1, Math.ceil(retryAfterSeconds));
  reply.header('retry-after', String(seconds));
  throw new AppError('too_many_requests', `${message} Try again in ${seconds} s.`);
}

/** Any error as the AppError that a user may see; for error handlers that write another body. */
export function toAppError(error: unknown, request: FastifyRequest): AppError {
  if (isAppError(error)) return error;
  const { code, statusCode, message } = (error instanceof Error ? error : {}) as Partial<FastifyError>;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    const limit = request.routeOptions.bodyLimit;
    return new AppError('payload_too_large', `The body is larger than ${limit} bytes, the limit here.`, {
      cause: error,
    });
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    const got = request.headers['content-type'] ?? 'no type at all';
    return new AppError(
      'unsupported_media_type',
      `Send JSON with Content-Type: application/json, not ${got}.`,
    );
  }
  const known = statusCode === undefined ? undefined : codeOfStatus[statusCode];
  if (known) return new AppError(known, message ?? errorCodes[known].meaning, { cause: error });
  return new AppError('internal', `Something unexpected happened here. The log has it under ${request.id}.`, {
    cause: error,
  });
}

/** Statuses that fastify and its plugins give to errors of their own. */
const codeOfStatus: Partial<Record<number, ErrorCode>> = {
  400: 'invalid_input',
  403: 'forbidden',
  404: 'not_found',
  413: 'payload_too_large',
  414: 'invalid_input',
  415: 'unsupported_media_type',
  429: 'too_many_requests',
};

function log(appError: AppError, error: unknown, request: FastifyRequest): void {
  if (appError.status < 500 || appError.code === 'stopping') return;
  const fields = { err: error, method: request.method, url: request.url };
  if (appError.code === 'internal') request.log.error(fields, 'a request failed unexpectedly');
  else request.log.warn(fields, `a request could not be served: ${appError.code}`);
}
