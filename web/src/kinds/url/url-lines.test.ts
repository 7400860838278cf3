import { expect, it } from 'vitest';
import { readUrls } from './url-lines.ts';

it('reads a URL a line, whatever ends the lines, and assumes http', () => {
  expect(readUrls(' example.com\r\n\nhttps://example.org/a#b\n')).toEqual({
    urls: ['http://example.com/', 'https://example.org/a'],
    problem: null,
  });
});

it('says which line is no URL, and why', () => {
  expect(readUrls('example.com\nftp://example.com/').problem).toBe(
    'URL 2: only http and https are tested, not ftp://.',
  );
  expect(readUrls('two words').problem).toMatch(/^URL 1: .*not a URL/);
});
