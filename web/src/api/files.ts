import { ApiError } from './api-error.ts';
import { dataOf, api } from './client.ts';
import type { operations } from './generated.ts';

export type StoredFile = operations['uploadFile']['responses'][201]['content']['application/json'];
export type JobFileList = operations['listArtifacts']['responses'][200]['content']['application/json'];

/** Files a job took and made. */
export function listFiles(jobId: number): Promise<JobFileList> {
  return dataOf(api.GET('/api/v1/jobs/{id}/artifacts', { params: { path: { id: String(jobId) } } }));
}

/** Where the bytes of a file are; to be saved, or to be shown where that is safe. */
export function fileAddress(jobId: number, id: number, { isShown = false } = {}): string {
  return `/api/v1/jobs/${jobId}/artifacts/${id}${isShown ? '?inline=true' : ''}`;
}

/** The beginning of a file as text. */
export async function readFileStart(jobId: number, id: number, bytes: number): Promise<string> {
  const headers = { range: `bytes=0-${bytes - 1}` };
  const response = await fetch(fileAddress(jobId, id, { isShown: true }), { headers });
  if (response.ok) return response.text();
  throw new ApiError({
    code: `http_${response.status}`,
    status: response.status,
    message: 'It cannot be read.',
  });
}

/** Not by `fetch`, which does not say how much was sent. @throws ApiError; AbortError when the signal ends it */
export function uploadFile(
  bytes: Blob,
  { name, signal, onSent }: { name: string; signal: AbortSignal; onSent: (fraction: number) => void },
): Promise<StoredFile> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', `/api/v1/files?name=${encodeURIComponent(name)}`);
    request.setRequestHeader('content-type', 'application/octet-stream');
    request.responseType = 'json';
    request.upload.addEventListener('progress', ({ loaded, total }) => onSent(total ? loaded / total : 1));
    request.addEventListener('load', () => {
      const body = request.response as (StoredFile & { code?: string; message?: string }) | null;
      if (request.status === 201 && body) return resolve(body);
      const message = body?.message ?? `The server answered ${request.status}.`;
      reject(new ApiError({ code: body?.code ?? `http_${request.status}`, status: request.status, message }));
    });
    request.addEventListener('error', () =>
      reject(new ApiError({ code: 'unreachable', status: 0, message: 'The server cannot be reached.' })),
    );
    request.addEventListener('abort', () => reject(new DOMException('stopped', 'AbortError')));
    signal.addEventListener('abort', () => request.abort());
    request.send(bytes);
  });
}
