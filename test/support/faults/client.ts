import { Agent, request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { Attempt, Job, JobEvent } from '../../../src/contract/job.ts';
import { isEnded } from '../../../src/contract/states.ts';
import { pollUntil } from '../poll.ts';
import type { Stream } from '../../../src/contract/stream.ts';

export interface Answer {
  status: number;
  body: Buffer;
}

export interface OutputLine {
  stream: Stream;
  line: number | null;
  text: string;
  kind: 'text' | 'protocol' | 'gap';
}

export interface RequestOptions {
  body?: unknown;
  /** The server may be stopped in the middle; then no answer ever comes. */
  timeoutMs?: number;
}

/** Talks to one server over REST, as any program would. */
export class Client {
  readonly url: string;
  readonly #agent: Agent;
  #authorization = '';

  constructor(url: string, options: { connections?: number } = {}) {
    this.url = url;
    this.#agent = new Agent({ keepAlive: true, maxSockets: options.connections ?? 6 });
  }

  /** Makes a token once, as asking with the password each time is slow on purpose. */
  async signIn(name: string, password: string): Promise<void> {
    this.#authorization = `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
    const { secret } = await this.json<{ secret: string }>('POST', '/api/v1/tokens', {
      name: 'faults',
      scopes: ['all'],
    });
    this.#authorization = `Bearer ${secret}`;
  }

  /** One try. Rejects when no whole answer came. */
  ask(method: string, path: string, { body, timeoutMs = 10_000 }: RequestOptions = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const text = body === undefined ? '' : JSON.stringify(body);
      const asked = request(
        `${this.url}${path}`,
        {
          method,
          agent: this.#agent,
          headers: {
            authorization: this.#authorization,
            ...(body === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            if (response.complete) resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) });
            else reject(new Error('the answer broke off'));
          });
        },
      );
      asked.setTimeout(timeoutMs, () => asked.destroy(new Error(`no answer within ${timeoutMs} ms`)));
      asked.on('error', reject);
      asked.end(text);
    });
  }

  /** One try that has to succeed. */
  async json<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.ask(method, path, body === undefined ? {} : { body });
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${answer.body.toString()}`);
    return JSON.parse(answer.body.toString()) as T;
  }

  /** Repeats what could not be answered (no connection, 5xx) until it is. */
  async persist(
    method: string,
    path: string,
    options: RequestOptions & { deadlineMs?: number } = {},
  ): Promise<Answer & { tries: number }> {
    const until = performance.now() + (options.deadlineMs ?? 60_000);
    for (let tries = 1; ; tries += 1) {
      const answer = await this.ask(method, path, { timeoutMs: 3_000, ...options }).catch(
        (error: Error) => error,
      );
      if (!(answer instanceof Error) && answer.status < 500) return { ...answer, tries };
      if (performance.now() > until) {
        const last = answer instanceof Error ? answer.message : `${answer.status} ${answer.body.toString()}`;
        throw new Error(`${method} ${path}: no good answer after ${tries} tries; the last: ${last}`);
      }
      await wait(50);
    }
  }

  async read<T>(path: string): Promise<T> {
    const answer = await this.persist('GET', path);
    if (answer.status >= 300) throw new Error(`GET ${path}: ${answer.status} ${answer.body.toString()}`);
    return JSON.parse(answer.body.toString()) as T;
  }

  /** @param body what accompanies `kind: 'script'` */
  submit(body: Record<string, unknown>): Promise<Job> {
    return this.json<Job>('POST', '/api/v1/jobs', { kind: 'script', ...body });
  }

  job(id: number): Promise<Job> {
    return this.read(`/api/v1/jobs/${id}`);
  }

  async attempts(id: number): Promise<Attempt[]> {
    return (await this.read<{ items: Attempt[] }>(`/api/v1/jobs/${id}/attempts`)).items;
  }

  async events(id: number): Promise<JobEvent[]> {
    return (await this.read<{ items: JobEvent[] }>(`/api/v1/jobs/${id}/events?limit=1000`)).items;
  }

  /** All lines, page by page. */
  async lines(id: number, query = ''): Promise<OutputLine[]> {
    const lines: OutputLine[] = [];
    for (let from = ''; ;) {
      const page = await this.read<{ lines: OutputLine[]; next: string | null }>(
        `/api/v1/jobs/${id}/output?lines=10000${query}${from}`,
      );
      lines.push(...page.lines);
      if (page.next === null) return lines;
      from = `&from=${page.next}`;
    }
  }

  async gaps(id: number, attempt?: number): Promise<string[]> {
    const lines = await this.lines(id, attempt === undefined ? '' : `&attempt=${attempt}`);
    return lines.filter(({ kind }) => kind === 'gap').map(({ text }) => text);
  }

  /** As it comes by the download, gap marks included. */
  async download(id: number, stream: Stream, attempt?: number): Promise<Buffer> {
    const query = attempt === undefined ? '' : `?attempt=${attempt}`;
    return (await this.persist('GET', `/api/v1/jobs/${id}/output/${stream}${query}`)).body;
  }

  async untilEnded(id: number, deadlineMs = 30_000): Promise<Job> {
    return pollUntil(
      () => this.job(id),
      (job) => isEnded(job.state),
      { deadlineMs },
    );
  }

  close(): void {
    this.#agent.destroy();
  }
}
