import createClient, { type Middleware } from 'openapi-fetch';
import { ApiError } from './api-error.ts';
import type { paths } from './generated.ts';
import { markAnswer } from './mark-answer.ts';
import { noteServerTime } from './server-clock.ts';

const onRefused = new Set<(error: ApiError) => void>();

/** Every answer that is no success becomes an `ApiError`, so that a caller sees data or an exception. */
const errors: Middleware = {
  async onResponse({ response }) {
    noteServerTime(response.headers.get('date'));
    if (response.ok) return markAnswer(response);
    const error = await toError(await markAnswer(response));
    for (const tell of onRefused) tell(error);
    throw error;
  },
  onError({ error }) {
    if (error instanceof DOMException && error.name === 'AbortError') return error;
    return new ApiError({
      code: 'unreachable',
      status: 0,
      message: 'The server cannot be reached.',
      cause: error,
    });
  },
};

/** The API, typed by its own description. Sends the session's cookie. */
export const api = createClient<paths>({ baseUrl: '' });
api.use(errors);

/** Calls back with each refusal; returns how to stop. */
export function listenForRefusals(tell: (error: ApiError) => void): () => void {
  onRefused.add(tell);
  return () => onRefused.delete(tell);
}

/** The data of a call that cannot fail without throwing. */
export async function dataOf<Data>(call: Promise<{ data?: Data }>): Promise<Data> {
  const { data } = await call;
  return data as Data;
}

async function toError(response: Response): Promise<ApiError> {
  const text = await response.text();
  const body = parse(text);
  return new ApiError({
    status: response.status,
    code: body?.code ?? `http_${response.status}`,
    message: body?.message ?? `The server answered ${response.status}.`,
    ...(body?.details ? { details: body.details } : {}),
  });
}

function parse(
  text: string,
): { code?: string; message?: string; details?: { field: string; message: string }[] } | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
