/**
 * Bytes of the control connection become lines. A line ends with LF, with or without CR before it: old and hand-written
 * clients leave the CR out.
 *
 * The connection follows Telnet (RFC 959, section 4.1.3, and RFC 854), of which clients use little: an ABOR may come behind
 * `IAC IP` and `IAC DM`, parts of which travel as urgent data that never shows up here. So a mark may stand alone, even cut
 * in half. Within names the byte 255 should be doubled and rarely is: one that begins no command stands for itself.
 *
 * Lines are strings of bytes: each character is one byte, from `\0` to `\xff`. Names are bytes, and UTF-8 only where clients
 * say so (RFC 2640); this keeps them as they came.
 */

export type ControlLine = { kind: 'line'; text: string } | { kind: 'too-long' } | { kind: 'flood' };

export interface LineLimits {
  /** Bytes of a line that is still read; a longer one is thrown away and told as `too-long`. */
  longest: number;
  /** Bytes of one line at which nobody means well any more: `flood`, and nothing of what follows is read. */
  most: number;
}

const lf = 10;
const cr = 13;
const iac = 255;
/** WILL, WON'T, DO and DON'T are followed by the option that they are about. */
const firstOfOptions = 251;
/** SE: below it nothing is a command. */
const firstCommand = 240;

type State = 'text' | 'after-cr' | 'command' | 'option';

export class LineReader {
  readonly #limits: LineLimits;
  #line: number[] = [];
  #length = 0;
  #state: State = 'text';
  #isFlooded = false;

  constructor(limits: LineLimits = { longest: 16_384, most: 1_048_576 }) {
    this.#limits = limits;
  }

  /** @returns the lines that end in this chunk */
  feed(chunk: Uint8Array): ControlLine[] {
    const lines: ControlLine[] = [];
    for (const byte of chunk) {
      if (this.#isFlooded) break;
      this.#take(byte, lines);
    }
    return lines;
  }

  /** Forgets the line that has begun: what came in clear must not count behind AUTH TLS (RFC 4217, section 15.2). */
  clear(): void {
    this.#line = [];
    this.#length = 0;
    this.#state = 'text';
  }

  #take(byte: number, lines: ControlLine[]): void {
    switch (this.#state) {
      case 'command':
        return this.#takeCommand(byte, lines);
      case 'option':
        this.#state = 'text';
        return;
      case 'after-cr':
        this.#state = 'text';
        // Telnet writes a CR that ends no line as CR NUL.
        if (byte === 0) return;
        break;
      case 'text':
        break;
    }
    if (byte === iac) this.#state = 'command';
    else if (byte === lf) this.#end(lines);
    else this.#add(byte, lines);
    if (byte === cr) this.#state = 'after-cr';
  }

  #takeCommand(byte: number, lines: ControlLine[]): void {
    this.#state = 'text';
    if (byte === iac) return this.#add(iac, lines);
    if (byte >= firstOfOptions) {
      this.#state = 'option';
      return;
    }
    if (byte >= firstCommand) return;
    this.#add(iac, lines);
    this.#take(byte, lines);
  }

  #add(byte: number, lines: ControlLine[]): void {
    this.#length += 1;
    if (this.#length <= this.#limits.longest) this.#line.push(byte);
    if (this.#length <= this.#limits.most) return;
    this.#isFlooded = true;
    lines.push({ kind: 'flood' });
  }

  #end(lines: ControlLine[]): void {
    // CR, too, counted; it belongs to the end.
    if (this.#line.at(-1) === cr && this.#length <= this.#limits.longest) this.#line.pop();
    lines.push(
      this.#length > this.#limits.longest
        ? { kind: 'too-long' }
        : { kind: 'line', text: Buffer.from(this.#line).toString('latin1') },
    );
    this.clear();
  }
}
