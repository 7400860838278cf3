import { AppError, type ErrorDetail } from '../../contract/errors.ts';

/** Names each field and what is wrong with it. */
export function invalid(details: ErrorDetail[]): AppError {
  const list = details.map(({ field, message }) => `${field}: ${message}`).join('; ');
  return new AppError('invalid_input', `Not accepted: ${list}.`, { details });
}

export function unknownQueue(queue: string): AppError {
  return invalid([{ field: 'queue', message: `there is no queue "${queue}"; an operator can make it` }]);
}

/** Of a submit or a move into that queue. */
export function draining(queue: string): AppError {
  const message = `the queue "${queue}" takes no new jobs, it only runs what it has; name another one`;
  return new AppError('queue_draining', `Not accepted: queue: ${message}.`, {
    details: [{ field: 'queue', message }],
  });
}
