import { setTimeout as wait } from 'node:timers/promises';
import type { ErrorDetail } from '../../contract/errors.ts';
import { parseJson } from '../../contract/whole-numbers.ts';
import { ServerError, UnreachableError, UsageError } from './errors.ts';
import { followEvents, type ServerSentEvent } from './sse.ts';

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface RequestOptions {
  query?: Query;
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
}

export interface EventOptions extends RequestOptions {
  /** Also the first connection is tried until it succeeds. */
  isPatient?: boolean;
  /** Told when the connection is lost, and when it is there again. */
  onConnection?: (isConnected: boolean) => void;
}

/**
 * The HTTP API, as any client uses it. Paths are below `/api/v1`.
 * Everything throws ServerError when the server says no, UnreachableError when there is none.
 */
export interface Client {
  /** Where people reach the server, without a slash at the end. */
  readonly url: string;
  get<T>(path: string, options?: RequestOptions): Promise<T>;
  send<T>(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, options?: RequestOptions): Promise<T>;
  /** Posts text that is no JSON; resolves with the text of the answer. */
  sendText(path: string, options: { text: string; type: string; query?: Query }): Promise<string>;
  /** Posts a file, however long that takes. */
  upload<T>(path: string, options: { bytes: Blob; query?: Query }): Promise<T>;
  /** The bytes of an answer that is no JSON. */
  download(path: string, options?: RequestOptions): Promise<AsyncIterable<Uint8Array>>;
  /** Events as they come, going on after a lost connection. */
  events(path: string, options?: EventOptions): AsyncGenerator<ServerSentEvent>;
}

export interface ClientOptions {
  url: string;
  /** The whole Authorization header. */
  authorization?: string | undefined;
}

const answerWithinMs = 60_000;
/** The server says something at least every 15 s; a stream that is silent for longer is dead, though it looks open. */
const silenceMs = 45_000;

export function createClient({ url, authorization }: ClientOptions): Client {
  const ask = async (
    method: string,
    path: string,
    options: RequestOptions & { text?: string | Blob },
    headers: Readonly<Record<string, string>>,
  ) => {
    const { body, text, query, signal } = options;
    const address = `${url}/api/v1${path}${toQuery(query)}`;
    const init: RequestInit = {
      method,
      headers: {
        accept: 'application/json',
        ...(authorization === undefined ? {} : { authorization }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(text === undefined ? {} : { body: text }),
      ...(signal ? { signal } : {}),
      redirect: 'manual',
    };
    const response = await fetch(address, init).catch((error: unknown) => {
      if (signal?.aborted && !isTimeout(signal.reason)) throw error;
      throw unreachable(url, error, { isChange: method !== 'GET' });
    });
    if (!response.ok) throw await toServerError(response, url);
    return response;
  };

  const askJson = async <T>(method: string, path: string, options: RequestOptions = {}): Promise<T> => {
    const timeout = AbortSignal.timeout(answerWithinMs);
    const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
    const response = await ask(method, path, { ...options, signal }, options.headers ?? {});
    if (response.status === 204) return undefined as T;
    try {
      return parseJson(await response.text()) as T;
    } catch (error) {
      if (signal.aborted || !(error instanceof SyntaxError))
        throw unreachable(url, error, { isChange: method !== 'GET' });
      throw notDaybook(url, response);
    }
  };

  const openStream = async (
    path: string,
    options: RequestOptions,
    { lastEventId, isPatient }: { lastEventId: string | undefined; isPatient: boolean },
  ): Promise<AsyncIterable<Uint8Array> | null> => {
    const silence = new AbortController();
    const signal = AbortSignal.any([silence.signal, ...(options.signal ? [options.signal] : [])]);
    const timer = setTimeout(() => silence.abort(), silenceMs);
    try {
      const response = await ask(
        'GET',
        path,
        { ...options, signal },
        {
          accept: 'text/event-stream',
          ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
        },
      );
      const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
      if (!isStream || !response.body) throw notDaybook(url, response);
      return withTimer(response.body, timer);
    } catch (error) {
      clearTimeout(timer);
      if (options.signal?.aborted || (isPatient && isPassing(error))) return null;
      throw error;
    }
  };

  return {
    url,
    get: <T>(path: string, options?: RequestOptions) => askJson<T>('GET', path, options),
    send: <T>(method: string, path: string, options?: RequestOptions) => askJson<T>(method, path, options),
    sendText: async (path, { text, type, query }) => {
      const signal = AbortSignal.timeout(answerWithinMs);
      const options = { text, signal, ...(query ? { query } : {}) };
      const response = await ask('POST', path, options, { accept: type, 'content-type': type });
      return response.text();
    },
    upload: async <T>(path: string, { bytes, query }: { bytes: Blob; query?: Query }) => {
      const options = { text: bytes, ...(query ? { query } : {}) };
      const response = await ask('POST', path, options, { 'content-type': 'application/octet-stream' });
      return (await response.json()) as T;
    },
    download: async (path, options = {}) => {
      const response = await ask('GET', path, options, { accept: '*/*' });
      if (!response.body) throw notDaybook(url, response);
      return response.body;
    },
    events: (path, { onConnection, isPatient = false, ...options } = {}) =>
      followEvents({
        open: (lastEventId, isFirst) =>
          openStream(path, options, { lastEventId, isPatient: isPatient || !isFirst }),
        wait: (ms) =>
          wait(ms, undefined, options.signal ? { signal: options.signal } : {}).catch(() => {
            // Aborted: the loop sees that by itself.
          }),
        ...(onConnection ? { onConnection } : {}),
        ...(options.signal ? { signal: options.signal } : {}),
      }),
  };
}

/**
 * The address as given by people: without `http://`, with a slash at the end, with user and password in it.
 * @throws UsageError
 */
export function parseServerUrl(text: string): { url: string; user?: string; password?: string } {
  const parsed = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  if (!parsed || !/^https?:$/.test(parsed.protocol) || parsed.hostname === '') {
    throw new UsageError(`The server's address is "${text}"; expected something like http://127.0.0.1:8000.`);
  }
  const { username, password } = parsed;
  const url = `${parsed.origin}${parsed.pathname.replace(/\/+$/, '')}`;
  return {
    url,
    ...(username === '' ? {} : { user: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
  };
}

/** Whether the same request may succeed in a moment. */
export function isPassing(error: unknown): boolean {
  return error instanceof UnreachableError || (error instanceof ServerError && error.isPassing);
}

/** Starts the clock of silence anew with every piece. */
async function* withTimer(
  body: AsyncIterable<Uint8Array>,
  timer: NodeJS.Timeout,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of body) {
      timer.refresh();
      yield piece;
      timer.refresh();
    }
  } finally {
    clearTimeout(timer);
  }
}

function toQuery(query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) params.set(name, String(value));
  }
  return params.size === 0 ? '' : `?${params.toString()}`;
}

async function toServerError(response: Response, url: string): Promise<ServerError | UnreachableError> {
  const { status } = response;
  const body = (await response.json().catch(() => null)) as {
    code?: unknown;
    message?: unknown;
    details?: unknown;
  } | null;
  if (typeof body?.code !== 'string' || typeof body.message !== 'string') {
    const meaning = proxyAnswers[status];
    if (meaning === undefined) return notDaybook(url, response);
    return new ServerError(`${url} answers ${status} ${response.statusText}: ${meaning}`, { status });
  }
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
  return new ServerError(body.message, {
    status,
    code: body.code,
    details: Array.isArray(body.details) ? (body.details as ErrorDetail[]) : [],
    ...(Number.isFinite(retryAfter) ? { retryAfterSeconds: retryAfter } : {}),
  });
}

const serverIsAway = 'the server behind it is not there.';

/** What a proxy says that stands before the server, in words of its own. */
const proxyAnswers: Readonly<Record<number, string>> = {
  413: 'a proxy before the server takes less than this at once (nginx: client_max_body_size).',
  429: 'a proxy before the server was asked too often.',
  502: serverIsAway,
  503: serverIsAway,
  504: serverIsAway,
};

function notDaybook(url: string, { status, headers }: Response): UnreachableError {
  const location = headers.get('location');
  const where = location === null ? '' : ` and points to ${location}`;
  return new UnreachableError(
    `${url} answers (status ${status}${where}), but not as a Daybook server does. Is the address right? Set it with --url or DAYBOOK_URL.`,
  );
}

const startHint = 'Start one with "daybook serve", or say where it is with --url or DAYBOOK_URL.';

function unreachable(url: string, error: unknown, { isChange }: { isChange: boolean }): UnreachableError {
  const code = causeCode(error);
  const unsure = isChange ? ' Whether the change was made is not known; look before you repeat it.' : '';
  switch (code) {
    case 'ECONNREFUSED':
      return new UnreachableError(`No Daybook server answers at ${url}: nothing listens there. ${startHint}`);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new UnreachableError(
        `No Daybook server answers at ${url}: the name is not known here. ${startHint}`,
      );
    case 'TimeoutError':
      return new UnreachableError(`${url} did not answer within ${answerWithinMs / 1_000} s.${unsure}`);
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
      return new UnreachableError(
        `No Daybook server answers at ${url}: the machine cannot be reached. ${startHint}`,
      );
    case 'UND_ERR_SOCKET':
    case 'ECONNRESET':
      return new UnreachableError(`${url} broke off before it answered.${unsure}`);
    default: {
      const reason =
        error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
      return new UnreachableError(
        `No Daybook server answers at ${url}: ${reason || code}.${unsure} ${startHint}`,
      );
    }
  }
}

function causeCode(error: unknown): string {
  if (isTimeout(error)) return 'TimeoutError';
  if (!(error instanceof Error)) return '';
  const { cause } = error;
  if (cause instanceof AggregateError) return causeCode(new Error('', { cause: cause.errors[0] }));
  return cause instanceof Error && 'code' in cause ? String(cause.code) : '';
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError';
}
