import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const program = join(import.meta.dirname, '../../src/main.ts');

export interface CommandResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs `daybook …` as a person would, with nothing of this process's environment but PATH. */
export async function runCommand(
  args: readonly string[],
  env: Record<string, string> = {},
  options: { cwd?: string; input?: string } = {},
): Promise<CommandResult> {
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const out = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (out.stderr += text));
  child.stdin.on('error', () => {
    // Not everybody reads what is given.
  });
  child.stdin.end(options.input ?? '');
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...out };
}
