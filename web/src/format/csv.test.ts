import { expect, it } from 'vitest';
import { toCsv } from './csv.ts';

it('writes rows that every spreadsheet reads, and none that it runs', () => {
  expect(
    toCsv([
      ['day', 'a "b", c'],
      ['two\nlines', -3],
      ['=1+1', '@x'],
    ]),
  ).toBe('day,"a ""b"", c"\r\n"two\nlines",-3\r\n\'=1+1,\'@x\r\n');
});
