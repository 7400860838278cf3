/** The URLs of a sitemap, or of the sitemaps that an index lists. Fetched as tests are: guarded, limited, following redirects. */
import { normalizeUrl } from './contract/url-text.ts';
import type { Answer } from './exchange.ts';
import { mostSitemapBytes, readEntries } from './sitemap-document.ts';

export interface SitemapLimits {
  urls: number;
  /** Documents in all, an index included. */
  documents: number;
}

/**
 * @param fetch answers with the whole body of a document. @throws UrlFailure
 * @returns each URL once, in their order; entries that are no http or https URL are left out and counted
 * @throws Error in a sentence, when a document cannot be had or is no sitemap
 */
export async function readSitemap(
  first: string,
  { urls: mostUrls, documents }: SitemapLimits,
  fetch: (url: string) => Promise<Buffer>,
): Promise<{ urls: string[]; leftOut: number }> {
  const urls = new Set<string>();
  const waiting = [first];
  const seen = new Set(waiting);
  let leftOut = 0;
  const add = (location: string, isSitemap: boolean): void => {
    const url = toUrl(location);
    if (url === null) leftOut += 1;
    else if (!isSitemap) urls.add(url);
    else if (!seen.has(url)) {
      seen.add(url);
      waiting.push(url);
    }
    if (urls.size > mostUrls) throw new Error(`lists more than ${mostUrls} URLs`);
    if (seen.size > documents) throw new Error(`lists more than ${documents - 1} sitemaps`);
  };
  for (let url = waiting.shift(); url !== undefined; url = waiting.shift()) {
    const bytes = await fetch(url);
    try {
      for await (const { location, isSitemap } of readEntries(bytes)) add(location, isSitemap);
    } catch (error) {
      throw new Error(`${url} ${(error as Error).message}.`, { cause: error });
    }
  }
  return { urls: [...urls], leftOut };
}

/** Locations are whole URLs; nothing is assumed for one that is not. */
function toUrl(location: string): string | null {
  if (!/^https?:\/\//i.test(location)) return null;
  const read = normalizeUrl(location);
  return 'url' in read ? read.url : null;
}

/** @throws Error when the answer is not a whole document */
export function wholeDocument(url: string, answer: Answer): Buffer {
  if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}.`);
  if (answer.body.isPartial) throw new Error(`${url} is larger than ${mostSitemapBytes} bytes.`);
  return answer.body.kept;
}
