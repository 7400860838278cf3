import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../../src/contract/job.ts';
import { isEnded } from '../../src/contract/states.ts';
import { adminAuthorization } from '../support/admin.ts';
import { pollUntil } from '../support/poll.ts';
import { startServer, type TestServer } from '../support/server.ts';

interface Line {
  stream: string;
  line: number | null;
  text: string;
  kind: string;
  isPartial: boolean;
}

interface Page {
  attempt: number;
  isEnded: boolean;
  lines: Line[];
  next: string | null;
}

let server: TestServer;

beforeAll(async () => {
  server = await startServer({ DAYBOOK_OUTPUT_LIMIT: '8MiB', DAYBOOK_KILL_GRACE_SECONDS: '2' });
});

afterAll(() => server.close());

async function run(name: string, text: string): Promise<number> {
  const path = join(server.folder, 'scripts', name);
  writeFileSync(path, `#!/bin/bash\n${text}\n`, { mode: 0o755 });
  const answer = await server.call('POST', '/api/v1/jobs', { kind: 'script', input: { script: name } });
  return answer.json<Job>().id;
}

const get = async (id: number): Promise<Job> => (await server.call('GET', `/api/v1/jobs/${id}`)).json<Job>();

async function runToEnd(name: string, text: string): Promise<number> {
  const id = await run(name, text);
  await pollUntil(
    () => get(id),
    ({ state }) => isEnded(state),
    { deadlineMs: 40_000 },
  );
  return id;
}

const page = async (id: number, query = ''): Promise<Page> =>
  (await server.call('GET', `/api/v1/jobs/${id}/output${query}`)).json<Page>();

async function bytes(id: number, stream: string): Promise<Buffer> {
  const answer = await fetch(`${server.url}/api/v1/jobs/${id}/output/${stream}`, {
    headers: { authorization: adminAuthorization },
  });
  return Buffer.from(await answer.arrayBuffer());
}

async function allPages(id: number, query: string): Promise<Line[]> {
  const lines: Line[] = [];
  for (let from: string | null = '', pages = 0; from !== null && pages < 1_000; pages += 1) {
    const found: Page = await page(id, `?${query}${from === '' ? '' : `&from=${from}`}`);
    lines.push(...found.lines);
    from = found.next;
  }
  return lines;
}

describe('lines', () => {
  it('are numbered per stream from 0, merged in order of arrival or one stream alone', async () => {
    const id = await runToEnd(
      'two.sh',
      'echo o0; sleep 0.1; echo e0 >&2; sleep 0.1; echo o1; printf "o2 without end"',
    );
    const merged = await page(id);
    expect(merged).toMatchObject({ attempt: 1, isEnded: true, next: null });
    expect(merged.lines).toMatchObject([
      { stream: 'stdout', line: 0, text: 'o0', kind: 'text', isPartial: false },
      { stream: 'stderr', line: 0, text: 'e0' },
      { stream: 'stdout', line: 1, text: 'o1' },
      { stream: 'stdout', line: 2, text: 'o2 without end', isPartial: true },
    ]);
    expect((await page(id, '?stream=stderr')).lines).toEqual([merged.lines[1]]);
    expect((await page(id, '?stream=stdout&from=1')).lines).toEqual(merged.lines.slice(2));
    expect(await page(id, '?stream=stdout&from=1&lines=1')).toMatchObject({
      lines: [{ text: 'o1' }],
      next: '2',
    });
    expect((await page(id, '?from=end&lines=2')).lines).toEqual(merged.lines.slice(2));
    expect((await page(id, '?from=end&lines=1&stream=stderr')).lines).toEqual([merged.lines[1]]);
    expect(await page(id, '?stream=stdout&from=99')).toMatchObject({ lines: [], next: null });
  });

  it('of a hundred thousand come whole and once, whatever the size of the pages', async () => {
    const id = await runToEnd('many.sh', 'seq -f "line %.0f of many, many lines" 0 99999');
    const expected = Array.from({ length: 100_000 }, (_, index) => `line ${index} of many, many lines`);
    for (const query of ['stream=stdout&lines=10000', 'lines=9999']) {
      const lines = await allPages(id, query);
      expect(lines.length).toBe(100_000);
      expect(lines.findIndex(({ line, text }, index) => line !== index || text !== expected[index])).toBe(-1);
    }
    expect((await bytes(id, 'stdout')).equals(Buffer.from(`${expected.join('\n')}\n`))).toBe(true);
    expect((await page(id, '?stream=stdout&from=54321&lines=2')).lines.map(({ line }) => line)).toEqual([
      54321, 54322,
    ]);
    expect((await page(id, '?from=end&lines=1')).lines).toMatchObject([
      { line: 99_999, text: expected[99_999] },
    ]);
  });

  it.each([
    ['?from=abc', 'from'],
    ['?stream=stdout&from=abc', 'from'],
    ['?stream=stdout&from=-1', 'from'],
    ['?from=1.2.3', 'from'],
    ['?lines=0', 'lines'],
    ['?lines=10001', 'lines'],
    ['?stream=stdin', 'stream'],
    ['?attempt=0', 'attempt'],
    ['?attempt=99999999999', 'attempt'],
    ['?protocol=perhaps', 'protocol'],
  ])('asked for with %s are refused with the name of what is wrong', async (query, field) => {
    const id = await runToEnd('true.sh', ':');
    const answer = await server.call('GET', `/api/v1/jobs/${id}/output${query}`);
    expect([answer.status, answer.json()['details']]).toMatchObject([400, [{ field }]]);
  });

  it('of an attempt that never was are 404; of a job that waits there are none yet', async () => {
    const id = await runToEnd('true.sh', ':');
    for (const path of ['output?attempt=2', 'output/stdout?attempt=2'])
      expect((await server.call('GET', `/api/v1/jobs/${id}/${path}`)).status).toBe(404);
    const body = { kind: 'script', input: { script: 'true.sh' }, runAt: '2999-01-01T00:00:00Z' };
    const waiting = (await server.call('POST', '/api/v1/jobs', body)).json<Job>().id;
    expect(await page(waiting)).toEqual({ attempt: 0, isEnded: false, lines: [], next: null });
    expect(await bytes(waiting, 'stdout')).toEqual(Buffer.alloc(0));
  });
});

describe('bytes', () => {
  it('download exactly: NUL, invalid UTF-8, no line end, CR', async () => {
    const id = await runToEnd('bytes.sh', String.raw`printf 'a\000b\r\n\377\376\n\303'; printf '\000' >&2`);
    expect(await bytes(id, 'stdout')).toEqual(Buffer.from('a\0b\r\n\xff\xfe\n\xc3', 'latin1'));
    expect(await bytes(id, 'stderr')).toEqual(Buffer.from([0]));
    const { lines } = await page(id, '?stream=stdout');
    expect(lines.map(({ text }) => text)).toEqual(['a\0b\r', '\ufffd\ufffd', '\ufffd']);
  });

  it('of every value and of one line of a megabyte download exactly', async () => {
    const program = `python3 -c "import sys; w=sys.stdout.buffer; w.write(bytes(range(256))*16); w.write(b'x'*1000000+b'\\n')"`;
    const id = await runToEnd('all.sh', program);
    const all = Buffer.concat([
      ...Array<Buffer>(16).fill(Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))),
      Buffer.from(`${'x'.repeat(1_000_000)}\n`),
    ]);
    expect((await bytes(id, 'stdout')).equals(all)).toBe(true);
    const last = (await page(id, '?from=end&lines=1')).lines[0];
    expect([last?.line, last?.isPartial]).toEqual([16, false]);
  });

  it('beyond the limit are not kept, the program ends, and a gap says so in lines and download', async () => {
    const id = await runToEnd('flood.sh', 'yes flood');
    expect(await get(id)).toMatchObject({ state: 'failed', reason: 'limit' });
    const all = await bytes(id, 'stdout');
    expect(all.subarray(0, 12).toString()).toBe('flood\nflood\n');
    expect(all.toString('latin1').match(/daybook: output is missing here/g)).toHaveLength(1);
    expect(all.length).toBeLessThan(8 * 1024 * 1024 + 500);
    const gap = (await page(id, '?from=end&lines=3')).lines.find(({ kind }) => kind === 'gap');
    expect(gap).toMatchObject({ line: null, text: expect.stringContaining('limit') });
  });
});

describe('while the program runs', () => {
  it('a line is seen before its end, as partial, and once when it is whole', async () => {
    const id = await run(
      'prompt.sh',
      'printf "Password: "; until [ -e answered ]; do sleep 0.02; done; echo thanks',
    );
    const asked = await pollUntil(
      () => page(id, '?stream=stdout'),
      ({ lines }) => lines.length > 0,
    );
    expect(asked).toMatchObject({
      isEnded: false,
      lines: [{ line: 0, text: 'Password: ', isPartial: true }],
    });
    expect((await get(id)).state).toBe('running');
    writeFileSync(join(server.folder, 'homedir', 'answered'), '');
    const done = await pollUntil(
      () => page(id, '?stream=stdout'),
      (now) => now.isEnded,
    );
    expect(done.lines).toMatchObject([{ line: 0, text: 'Password: thanks', isPartial: false }]);
  });
});

describe('reports to Daybook', () => {
  const report = (member: object): string => `echo '${JSON.stringify({ daybook: member })}'`;

  it('stay in bytes and numbers, and are shown only when asked for', async () => {
    const id = await runToEnd('reports.sh', `echo one; ${report({ progress: 0.5 })}; echo two`);
    const shown = await page(id, '?stream=stdout');
    expect(shown.lines).toMatchObject([
      { line: 0, text: 'one' },
      { line: 2, text: 'two' },
    ]);
    const all = await page(id, '?stream=stdout&protocol=true');
    expect(all.lines.map(({ kind }) => kind)).toEqual(['text', 'protocol', 'text']);
    expect((await bytes(id, 'stdout')).toString()).toBe('one\n{"daybook":{"progress":0.5}}\ntwo\n');
  });

  it('show progress while it runs, and series and result after', async () => {
    const text = [
      report({ progress: 0.25, message: 'a quarter' }),
      report({ series: { name: 'residual', unit: 'Pa', x: 1, y: 0.5 } }),
      report({ series: { name: 'residual', x: [2, 3], y: [0.25, -1e-300] } }),
      report({ series: { name: 'count', x: 0, y: 7 } }),
      report({ result: { a: 1, b: { c: [null] } } }),
      'until [ -e go-on ]; do sleep 0.02; done',
      report({ result: { a: 2 } }),
    ].join('\n');
    const id = await run('measure.sh', text);
    const running = await pollUntil(
      () => get(id),
      ({ progress }) => progress !== null,
    );
    expect(running).toMatchObject({ state: 'running', progress: { fraction: 0.25, message: 'a quarter' } });
    interface Series {
      id: number;
      name: string;
    }
    const series = await pollUntil(
      async () => (await server.call('GET', `/api/v1/jobs/${id}/series`)).json<{ items: Series[] }>().items,
      ({ length }) => length === 2,
    );
    writeFileSync(join(server.folder, 'homedir', 'go-on'), '');
    const done = await pollUntil(
      () => get(id),
      ({ state }) => isEnded(state),
    );
    expect(done.result).toEqual({ a: 2, b: { c: [null] } });
    expect(series).toMatchObject([
      { name: 'count', unit: null, points: 1, attempt: 1 },
      { name: 'residual', unit: 'Pa', points: 3, attempt: 1 },
    ]);
    const read = async (query = ''): Promise<object> =>
      (await server.call('GET', `/api/v1/jobs/${id}/series/${series[1]?.id}${query}`)).json();
    expect(await read()).toMatchObject({ x: [1, 2, 3], y: [0.5, 0.25, -1e-300] });
    expect(await read('?first=1&limit=1')).toMatchObject({ x: [2], y: [0.25] });
    expect(await read('?first=9007199254740991')).toMatchObject({ x: [], y: [] });
    expect((await server.call('GET', `/api/v1/jobs/${id}/series/999999`)).status).toBe(404);
  });

  it('that are malformed are plain output, and the job does not mind', async () => {
    const lines = [
      '{"daybook":',
      'x {"daybook":{}}',
      '{"other":"\\"daybook\\""}',
      '["daybook"]',
      '"daybook"',
    ];
    const id = await runToEnd('malformed.sh', lines.map((line) => `echo '${line}'`).join('\n'));
    const all = await page(id, '?stream=stdout&protocol=true');
    expect(all.lines.map(({ kind, text }) => [kind, text])).toEqual(
      lines.map((line) => ['text', line.replaceAll('\\\\', '\\')]),
    );
    expect(await get(id)).toMatchObject({ state: 'succeeded', result: null, progress: null });
  });
});

describe('finding a text', () => {
  it('names the lines that hold it, with a place that shows them among the others', async () => {
    const id = await runToEnd('haystack.sh', 'seq 1 5000; echo "Needle 1" >&2; echo "needle 2"');
    const found = await page(id, '?find=needle&case=ignore');
    expect(found).toMatchObject({ isEnded: true, next: null });
    expect(found.lines.map(({ stream, line }) => `${stream}:${line}`).toSorted()).toEqual([
      'stderr:0',
      'stdout:5000',
    ]);
    expect((await page(id, '?find=Needle')).lines.map(({ text }) => text)).toEqual(['Needle 1']);
    const [first] = (await page(id, '?find=4321&stream=stdout')).lines;
    expect(first).toMatchObject({ line: 4320, text: '4321' });
    const around = await page(id, `?from=stdout:${first?.line}&lines=2`);
    expect(around.lines.map(({ text }) => text)).toEqual(['4321', '4322']);
    const last = await page(id, '?find=499&direction=backward&lines=2');
    expect(last.lines.map(({ text }) => text)).toEqual(['4999', '4998']);
  });

  it.each([
    ['?find=', 'find'],
    ['?find=a%0Ab', 'find'],
    ['?find=a&direction=up', 'direction'],
    ['?find=a&from=nowhere', 'from'],
    ['?find=a&stream=stdout&from=stdout:1', 'from'],
  ])('is refused with %s, naming what is wrong', async (query, field) => {
    const id = await runToEnd('something.sh', 'echo something');
    const answer = await server.call('GET', `/api/v1/jobs/${id}/output${query}`);
    expect(answer.status).toBe(400);
    expect(answer.json<{ details: { field: string }[] }>().details).toMatchObject([{ field }]);
  });
});

describe('finding a text in what all jobs printed', () => {
  it('names the jobs and their first lines that hold it, the newest first, a page at a time', async () => {
    const first = await runToEnd('cross-1.sh', 'echo quicksilver one; echo quicksilver two >&2');
    const second = await runToEnd('cross-2.sh', 'seq 100; echo QuickSilver three');
    interface Found {
      items: { job: Job; lines: Line[]; isUnfinished: boolean }[];
      cursor: string | null;
    }
    const find = async (query: string): Promise<Found> =>
      (await server.call('GET', `/api/v1/output?${query}`)).json<Found>();
    const all = await find('find=quicksilver&case=ignore');
    expect(all.items.map(({ job, lines }) => [job.id, lines.map(({ text }) => text).toSorted()])).toEqual([
      [second, ['QuickSilver three']],
      [first, ['quicksilver one', 'quicksilver two']],
    ]);
    expect(all.cursor).toBeNull();
    expect((await find(`find=quicksilver&q=id:${second}`)).items).toEqual([]);
    const one = await find('find=quicksilver&case=ignore&limit=1');
    expect(one.items.map(({ job }) => job.id)).toEqual([second]);
    const next = await find(`find=quicksilver&case=ignore&limit=1&cursor=${one.cursor}`);
    expect(next.items.map(({ job }) => job.id)).toEqual([first]);
  });
});
