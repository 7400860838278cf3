/** Answers that are not as the RFCs want them, or as few servers give them: what a tester makes of each. */
import { deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { urlInput } from '../../src/kinds/url/contract/url-test.ts';
import type { z } from 'zod';
import { listenRaw, type Site } from '../support/urls/sites.ts';
import { ask } from '../support/urls/tester.ts';

type Input = Partial<z.input<typeof urlInput>>;

let site: Site;
/** By path: the bytes of the answer; `request` is the head of what was asked. */
const answers: Record<string, (request: string) => Buffer> = {};

beforeAll(async () => {
  site = await listenRaw((socket, request) => {
    const path = request.split(' ')[1] ?? '';
    socket.end((answers[path] ?? (() => plain(404, [], `no ${path}`)))(request));
  });
});

afterAll(() => site.close());

function plain(status: number, headers: readonly string[], body: string | Buffer = ''): Buffer {
  const bytes = Buffer.from(body);
  const lines = [
    `HTTP/1.1 ${status} Some`,
    ...headers,
    `Content-Length: ${bytes.length}`,
    'Connection: close',
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), bytes]);
}

const test = (path: string, input: Input = {}): ReturnType<typeof ask> =>
  ask(`http://127.0.0.1:${site.port}${path}`, input);

/** Header bytes as UTF-8. */
const utf8 = (text: string): string => Buffer.from(text).toString('latin1');

describe('cookies', () => {
  it('are kept along the redirects of a try, so that a page that asks for one is reached', async () => {
    answers['/c'] = (request) =>
      /^cookie: seen=1\r$/im.test(request)
        ? plain(200, [], 'hello')
        : plain(302, ['Set-Cookie: seen=1; Path=/', 'Location: /c']);
    expect(await test('/c')).toMatchObject({ outcome: 'good', status: 200 });
    // Nothing is left of the try before.
    expect((await test('/c')).hops).toHaveLength(2);
  });

  it('of another path are not sent, and a circle without news of cookies is still one', async () => {
    answers['/a'] = () => plain(302, ['Set-Cookie: seen=1; Path=/elsewhere', 'Location: /a']);
    expect(await test('/a')).toMatchObject({ verdict: 'redirect loop' });
  });

  it('that the submit sends stay beside them', async () => {
    answers['/own'] = (request) =>
      request.includes('seen=1')
        ? plain(200, [], /^cookie: (.*)\r$/im.exec(request)?.[1] ?? '')
        : plain(302, ['Set-Cookie: seen=1', 'Location: /own']);
    const headers: [string, string][] = [
      ['Cookie', 'mine=2'],
      ['cookie', 'third=3'],
    ];
    expect((await test('/own', { headers })).answer?.body).toBe('mine=2; third=3; seen=1');
  });
});

it('a header that was given twice is sent twice', async () => {
  answers['/twice'] = (request) => plain(200, [], request.match(/^x-one: .*$/gim)?.join('|') ?? '');
  const headers: [string, string][] = [
    ['X-One', '1'],
    ['x-one', '2'],
  ];
  expect((await test('/twice', { headers })).answer?.body).toBe('X-One: 1|X-One: 2');
});

describe('bytes of headers', () => {
  it.each([
    ['UTF-8', utf8('/café?q=ü'), '/caf%C3%A9?q=%C3%BC'],
    ['Latin-1', '/caf\xe9', '/caf%E9'],
  ])('of an address are escaped as they came: %s', async (_name, location, path) => {
    answers['/away'] = () => plain(302, [`Location: ${location}`]);
    answers[path] = () => plain(200, []);
    const { status, hops } = await test('/away');
    expect([status, new URL(hops[1]?.url ?? '').pathname + new URL(hops[1]?.url ?? '').search]).toEqual([
      200,
      path,
    ]);
  });

  it('are read as UTF-8 where they are that, and else as Latin-1', async () => {
    answers['/title'] = () => plain(200, [`X-Title: ${utf8('Grüße')}`, 'X-Old: Gr\xfc\xdfe']);
    const headers = ['X-Title', 'X-Old'].map((name) => ({ name, contains: 'Grüße' }));
    expect(await test('/title', { expect: { headers } })).toMatchObject({ outcome: 'good' });
  });
});

describe('a form that browsers put up with', () => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n';
  it.each([
    ['a header that goes on in the next line', `${head}X-Long: a\r\n b\r\n\r\nok`],
    ['headers of 35 KB', `${head}X-Big: ${'a'.repeat(20_000)}\r\nX-More: ${'b'.repeat(15_000)}\r\n\r\nok`],
  ])('is good: %s', async (_name, bytes) => {
    answers['/form'] = () => Buffer.from(bytes, 'latin1');
    expect(await test('/form')).toMatchObject({ outcome: 'good', problems: [] });
  });

  it.each([
    ['lines that end with LF alone', `${head}\r\nok`.replaceAll('\r\n', '\n'), 'LF alone'],
    ['a blank in a name', `${head}X-Bad Header: v\r\n\r\nok`, 'name that none may have'],
    ['a header without a name', `${head}: v\r\n\r\nok`, 'name that none may have'],
    ['a control character', `${head}X: a\x01b\r\n\r\nok`, 'control characters'],
    ['its length twice', `${head}Content-Length: 2\r\n\r\nok`, 'more than one Content-Length'],
  ])('is degraded, with the finding: %s', async (_name, bytes, finding) => {
    answers['/form'] = () => Buffer.from(bytes, 'latin1');
    const tested = await test('/form');
    expect(tested).toMatchObject({ outcome: 'warn', verdict: 'degraded', status: 200 });
    expect(tested.problems.join(' ')).toContain(finding);
  });
});

describe('codings of the body', () => {
  const text = 'hello needle world';
  const chunked = gzipSync(text);
  it.each<[string, Buffer]>([
    ['deflate without its frame', plain(200, ['Content-Encoding: deflate'], deflateRawSync(text))],
    ['gzip twice', plain(200, ['Content-Encoding: gzip, gzip'], gzipSync(gzipSync(text)))],
    [
      'gzip in two headers',
      plain(200, ['Content-Encoding: gzip', 'Content-Encoding: gzip'], gzipSync(gzipSync(text))),
    ],
    ['identity and gzip', plain(200, ['Content-Encoding: identity, gzip'], gzipSync(text))],
    [
      'gzip of the transfer',
      Buffer.concat([
        Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\nConnection: close\r\n\r\n'),
        Buffer.from(`${chunked.length.toString(16)}\r\n`),
        chunked,
        Buffer.from('\r\n0\r\n\r\n'),
      ]),
    ],
  ])('are undone: %s', async (_name, bytes) => {
    answers['/coded'] = () => bytes;
    expect(await test('/coded', { expect: { bodyContains: ['needle'] } })).toMatchObject({
      outcome: 'good',
      problems: [],
    });
  });

  it.each(['none', 'utf-8', 'aws-chunked'])(
    'by the unknown name %s are left, with a remark',
    async (name) => {
      answers['/coded'] = () => plain(200, [`Content-Encoding: ${name}`], text);
      const tested = await test('/coded', { expect: { bodyContains: ['needle'] } });
      expect(tested).toMatchObject({ outcome: 'warn' });
      expect(tested.problems).toEqual([expect.stringContaining(name)]);
    },
  );
});

describe('the encoding of the text', () => {
  /** 你好 */
  const gbk = Buffer.from([0xc4, 0xe3, 0xba, 0xc3]);
  /** こん */
  const shiftJis = Buffer.from([0x82, 0xb1, 0x82, 0xf1]);
  const html = 'Content-Type: text/html';
  const http = 'http-equiv="Content-Type" content="text/html; charset=gb2312"';
  it.each<[string, Buffer, string]>([
    ['meta', plain(200, [html], Buffer.concat([Buffer.from('<meta charset="gbk">'), gbk])), '你好'],
    ['http-equiv', plain(200, [html], Buffer.concat([Buffer.from(`<meta ${http}>`), gbk])), '你好'],
    ['the header first', plain(200, [`${html}; charset=gbk`], gbk), '你好'],
    [
      'a byte order mark before all',
      plain(200, [`${html}; charset=gbk`], Buffer.from('\u{FEFF}需要', 'utf16le')),
      '需要',
    ],
    [
      'the declaration of XML',
      plain(
        200,
        ['Content-Type: application/xml'],
        Buffer.concat([Buffer.from('<?xml version="1.0" encoding="Shift_JIS"?><a>'), shiftJis]),
      ),
      'こん',
    ],
    ['UTF-8 where nothing says more', plain(200, [html], Buffer.from('Grüße')), 'Grüße'],
  ])('is found in %s', async (_name, bytes, wanted) => {
    answers['/text'] = () => bytes;
    expect(await test('/text', { expect: { bodyContains: [wanted] } })).toMatchObject({ outcome: 'good' });
  });
});

describe('what was not read to its end', () => {
  const long = `${'a'.repeat(1024 * 1024 + 10)} ERROR happened`;
  it.each<[string, Buffer]>([
    ['plain', plain(200, [], long)],
    ['packed', plain(200, ['Content-Encoding: gzip'], gzipSync(long))],
  ])('is not said to lack a text: %s', async (_name, bytes) => {
    answers['/long'] = () => bytes;
    const tested = await test('/long', { expect: { bodyLacks: ['ERROR'] } });
    expect(tested).toMatchObject({ outcome: 'warn', verdict: 'degraded' });
    expect(tested.problems).toEqual([expect.stringMatching(/first MiB .* "ERROR"/)]);
  });

  it('is not said to match a pattern of absence, while one of presence is good', async () => {
    answers['/long'] = () => plain(200, [], long);
    const absent = await test('/long', { expect: { bodyMatches: ['^(?![^]*ERROR)'] } });
    expect(absent).toMatchObject({ outcome: 'warn' });
    for (const present of ['^a', '(?<!b)a'])
      expect(await test('/long', { expect: { bodyMatches: [present] } })).toMatchObject({ outcome: 'good' });
  });

  /** What stands between them is more than is read. */
  const page = (start: string, end: string): string => `${start}${' '.repeat(1024 * 1024)}${end}`;
  it.each<[string, Buffer]>([
    ['plain', plain(200, [], page('{"a":1,', '"status":"ok"}'))],
    ['packed', plain(200, ['Content-Encoding: gzip'], gzipSync(page('{"a":1,', '"status":"ok"}')))],
  ])('is not said to lack what may stand in the rest: %s', async (_name, bytes) => {
    let asked = 0;
    answers['/rest'] = () => {
      asked += 1;
      return bytes;
    };
    const conditions: Input['expect'][] = [
      { bodyContains: ['status'] },
      { bodyMatches: ['"status":"\\w+"'] },
      { bodyMatches: ['\\}$'] },
      { json: [{ path: '$.status', equals: 'ok' }] },
      { json: [{ path: '$.a', equals: 1 }] },
    ];
    for (const expected of conditions) {
      expect(await test('/rest', { expect: expected })).toMatchObject({
        outcome: 'warn',
        verdict: 'not tested: the body is too long',
        notTested: 'the body is too long',
        problems: [expect.stringMatching(/^Only the first MiB of the body was looked at for /)],
      });
    }
    // Another try would be cut as well.
    expect(asked).toBe(conditions.length);
    // What is known to be bad stays so.
    expect(
      await test('/rest', { expect: { status: '500', bodyContains: ['status'] }, tries: 1 }),
    ).toMatchObject({
      outcome: 'bad',
      verdict: '200 OK',
      notTested: null,
      problems: [expect.stringContaining('500'), expect.stringContaining('first MiB')],
    });
    expect(await test('/rest', { expect: { bodyContains: ['"a":1'] } })).toMatchObject({ outcome: 'good' });
  });

  it('does not match by the end that the cut made', async () => {
    answers['/cut'] = () => plain(200, [], `${'a '.repeat(1024)}more`);
    const check = (pattern: string): ReturnType<typeof ask> =>
      test('/cut', { expect: { bodyMatches: [pattern] }, maxBodyBytes: 2047 });
    for (const pattern of ['a$', '(?:a ?)+$', 'a $|a\\B.', '(?m:a$)'])
      expect(await check(pattern)).toMatchObject({ notTested: 'the body is too long' });
    for (const pattern of ['\\ba\\b', '^a', 'a(?: a)+', '(?<!b )a'])
      expect(await check(pattern)).toMatchObject({ notTested: null, verdict: 'degraded' });
    expect((await check('b')).problems).toContain(
      'Only the first 2047 bytes of the body were looked at for /b/; what follows may hold more.',
    );
  });

  it('is no JSON when its beginning is none', async () => {
    answers['/page'] = () => plain(200, [], page('<html>', '</html>'));
    expect(await test('/page', { expect: { json: [{ path: '$', equals: 1 }] }, tries: 1 })).toMatchObject({
      outcome: 'bad',
      problems: [expect.stringContaining('is no JSON')],
    });
  });

  it('has no broken character where it was cut', async () => {
    answers['/half'] = () => plain(200, [], 'ü'.repeat(2000));
    expect(
      await test('/half', { expect: { bodyLacks: ['\u{FFFD}'] }, maxBodyBytes: 2047, tries: 1 }),
    ).toMatchObject({ outcome: 'warn' });
  });

  it('is no broken coding when it was cut before its first block', async () => {
    const noise = Array.from({ length: 20_000 }, (_value, index) => Math.sin(index)).join('\n');
    answers['/block'] = () => plain(200, ['Content-Encoding: zstd'], zstdCompressSync(noise));
    expect(
      await test('/block', { expect: { bodyContains: ['x'] }, maxBodyBytes: 1024, tries: 1 }),
    ).toMatchObject({ notTested: 'the body is too long' });
    answers['/broken'] = () => plain(200, ['Content-Encoding: zstd'], noise);
    expect(
      await test('/broken', { expect: { bodyContains: ['x'] }, maxBodyBytes: 1024, tries: 1 }),
    ).toMatchObject({ outcome: 'bad', problems: expect.arrayContaining([expect.stringContaining('zstd')]) });
  });
});

describe('numbers beyond what a double holds', () => {
  it('are compared by their digits, written as text', async () => {
    answers['/big'] = () => plain(200, [], '{"id":12345678901234567890,"small":7}');
    const check = (equals: unknown): ReturnType<typeof ask> =>
      test('/big', { expect: { json: [{ path: '$.id', equals }] } });
    expect(await check('12345678901234567890')).toMatchObject({ outcome: 'good' });
    expect(await check('12345678901234567891')).toMatchObject({ outcome: 'bad' });
    expect(await test('/big', { expect: { json: [{ path: '$.small', equals: 7 }] } })).toMatchObject({
      outcome: 'good',
    });
  });

  it('are refused as numbers, which would hold for others as well', async () => {
    await expect(test('/big', { expect: { json: [{ path: '$.id', equals: 2 ** 60 }] } })).rejects.toThrow(
      /in quotes/,
    );
  });
});

describe('nothing is known of the site', () => {
  it('where it was asked too often', async () => {
    answers['/often'] = () => plain(429, ['Retry-After: 0']);
    expect(await test('/often', { expect: { bodyContains: ['x'] } })).toMatchObject({
      outcome: 'warn',
      verdict: 'not tested: asked too often',
      notTested: 'asked too often',
      status: 429,
    });
    // Unless that is what was expected.
    expect(await test('/often', { expect: { status: '429' } })).toMatchObject({ outcome: 'good' });
  });
});
