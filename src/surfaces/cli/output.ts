import { once } from 'node:events';
import { styleText } from 'node:util';
import type { CliContext, Output } from './context.ts';

type Style = Parameters<typeof styleText>[0];
export type Paint = (style: Style, text: string) => string;

/** Writes, and waits while the reader is behind. A reader that has gone ends the whole command (see run.ts). */
export async function write(stream: Output, text: string | Uint8Array): Promise<void> {
  if (!stream.write(text) && !stream.destroyed) await once(stream, 'drain');
}

export async function print(context: CliContext, text: string): Promise<void> {
  await write(context.stdout, `${text}\n`);
}

/** Exactly what the API answered. */
export async function printJson(context: CliContext, value: unknown): Promise<void> {
  await print(context, JSON.stringify(value));
}

/** For people, beside the output. */
export async function say(context: CliContext, text: string): Promise<void> {
  await write(context.stderr, `${text}\n`);
}

/** Colours only at a terminal, and not against NO_COLOR (no-color.org: when set and not empty). */
export function painter(stream: Output, env: CliContext['env']): Paint {
  const isColoured = stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  return (style, text) => (isColoured ? styleText(style, text, { validateStream: false }) : text);
}
