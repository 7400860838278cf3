import type { UrlInput } from './contract/url-test.ts';
import { familiesOf, normalizeUrl } from './contract/url-text.ts';
import { follow } from './follow.ts';
import { firstRequest } from './request.ts';
import { readSitemap, wholeDocument } from './sitemap.ts';
import { mostSitemapBytes } from './sitemap-document.ts';
import type { Target, TestOptions } from './test-url.ts';
import { TryClock } from './try-clock.ts';

const mostUrls = 10_000;
const mostDocuments = 200;

export interface Targets {
  /** What is to be tested, each once, in the order it was listed. */
  targets: Target[];
  repeated: number;
  /** Entries of sitemaps that are no http or https URL. */
  leftOut: number;
}

/** @throws Error in a sentence, of a sitemap */
export async function findTargets(options: TestOptions): Promise<Targets> {
  const { urls, asGiven, sitemap, addressFamily } = options.input;
  const mapped = sitemap === undefined ? { urls: [], leftOut: 0 } : await fromSitemap(sitemap, options);
  const listed = [...urls, ...mapped.urls];
  const unique = [...new Set(listed)];
  if (unique.length > mostUrls)
    throw new Error(`there are ${unique.length} URLs; at most ${mostUrls} are tested at once.`);
  const targets = unique.flatMap((url) => overFamilies(url, addressFamily));
  if (asGiven !== undefined) targets.push(...toGivenTargets(asGiven, addressFamily));
  return { targets, repeated: listed.length - unique.length, leftOut: mapped.leftOut };
}

function overFamilies(url: string, asked: UrlInput['addressFamily']): Target[] {
  return familiesOf(url, asked).map((family) => ({ url, family, asGiven: null }));
}

function toGivenTargets(asGiven: string, asked: UrlInput['addressFamily']): Target[] {
  const read = normalizeUrl(asGiven);
  if ('problem' in read) return [{ url: asGiven, family: null, asGiven }];
  return overFamilies(read.url, asked).map((target) => ({ ...target, asGiven }));
}

async function fromSitemap(sitemap: string, options: TestOptions): ReturnType<typeof readSitemap> {
  const { input, sent } = options;
  const others = sent.headers.filter(([name]) => name.toLowerCase() !== 'accept-encoding');
  const headers = [['accept-encoding', 'identity'], ...others] as const;
  const found = await readSitemap(sitemap, { urls: mostUrls, documents: mostDocuments }, async (url) => {
    const clock = new TryClock({ ...options, totalMs: input.timeouts.totalMs });
    const request = firstRequest(new URL(url), 'GET', { ...sent, headers, body: undefined });
    const limits = { maxBodyBytes: mostSitemapBytes, keepBytes: mostSitemapBytes };
    const family = input.addressFamily === '4' ? 4 : input.addressFamily === '6' ? 6 : null;
    try {
      return wholeDocument(
        url,
        await follow(request, [], { ...options, ...input, ...limits, family, clock }),
      );
    } finally {
      clock.close();
    }
  });
  if (found.urls.length === 0) throw new Error('it lists no URL.');
  return found;
}
