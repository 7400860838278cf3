import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { CliContext } from './context.ts';
import { ExitError, UsageError } from './errors.ts';
import { exitCodes } from './exit-codes.ts';

/**
 * Asks at the terminal, without showing what is typed.
 * @throws UsageError when nobody sits there
 */
export async function askPassword(context: CliContext, question: string): Promise<string> {
  const { stdin, stderr } = context;
  if (!stdin.isTTY) {
    throw new UsageError(
      'A password is needed and nobody can be asked: set DAYBOOK_PASSWORD or DAYBOOK_TOKEN.',
    );
  }
  // readline edits the line and would show it; it is given an output that swallows everything.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: stdin, output: nowhere, terminal: true });
  // Only now, when the terminal has stopped showing what is typed.
  stderr.write(question);
  const leave = new AbortController();
  lines.on('SIGINT', () => leave.abort());
  lines.on('close', () => leave.abort());
  try {
    return await lines.question('', { signal: leave.signal });
  } catch {
    throw new ExitError(exitCodes.interrupted.code);
  } finally {
    lines.close();
    stderr.write('\n');
  }
}

/**
 * A password that is about to be set: asked for twice at a terminal, else the next line of standard input. Never an
 * argument, which everybody on the machine can see.
 */
export async function readNewPassword(context: CliContext, name: string): Promise<string> {
  if (!context.stdin.isTTY) return firstLine(await readAll(context));
  const password = await askPassword(context, `New password of ${name}: `);
  const again = await askPassword(context, 'Once more: ');
  if (password !== again) throw new UsageError('The two are not the same; nothing was changed.');
  return password;
}

function firstLine(text: string): string {
  const [line = ''] = text.split(/\r?\n/);
  if (line === '') throw new UsageError('No password came on standard input; nothing was changed.');
  return line;
}

async function readAll({ stdin }: CliContext): Promise<string> {
  let text = '';
  stdin.setEncoding('utf8');
  for await (const piece of stdin) text += String(piece);
  return text;
}
