import type { CliContext } from './context.ts';
import { describeError, ExitError } from './errors.ts';
import { exitCodes } from './exit-codes.ts';
import { write } from './output.ts';
import { createProgram } from './program.ts';

/** Runs one command. @returns the exit code; everything there was to say has been written */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  try {
    const command = createProgram(context).parseAsync([...args], { from: 'user' });
    await Promise.race([command, whenReaderLeaves(context)]);
    return exitCodes.ok.code;
  } catch (error) {
    const { text, exitCode } = describeError(error);
    if (text !== '') await write(context.stderr, `daybook: ${text}\n`);
    return exitCode;
  }
}

/** `| head` closes the pipe: the rest is not wanted, which is no error worth a word. */
function whenReaderLeaves(context: CliContext): Promise<never> {
  const { stdout, stderr } = context;
  const { promise, reject } = Promise.withResolvers<never>();
  // The listener stays: what was written is still being flushed when the command is done.
  for (const stream of [stdout, stderr]) {
    stream.on('error', (error: Error) => {
      const isClosed = 'code' in error && error.code === 'EPIPE';
      if (isClosed && context.outlivesReader) return;
      reject(isClosed ? new ExitError(exitCodes.closedPipe.code) : error);
    });
  }
  promise.catch(() => {
    // Raced by the caller; after that only the exit code counts.
  });
  return promise;
}
