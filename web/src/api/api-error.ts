/** What the server refused, as `{code, message, details}` says it; `unreachable` when it did not answer at all. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: string;
  /** HTTP status; 0 without an answer. */
  readonly status: number;
  readonly details: readonly { field: string; message: string }[];

  constructor(options: {
    code: string;
    status: number;
    message: string;
    details?: readonly { field: string; message: string }[];
    cause?: unknown;
  }) {
    super(options.message, { cause: options.cause });
    this.code = options.code;
    this.status = options.status;
    this.details = options.details ?? [];
  }
}

/** Whatever was thrown, as something a page can show. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError({
    code: 'page_error',
    status: 0,
    message: error instanceof Error ? error.message : String(error),
    cause: error,
  });
}
