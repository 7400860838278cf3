import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { missing } from './harness.ts';

/** A C program of bench/, made in `folder`; null, and a line that says so, without a compiler. */
export function compile(name: string, folder: string): string | null {
  const program = join(folder, name);
  try {
    execFileSync('gcc', ['-O2', '-o', program, join(import.meta.dirname, `${name}.c`)]);
    return program;
  } catch {
    missing(name, 'apt-get install -y --no-install-recommends gcc libc6-dev');
    return null;
  }
}
