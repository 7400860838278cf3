import { readFile } from 'node:fs/promises';
import type { CliContext } from './context.ts';
import { UsageError } from './errors.ts';

/** The text of a file, or of standard input (`-`). @throws UsageError, also when it is no UTF-8 */
export async function readText(context: CliContext, option: string, file: string): Promise<string> {
  const bytes = await (file === '-' ? readAll(context) : readFile(file)).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new UsageError(`${option}: ${file} cannot be read (${code}).`);
  });
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new UsageError(`${option}: ${file === '-' ? 'standard input' : file} is no UTF-8 text.`);
  }
}

async function readAll({ stdin }: CliContext): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of stdin) pieces.push(Buffer.from(piece as Uint8Array));
  return Buffer.concat(pieces);
}
