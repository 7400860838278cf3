import { errorCodes } from './errors.ts';

/** The text of docs/errors.md. */
export function errorsPage(): string {
  const rows = Object.entries(errorCodes).map(
    ([code, { status, retryable, meaning }]) =>
      `| \`${code}\` | ${status} | ${retryable ? 'yes' : 'no'} | ${meaning} |`,
  );
  return [
    '# Errors',
    '',
    '<!-- Generated from src/contract/errors.ts by `node scripts/write-docs.ts`; a test compares. -->',
    '',
    'Every error of `/api/v1` has the same body:',
    '',
    '```json',
    '{"code": "invalid_input", "message": "…", "details": [{"field": "input.script", "message": "…"}]}',
    '```',
    '',
    '`message` is meant for people. `details` names each wrong field with what was expected; it is empty where no field is',
    'to blame. The answer carries `x-request-id`, under which the log has more.',
    '',
    '| code | status | trying again may help | meaning |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
    'The calls of the predecessors (`/task/…`) answer in the form their clients know: `{"detail": "…"}`, or one list of',
    'reasons per member for a body that is wrong.',
    '',
  ].join('\n');
}
