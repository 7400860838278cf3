import { describe, expect, it } from 'vitest';
import { familiesOf, findStatusProblem, isStatusIn, normalizeUrl, testKey } from './url-text.ts';

describe('a URL as people write it', () => {
  it.each([
    ['example.com', 'http://example.com/'],
    ['  https://Example.COM/a#part ', 'https://example.com/a'],
    ['localhost:8080/x', 'http://localhost:8080/x'],
    ['example.com:8443', 'http://example.com:8443/'],
    ['http://2130706433/', 'http://127.0.0.1/'],
    ['http://0x7f.1/', 'http://127.0.0.1/'],
    ['http://0177.0.0.1/', 'http://127.0.0.1/'],
    ['http://127.1/', 'http://127.0.0.1/'],
    ['http://[::ffff:127.0.0.1]/', 'http://[::ffff:7f00:1]/'],
    ['http://bücher.example/ä?q=ö', 'http://xn--bcher-kva.example/%C3%A4?q=%C3%B6'],
    ['http://①②⑦.0.0.1/', 'http://127.0.0.1/'],
  ])('%j is read as %s', (text, url) => {
    expect(normalizeUrl(text)).toEqual({ url });
  });

  it.each([
    ['', 'nothing'],
    ['not a url', 'not a URL'],
    ['http://', 'not a URL'],
    ['http://a b/', 'not a URL'],
    ['http://host:99999/', 'not a URL'],
    ['ftp://example.com/', 'only http and https'],
    ['file:///etc/passwd', 'only http and https'],
    ['javascript:alert(1)', 'only http and https'],
    ['gopher://example.com/', 'only http and https'],
    ['mailto:a@example.com', 'only http and https'],
    ['http://ana:secret@example.com/', 'authorization'],
  ])('%j is refused: %s', (text, reason) => {
    expect(normalizeUrl(text)).toEqual({ problem: expect.stringContaining(reason) });
  });
});

describe('a list of statuses', () => {
  it.each([
    ['2xx', [200, 204, 299], [199, 300]],
    ['200,301', [200, 301], [201, 302]],
    ['200-299, 404', [250, 404], [300, 403]],
    ['200-399', [200, 399], [400, 199]],
  ])('%s holds its own and no other', (text, inside, outside) => {
    expect(findStatusProblem(text)).toBeNull();
    for (const status of inside) expect(isStatusIn(status, text)).toBe(true);
    for (const status of outside) expect(isStatusIn(status, text)).toBe(false);
  });

  it.each(['', '20', '2x', '200-', '200;301', '600', 'ok', '200,'])('%j is none', (text) => {
    expect(findStatusProblem(text)).toContain('is no status');
  });
});

describe('both families', () => {
  it('are two tests with a key each, but one for an address, which has a family already', () => {
    const keys = (url: string, asked: Parameters<typeof familiesOf>[1]): string[] =>
      familiesOf(url, asked).map((family) => testKey(url, family));
    expect(keys('http://a.example/', 'both')).toEqual([
      'http://a.example/ (IPv4)',
      'http://a.example/ (IPv6)',
    ]);
    expect(keys('http://[::1]:80/', 'both')).toEqual(['http://[::1]:80/ (IPv6)']);
    expect(keys('http://127.0.0.1/', 'both')).toEqual(['http://127.0.0.1/ (IPv4)']);
    expect(keys('http://127.0.0.1/', '6')).toEqual(['http://127.0.0.1/ (IPv6)']);
    expect(keys('http://1.2.3.4.example/', 'both')).toHaveLength(2);
    expect(keys('http://a.example/', 'auto')).toEqual(['http://a.example/']);
  });
});
