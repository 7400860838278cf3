/**
 * Every error a user can meet: code → HTTP status, whether trying again may help, and what it means.
 * `docs/errors.md` is checked against this table.
 */
export const errorCodes = {
  invalid_input: {
    status: 400,
    retryable: false,
    meaning: 'A field is missing or wrong; `details` names each with what was expected.',
  },
  not_authenticated: {
    status: 401,
    retryable: false,
    meaning: 'No valid session, token or password came with the request.',
  },
  forbidden: { status: 403, retryable: false, meaning: 'Your role or token does not allow this.' },
  not_found: { status: 404, retryable: false, meaning: 'There is no such thing, or you may not see it.' },
  method_not_allowed: {
    status: 405,
    retryable: false,
    meaning: 'The address exists, but not for this method.',
  },
  conflict: {
    status: 409,
    retryable: false,
    meaning: 'The state of the thing does not allow this now; the message says which state it has.',
  },
  idempotency_conflict: {
    status: 409,
    retryable: false,
    meaning: 'The idempotency key was used before with another body.',
  },
  queue_draining: {
    status: 409,
    retryable: false,
    meaning:
      'The queue takes no new jobs; it only runs what it has. Name another queue, or wait until it takes jobs again.',
  },
  payload_too_large: {
    status: 413,
    retryable: false,
    meaning: 'The body is larger than the limit named in the message.',
  },
  invalid_range: {
    status: 416,
    retryable: false,
    meaning: 'The range that was asked for lies behind the end of the file.',
  },
  unsupported_media_type: {
    status: 415,
    retryable: false,
    meaning: 'Send JSON with `Content-Type: application/json`; for a file, the type named in the message.',
  },
  cross_origin: {
    status: 403,
    retryable: false,
    meaning: 'A page of another origin asked for a change; that is refused.',
  },
  too_many_requests: {
    status: 429,
    retryable: true,
    meaning: 'Too many tries; wait as long as `Retry-After` says.',
  },
  database_unavailable: {
    status: 503,
    retryable: true,
    meaning:
      'The database does not answer. A change whose answer was lost may have been made; a submit with an idempotency key can be repeated safely.',
  },
  storage_full: {
    status: 507,
    retryable: true,
    meaning: 'A disk of the server is full, or nearly so. Nothing was stored; make room and try again.',
  },
  provider_unavailable: {
    status: 503,
    retryable: true,
    meaning: 'The identity provider does not answer; passwords work all the same.',
  },
  stopping: { status: 503, retryable: true, meaning: 'This server is stopping; try again in a moment.' },
  internal: {
    status: 500,
    retryable: false,
    meaning: 'Something unexpected; the log has the details under the request id.',
  },
  configuration: {
    status: 500,
    retryable: false,
    meaning: 'A setting is wrong; the message lists every one with what was expected.',
  },
} as const satisfies Record<string, { status: number; retryable: boolean; meaning: string }>;

export type ErrorCode = keyof typeof errorCodes;

/** One reason for one field: the path of the field (`retry.on.0`) and what was expected. */
export interface ErrorDetail {
  field: string;
  message: string;
}

/** The one error that carries a message meant for a user. Anything else becomes `internal` at the edge. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: readonly ErrorDetail[];

  constructor(
    code: ErrorCode,
    message: string,
    options: { details?: readonly ErrorDetail[]; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.details = options.details ?? [];
  }

  get status(): number {
    return errorCodes[this.code].status;
  }
}

export function isAppError(error: unknown): error is AppError {
  return error instanceof AppError;
}

/** @param message what was expected of the field, without a full stop */
export function invalidField(field: string, message: string): AppError {
  return invalidFields([{ field, message }]);
}

/** Several fields at once; all their reasons are in the message. */
export function invalidFields(details: readonly ErrorDetail[]): AppError {
  const reasons = details.map(({ field, message }) => `${field}: ${message}`).join('; ');
  return new AppError('invalid_input', `${reasons}.`, { details });
}
