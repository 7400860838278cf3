import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readSitemap } from './sitemap.ts';

const limits = { urls: 5, documents: 3 };
const urlset = (...urls: string[]): string =>
  `<?xml version="1.0"?><urlset>${urls.map((url) => `<url><loc>${url}</loc></url>`).join('\n')}</urlset>`;
const index = (...urls: string[]): string =>
  `<sitemapindex>${urls.map((url) => `<sitemap><loc> ${url} </loc></sitemap>`).join('')}</sitemapindex>`;

const read = (documents: Record<string, string | Buffer>): ReturnType<typeof readSitemap> =>
  readSitemap('http://a/sitemap.xml', limits, (url) => {
    const found = documents[url];
    return found === undefined ? Promise.reject(new Error(`no ${url}`)) : Promise.resolve(Buffer.from(found));
  });

describe('a sitemap', () => {
  it('lists each URL once, with entities read and what is no URL left out', async () => {
    const text = urlset(
      'http://a/1?x=1&amp;y=2',
      'http://a/1?x=1&amp;y=2',
      '<![CDATA[http://a/2]]>',
      'ftp://a/3',
      '::',
    );
    expect(await read({ 'http://a/sitemap.xml': text })).toEqual({
      urls: ['http://a/1?x=1&y=2', 'http://a/2'],
      leftOut: 2,
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

  it.each([
    ['no sitemap', '<html></html>'],
    ['more than 5 URLs', urlset(...Array.from({ length: 6 }, (_, n) => `http://a/${n}`))],
    ['more than 2 sitemaps', index('http://a/1', 'http://a/2', 'http://a/3')],
    ['cannot be unpacked', Buffer.from([0x1f, 0x8b, 1, 2, 3])],
    ['cannot be unpacked', gzipSync(Buffer.alloc(51 * 1024 * 1024))],
  ])('is refused when it is %s', async (reason, text) => {
    await expect(read({ 'http://a/sitemap.xml': text })).rejects.toThrow(reason);
  });
});
