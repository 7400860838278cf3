import { expect, it } from 'vitest';
import { contentDisposition } from './content-disposition.ts';

it('names the last part of a path, in plain signs and as it is', () => {
  expect(contentDisposition('attachment', 'out/Größe 1.csv')).toBe(
    `attachment; filename="Gr__e 1.csv"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%201.csv`,
  );
});

it.each(['a"b\\c', 'a\r\nset-cookie: x=1', "it's(1)*", '\ud800', '%00', 'a;b'])(
  'nothing in the name %j leaves its place in the header',
  (name) => {
    const header = contentDisposition('inline', name);
    expect(header).toMatch(/^inline; filename="[A-Za-z0-9._ -]*"; filename\*=UTF-8''[A-Za-z0-9!~._%-]*$/);
  },
);
