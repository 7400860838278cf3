import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readSitemap } from './sitemap.ts';

const limits = { urls: 5, documents: 3 };
const declared = '<?xml version="1.0" encoding="UTF-8"?>\n';
const namespace = 'http://www.sitemaps.org/schemas/sitemap/0.9';
const urlset = (...urls: string[]): string =>
  `${declared}<urlset xmlns="${namespace}">${urls.map((url) => `<url><loc>${url}</loc></url>`).join('\n')}</urlset>`;
const index = (...urls: string[]): string =>
  `<sitemapindex>${urls.map((url) => `<sitemap><loc> ${url} </loc></sitemap>`).join('')}</sitemapindex>`;

const read = (documents: Record<string, string | Buffer>): ReturnType<typeof readSitemap> =>
  readSitemap('http://a/sitemap.xml', limits, (url) => {
    const found = documents[url];
    return found === undefined ? Promise.reject(new Error(`no ${url}`)) : Promise.resolve(Buffer.from(found));
  });
const urlsOf = async (document: string | Buffer): Promise<string[]> =>
  (await read({ 'http://a/sitemap.xml': document })).urls;

describe('a sitemap', () => {
  it('lists each URL once, with entities read and what is no whole URL left out', async () => {
    const text = urlset(
      'http://a/1?x=1&amp;y=2',
      'http://a/1?x=1&#38;y=&#x32;',
      '<![CDATA[http://a/2?x=1&y=2]]>',
      'ftp://a/3',
      '::',
      '/4',
      'a.example/5',
      '',
    );
    expect(await read({ 'http://a/sitemap.xml': text })).toEqual({
      urls: ['http://a/1?x=1&y=2', 'http://a/2?x=1&y=2'],
      leftOut: 5,
    });
  });

  it('may be an index, packed, and may name itself without end', async () => {
    expect(
      await read({
        'http://a/sitemap.xml': index('http://a/one.gz', 'http://a/two', 'http://a/sitemap.xml'),
        'http://a/one.gz': gzipSync(urlset('http://a/1')),
        'http://a/two': urlset('http://a/2'),
      }),
    ).toEqual({ urls: ['http://a/1', 'http://a/2'], leftOut: 0 });
  });

  it('may have a prefix of its own for all its tags', async () => {
    const text = `<s:urlset xmlns:s="${namespace}"><s:url><s:loc>http://a/1</s:loc></s:url></s:urlset>`;
    expect(await urlsOf(text)).toEqual(['http://a/1']);
  });

  it('has as pages neither what is commented out nor images, videos and what else stands in a URL', async () => {
    const text = `<urlset xmlns="${namespace}" xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">
      <!-- <url><loc>http://a/hidden</loc></url> -->
      <loc>http://a/stray</loc>
      <url>
        <loc>http://a/<!-- here -->1</loc>
        <image:image><image:loc>http://a/1.png</image:loc></image:image>
        <image:loc>http://a/2.png</image:loc>
        <video><loc>http://a/1.mp4</loc></video>
        <lastmod>2026-01-01</lastmod>
      </url>
      <other><loc>http://a/other</loc></other>
      <sitemap><loc>http://a/map.xml</loc></sitemap>
    </urlset>`;
    expect(await read({ 'http://a/sitemap.xml': text })).toEqual({ urls: ['http://a/1'], leftOut: 0 });
  });

  it('expands nothing that a document type defines, and fetches nothing for it', async () => {
    const doctype =
      '<!DOCTYPE urlset [<!ENTITY a "http://a/1"><!ENTITY file SYSTEM "file:///etc/passwd"><!ENTITY b "&a;&a;">]>';
    const text = (location: string): string =>
      `${doctype}\n<urlset><url>\n<loc>${location}</loc></url></urlset>`;
    expect(await urlsOf(text('http://a/1'))).toEqual(['http://a/1']);
    for (const entity of ['&a;', '&b;', '&file;', '&nbsp;'])
      await expect(urlsOf(text(entity))).rejects.toThrow('line 3: Invalid character entity');
  });
});

describe('the encoding of a sitemap', () => {
  const withPath = (encoding: string): string =>
    `<?xml version="1.0" encoding="${encoding}"?>\n<urlset>\n<url><loc>http://a/ü</loc></url></urlset>`;
  const url = 'http://a/%C3%BC';

  it.each([
    ['as declared', Buffer.from(withPath('ISO-8859-1'), 'latin1')],
    ['UTF-8 by default', Buffer.from('<urlset><url><loc>http://a/ü</loc></url></urlset>')],
    ['UTF-8 with its mark', Buffer.from(`\u{FEFF}${withPath('utf-8')}`)],
    ['UTF-16 with its mark', Buffer.from(`\u{FEFF}${withPath('UTF-16')}`, 'utf16le')],
    ['UTF-16 without one', Buffer.from(withPath('UTF-16'), 'utf16le')],
    ['the other UTF-16', Buffer.from(`\u{FEFF}${withPath('UTF-16')}`, 'utf16le').swap16()],
    ['UTF-8 although it declares UTF-16', Buffer.from(withPath('utf-16'))],
  ])('is read %s', async (_how, bytes) => {
    expect(await urlsOf(bytes)).toEqual([url]);
    expect(await urlsOf(gzipSync(bytes))).toEqual([url]);
  });

  it.each([
    ['line 1: the encoding x-klingon is not known', Buffer.from(withPath('X-Klingon'))],
    ['line 3: bytes that are no utf-8', Buffer.from(withPath('UTF-8'), 'latin1')],
    ['line 1: bytes that are no utf-8', Buffer.from('<urlset/>ü').subarray(0, -1)],
  ])('is refused: %s', async (reason, bytes) => {
    await expect(urlsOf(bytes)).rejects.toThrow(`http://a/sitemap.xml is no sitemap: ${reason}.`);
  });
});

describe('a document is refused, with its line, when', () => {
  const line = (number: number, problem: string): string =>
    `http://a/sitemap.xml is no sitemap: line ${number}: ${problem}`;
  it.each([
    ['it is empty', line(1, 'there is nothing in it'), ''],
    ['it is a page', line(2, 'it begins with <html>'), '<!DOCTYPE html>\n<html></html>'],
    ['it is no XML at all', line(1, 'Non-whitespace before first tag'), 'http://a/1\nhttp://a/2'],
    [
      'a tag is not closed',
      line(3, 'Unexpected close tag'),
      '<urlset>\n<url><loc>http://a/1\n</url></urlset>',
    ],
    ['it ends too early', line(2, 'Unclosed root tag'), '<urlset><url><loc>http://a/1</loc></url>\n<url>'],
    [
      'an ampersand stands alone',
      line(1, 'Invalid character'),
      urlset('http://a/?a=1&b=2').replace('\n', ''),
    ],
    ['tags nest without end', line(1, 'more than 50 tags in each other'), `<urlset>${'<a>'.repeat(1e6)}`],
    [
      'attributes do not end',
      line(1, 'a tag with more than 100 attributes'),
      `<urlset ${Array.from({ length: 1e5 }, (_, n) => `a${n}=""`).join(' ')}>`,
    ],
    [
      'attributes are named as what every object has',
      line(1, ''),
      '<urlset hasOwnProperty="" toString="" __proto__="" x=""/>x',
    ],
    ['a tag has no end', line(1, 'Max buffer length exceeded'), `<${'x'.repeat(1e6)}`],
  ])('%s', async (_when, reason, text) => {
    await expect(urlsOf(text)).rejects.toThrow(reason);
  });

  it.each([
    ['more than 5 URLs', urlset(...Array.from({ length: 6 }, (_, n) => `http://a/${n}`))],
    ['more than 2 sitemaps', index('http://a/1', 'http://a/2', 'http://a/3')],
    ['cannot be unpacked: unknown compression method', Buffer.from([0x1f, 0x8b, 1, 2, 3])],
    ['cannot be unpacked: unexpected end of file', gzipSync(urlset('http://a/1')).subarray(0, -12)],
    ['unpacks to more than', gzipSync(`<urlset>${' '.repeat(51 * 1024 * 1024)}`)],
  ])('its limits or packing are wrong: %s', async (reason, document) => {
    await expect(urlsOf(document)).rejects.toThrow(reason);
  });
});

it('50 MB of it are read in pieces: memory stays small, and other work goes on meanwhile', async () => {
  const entry = '<url><priority>0.5</priority><lastmod>2026-01-01T00:00:00+00:00</lastmod></url>\n';
  const packed = gzipSync(
    `<urlset>${entry.repeat(Math.floor((49 * 1024 * 1024) / entry.length))}<url><loc>http://a/1</loc></url></urlset>`,
  );
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 1);
  const before = process.memoryUsage();
  const grownBytes = (): number => {
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external - before.heapUsed - before.external;
  };
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, grownBytes())), 5);
  expect(await urlsOf(packed)).toEqual(['http://a/1']);
  clearInterval(timer);
  clearInterval(watch);
  expect(turns).toBeGreaterThan(50);
  expect(most).toBeLessThan(60 * 1024 * 1024);
}, 60_000);
