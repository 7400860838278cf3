import { toBytes, type Bytes } from './bytes.ts';

/** What goes out on the control connection: a code, and text or the bytes of names. */
export interface Reply {
  code: number;
  /** Bytes; of more than one, the first and the last stand beside the code (RFC 959, section 4.2). */
  lines: readonly [Bytes, ...Bytes[]];
}

/** A reply of one line of text, which may have any letters. */
export function reply(code: number, text: string): Reply {
  return { code, lines: [toBytes(text)] };
}

/** A refusal that a command ends with; the session goes on. */
export class Refusal extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.name = 'Refusal';
    this.code = code;
  }
}

/**
 * As it is sent. A line break within a name would be a line of its own, which a client takes for a reply: no sign of a
 * name may break a line. The byte 255 is doubled, as Telnet has it (RFC 854).
 */
export function formatReply({ code, lines }: Reply): Buffer {
  const [first, ...rest] = lines;
  const last = rest.pop();
  const text =
    last === undefined
      ? `${code} ${oneLine(first)}\r\n`
      : `${code}-${oneLine(first)}\r\n${rest.map(innerLine).join('')}${code} ${oneLine(last)}\r\n`;
  return Buffer.from(text, 'latin1');
}

/** A line in the middle that begins with a code would end the reply for some clients; a blank before it does not. */
export function innerLine(line: Bytes): Bytes {
  const safe = oneLine(line);
  return `${/^\d{3}/.test(safe) ? ' ' : ''}${safe}\r\n`;
}

function oneLine(line: Bytes): Bytes {
  return line.replaceAll(/[\r\n\0]/g, '?').replaceAll('\xff', '\xff\xff');
}
