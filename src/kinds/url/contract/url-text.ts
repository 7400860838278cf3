/** Reads URLs and lists of statuses as people write them. */

/**
 * `http://` is assumed when there is no scheme. Odd notations of addresses (`http://2130706433/`, `0x7f.1`) come back
 * as plain ones, and a fragment is dropped, so that equal URLs are equal texts.
 */
export function normalizeUrl(text: string): { url: string } | { problem: string } {
  const trimmed = text.trim();
  if (trimmed === '') return { problem: 'expected a URL, got nothing' };
  const url = URL.parse(hasScheme(trimmed) ? trimmed : `http://${trimmed}`);
  if (!url || /\s/.test(trimmed)) return { problem: `"${trimmed.slice(0, 200)}" is not a URL` };
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return { problem: `only http and https are tested, not ${url.protocol}//` };
  if (url.username !== '' || url.password !== '')
    return { problem: 'put user and password into the header `authorization`, not into the URL' };
  url.hash = '';
  return { url: url.href };
}

/**
 * Over which families a normalized URL is tested, each by a test of its own; null: whichever the resolver gives first.
 * An address in the URL has a family already, and there is no other to be asked.
 */
export function familiesOf(url: string, asked: 'auto' | '4' | '6' | 'both'): (4 | 6 | null)[] {
  if (asked === 'auto') return [null];
  if (asked !== 'both') return [asked === '4' ? 4 : 6];
  const { hostname } = new URL(url);
  if (hostname.startsWith('[')) return [6];
  return /^\d+\.\d+\.\d+\.\d+$/.test(hostname) ? [4] : [4, 6];
}

/** By which the tests of a URL are found in every job: those of either family apart. */
export function testKey(url: string, family: 4 | 6 | null): string {
  return family === null ? url : `${url} (IPv${family})`;
}

/** `localhost:8080/x` is a host with a port, `mailto:x` is a scheme. */
function hasScheme(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text) || /^[a-z][a-z0-9+-]*:(?!\d{1,5}(?:[/?#]|$))/i.test(text);
}

/** What is wrong with `2xx`, `200,301`, `200-299`; null: nothing. */
export function findStatusProblem(text: string): string | null {
  const wrong = text.split(',').find((item) => toRange(item.trim()) === null);
  return wrong === undefined ? null : `"${wrong.trim()}" is no status, class (2xx) or range (200-299)`;
}

export function isStatusIn(status: number, text: string): boolean {
  return text.split(',').some((item) => {
    const range = toRange(item.trim());
    return range !== null && status >= range[0] && status <= range[1];
  });
}

function toRange(item: string): [from: number, to: number] | null {
  const known = /^([1-5])xx$/i.exec(item);
  if (known) return [Number(known[1]) * 100, Number(known[1]) * 100 + 99];
  const match = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(item);
  if (!match) return null;
  return [Number(match[1]), Number(match[2] ?? match[1])];
}
