import { familiesOf } from '../../contract/url-text.ts';
import { follow } from './follow.ts';
import { mostSitemapBytes, readSitemap, wholeDocument } from './sitemap.ts';
import type { Target, TestOptions } from './test-url.ts';

const mostUrls = 10_000;
const mostDocuments = 200;

/** What is to be tested, each once, in the order it was listed. @throws Error in a sentence, of a sitemap */
export async function findTargets(options: TestOptions): Promise<{ targets: Target[]; repeated: number }> {
  const { urls, sitemap, addressFamily } = options.input;
  const listed = sitemap === undefined ? urls : [...urls, ...(await fromSitemap(sitemap, options))];
  const unique = [...new Set(listed)];
  if (unique.length > mostUrls)
    throw new Error(`there are ${unique.length} URLs; at most ${mostUrls} are tested at once.`);
  const targets = unique.flatMap((url) =>
    familiesOf(url, addressFamily).map((family): Target => ({ url, family })),
  );
  return { targets, repeated: listed.length - unique.length };
}

async function fromSitemap(sitemap: string, options: TestOptions): Promise<string[]> {
  const { input } = options;
  const { urls } = await readSitemap(sitemap, { urls: mostUrls, documents: mostDocuments }, async (url) => {
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(input.timeouts.totalMs)]);
    const request = {
      url: new URL(url),
      method: 'GET',
      body: undefined,
      headers: [['accept-encoding', 'identity'], ...input.headers] as const,
    };
    const limits = { maxBodyBytes: mostSitemapBytes, keepBytes: mostSitemapBytes };
    const family = input.addressFamily === '4' ? 4 : input.addressFamily === '6' ? 6 : null;
    return wholeDocument(url, await follow(request, [], { ...options, ...input, ...limits, family, signal }));
  });
  if (urls.length === 0) throw new Error('it lists no URL.');
  return urls;
}
