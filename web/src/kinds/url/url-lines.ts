import { normalizeUrl } from '../../../../src/kinds/url/contract/url-text.ts';

/** URLs as somebody typed, pasted or dropped them: one a line, blank lines ignored. */
export function toLines(text: string): string[] {
  return text
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** The URLs of a text, and what is wrong with the first line that is none. */
export function readUrls(text: string): { urls: string[]; problem: string | null } {
  const urls: string[] = [];
  for (const [index, line] of toLines(text).entries()) {
    const read = normalizeUrl(line);
    if ('problem' in read) return { urls, problem: `URL ${index + 1}: ${read.problem}.` };
    urls.push(read.url);
  }
  return { urls, problem: null };
}
