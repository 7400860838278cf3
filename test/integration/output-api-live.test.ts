import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EventParser } from '../../src/surfaces/cli/sse.ts';
import type { Job } from '../../src/contract/job.ts';
import { isEnded } from '../../src/contract/states.ts';
import { adminAuthorization } from '../support/admin.ts';
import { pollUntil } from '../support/poll.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { streams } from '../../src/contract/stream.ts';

let server: TestServer;
let readers: Reader[] = [];

beforeAll(async () => {
  server = await startServer({
    DAYBOOK_SLOTS: '8',
    DAYBOOK_OUTPUT_LIMIT: '64KiB',
    DAYBOOK_KILL_GRACE_SECONDS: '3',
  });
});

afterAll(() => server.close());

beforeEach(() => {
  for (const name of ['go1', 'go2', 'go3']) rmSync(home(name), { force: true });
});

afterEach(() => {
  for (const reader of readers.splice(0)) reader.close();
});

const home = (name: string): string => join(server.folder, 'homedir', name);
const go = (step: 1 | 2 | 3): void => writeFileSync(home(`go${step}`), '');
const until = (step: 1 | 2 | 3): string => `until [ -e go${step} ]; do sleep 0.01; done`;

async function run(name: string, text: string, options: object = {}): Promise<number> {
  const path = join(server.folder, 'scripts', name);
  writeFileSync(path, `#!/bin/bash\n${text}\n`, { mode: 0o755 });
  const body = { kind: 'script', input: { script: name }, ...options };
  return (await server.call('POST', '/api/v1/jobs', body)).json<Job>().id;
}

const get = async (id: number): Promise<Job> => (await server.call('GET', `/api/v1/jobs/${id}`)).json<Job>();
const ended = (id: number): Promise<Job> =>
  pollUntil(
    () => get(id),
    ({ state }) => isEnded(state),
  );

interface Piece {
  stream: string;
  kind: string;
  byte: number;
  text: string;
}

/** One connection to a live view. */
class Reader {
  readonly pieces: Piece[] = [];
  readonly ids: string[] = [];
  end: { state: string | null; attempt?: number } | null = null;
  isClosed = false;
  readonly #abort = new AbortController();

  static async open(id: number, lastEventId?: string, query = ''): Promise<Reader> {
    const reader = new Reader();
    readers.push(reader);
    const headers = {
      authorization: adminAuthorization,
      ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
    };
    const { signal } = reader.#abort;
    const url = `${server.url}/api/v1/jobs/${id}/output/live${query}`;
    const answer = await fetch(url, { headers, signal });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
    ]);
    if (!answer.body) throw new Error('a stream has a body');
    void reader.#read(answer.body).catch(() => {});
    return reader;
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const parser = new EventParser();
    const decoder = new TextDecoder();
    for await (const bytes of body) {
      // One block after the other, so that each event meets its own id.
      for (const block of decoder.decode(bytes, { stream: true }).split(/(?<=\n\n)/)) {
        for (const { event, data } of parser.push(block)) {
          if (event === 'end') this.end = JSON.parse(data) as Reader['end'];
          else this.pieces.push(JSON.parse(data) as Piece);
          this.ids.push(parser.lastEventId ?? '');
        }
      }
    }
    this.isClosed = true;
  }

  text(stream = 'stdout'): string {
    return this.pieces
      .flatMap((piece) => (piece.stream === stream && piece.kind !== 'gap' ? [piece.text] : []))
      .join('');
  }

  has(text: string, stream = 'stdout'): Promise<unknown> {
    return pollUntil(
      () => this.text(stream),
      (now) => now.includes(text),
    );
  }

  ends(): Promise<unknown> {
    return pollUntil(
      () => this.end,
      (end) => end !== null,
    );
  }

  close(): void {
    this.#abort.abort();
  }
}

describe('a live view', () => {
  it('shows what is printed while the program runs, whole lines or not, and tells the end', async () => {
    const id = await run(
      'live.sh',
      `echo marker; printf half; ${until(1)}; echo " whole"; echo err >&2; exit 3`,
    );
    const reader = await Reader.open(id);
    await reader.has('marker\nhalf');
    expect((await get(id)).state).toBe('running');
    expect(reader.end).toBeNull();
    go(1);
    await reader.ends();
    expect([reader.text(), reader.text('stderr')]).toEqual(['marker\nhalf whole\n', 'err\n']);
    expect(reader.end).toEqual({ state: 'failed', attempt: 1 });
    await pollUntil(() => reader.isClosed, Boolean);
  });

  it('names the byte at which each piece begins', async () => {
    const id = await run('bytes.sh', `echo 'ä1'; ${until(1)}; echo 'ö2'; echo e >&2`);
    const reader = await Reader.open(id);
    await reader.has('ä1\n');
    go(1);
    await reader.ends();
    for (const stream of streams) {
      let at = 0;
      for (const piece of reader.pieces.filter((one) => one.stream === stream)) {
        expect(piece.byte).toBe(at);
        at += Buffer.byteLength(piece.text);
      }
    }
  });

  it('follows a job that waits, from before its first attempt on', async () => {
    const id = await run('later.sh', 'echo at last', { runAt: new Date(Date.now() + 1_200).toISOString() });
    const reader = await Reader.open(id);
    expect((await get(id)).state).toBe('scheduled');
    await reader.ends();
    expect([reader.text(), reader.end]).toEqual(['at last\n', { state: 'succeeded', attempt: 1 }]);
  });

  it('of a job that was cancelled while it waited, or removed, ends', async () => {
    const waiting = await run('never.sh', ':', { runAt: '2999-01-01T00:00:00Z' });
    const reader = await Reader.open(waiting);
    await server.call('POST', `/api/v1/jobs/${waiting}/cancel`);
    await reader.ends();
    expect([reader.pieces, reader.end]).toEqual([[], { state: 'cancelled', attempt: 0 }]);
  });

  it('of a job that ended long ago shows all of it and ends', async () => {
    const id = await run('past.sh', 'seq 1000; printf "no end"');
    await ended(id);
    const reader = await Reader.open(id);
    await reader.ends();
    expect(reader.text()).toBe(`${Array.from({ length: 1000 }, (_, index) => index + 1).join('\n')}\nno end`);
  });
});

describe('a reader that comes back with Last-Event-ID', () => {
  it('gets what it has not, nothing missing and nothing twice, from any event on', async () => {
    const id = await run(
      'steps.sh',
      `echo a; printf b; echo x >&2; ${until(1)}; printf c; ${until(2)}; echo d; echo y >&2`,
    );
    const first = await Reader.open(id);
    await first.has('a\nb');
    go(1);
    await first.has('bc');
    go(2);
    await first.ends();
    expect([first.text(), first.text('stderr')]).toEqual(['a\nbcd\n', 'x\ny\n']);
    for (const [index, lastEventId] of first.ids.slice(0, -1).entries()) {
      const again = await Reader.open(id, lastEventId);
      await again.ends();
      const before = first.pieces.slice(0, index + 1);
      for (const stream of streams) {
        const had = before.filter((piece) => piece.stream === stream).map(({ text }) => text);
        expect(had.join('') + again.text(stream)).toBe(first.text(stream));
      }
    }
  });

  it('gets a character whole that was printed in two halves', async () => {
    const id = await run(
      'halves.sh',
      String.raw`printf 'a\342\202'; ${until(1)}; printf '\254b\360\237'; ${until(2)}; printf '\230\200c'`,
    );
    const first = await Reader.open(id);
    await first.has('a');
    const again = await Reader.open(id, first.ids.at(-1));
    go(1);
    await again.has('b');
    go(2);
    await Promise.all([first.ends(), again.ends()]);
    expect([first.text(), again.text()]).toEqual(['a€b😀c', '€b😀c']);
  });

  it('goes on with the attempt it followed, though another one has begun', async () => {
    const retry = { attempts: 2, initialMs: 0 };
    const text = `echo "attempt $DAYBOOK_ATTEMPT, some text"; [ $DAYBOOK_ATTEMPT = 1 ] && { ${until(1)}; echo tail; exit 1; }; ${until(2)}`;
    const id = await run('again.sh', text, { retry });
    const first = await Reader.open(id);
    await first.has('attempt 1, some text\n');
    first.close();
    go(1);
    await pollUntil(
      () => get(id),
      ({ attempt }) => attempt === 2,
    );
    const again = await Reader.open(id, first.ids.at(-1));
    await again.ends();
    expect([again.text(), again.end?.attempt]).toEqual(['tail\n', 1]);
    const newest = await Reader.open(id);
    await newest.has('attempt 2, some text\n');
    const asked = await Reader.open(id, first.ids.at(-1), '?attempt=2');
    await asked.has('attempt 2, some text\n');
    go(2);
  });

  it('with an id that is none of ours begins at the beginning', async () => {
    const id = await run('begin.sh', 'echo begun');
    await ended(id);
    for (const lastEventId of ['nonsense', '1-2', '-1-0-0', '9'.repeat(50)]) {
      const reader = await Reader.open(id, lastEventId);
      await reader.ends();
      expect(reader.text()).toBe('begun\n');
    }
  });
});

describe('bytes that are no text', () => {
  it('at the very end are shown as such, not swallowed', async () => {
    const id = await run('cut.sh', String.raw`printf 'cut \342\202'`);
    const reader = await Reader.open(id);
    await reader.ends();
    expect(reader.text()).toBe('cut \ufffd');
  });
});

describe('a gap', () => {
  it('is shown once to a reader that stays, and once in all to one that comes back', async () => {
    const id = await run(
      'flood.sh',
      `trap "" TERM; head -c 100000 /dev/zero | tr "\\0" x; touch flooded; sleep 60`,
    );
    const reader = await Reader.open(id);
    const gaps = (): number => reader.pieces.filter(({ kind }) => kind === 'gap').length;
    await pollUntil(gaps, (count) => count > 0);
    const again = await Reader.open(id, reader.ids.at(-1));
    await Promise.all([reader.ends(), again.ends()]);
    expect([gaps(), again.pieces.filter(({ kind }) => kind === 'gap').length]).toEqual([1, 0]);
    expect(existsSync(home('flooded'))).toBe(true);
    expect(reader.end).toMatchObject({ state: 'failed' });
  });
});

describe('readers that go away', () => {
  it('leave nothing behind: the server still answers after hundreds, and stops cleanly', async () => {
    const own = await startServer();
    try {
      writeFileSync(
        join(own.folder, 'scripts', 'wait.sh'),
        '#!/bin/sh\necho on\nuntil [ -e go1 ]; do sleep 0.02; done\n',
        { mode: 0o755 },
      );
      const id = (
        await own.call('POST', '/api/v1/jobs', { kind: 'script', input: { script: 'wait.sh' } })
      ).json<Job>().id;
      let printed = '';
      own.process.stderr?.on('data', (bytes: Buffer) => (printed += bytes.toString()));
      for (let round = 0; round < 10; round += 1) {
        const aborts = Array.from({ length: 30 }, () => new AbortController());
        const answers = await Promise.all(
          aborts.map(({ signal }, index) =>
            fetch(`${own.url}/api/v1/${index % 2 ? 'events' : `jobs/${id}/output/live`}`, {
              headers: { authorization: adminAuthorization },
              signal,
            }),
          ),
        );
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
        for (const abort of aborts) abort.abort();
      }
      const head = await fetch(`${own.url}/api/v1/events`, {
        method: 'HEAD',
        headers: { authorization: adminAuthorization },
      });
      expect([head.status, await head.text()]).toEqual([200, '']);
      writeFileSync(join(own.folder, 'homedir', 'go1'), '');
      await pollUntil(
        async () => (await own.call('GET', `/api/v1/jobs/${id}`)).json<Job>().state,
        (state) => state === 'succeeded',
      );
      const stopped = new Promise((resolve) => own.process.once('exit', (code) => resolve(code)));
      own.process.kill('SIGTERM');
      expect(await Promise.race([stopped, wait(15_000, 'still running')])).toBe(0);
      expect(printed).toBe('');
    } finally {
      await own.close();
    }
  });
});
