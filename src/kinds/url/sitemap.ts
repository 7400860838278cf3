/** The URLs of a sitemap, or of the sitemaps that an index lists. Fetched as tests are: guarded, limited, following redirects. */
import { gunzip } from 'node:zlib';
import { promisify } from 'node:util';
import { normalizeUrl } from '../../contract/url-text.ts';
import type { Answer } from './exchange.ts';

export interface SitemapLimits {
  urls: number;
  /** Documents in all, an index included. */
  documents: number;
}

/** What sitemaps.org allows for one document. */
export const mostSitemapBytes = 50 * 1024 * 1024;

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
  for (let url = waiting.shift(); url !== undefined; url = waiting.shift()) {
    const text = await toText(url, await fetch(url));
    const isIndex = text.includes('<sitemapindex');
    if (!isIndex && !text.includes('<urlset')) throw new Error(`${url} is no sitemap.`);
    for (const location of locations(text)) {
      const read = normalizeUrl(location);
      if ('problem' in read) leftOut += 1;
      else if (!isIndex) urls.add(read.url);
      else if (!seen.has(read.url)) {
        seen.add(read.url);
        waiting.push(read.url);
      }
      if (urls.size > mostUrls) throw new Error(`The sitemap lists more than ${mostUrls} URLs.`);
      if (seen.size > documents) throw new Error(`The index lists more than ${documents - 1} sitemaps.`);
    }
  }
  return { urls: [...urls], leftOut };
}

async function toText(url: string, bytes: Buffer): Promise<string> {
  const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b;
  if (!isPacked) return bytes.toString();
  try {
    return (await promisify(gunzip)(bytes, { maxOutputLength: mostSitemapBytes })).toString();
  } catch (error) {
    throw new Error(`${url} cannot be unpacked: ${(error as Error).message}.`, { cause: error });
  }
}

/** What stands between `<loc>` and `</loc>`; of all XML, sitemaps use only that, five entities and CDATA. */
function* locations(text: string): Generator<string> {
  for (let at = text.indexOf('<loc>'); at >= 0; at = text.indexOf('<loc>', at)) {
    const end = text.indexOf('</loc>', at);
    if (end < 0) return;
    yield plain(text.slice(at + 5, end).trim());
    at = end;
  }
}

function plain(text: string): string {
  if (text.startsWith('<![CDATA[') && text.endsWith(']]>')) return text.slice(9, -3).trim();
  return text.replaceAll(/&(amp|lt|gt|quot|apos);/g, (_all, name: string) => entities[name] ?? '');
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** @throws Error when the answer is not a whole document */
export function wholeDocument(url: string, answer: Answer): Buffer {
  if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}.`);
  if (answer.body.isPartial) throw new Error(`${url} is larger than ${mostSitemapBytes} bytes.`);
  return answer.body.kept;
}
