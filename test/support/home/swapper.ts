/**
 * Changes what names of a folder lead to, without a pause and in one step each: `swapper.ts FOLDER`.
 *
 * - `flip` and `link` change places (renameat2(2), RENAME_EXCHANGE)
 * - `name` is a file that says `inside`, and a link to what `name-link` leads to, in turns, each made anew
 *
 * Ends with its parent, and says when it has begun.
 */
import koffi from 'koffi';
import { readlinkSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';

const AT_FDCWD = -100;
const RENAME_EXCHANGE = 2;

const renameat2 = koffi
  .load('libc.so.6')
  .func('int renameat2(int, const char *, int, const char *, unsigned int)') as (
  ...args: [number, string, number, string, number]
) => number;

process.chdir(process.argv[2] ?? '.');
const target = readlinkSync('name-link');
const parent = process.ppid;
process.stdout.write('swapping\n');
for (let round = 0; ; round += 1) {
  if (renameat2(AT_FDCWD, 'flip', AT_FDCWD, 'link', RENAME_EXCHANGE) !== 0) throw new Error('No exchange.');
  if (round % 4 === 0) {
    symlinkSync(target, '.next');
    renameSync('.next', 'name');
  } else if (round % 4 === 2) {
    writeFileSync('.next', 'inside');
    renameSync('.next', 'name');
  }
  if (round % 1_000 === 0 && process.ppid !== parent) process.exit();
}
