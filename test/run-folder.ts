import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let folder = '';

/** Whatever tests put into the temporary directory goes into a folder of the run, and is gone with it. */
export function setup(): void {
  folder = mkdtempSync(join(tmpdir(), 'daybook-run-'));
  // As everybody's: some tests run programs as another account.
  chmodSync(folder, 0o1777);
  process.env['TMPDIR'] = folder;
}

/** A test that leaves folders or programs behind fails the run: there, nobody would remove them. */
export function teardown(): void {
  const files = readdirSync(folder);
  const programs = programsIn(folder);
  rmSync(folder, { recursive: true, force: true });
  if (files.length + programs.length > 0)
    throw new Error(`The tests left behind: ${[...files, ...programs].join(', ')}`);
}

function programsIn(directory: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => ({ pid, words: commandOf(pid) }))
    .filter(({ words }) => words.includes(`${directory}/daybook-`))
    .map(({ pid, words }) => `process ${pid} (${words.replaceAll('\0', ' ')})`);
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return ''; // ended meanwhile
  }
}
