/** One request and its answer over an open connection. */
import { request as startHttp1, type IncomingMessage } from 'node:http';
import { connect as startHttp2, type ClientHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { Readable } from 'node:stream';
import type { UrlHop, UrlTimeouts } from './contract/url-test.ts';
import { BodyCollector } from './body.ts';
import { HeadReader } from './head-reader.ts';
import { sinceMs, type TryClock } from './try-clock.ts';
import { wireText } from './wire-text.ts';

export interface UrlRequest {
  method: string;
  url: URL;
  headers: readonly (readonly [string, string])[];
  body: string | undefined;
}

export interface Answer {
  status: number;
  /** One character a byte, as they came. */
  headers: [name: string, value: string][];
  body: BodyCollector;
  /** What is wrong with the form of the answer though it can be read, in sentences. */
  flaws: string[];
}

export interface ExchangeOptions {
  timeouts: UrlTimeouts;
  maxBodyBytes: number;
  /** Of the body, to look into; by default enough for conditions. */
  keepBytes?: number;
  clock: TryClock;
}

interface Begun {
  status: number;
  statusText: string;
  headers: [string, string][];
  stream: Readable;
  flaws: string[];
}

/** Those of Node are 16 KiB, of browsers and curl far more. */
const mostHeaderBytes = 256 * 1024;

/** Fills in what `hop` tells of it. The caller destroys the socket. @throws UrlFailure; the reason of the signal */
export async function exchange(
  socket: Socket,
  request: UrlRequest,
  hop: UrlHop,
  options: ExchangeOptions & { isHttp2: boolean },
): Promise<Answer> {
  const { clock, timeouts, maxBodyBytes, isHttp2 } = options;
  const startedMs = performance.now();
  let firstByteMs: number | null = null;
  const onFirstByte = (): void => {
    firstByteMs ??= performance.now();
  };
  hop.protocol = isHttp2 ? 'HTTP/2' : 'HTTP/1.1';
  const session = isHttp2 ? startHttp2(request.url.origin, { createConnection: () => socket }) : null;
  try {
    const begun = await clock.phase('firstByte', { times: hop.phases, limitMs: timeouts.firstByteMs }, () =>
      session ? askHttp2(session, request, onFirstByte) : askHttp1(socket, request, onFirstByte),
    );
    const bodyFromMs = firstByteMs ?? performance.now();
    hop.phases.firstByte = Math.round((bodyFromMs - startedMs) * 1000) / 1000;
    hop.status = begun.status;
    hop.statusText = wireText(begun.statusText);
    const body = new BodyCollector(maxBodyBytes, options.keepBytes);
    try {
      await clock.phase('body', { times: hop.phases, limitMs: timeouts.totalMs }, () =>
        readBody(begun.stream, body),
      );
    } finally {
      hop.phases.body = sinceMs(bodyFromMs);
      hop.bytes = body.bytes;
      hop.isCut = body.isCut;
    }
    return { status: begun.status, headers: begun.headers, body, flaws: begun.flaws };
  } finally {
    session?.destroy();
  }
}

function askHttp1(socket: Socket, request: UrlRequest, onFirstByte: () => void): Promise<Begun> {
  return new Promise((resolve, reject) => {
    const { url, method, headers, body } = request;
    const head = new HeadReader();
    const asked = startHttp1({
      createConnection: () => socket,
      method,
      host: url.hostname,
      port: url.port,
      defaultPort: url.protocol === 'https:' ? 443 : 80,
      path: `${url.pathname}${url.search}`,
      headers: joinHeaders(headers),
      // A tester judges what browsers can read, and says what is wrong with it.
      insecureHTTPParser: true,
      maxHeaderSize: mostHeaderBytes,
    });
    const onAnswer = (answer: IncomingMessage): void => {
      resolve({
        status: answer.statusCode ?? 0,
        statusText: answer.statusMessage ?? '',
        headers: pairs(answer.rawHeaders),
        stream: answer,
        flaws: head.flaws,
      });
    };
    asked.on('response', onAnswer);
    // A server that switches protocols has answered, too; what comes then is no body.
    asked.on('upgrade', (answer) => {
      answer.push(null);
      onAnswer(answer);
    });
    asked.on('error', (error: NodeJS.ErrnoException) => {
      const forgiven = error.code?.startsWith('HPE_') ? head.answer : null;
      if (!forgiven) return reject(error);
      const flaws = [...head.flaws, 'Its body could not be read, since its head is no valid HTTP.'];
      resolve({ ...forgiven, stream: Readable.from([]), flaws });
    });
    asked.end(body);
    socket.once('data', onFirstByte);
    // Before the parser, which answers to the same event.
    socket.prependListener('data', (bytes: Buffer) => head.add(bytes));
  });
}

function askHttp2(session: ClientHttp2Session, request: UrlRequest, onFirstByte: () => void): Promise<Begun> {
  return new Promise((resolve, reject) => {
    const { url, method, body } = request;
    const { host, ...headers } = joinHeaders(request.headers, (name) => name.toLowerCase());
    const asked = session.request({
      ':method': method,
      ':path': `${url.pathname}${url.search}`,
      ':scheme': url.protocol.slice(0, -1),
      ':authority': String(host ?? url.host),
      ...Object.fromEntries(Object.entries(headers).filter(([name]) => !ofOneConnection.has(name))),
    });
    asked.on('response', (fields) => {
      onFirstByte();
      const { ':status': status = 0, ...rest } = fields;
      resolve({
        status,
        statusText: '',
        headers: Object.entries(rest).flatMap(([name, value]) =>
          name.startsWith(':') ? [] : [value ?? []].flat().map((one): [string, string] => [name, one]),
        ),
        stream: asked,
        flaws: [],
      });
    });
    asked.on('error', reject);
    asked.on('close', () => reject(closedEarly()));
    session.on('error', reject);
    asked.end(body);
  });
}

/** HTTP/2 forbids them, and has `:authority` for the host. */
const ofOneConnection = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade']);

/** Each once, with all its values; those of cookies are one list (RFC 6265, 5.4). @param nameOf how a name is written */
function joinHeaders(
  headers: UrlRequest['headers'],
  nameOf: (name: string) => string = (name) => name,
): Record<string, string | string[]> {
  const known = new Map<string, { name: string; values: string[] }>();
  for (const [name, value] of headers) {
    const one = known.get(name.toLowerCase()) ?? { name: nameOf(name), values: [] };
    known.set(name.toLowerCase(), one);
    one.values.push(value);
  }
  const joined = known.entries().map(([lower, { name, values }]): [string, string | string[]] => {
    if (lower === 'cookie') return [name, values.join('; ')];
    return [name, values.length === 1 ? (values[0] ?? '') : values];
  });
  return Object.fromEntries(joined);
}

function readBody(stream: Readable, body: BodyCollector): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(closedEarly());
    const finish = (): void => {
      // An error made for nothing, at every close, costs more than the rest of this function.
      stream.off('close', onClose);
      resolve();
    };
    stream.on('data', (chunk: Buffer) => {
      if (body.add(chunk)) return;
      finish();
      stream.destroy();
    });
    stream.on('end', finish);
    stream.on('error', reject);
    stream.on('close', onClose);
  });
}

function closedEarly(): Error {
  return Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' });
}

function pairs(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, index) => [
    (raw[2 * index] ?? '').toLowerCase(),
    raw[2 * index + 1] ?? '',
  ]);
}
