import { CommanderError } from 'commander';
import { errorCodes, isAppError, type ErrorCode, type ErrorDetail } from '../../contract/errors.ts';
import { DirectoryInUseError } from '../../lib/directory-lock.ts';
import { describeFileProblem } from '../../lib/file-problem.ts';
import { cleanText } from './clean-text.ts';
import { exitCodes } from './exit-codes.ts';

/** Something on the command line that cannot be meant so. */
export class UsageError extends Error {}

/** Ends the command with this code; whatever there was to say has been said. */
export class ExitError extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`exit code ${code}`);
    this.code = code;
  }
}

/** No server, or none of ours, at that address. */
export class UnreachableError extends Error {}

/** The server answered, and said no. */
export class ServerError extends Error {
  readonly status: number;
  readonly code: ErrorCode | undefined;
  readonly details: readonly ErrorDetail[];
  readonly retryAfterSeconds: number | undefined;

  constructor(
    message: string,
    answer: { status: number; code?: string; details?: readonly ErrorDetail[]; retryAfterSeconds?: number },
  ) {
    super(message);
    this.status = answer.status;
    this.code =
      answer.code !== undefined && answer.code in errorCodes ? (answer.code as ErrorCode) : undefined;
    this.details = answer.details ?? [];
    this.retryAfterSeconds = answer.retryAfterSeconds;
  }

  /** The server may answer differently in a moment. */
  get isPassing(): boolean {
    if (this.code !== undefined) return errorCodes[this.code].retryable;
    return [429, 502, 503, 504].includes(this.status);
  }
}

/** What to print for an error, without the end of the last line, and the exit code. */
export function describeError(error: unknown): { text: string; exitCode: number } {
  if (error instanceof ExitError) return { text: '', exitCode: error.code };
  if (error instanceof CommanderError) {
    // Commander has printed its message, or the help that was asked for. No option has a blank in it.
    const isValue = error.code === 'commander.unknownOption' && /'-[^']*\s/.test(error.message);
    const text = isValue ? 'It begins with "-", so it is read as an option; put -- before it.' : '';
    return { text, exitCode: error.exitCode === 0 ? exitCodes.ok.code : exitCodes.usage.code };
  }
  if (error instanceof UsageError) return { text: error.message, exitCode: exitCodes.usage.code };
  if (error instanceof UnreachableError) return { text: error.message, exitCode: exitCodes.unreachable.code };
  if (error instanceof ServerError) return { text: describeRefusal(error), exitCode: codeOf(error) };
  if (error instanceof DirectoryInUseError) return { text: error.message, exitCode: exitCodes.failed.code };
  if (isAppError(error)) {
    const exitCode = error.code === 'not_found' ? exitCodes.notFound.code : exitCodes.failed.code;
    return { text: cleanText(error.message), exitCode };
  }
  const problem = describeFileProblem(error);
  if (problem !== null) return { text: cleanText(problem), exitCode: exitCodes.failed.code };
  const message = error instanceof Error ? error.message : String(error);
  return { text: `Something unexpected happened: ${cleanText(message)}`, exitCode: exitCodes.failed.code };
}

function describeRefusal(error: ServerError): string {
  const lines = error.details
    .map(({ field, message }) => `${field}: ${message}`)
    .filter((detail) => !error.message.includes(detail))
    .map((detail) => `  ${cleanText(detail)}`);
  const hint =
    error.status === 401
      ? ['Set DAYBOOK_TOKEN, or DAYBOOK_USER and DAYBOOK_PASSWORD (or give --token, or --user).']
      : [];
  return [cleanText(error.message), ...lines, ...hint].join('\n');
}

function codeOf({ status }: ServerError): number {
  if (status === 404) return exitCodes.notFound.code;
  if (status === 401 || status === 403) return exitCodes.notAllowed.code;
  return exitCodes.failed.code;
}
