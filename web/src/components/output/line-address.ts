import type { OutputLine } from '../../api/output.ts';
import type { Stream } from '../../../../src/contract/stream.ts';

/** What stands behind `#` in the address of a line: `stdout-120`. */
export function toLineHash({ stream, line }: Pick<OutputLine, 'stream' | 'line'>): string {
  return line === null ? '' : `#${stream}-${line}`;
}

/** The line that such an address means, as the server names it: `stdout:120`; null when it is none. */
export function fromLineHash(hash: string): { stream: Stream; line: number; name: string } | null {
  const match = /^#(stdout|stderr)-(\d{1,15})$/.exec(hash);
  if (!match) return null;
  const stream = match[1] === 'stderr' ? 'stderr' : 'stdout';
  return { stream, line: Number(match[2]), name: `${stream}:${match[2]}` };
}

/** What somebody types to go to a line: `120` of a stream, `stderr 7`, `stderr:7`; null when it is none. */
export function parseLineName(text: string, stream: Stream): string | null {
  const match = /^(?:(stdout|stderr|out|err)[\s:#-]*)?(\d{1,15})$/i.exec(text.trim());
  if (!match) return null;
  const named = match[1]?.toLowerCase();
  const wanted = named === undefined ? stream : named.endsWith('err') ? 'stderr' : 'stdout';
  return `#${wanted}-${match[2]}`;
}

/** Where a stream is downloaded byte for byte. */
export function downloadAddress(jobId: number, attempt: number, stream: Stream): string {
  return `/api/v1/jobs/${jobId}/output/${stream}?attempt=${attempt}`;
}
