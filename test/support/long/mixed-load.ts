import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Random } from '../faults/random.ts';
import type { TestAnswer, TestServer } from '../server.ts';

/** Prints, measures, and ends with the exit code that it is given. */
const measureScript = `#!/bin/bash
for i in $(seq 1 "$1"); do
  echo "step $i of $1 of section $RANDOM, residual 0.0$RANDOM"
  (( i % 10 )) || printf '{"daybook":{"progress":0.%02d,"series":{"name":"load","x":%d,"y":%d},"result":{"k%d":%d}}}\\n' $((i % 100)) $i $RANDOM $((i % 7)) $i
done
[ -z "$3" ] || sleep "$3"
[ -z "$DAYBOOK_OUTPUT_DIR" ] || echo "made $RANDOM" > "$DAYBOOK_OUTPUT_DIR/made.txt"
exit "$2"
`;

const longestStreamMs = 20_000;

/**
 * What people and programs do on an ordinary day, a step at a time: submits, looks, searches, streams that come and go,
 * files, URL tests, and beside them a schedule and a notification rule.
 */
export class MixedLoad {
  readonly #server: TestServer;
  readonly #random: Random;
  readonly #site: Server;
  readonly #steps: readonly (readonly [step: () => Promise<unknown>, weight: number])[];
  readonly #streams = new Set<Promise<void>>();
  #token = '';
  #lastJob = 1;
  /** How often each answer came. */
  readonly statuses = new Map<number, number>();
  readonly streams = { opened: 0, now: 0 };
  notified = 0;

  constructor(server: TestServer, random: Random) {
    this.#server = server;
    this.#random = random;
    this.#site = createServer((request, response) => {
      if (request.method === 'POST') this.notified += 1;
      request.resume();
      response.end(`answer to ${request.url}`.repeat(50));
    });
    this.#steps = [
      [() => this.#submit([String(random.integer(10, 200)), '0']), 20],
      [() => this.#submit(['20', String(random.integer(1, 9))]), 4],
      [() => this.#submit(['5', '0', '2'], { tags: ['slow'], priority: random.integer(-5, 5) }), 4],
      [() => this.#submitFile(), 5],
      [() => this.#testUrls(random.chance(0.8) ? 1 : 20), 8],
      [() => this.#cancel(), 3],
      [() => this.#look(), 30],
      [() => this.#get(`/api/v1/output?find=residual%200.0${random.integer(1, 99)}&lines=20`), 2],
      [
        async () =>
          this.#follow(random.pick(['/api/v1/events', `/api/v1/jobs/${this.#lastJob}/output/live`])),
        10,
      ],
    ];
  }

  /** Makes what the load needs. */
  async prepare(): Promise<void> {
    writeFileSync(join(this.#server.folder, 'scripts', 'measure.sh'), measureScript, { mode: 0o755 });
    await once(this.#site.listen(0, '127.0.0.1'), 'listening');
    const token = await this.#server.call('POST', '/api/v1/tokens', { name: 'load', scopes: ['all'] });
    this.#token = token.json<{ secret: string }>().secret;
    await this.#ask('POST', '/api/v1/notification-rules', {
      name: 'failures',
      events: ['failed', 'recovered'],
      channel: { type: 'webhook', url: this.#siteUrl('/hook') },
    });
    await this.#ask('POST', '/api/v1/schedules', {
      name: 'often',
      cron: '*/5 * * * * *',
      submit: scriptJob(['10', '0']),
    });
  }

  /** Steps at this rate until the signal; a step that has not ended delays no other. */
  async run(stepsASecond: number, signal: AbortSignal): Promise<void> {
    const underWay = new Set<Promise<unknown>>();
    while (!signal.aborted) {
      const step = this.#random.pickWeighted(this.#steps)();
      underWay.add(step);
      void step.finally(() => underWay.delete(step)).catch(() => {});
      await wait(1_000 / stepsASecond, undefined, { signal }).catch(() => {});
    }
    await Promise.all([...underWay, ...this.#streams]);
  }

  close(): void {
    this.#site.close();
    this.#site.closeAllConnections();
  }

  #siteUrl(path: string): string {
    return `http://127.0.0.1:${(this.#site.address() as AddressInfo).port}${path}`;
  }

  async #ask(method: string, path: string, body?: unknown, headers = {}): Promise<TestAnswer> {
    const authorization = `Bearer ${this.#token}`;
    const answer = await this.#server.call(method, path, body, { ...headers, authorization });
    this.statuses.set(answer.status, (this.statuses.get(answer.status) ?? 0) + 1);
    if (answer.status >= 500) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer;
  }

  #get(path: string): Promise<TestAnswer> {
    return this.#ask('GET', path);
  }

  async #submit(words: readonly string[], options = {}): Promise<void> {
    await this.#submitJob({ ...scriptJob(words), ...options });
  }

  async #submitJob(body: object): Promise<void> {
    const { status, json } = await this.#ask('POST', '/api/v1/jobs', body);
    if (status === 201) this.#lastJob = json<{ id: number }>().id;
  }

  async #submitFile(): Promise<void> {
    const bytes = 'a line of a file\n'.repeat(this.#random.integer(10, 20_000));
    const headers = { 'content-type': 'application/octet-stream' };
    const { id } = (await this.#ask('POST', '/api/v1/files?name=input.txt', bytes, headers)).json<{
      id: string;
    }>();
    await this.#submit(['10', '0'], { files: [{ file: id, name: 'input.txt' }] });
  }

  #testUrls(count: number): Promise<void> {
    const urls = Array.from({ length: count }, () => this.#siteUrl(`/${this.#random.integer(1, 1_000)}`));
    return this.#submitJob({ kind: 'url', input: { urls } });
  }

  async #cancel(): Promise<void> {
    await this.#ask('POST', `/api/v1/jobs/${this.#lastJob}/cancel`);
  }

  async #look(): Promise<void> {
    const id = this.#random.integer(1, this.#lastJob);
    const paths = [
      '/api/v1/jobs?limit=100',
      `/api/v1/jobs?q=${encodeURIComponent('state:failed name:*measure*')}`,
      `/api/v1/jobs/${id}`,
      `/api/v1/jobs/${id}/events`,
      `/api/v1/jobs/${id}/output/view?lines=500`,
      `/api/v1/jobs/${id}/series`,
      `/api/v1/jobs/${id}/parts`,
      '/api/v1/stats',
      '/api/v1/workers',
      '/metrics',
    ];
    await this.#get(this.#random.pick(paths));
  }

  /** A reader who comes, and goes some time later without a word. */
  #follow(path: string): void {
    const reading = this.#read(path, AbortSignal.timeout(this.#random.integer(100, longestStreamMs)));
    this.#streams.add(reading);
    void reading.finally(() => this.#streams.delete(reading));
  }

  async #read(path: string, signal: AbortSignal): Promise<void> {
    this.streams.opened += 1;
    this.streams.now += 1;
    try {
      const headers = { authorization: `Bearer ${this.#token}` };
      const { body } = await fetch(`${this.#server.url}${path}`, { headers, signal });
      for await (const _piece of body ?? []);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.streams.now -= 1;
    }
  }
}

function scriptJob(words: readonly string[]): object {
  return { kind: 'script', input: { script: 'measure.sh', arguments: words.map((word) => ['', word]) } };
}
