import type { Socket } from 'node:net';
import { AppError, errorCodes } from '../../contract/errors.ts';

/**
 * Answers what is no HTTP at all, or too much of it, before any route is known: Node's parser gave up and hands over
 * the bare socket. One more answer on it, then it is closed.
 */
export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy(error);
  const { code, message } = toProblem(error.code);
  const body = JSON.stringify({ code, message, details: [] });
  const { status, reason } =
    code === 'payload_too_large' ? { status: 431, reason: 'Request Header Fields Too Large' } : badRequest;
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

const badRequest = { status: errorCodes.invalid_input.status, reason: 'Bad Request' };

function toProblem(code: string | undefined): AppError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new AppError(
        'payload_too_large',
        'The address and the headers together are larger than 16 KiB.',
      );
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new AppError('invalid_input', 'The request did not arrive in time.');
    default:
      return new AppError('invalid_input', 'This is no HTTP request that can be read.');
  }
}
