import { PassThrough, Readable } from 'node:stream';
import { readConfig } from '../../config/read-config.ts';
import { createClient } from './client.ts';
import type { CliContext } from './context.ts';
import { runCli } from './run.ts';

export interface TestContext extends CliContext {
  /** What was written so far. */
  readonly written: { stdout: string; stderr: string };
  interrupt(): void;
}

/** A context without a process behind it. */
export function createTestContext(
  options: { env?: Record<string, string>; stdin?: string; isTerminal?: boolean; columns?: number } = {},
): TestContext {
  const written = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  const output = (name: keyof typeof written): CliContext['stdout'] => {
    const stream = new PassThrough();
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => (written[name] += text));
    return Object.assign(stream, { isTTY: options.isTerminal ?? false, columns: options.columns ?? 80 });
  };
  return {
    env: options.env ?? {},
    stdin: Readable.from(options.stdin === undefined ? [] : [Buffer.from(options.stdin)]),
    stdout: output('stdout'),
    stderr: output('stderr'),
    onInterrupt: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onSignals: () => () => {},
    loadConfiguration: () => Promise.resolve({ readConfig: (env) => readConfig([], env) }),
    loadServer: () => Promise.reject(new Error('this test has no server')),
    loadLocalMachine: () => Promise.reject(new Error('this test has no machine')),
    written,
    interrupt: () => {
      for (const listener of listeners) listener();
    },
  };
}

/** Runs one command and says everything about it. */
export async function runCommand(
  args: readonly string[],
  options: Parameters<typeof createTestContext>[0] = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const context = createTestContext(options);
  const code = await runCli(args, context);
  // Streams hand over what was written on a later turn.
  await new Promise((resolve) => setImmediate(resolve));
  return { code, ...context.written };
}

export const testClient = (url: string): ReturnType<typeof createClient> => createClient({ url });
